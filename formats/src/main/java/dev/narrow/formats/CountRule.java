package dev.narrow.formats;

/** Which numbers count as overflowed and as flushed, for a format and a projection. */
final class CountRule {
  private static final int INFINITY = 0x7F80_0000;

  /** Saturated to the largest finite of either sign, or NaN for the negative sign of unsigned. */
  private static final Projection SATURATED =
      new Projection(Rounding.NEAREST_EVEN, Saturation.OCP_SAT);

  private final NumericFormat format;

  /** The lowest and the largest finite value; of a logarithmic one the code's float32 is in. */
  private final double lowest;

  private final double largest;

  /** The lowest and the largest finite float32 between them. */
  final float lowestFloat;

  final float largestFloat;

  /**
   * Without chance: a number other than zero is flushed if the bits of its magnitude are below
   * these, by sign, which are 1 or more. With chance they are 1.
   */
  final int flushedBelow;

  final int negativeFlushedBelow;

  CountRule(NumericFormat format, Projection projection) {
    this.format = format;
    double low = format.decodeDouble(format.encode(-Double.MAX_VALUE, SATURATED));
    double high = format.decodeDouble(format.encode(Double.MAX_VALUE, SATURATED));
    boolean logarithmic = format instanceof LogFormat;
    largest = logarithmic ? Math.max(high, format.maxFinite()) : high;
    lowest = logarithmic ? -largest : Double.isNaN(low) ? 0 : low;
    lowestFloat = inward(lowest);
    largestFloat = inward(largest);
    boolean chance = projection.rounding().isStochastic();
    flushedBelow = chance ? 1 : flushedBelow(projection, 0);
    negativeFlushedBelow = chance ? 1 : flushedBelow(projection, Integer.MIN_VALUE);
  }

  private static float inward(double bound) {
    Projection projection = new Projection(Rounding.TOWARD_ZERO, Saturation.OCP_SAT);
    return Formats.FP32.decode(Formats.FP32.encode(bound, projection));
  }

  private int flushedBelow(Projection projection, int sign) {
    int flushed = 0;
    int above = INFINITY;
    while (above - flushed > 1) {
      int middle = (flushed + above) >>> 1;
      float x = Float.intBitsToFloat(sign | middle);
      if (isZero(format.encode(x, projection))) {
        flushed = middle;
      } else {
        above = middle;
      }
    }
    return above;
  }

  boolean isZero(int code) {
    return format.decodeDouble(code) == 0;
  }

  /** Of numbers encoded without chance. */
  EncodeCounts count(float[] x, int from, int n) {
    int outside = 0;
    int infinite = 0;
    int nan = 0;
    int flushed = 0;
    float low = lowestFloat;
    float high = largestFloat;
    for (int i = from; i < from + n; i++) {
      int bits = Float.floatToRawIntBits(x[i]);
      int magnitude = bits & Integer.MAX_VALUE;
      int below = bits < 0 ? negativeFlushedBelow : flushedBelow;
      outside += x[i] > high || x[i] < low ? 1 : 0;
      infinite += magnitude == INFINITY ? 1 : 0;
      nan += magnitude > INFINITY ? 1 : 0;
      flushed += magnitude != 0 && magnitude < below ? 1 : 0;
    }
    return new EncodeCounts(outside - infinite, infinite, nan, flushed);
  }

  /** Of one number with its code. */
  EncodeCounts count(double x, int code) {
    boolean finite = Double.isFinite(x);
    return new EncodeCounts(
        finite && (x > largest || x < lowest) ? 1 : 0,
        Double.isInfinite(x) ? 1 : 0,
        Double.isNaN(x) ? 1 : 0,
        finite && x != 0 && isZero(code) ? 1 : 0);
  }
}
