package dev.narrow.formats;

/**
 * Logarithmic formats in stochastic rounding in the log domain (variant C).
 *
 * <p>A logarithm from a table, interpolated, is wrong by less than a bound that is known; where the
 * random number leaves no doubt within the bound, it decides, and the exact thresholds of {@link
 * LogGrid} do elsewhere.
 */
final class StochasticLogKernel extends Kernel {
  private static final int FLOAT_BIAS = 127;
  private static final int MAGNITUDE = 0x7FFF_FFFF;
  private static final int INFINITY = 0x7F80_0000;
  private static final int TABLE_BITS = 11;
  private static final int TABLE_SHIFT = 23 - TABLE_BITS;

  /**
   * In octaves: between points h = 2^-11 apart a chord of log2 is off by at most h^2 / (8 ln 2) =
   * 4.3e-8, and rounding in float64 is far below the rest.
   */
  private static final double BOUND = 1e-7;

  /** log2(1 + i / 2^11). */
  private static final double[] LOG = new double[(1 << TABLE_BITS) + 1];

  static {
    for (int i = 0; i < LOG.length; i++) {
      LOG[i] = Math.log1p((double) i / (1 << TABLE_BITS)) / Math.log(2);
    }
  }

  private final double gamma;
  private final int bias;
  private final double bound;
  private final int randomBits;
  private final int smallest;
  private final int largest;
  private final int signShift;

  StochasticLogKernel(LogFormat format, Projection projection) {
    super(format, projection);
    gamma = format.gamma();
    bias = format.bias();
    bound = BOUND * gamma;
    randomBits = projection.rounding().randomBits();
    smallest = format.zero() == LogFormat.Zero.RESERVED ? 1 : 0;
    largest = (1 << (format.width() - 1)) - 1;
    signShift = 32 - format.width();
  }

  static boolean supports(LogFormat format, Projection projection) {
    return projection.rounding().mode() == Rounding.Mode.STOCHASTIC
        && projection.rounding().domain() == Rounding.Domain.OWN
        && !projection.saturation().flushInputs()
        && format.gamma() <= 1 << 12;
  }

  private int code(float x, int word) {
    int bits = Float.floatToRawIntBits(x);
    int magnitude = bits & MAGNITUDE;
    int exponent = (magnitude >>> 23) - FLOAT_BIAS;
    int index = magnitude >>> TABLE_SHIFT & ((1 << TABLE_BITS) - 1);
    double part = (magnitude & ((1 << TABLE_SHIFT) - 1)) * (1.0 / (1 << TABLE_SHIFT));
    double log = exponent + LOG[index] + (LOG[index + 1] - LOG[index]) * part;
    double steps = gamma * log + bias;
    int floor = (int) Math.floor(steps);
    double fraction = steps - floor;
    long random = Integer.toUnsignedLong(word) >>> (32 - randomBits);
    // the fraction from which a number rounds up
    double border = Math.scalb((double) ((1L << randomBits) - random) - 0.5, -randomBits);
    double distance = fraction - border;
    if (magnitude < 1 << 23
        || magnitude >= INFINITY
        || floor < smallest
        || floor >= largest
        || fraction < bound
        || fraction > 1 - bound
        || Math.abs(distance) < bound) {
      return format.encode(x, projection, word);
    }
    return (floor + (distance > 0 ? 1 : 0)) | ((bits & ~MAGNITUDE) >>> signShift);
  }

  @Override
  void encode(float[] src, int from, int[] codes, int to, int n, int[] words) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = code(src[from + i], words[i]);
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale, int[] words) {
    for (int i = 0; i < n; i++) {
      float x = values[from + i] / scale;
      boolean number = x != 0 && Math.abs(x) <= Float.MAX_VALUE;
      values[from + i] = scale * (number ? table[code(x, words[i])] : quantized(x, words[i]));
    }
  }
}
