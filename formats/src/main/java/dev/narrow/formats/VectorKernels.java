package dev.narrow.formats;

/**
 * The kernels on the Vector API. Only {@link KernelProvider} names this class, after it has made
 * sure that the module {@code jdk.incubator.vector} is there.
 */
final class VectorKernels implements Kernels {

  VectorKernels() {
    if (Lanes.STEP < 4) {
      throw new UnsupportedOperationException(
          "the widest vector has " + Lanes.bits() + " bits, expected 128 or more");
    }
  }

  @Override
  public String name() {
    return "vector " + Lanes.bits() + " bits";
  }

  @Override
  public Kernel kernel(NumericFormat format, Projection projection) {
    Kernel scalar = ScalarKernels.INSTANCE.kernel(format, projection);
    return switch (format) {
      case FloatFormat f when scalar instanceof HalfKernel -> scalar; // already vectors
      case FloatFormat f when VectorFloatKernel.supports(f, projection) ->
          new VectorFloatKernel(f, projection, scalar);
      case LogFormat f when VectorLogKernel.supports(f, projection) ->
          new VectorLogKernel(f, projection, scalar);
      default -> scalar;
    };
  }

  @Override
  public void words(RandomBits random, long index, int[] words, int n) {
    VectorPhilox.words(random.seed(), random.stream(), index, words, n);
  }

  @Override
  public EncodeCounts count(CountRule rule, float[] x, int from, int n) {
    return VectorCount.count(rule, x, from, n);
  }
}
