import org.jspecify.annotations.NullMarked;

/** Fast work on tensors: matmul, elementwise operations and reductions. */
@NullMarked
module dev.narrow.kernels {
  requires transitive dev.narrow.quant;
  requires static jdk.incubator.vector;
  requires static transitive org.jspecify;

  exports dev.narrow.kernels;
}
