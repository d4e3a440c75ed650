package dev.narrow.kernels;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link Accumulator.Rounded} to nearest even in vectors of float32, for floating-point formats of
 * at most 16 significand bits within the range of float32.
 *
 * <p>A step has the exact sum x = s + a b, which is to be rounded to the format. Adding and
 * subtracting the float whose ulp is that of the format in the binade of a number, and at least the
 * smallest subnormal of the format, rounds a float so. There are two ways to a float y that rounds
 * as x does:
 *
 * <ul>
 *   <li>Where all products are exact in float32, TwoSum (Knuth, TAOCP 2, 4.2.2) gives x = y + e,
 *       from which y is made x rounded to odd (Boldo and Melquiond, IMACS 2005): the format has at
 *       least two bits less.
 *   <li>Otherwise y is x rounded to nearest. The points half-way between neighbours of the format
 *       are floats themselves, so x and y lie on the same side of each, unless y is at one. Then
 *       the exact sign of x - y, in float64, decides.
 * </ul>
 *
 * <p>Where a sum overflows, the format's largest number, infinity or NaN takes its place.
 */
final class VectorRounded extends VectorAccumulatorMatmul {
  private static final int STEP = FLOATS.length();
  private static final int SIGN = Integer.MIN_VALUE;
  private static final int MAGNITUDE = Integer.MAX_VALUE;
  private static final int EXPONENT = 0x7f80_0000;

  // Products of floats with 12 significand bits and exponents in -62 .. 62 are floats.
  private static final int LOW_BITS = 0xfff;
  private static final int SMALLEST = Float.floatToRawIntBits(0x1p-62f);
  private static final int LARGEST = Float.floatToRawIntBits(0x1p62f);

  private final int minNormal;
  private final int magic;
  private final float largest;

  /** Numbers beyond it have no magic number. */
  private final float highest;

  /** The lesser of the two. */
  private final float limit;

  private final boolean negativeZero;

  /** What takes the place of an overflow. */
  private final float overflow;

  /** Whether it takes that of infinity too, with the sign of either, and NaN stays NaN. */
  private final boolean overflowIsUniform;

  VectorRounded(Accumulator.Rounded accumulator) {
    super(accumulator);
    FloatFormat format = (FloatFormat) accumulator.format();
    int drop = 24 - format.precision();
    minNormal = (128 - format.bias()) << 23;
    magic = (drop << 23) + (1 << 22); // one and a half, so that sums stay in its binade
    largest = format.maxFinite();
    highest = Math.scalb(1f, 126 - drop);
    limit = Math.min(largest, highest);
    negativeZero = format.negativeZero();
    Projection projection = accumulator.projection();
    overflow = format.decode(format.encode(Double.MAX_VALUE, projection));
    float negative = format.decode(format.encode(-Double.MAX_VALUE, projection));
    float infinite = format.decode(format.encode(Double.POSITIVE_INFINITY, projection));
    float negativeInfinite = format.decode(format.encode(Double.NEGATIVE_INFINITY, projection));
    float nan = format.decode(format.encode(Double.NaN, projection));
    overflowIsUniform =
        Float.compare(overflow, infinite) == 0
            && Float.compare(negative, negativeInfinite) == 0
            && (Float.isNaN(overflow) ? Float.isNaN(negative) : overflow == -negative)
            && Float.isNaN(nan)
            && largest < highest;
  }

  static boolean supports(Accumulator.Rounded accumulator) {
    Saturation saturation = accumulator.projection().saturation();
    return accumulator.format() instanceof FloatFormat f
        && accumulator.projection().rounding().mode() == Rounding.Mode.NEAREST_EVEN
        && !saturation.flushInputs()
        && !saturation.flushResults()
        && f.signed()
        && f.zero()
        && f.subnormals()
        && f.precision() >= 2
        && f.precision() <= 16
        && f.bias() <= 127
        && f.bias() >= -64
        && f.minPositive() >= 0x1p-148f;
  }

  @Override
  Block block(Matrix a, float[] panel, int size) {
    return isNarrow(panel, 0, 1, size) && isNarrow(a) ? this::runProducts : this::runFused;
  }

  private static boolean isNarrow(Matrix a) {
    Matrix rows = a.columnStride() == 1 ? a : a.transposed();
    for (int i = 0; i < rows.rows(); i++) {
      int from = rows.offset() + i * rows.rowStride();
      if (!isNarrow(rows.array(), from, rows.columnStride(), rows.columns())) {
        return false;
      }
    }
    return true;
  }

  private static boolean isNarrow(float[] values, int from, int stride, int n) {
    int i = 0;
    for (; stride == 1 && i + STEP <= n; i += STEP) {
      IntVector bits = load(values, from + i).reinterpretAsInts().and(MAGNITUDE);
      VectorMask<Integer> narrow =
          bits.and(LOW_BITS)
              .eq(0)
              .and(bits.compare(VectorOperators.GE, SMALLEST))
              .and(bits.compare(VectorOperators.LE, LARGEST));
      if (!narrow.or(bits.eq(0)).allTrue()) {
        return false;
      }
    }
    for (; i < n; i++) {
      int bits = Float.floatToRawIntBits(values[from + i * stride]) & MAGNITUDE;
      if (bits != 0 && ((bits & LOW_BITS) != 0 || bits < SMALLEST || bits > LARGEST)) {
        return false;
      }
    }
    return true;
  }

  // The sums lie in memory, so that the steps of a few vectors overlap. With their steps written
  // out one after the other in the loop, or both kinds of steps called from one method, C2 would
  // give up inlining them.

  private boolean runProducts(
      float[] a,
      int aBase,
      int aStep,
      float[] panel,
      int width,
      int k,
      float[] sums,
      long[] state) {
    Arrays.fill(sums, 0, width, 0);
    for (int p = 0; p < k; p++) {
      if (!addProducts(a[aBase + p * aStep], panel, p * width, width, sums)) {
        return false;
      }
    }
    finish(sums, width);
    return true;
  }

  private boolean runFused(
      float[] a,
      int aBase,
      int aStep,
      float[] panel,
      int width,
      int k,
      float[] sums,
      long[] state) {
    Arrays.fill(sums, 0, width, 0);
    for (int p = 0; p < k; p++) {
      if (!addFused(a[aBase + p * aStep], panel, p * width, width, sums)) {
        return false;
      }
    }
    finish(sums, width);
    return true;
  }

  private void finish(float[] sums, int width) {
    for (int lane = 0; lane < width && !negativeZero; lane++) {
      sums[lane] += 0f;
    }
  }

  private boolean addProducts(float x, float[] panel, int from, int width, float[] sums) {
    int lowest = minNormal;
    int add = magic;
    float end = limit;
    for (int lane = 0; lane < width; lane += STEP) {
      FloatVector s = load(sums, lane);
      FloatVector p = load(panel, from + lane).mul(x);
      FloatVector y = s.add(p);
      FloatVector v = y.sub(s);
      FloatVector e = s.sub(y.sub(v)).add(p.sub(v));
      // rounded to odd; the error of an infinite sum is NaN
      IntVector bits = y.reinterpretAsInts();
      VectorMask<Float> inexact = e.lanewise(VectorOperators.ABS).compare(VectorOperators.GT, 0f);
      IntVector towardZero =
          e.reinterpretAsInts()
              .lanewise(VectorOperators.XOR, bits)
              .lanewise(VectorOperators.ASHR, 31);
      y = y.blend(bits.add(towardZero).or(1).reinterpretAsFloats(), inexact);
      FloatVector r = round(y, lowest, add);
      r.intoArray(sums, lane);
      if (!y.lanewise(VectorOperators.ABS).compare(VectorOperators.LE, end).allTrue()) {
        y.intoArray(sums, WIDTH);
        if (!saturate(sums, lane)) {
          return false;
        }
      }
    }
    return true;
  }

  private boolean addFused(float x, float[] panel, int from, int width, float[] sums) {
    int lowest = minNormal;
    int add = magic;
    float end = limit;
    for (int lane = 0; lane < width; lane += STEP) {
      FloatVector s = load(sums, lane);
      FloatVector y = load(panel, from + lane).lanewise(VectorOperators.FMA, x, s);
      IntVector bits = y.reinterpretAsInts();
      FloatVector ulp = bits.and(EXPONENT).max(lowest).add(add).reinterpretAsFloats();
      FloatVector r = y.add(ulp).sub(ulp);
      // y is half-way between two neighbours: the magic number is 3 × 2^23 times half an ulp
      VectorMask<Float> tie = y.sub(r).mul(0x3p23f).lanewise(VectorOperators.ABS).eq(ulp);
      r = r.reinterpretAsInts().or(bits.and(SIGN)).reinterpretAsFloats();
      VectorMask<Float> inRange = y.lanewise(VectorOperators.ABS).compare(VectorOperators.LE, end);
      if (inRange.andNot(tie).allTrue()) {
        r.intoArray(sums, lane);
      } else {
        s.intoArray(sums, WIDTH + STEP);
        y.intoArray(sums, WIDTH);
        r.intoArray(sums, lane);
        decide(x, panel, from, sums, lane);
        if (!saturate(sums, lane)) {
          return false;
        }
      }
    }
    return true;
  }

  /** y rounded to the format, with its sign. */
  private static FloatVector round(FloatVector y, int minNormal, int magic) {
    IntVector bits = y.reinterpretAsInts();
    FloatVector ulp = bits.and(EXPONENT).max(minNormal).add(magic).reinterpretAsFloats();
    return y.add(ulp).sub(ulp).reinterpretAsInts().or(bits.and(SIGN)).reinterpretAsFloats();
  }

  /**
   * Takes the neighbour on the side of the exact sum wherever y, in the lanes from WIDTH on, is
   * half-way. In float64 the product is exact and t + e = s + a b by TwoSum; t - y is exact too,
   * since they are within a factor of two (Sterbenz), and a rounded sum has the sign of the sum.
   */
  private void decide(float x, float[] panel, int from, float[] sums, int lane) {
    for (int i = 0; i < STEP; i++) {
      float y = sums[WIDTH + i];
      float half = y - sums[lane + i];
      int exponent = Math.max(Float.floatToRawIntBits(y) & EXPONENT, minNormal);
      if (Math.abs(half) * 0x3p23f == Float.intBitsToFloat(exponent + magic)) {
        double s = sums[WIDTH + STEP + i];
        double p = (double) x * panel[from + lane + i];
        double t = s + p;
        double v = t - s;
        double e = (s - (t - v)) + (p - v);
        double side = (t - y) + e;
        if (side != 0 && side > 0 == half > 0) {
          sums[lane + i] = Math.copySign(y + half, y);
        }
      }
    }
  }

  /** Puts what overflow makes of them where y, in the lanes from WIDTH on, is beyond the range. */
  private boolean saturate(float[] sums, int lane) {
    for (int i = 0; i < STEP; i++) {
      float y = sums[WIDTH + i];
      if (!(Math.abs(y) <= limit)) {
        if (!overflowIsUniform) {
          return false;
        }
        boolean fits = Math.abs(y) <= highest && Math.abs(sums[lane + i]) <= largest;
        if (Float.isNaN(y)) {
          sums[lane + i] = Float.NaN;
        } else if (!fits) {
          sums[lane + i] = Math.copySign(overflow, y);
        }
      }
    }
    return true;
  }
}
