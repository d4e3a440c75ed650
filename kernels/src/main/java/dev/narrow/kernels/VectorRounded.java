package dev.narrow.kernels;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

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
final class VectorRounded extends VectorAccumulation {
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(FLOATS.vectorBitSize()));
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

  private final boolean negativeZero;

  /** What takes the place of an overflow and of infinity, or the number that means neither. */
  private final float overflow;

  private final boolean overflowIsUniform;

  VectorRounded(Accumulator.Rounded accumulator) {
    super(accumulator);
    FloatFormat format = (FloatFormat) accumulator.format();
    int drop = 24 - format.precision();
    minNormal = (128 - format.bias()) << 23;
    magic = (drop << 23) + (1 << 22); // one and a half, so that sums stay in its binade
    largest = format.maxFinite();
    highest = Math.scalb(1f, 126 - drop);
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
    return isNarrow(panel, 0, 1, size) && isNarrow(a) ? this::runExact : this::runFused;
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

  /** y rounded to the format, with its sign. */
  private static FloatVector round(FloatVector y, int minNormal, int magic) {
    IntVector bits = y.reinterpretAsInts();
    FloatVector ulp = bits.and(EXPONENT).max(minNormal).add(magic).reinterpretAsFloats();
    return y.add(ulp).sub(ulp).reinterpretAsInts().or(bits.and(SIGN)).reinterpretAsFloats();
  }

  /** s + p, rounded to odd; the error of an infinite sum is NaN. */
  private static FloatVector sumToOdd(FloatVector s, FloatVector p) {
    FloatVector y = s.add(p);
    FloatVector v = y.sub(s);
    FloatVector e = s.sub(y.sub(v)).add(p.sub(v));
    VectorMask<Integer> inexact =
        e.lanewise(VectorOperators.ABS).compare(VectorOperators.GT, 0f).cast(INTS);
    IntVector bits = y.reinterpretAsInts();
    IntVector towardZero =
        e.reinterpretAsInts()
            .lanewise(VectorOperators.XOR, bits)
            .lanewise(VectorOperators.ASHR, 31);
    return bits.blend(bits.add(towardZero).or(1), inexact).reinterpretAsFloats();
  }

  private boolean runExact(
      float[] a, int aBase, int aStep, float[] panel, int k, int count, float[] sums) {
    int lowest = minNormal;
    int add = magic;
    FloatVector most = FloatVector.broadcast(FLOATS, Math.min(largest, highest));
    for (int lane = 0; lane < count; lane += 2 * STEP) {
      FloatVector s0 = FloatVector.zero(FLOATS);
      FloatVector s1 = s0;
      int ai = aBase;
      int bi = lane;
      for (int p = 0; p < k; p++) {
        FloatVector x = FloatVector.broadcast(FLOATS, a[ai]);
        FloatVector y0 = sumToOdd(s0, x.mul(load(panel, bi)));
        FloatVector y1 = sumToOdd(s1, x.mul(load(panel, bi + STEP)));
        s0 = round(y0, lowest, add);
        s1 = round(y1, lowest, add);
        VectorMask<Float> in0 = y0.lanewise(VectorOperators.ABS).compare(VectorOperators.LE, most);
        VectorMask<Float> in1 = y1.lanewise(VectorOperators.ABS).compare(VectorOperators.LE, most);
        if (!in0.and(in1).allTrue()) {
          if (!overflowIsUniform) {
            return false;
          }
          s0 = saturated(s0, y0);
          s1 = saturated(s1, y1);
        }
        ai += aStep;
        bi += WIDTH;
      }
      store(s0, sums, lane);
      store(s1, sums, lane + STEP);
    }
    return true;
  }

  private boolean runFused(
      float[] a, int aBase, int aStep, float[] panel, int k, int count, float[] sums) {
    int lowest = minNormal;
    int add = magic;
    FloatVector most = FloatVector.broadcast(FLOATS, Math.min(largest, highest));
    for (int lane = 0; lane < count; lane += 2 * STEP) {
      FloatVector s0 = FloatVector.zero(FLOATS);
      FloatVector s1 = s0;
      int ai = aBase;
      int bi = lane;
      for (int p = 0; p < k; p++) {
        FloatVector x = FloatVector.broadcast(FLOATS, a[ai]);
        FloatVector y0 = x.fma(load(panel, bi), s0);
        FloatVector y1 = x.fma(load(panel, bi + STEP), s1);
        FloatVector r0 = round(y0, lowest, add);
        FloatVector r1 = round(y1, lowest, add);
        VectorMask<Float> tie0 = isTie(y0, r0, lowest, add);
        VectorMask<Float> tie1 = isTie(y1, r1, lowest, add);
        if (tie0.or(tie1).anyTrue()) {
          r0 = decided(r0, y0, tie0, s0, x, load(panel, bi));
          r1 = decided(r1, y1, tie1, s1, x, load(panel, bi + STEP));
        }
        s0 = r0;
        s1 = r1;
        VectorMask<Float> in0 = y0.lanewise(VectorOperators.ABS).compare(VectorOperators.LE, most);
        VectorMask<Float> in1 = y1.lanewise(VectorOperators.ABS).compare(VectorOperators.LE, most);
        if (!in0.and(in1).allTrue()) {
          if (!overflowIsUniform) {
            return false;
          }
          s0 = saturated(s0, y0);
          s1 = saturated(s1, y1);
        }
        ai += aStep;
        bi += WIDTH;
      }
      store(s0, sums, lane);
      store(s1, sums, lane + STEP);
    }
    return true;
  }

  /** Whether y lies half-way: the magic number is 3 × 2^23 times half an ulp of the format. */
  private static VectorMask<Float> isTie(FloatVector y, FloatVector r, int minNormal, int magic) {
    FloatVector ulp =
        y.reinterpretAsInts()
            .and(EXPONENT)
            .max(minNormal)
            .add(magic)
            .reinterpretAsFloats();
    return y.sub(r).mul(0x3p23f).lanewise(VectorOperators.ABS).eq(ulp);
  }

  /**
   * The neighbour on the side of the exact sum where y is tie. In float64 the product is exact and
   * t = s + a b by TwoSum; t - y is exact too, since they are within a factor of two (Sterbenz), and
   * the sign of a rounded sum is that of the sum.
   */
  private static FloatVector decided(
      FloatVector r,
      FloatVector y,
      VectorMask<Float> tie,
      FloatVector s,
      FloatVector a,
      FloatVector b) {
    FloatVector side = side(y, s, a, b, 0).add(side(y, s, a, b, 1));
    FloatVector half = y.sub(r).lanewise(VectorOperators.ABS);
    IntVector sign = side.reinterpretAsInts().and(SIGN);
    FloatVector step = half.reinterpretAsInts().or(sign).reinterpretAsFloats();
    FloatVector other =
        y.add(step).reinterpretAsInts().or(y.reinterpretAsInts().and(SIGN)).reinterpretAsFloats();
    return r.blend(other, tie.and(side.compare(VectorOperators.NE, 0f)));
  }

  /** The sign of the exact sum less y as 1, 0 or -1 in one half of the lanes, 0 in the other. */
  private static FloatVector side(
      FloatVector y, FloatVector s, FloatVector a, FloatVector b, int part) {
    DoubleVector product = toDoubles(a, part).mul(toDoubles(b, part));
    DoubleVector start = toDoubles(s, part);
    DoubleVector t = start.add(product);
    DoubleVector v = t.sub(start);
    DoubleVector e = start.sub(t.sub(v)).add(product.sub(v));
    DoubleVector difference = t.sub(toDoubles(y, part)).add(e);
    return (FloatVector)
        DoubleVector.zero(DOUBLES)
            .blend(1, difference.compare(VectorOperators.GT, 0))
            .blend(-1, difference.compare(VectorOperators.LT, 0))
            .convertShape(VectorOperators.D2F, FLOATS, -part);
  }

  private static DoubleVector toDoubles(FloatVector x, int part) {
    return (DoubleVector) x.convertShape(VectorOperators.F2D, DOUBLES, part);
  }

  /** r, but what overflow makes of it where it is beyond the largest number, and NaN where y is. */
  private FloatVector saturated(FloatVector r, FloatVector y) {
    VectorMask<Float> beyond =
        r.lanewise(VectorOperators.ABS)
            .compare(VectorOperators.LE, largest)
            .not()
            .or(y.lanewise(VectorOperators.ABS).compare(VectorOperators.GT, highest));
    FloatVector end =
        FloatVector.broadcast(FLOATS, overflow)
            .reinterpretAsInts()
            .or(y.reinterpretAsInts().and(SIGN))
            .reinterpretAsFloats();
    return r.blend(end, beyond).blend(Float.NaN, y.test(VectorOperators.IS_NAN));
  }

  private void store(FloatVector sum, float[] sums, int lane) {
    (negativeZero ? sum : sum.add(0f)).intoArray(sums, lane);
  }
}
