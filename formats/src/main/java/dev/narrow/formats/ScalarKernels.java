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
      case FloatFormat f when StochasticFloatKernel.supports(f, projection) ->
          new StochasticFloatKernel(f, projection);
      case PositFormat f when PositKernel.supports(f, projection) -> new PositKernel(f, projection);
      case LogFormat f when StochasticLogKernel.supports(f, projection) ->
          new StochasticLogKernel(f, projection);
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

  @Override
  public EncodeCounts count(CountRule rule, float[] x, int from, int n) {
    return rule.count(x, from, n);
  }
}
