package dev.narrow.kernels;

/**
 * One accumulator of one element, which takes its terms one by one: the definition of every {@link
 * Accumulator} but the logarithmic bins, whose terms are codes.
 */
interface RunningSum {

  /** Starts again at +0. */
  void clear();

  /** Takes the term a b. */
  void add(float a, float b);

  /** The sum of the terms since it was cleared. */
  float result();

  /**
   * A sum that has no terms yet.
   *
   * @throws IllegalArgumentException if the accumulator takes codes
   */
  static RunningSum of(Accumulator accumulator) {
    return switch (accumulator) {
      case Accumulator.Fp32 _ -> new Fp32Sum();
      case Accumulator.Fp64 _ -> new Fp64Sum();
      case Accumulator.Rounded rounded -> new RoundedSum(rounded);
      case Accumulator.Chunked chunked -> new ChunkedSum(chunked);
      case Accumulator.Fixed fixed -> new FixedSum(fixed);
      case Accumulator.Exact _ -> new ExactSum();
      case Accumulator.LogBins bins ->
          throw new IllegalArgumentException(
              "accumulator = "
                  + bins
                  + ", expected another: it takes codes of logarithmic formats");
    };
  }
}
