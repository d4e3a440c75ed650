package dev.narrow.formats;

/** The kernels in plain Java. */
final class ScalarKernels implements Kernels {
  static final ScalarKernels INSTANCE = new ScalarKernels();

  private ScalarKernels() {}

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public Kernel kernel(NumericFormat format, Projection projection) {
    if (CellKernel.supports(format, projection)) {
      return new CellKernel(format, projection);
    }
    return switch (format) {
      case FloatFormat f when SingleKernel.supports(f, projection) ->
          new SingleKernel(f, projection);
      case FloatFormat f when HalfKernel.supports(f, projection) -> new HalfKernel(f, projection);
      case FloatFormat f when FloatKernel.supports(f, projection) -> new FloatKernel(f, projection);
      case LogFormat f when LogKernel.supports(f, projection) -> new LogKernel(f, projection);
      case NumericFormat f when WideCellKernel.supports(f, projection) ->
          new WideCellKernel(f, projection);
      default -> new Kernel(format, projection);
    };
  }

  @Override
  public void words(RandomBits random, long index, int[] words, int n) {
    Philox.words(random.seed(), random.stream(), index, words, n);
  }
}
