import org.jspecify.annotations.NullMarked;

/** Tensors in few bits: storage, scales, quantizers, quantization error. */
@NullMarked
module dev.narrow.quant {
  requires transitive dev.narrow.formats;
  requires static transitive org.jspecify;

  exports dev.narrow.quant;
}
