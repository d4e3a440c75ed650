import org.jspecify.annotations.NullMarked;

/** Tensors in few bits: storage, scales, quantizers, quantization error, and files of tensors. */
@NullMarked
module dev.narrow.quant {
  requires transitive dev.narrow.formats;
  requires static jdk.incubator.vector;
  requires tools.jackson.core;
  requires static transitive org.jspecify;

  exports dev.narrow.quant;
  exports dev.narrow.quant.files;
}
