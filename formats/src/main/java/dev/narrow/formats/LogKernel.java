package dev.narrow.formats;

/**
 * Logarithmic formats of more than 8 bits to nearest, by one addition.
 *
 * <p>The first significand bits, one more than gamma has, divide the binade into 2 gamma cells of
 * half a unit each, a unit being 1 / gamma of the binade. The points where rounding switches lie
 * more than ln(2) units apart, so that a cell holds at most one. To the bits of a float in the cell
 * is added what takes the point in it to a whole number of units: the next lower code's, and one
 * more from the point on, is then the number of whole units in the sum.
 */
final class LogKernel extends Kernel {
  private static final int FLOAT_BIAS = 127;
  private static final int MAGNITUDE = 0x7FFF_FFFF;
  private static final int FRACTION = 0x7F_FFFF;

  private final int cellShift;
  private final int cellMask;

  /** Per cell what is added to the bits of a magnitude. */
  private final int[] add;

  private final int smallest;
  private final int largest;
  private final int signShift;
  private final boolean logarithmic;
  private final int overflow;
  private final int negativeOverflow;
  private final int underflow;
  private final int negativeUnderflow;

  LogKernel(LogFormat format, Projection projection) {
    super(format, projection);
    LogGrid grid = LogGrid.of(format.gamma());
    logarithmic = projection.rounding().domain() == Rounding.Domain.OWN;
    int cells = 2 * format.gamma();
    cellShift = 23 - Integer.numberOfTrailingZeros(cells);
    cellMask = cells - 1;
    add = new int[cells];
    int rebias = format.bias() - FLOAT_BIAS * format.gamma();
    int step = 0;
    for (int cell = 0; cell < cells; cell++) {
      int start = cell << cellShift;
      int units = (rebias + step) << (cellShift + 1);
      add[cell] = units - start;
      if (step < format.gamma()) {
        long point = logarithmic ? grid.halfSteps[2 * step + 1] : grid.midpoints[step];
        int fraction = (int) ((point + (1L << 29) - 1) >>> 29) & FRACTION;
        if (fraction >>> cellShift == cell) {
          step++;
          add[cell] = units + (1 << (cellShift + 1)) - fraction;
        }
      }
    }
    smallest = format.zero() == LogFormat.Zero.RESERVED ? 1 : 0;
    largest = (1 << (format.width() - 1)) - 1;
    signShift = 32 - format.width();
    overflow = format.encode(Float.MAX_VALUE, projection);
    negativeOverflow = format.encode(-Float.MAX_VALUE, projection);
    underflow = format.encode(Float.MIN_VALUE, projection);
    negativeUnderflow = format.encode(-Float.MIN_VALUE, projection);
  }

  static boolean supports(LogFormat format, Projection projection) {
    Rounding rounding = projection.rounding();
    boolean logarithmic = rounding.domain() == Rounding.Domain.OWN;
    int lowest = format.zero() == LogFormat.Zero.RESERVED ? 1 : 0;
    return (rounding.mode() == Rounding.Mode.NEAREST_EVEN
            || rounding.mode() == Rounding.Mode.NEAREST_AWAY)
        && !projection.saturation().flushInputs()
        && (logarithmic || format.gamma() > 1) // no ties
        && format.bias() <= lowest + 125 * format.gamma() // no subnormal float near the smallest
        && (1 << (format.width() - 1)) - 1 - format.bias() < 128 * format.gamma();
  }

  int cellShift() {
    return cellShift;
  }

  /**
   * What is added to the bits of a magnitude in this cell, cells going on from binade to binade.
   */
  int add(int cell) {
    return add[cell & cellMask];
  }

  /** The magnitude code, codes going on both ways beyond the format's. */
  private int magnitudeCode(int magnitude) {
    return (magnitude + add[(magnitude >>> cellShift) & cellMask]) >> (cellShift + 1);
  }

  /** The code of a number that {@link #magnitudeCode} puts outside of the format. */
  private int outside(float x, int magnitudeCode) {
    if (magnitudeCode > largest && Math.abs(x) <= Float.MAX_VALUE) {
      return x < 0 ? negativeOverflow : overflow;
    }
    if (magnitudeCode < smallest && logarithmic) {
      return x == 0 ? 0 : x < 0 ? negativeUnderflow : underflow;
    }
    return format.encode(x, projection);
  }

  @Override
  void encode(float[] src, int from, short[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      int bits = Float.floatToRawIntBits(src[from + i]);
      int code = magnitudeCode(bits & MAGNITUDE);
      codes[to + i] =
          (short)
              (code >= smallest && code <= largest
                  ? code | ((bits & ~MAGNITUDE) >>> signShift)
                  : outside(src[from + i], code));
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale) {
    for (int i = from; i < from + n; i++) {
      float x = values[i] / scale;
      int bits = Float.floatToRawIntBits(x);
      int code = magnitudeCode(bits & MAGNITUDE);
      float value;
      if (code >= smallest && code <= largest) {
        value = table[code | ((bits & ~MAGNITUDE) >>> signShift)];
      } else if (x == 0) { // common: ReLU makes half of all activations zero
        value = smallest == 0 ? x : 0;
      } else if (Math.abs(x) <= Float.MAX_VALUE) {
        value = table[outside(x, code)];
      } else {
        value = quantized(x, 0);
      }
      values[i] = scale * value;
    }
  }
}
