import org.jspecify.annotations.NullMarked;

/**
 * Fast work on tensors: matmul, elementwise operations and reductions, on the processor or a GPU.
 */
@NullMarked
module dev.narrow.kernels {
  requires transitive dev.narrow.quant;
  requires static jcuda;
  requires static jdk.incubator.vector;
  requires static transitive org.jspecify;

  exports dev.narrow.kernels;
  exports dev.narrow.kernels.cuda;
}
