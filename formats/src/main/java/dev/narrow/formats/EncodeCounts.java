package dev.narrow.formats;

/**
 * What became of the numbers of one or more calls of a codec. Each count looks at the number x that
 * is encoded: for fake quantization that is the quotient with the scale. A number is counted twice
 * only where a negative one overflows an unsigned format to zero.
 *
 * @param overflowed finite numbers above the largest finite value of the format or below its lowest
 *     (zero in unsigned floating-point formats), however they were rounded or saturated; also the
 *     half ulp beyond that rounding brings back
 * @param infinite infinities
 * @param nan NaNs
 * @param flushed numbers other than zero that got a code of zero
 */
public record EncodeCounts(long overflowed, long infinite, long nan, long flushed) {

  /** Nothing was encoded: the identity of {@link #plus}. */
  public static final EncodeCounts NONE = new EncodeCounts(0, 0, 0, 0);

  /**
   * The counts of two parts together.
   *
   * @param other the counts of the other part
   * @return the sums
   */
  public EncodeCounts plus(EncodeCounts other) {
    return new EncodeCounts(
        overflowed + other.overflowed,
        infinite + other.infinite,
        nan + other.nan,
        flushed + other.flushed);
  }
}
