package dev.narrow.kernels;

/** {@link Accumulator.Chunked}. */
final class ChunkedSum implements RunningSum {
  private final int chunk;
  private final RunningSum within;
  private final RunningSum across;
  private int terms;

  ChunkedSum(Accumulator.Chunked accumulator) {
    chunk = accumulator.chunk();
    within = RunningSum.of(accumulator.within());
    across = RunningSum.of(accumulator.across());
  }

  @Override
  public void clear() {
    terms = 0;
    within.clear();
    across.clear();
  }

  @Override
  public void add(float a, float b) {
    within.add(a, b);
    terms++;
    if (terms == chunk) {
      finishChunk();
    }
  }

  @Override
  public float result() {
    if (terms > 0) {
      finishChunk();
    }
    return across.result();
  }

  private void finishChunk() {
    across.add(within.result(), 1);
    within.clear();
    terms = 0;
  }
}
