package dev.narrow.formats;

import static dev.narrow.formats.Lanes.CHUNK;
import static dev.narrow.formats.Lanes.FLOATS;
import static dev.narrow.formats.Lanes.INTS;
import static dev.narrow.formats.Lanes.MAGNITUDE;
import static dev.narrow.formats.Lanes.SIGN;
import static dev.narrow.formats.Lanes.STEP;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * What {@link LogKernel} does, in vectors, for codes of at most 8 bits and so few steps per binade
 * that its table fits into two vectors, and the values of a binade into one.
 *
 * <p>A vector with a number that is not finite, or that overflows to anything but the largest, is
 * left to the scalar kernel, as is what remains after the last whole vector.
 */
final class VectorLogKernel extends Kernel {
  private static final int INFINITY = 0x7F80_0000;
  private static final int QUIET_NAN = 0x7FC0_0000;

  private final Kernel scalar;

  /** What {@link LogKernel} adds to the bits of a magnitude, by cell; cells repeat to fill both. */
  private final int[] add;

  private final int cellShift;
  private final boolean twoTables;

  private final int smallest;
  private final int largest;

  /** The first bits of a magnitude that does not become zero. */
  private final int nonZero;

  /** The largest bits of a magnitude that the vector code encodes right. */
  private final int limit;

  private final int signShift;
  private final int bias;

  /** 2^(i / gamma) as bits of floats, for i from 0 on. */
  private final int[] powers;

  /** How far steps are left of where they add to the exponent of a float. */
  private final int stepShift;

  VectorLogKernel(LogFormat format, Projection projection, Kernel scalar) {
    super(format, projection);
    this.scalar = scalar;
    LogKernel cells = new LogKernel(format, projection);
    cellShift = cells.cellShift();
    twoTables = 2 * format.gamma() > STEP;
    add = new int[2 * STEP];
    for (int i = 0; i < add.length; i++) {
      add[i] = cells.add(i);
    }
    smallest = format.zero() == LogFormat.Zero.RESERVED ? 1 : 0;
    largest = (1 << (format.width() - 1)) - 1;
    nonZero = smallest == 1 ? nonZero() : 1;
    int signBit = 1 << (format.width() - 1);
    boolean clamps =
        format.encode(Float.MAX_VALUE, projection) == largest
            && format.encode(-Float.MAX_VALUE, projection) == (largest | signBit);
    limit = clamps ? INFINITY - 1 : Float.floatToRawIntBits(format.maxFinite());
    signShift = 32 - format.width();
    bias = format.bias();
    int gammaBits = Integer.numberOfTrailingZeros(format.gamma());
    stepShift = 23 - gammaBits;
    powers = new int[STEP];
    LogGrid grid = LogGrid.of(format.gamma());
    for (int i = 0; i < STEP; i++) {
      float power = Math.scalb(grid.floats[i & (format.gamma() - 1)], i >> gammaBits);
      powers[i] = Float.floatToRawIntBits(power);
    }
  }

  static boolean supports(LogFormat format, Projection projection) {
    return LogKernel.supports(format, projection)
        && format.width() <= 8
        && Lanes.HAS_BYTES
        && format.gamma() <= STEP
        && format.minPositive() >= Float.MIN_NORMAL
        && format.maxFinite() <= Float.MAX_VALUE;
  }

  private int nonZero() {
    int zero = 0;
    int above = INFINITY - 1;
    while (above - zero > 1) {
      int middle = (zero + above) >>> 1;
      if (format.encode(Float.intBitsToFloat(middle), projection) == 0) {
        zero = middle;
      } else {
        above = middle;
      }
    }
    return above;
  }

  /** Magnitude codes; right where the number neither becomes zero nor exceeds the limit. */
  private IntVector code(IntVector magnitude, IntVector low, IntVector high) {
    IntVector cell = magnitude.lanewise(VectorOperators.LSHR, cellShift);
    IntVector addend = cell.selectFrom(low);
    if (twoTables) {
      addend = addend.blend(cell.selectFrom(high), cell.and(STEP).compare(VectorOperators.NE, 0));
    }
    return magnitude
        .add(addend)
        .lanewise(VectorOperators.ASHR, cellShift + 1)
        .max(smallest)
        .min(largest);
  }

  /** Magnitudes of codes that are neither zero nor NaN, as bits of floats. */
  private IntVector value(IntVector code, IntVector powersOfBinade) {
    IntVector steps = code.sub(bias);
    return steps
        .selectFrom(powersOfBinade)
        .add(steps.and(-STEP).lanewise(VectorOperators.LSHL, stepShift));
  }

  @Override
  void encode(float[] src, int from, byte[] codes, int to, int n) {
    int bound = INTS.loopBound(n);
    for (int i = 0; i < bound; i += CHUNK) {
      encodeVectors(src, from + i, codes, to + i, Math.min(CHUNK, bound - i));
    }
    scalar.encode(src, from + bound, codes, to + bound, n - bound);
  }

  private void encodeVectors(float[] src, int from, byte[] codes, int to, int n) {
    IntVector low = IntVector.fromArray(INTS, add, 0);
    IntVector high = IntVector.fromArray(INTS, add, STEP);
    for (int i = 0; i < n; i += STEP) {
      IntVector bits = FloatVector.fromArray(FLOATS, src, from + i).reinterpretAsInts();
      IntVector magnitude = bits.and(MAGNITUDE);
      IntVector sign = bits.and(SIGN).lanewise(VectorOperators.LSHR, signShift);
      IntVector code =
          code(magnitude, low, high)
              .or(sign)
              .blend(0, magnitude.compare(VectorOperators.LT, nonZero));
      Lanes.store(code, codes, to + i);
      if (magnitude.compare(VectorOperators.GT, limit).anyTrue()) {
        scalar.encode(src, from + i, codes, to + i, STEP);
      }
    }
  }

  @Override
  void decode(byte[] codes, int from, float[] dst, int to, int n) {
    int bound = INTS.loopBound(n);
    for (int i = 0; i < bound; i += CHUNK) {
      decodeVectors(codes, from + i, dst, to + i, Math.min(CHUNK, bound - i));
    }
    scalar.decode(codes, from + bound, dst, to + bound, n - bound);
  }

  private void decodeVectors(byte[] codes, int from, float[] dst, int to, int n) {
    IntVector powersOfBinade = IntVector.fromArray(INTS, powers, 0);
    boolean reserved = smallest == 1;
    for (int i = 0; i < n; i += STEP) {
      IntVector shifted = Lanes.load(codes, from + i).lanewise(VectorOperators.LSHL, signShift);
      IntVector magnitude = shifted.and(MAGNITUDE).lanewise(VectorOperators.LSHR, signShift);
      IntVector value = value(magnitude, powersOfBinade).or(shifted.and(SIGN));
      if (reserved) {
        IntVector zeroOrNan = shifted.lanewise(VectorOperators.ASHR, 31).and(QUIET_NAN);
        value = value.blend(zeroOrNan, magnitude.eq(0));
      }
      value.reinterpretAsFloats().intoArray(dst, to + i);
    }
  }

  @Override
  void quantize(float[] values, int from, int n, float scale) {
    int bound = INTS.loopBound(n);
    for (int i = 0; i < bound; i += CHUNK) {
      quantizeVectors(values, from + i, Math.min(CHUNK, bound - i), scale);
    }
    scalar.quantize(values, from + bound, n - bound, scale);
  }

  private void quantizeVectors(float[] values, int from, int n, float scale) {
    IntVector low = IntVector.fromArray(INTS, add, 0);
    IntVector high = IntVector.fromArray(INTS, add, STEP);
    IntVector powersOfBinade = IntVector.fromArray(INTS, powers, 0);
    float reciprocal = Lanes.exactReciprocal(scale);
    boolean multiply = !Float.isNaN(reciprocal);
    for (int i = 0; i < n; i += STEP) {
      FloatVector x = FloatVector.fromArray(FLOATS, values, from + i);
      IntVector bits = (multiply ? x.mul(reciprocal) : x.div(scale)).reinterpretAsInts();
      IntVector magnitude = bits.and(MAGNITUDE);
      VectorMask<Integer> zero = magnitude.compare(VectorOperators.LT, nonZero);
      if (magnitude.compare(VectorOperators.GT, limit).anyTrue()) {
        scalar.quantize(values, from + i, STEP, scale);
      } else {
        IntVector value = value(code(magnitude, low, high), powersOfBinade).or(bits.and(SIGN));
        IntVector ofZero = keepsZero ? bits : IntVector.zero(INTS);
        value.blend(ofZero, zero).reinterpretAsFloats().mul(scale).intoArray(values, from + i);
      }
    }
  }
}
