package dev.narrow.quant;

/**
 * The sums of the error report alone, of values x before and y after quantization: what a training
 * loop asks for often, and a device finds in one pass. {@link QuantizationError} has the rest.
 *
 * @param count elements compared
 * @param finiteBefore elements that were finite before
 * @param lost elements that were finite before and became infinite or NaN
 * @param signal sum of x² over the elements that are finite before and after, as are the others
 * @param energy sum of y²
 * @param product sum of x y
 * @param noise sum of (x - y)²
 */
public record ErrorMoments(
    long count,
    long finiteBefore,
    long lost,
    double signal,
    double energy,
    double product,
    double noise) {

  /**
   * The moments of values whose sums over chunks are known: chunks of 4096 consecutive elements, in
   * each of which sixteen lanes have added elements i, i + 16, i + 32, ... in float64 and in this
   * order, the products rounded to float64 first, and a tree has added the lanes, i and i + 8, i
   * and i + 4, and so on; elements that are not finite before or after count as zeros. The sums
   * over the chunks are exact and rounded once, so that they are those of {@link
   * QuantizationError}.
   *
   * @param count elements compared
   * @param finiteBefore elements that were finite before
   * @param lost elements that were finite before and became infinite or NaN
   * @param chunks of each chunk signal, energy, product and noise; all finite
   * @throws IllegalArgumentException if there are not four for each chunk
   * @throws ArithmeticException if one is infinite or NaN
   */
  public static ErrorMoments ofChunks(long count, long finiteBefore, long lost, double[] chunks) {
    long expected = 4 * Math.ceilDiv(count, (long) ErrorChunk.SIZE);
    if (chunks.length != expected) {
      throw new IllegalArgumentException(
          "chunks has " + chunks.length + " values, expected " + expected + " for " + count);
    }
    ExactSum[] sums = {new ExactSum(), new ExactSum(), new ExactSum(), new ExactSum()};
    for (int i = 0; i < chunks.length; i++) {
      sums[i % sums.length].add(chunks[i]);
    }
    return new ErrorMoments(
        count,
        finiteBefore,
        lost,
        sums[0].value(),
        sums[1].value(),
        sums[2].value(),
        sums[3].value());
  }

  /** As {@link QuantizationError#sqnrDb}. */
  public double sqnrDb() {
    if (lost > 0) {
      return Double.NEGATIVE_INFINITY;
    }
    if (finiteBefore == 0) {
      return Double.NaN;
    }
    return noise == 0 ? Double.POSITIVE_INFINITY : 10 * StrictMath.log10(signal / noise);
  }

  /** As {@link QuantizationError#cosine}. */
  public double cosine() {
    double norms = StrictMath.sqrt(signal) * StrictMath.sqrt(energy);
    return norms == 0 ? Double.NaN : Math.clamp(product / norms, -1, 1);
  }
}
