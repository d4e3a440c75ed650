package dev.narrow.kernels;

import dev.narrow.formats.Rounding;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link Accumulator.Fixed} in vectors of longs, for products below 2^51 units. Such a product is
 * exact in float64, and the sum with 3 × 2^51, whose ulp is 1, has its nearest integer in the low
 * bits.
 */
final class VectorFixed extends VectorAccumulation {
  private static final VectorSpecies<Long> LONGS =
      VectorSpecies.of(long.class, VectorShape.forBitSize(FLOATS.vectorBitSize()));
  private static final int STEP = DOUBLES.length();
  private static final double MAGIC = 0x3p51;
  private static final long MAGIC_BITS = Double.doubleToRawLongBits(MAGIC);

  private final Accumulator.Fixed accumulator;

  VectorFixed(Accumulator.Fixed accumulator) {
    super(accumulator);
    this.accumulator = accumulator;
  }

  /** A saturating sum must not overflow a long before it is cut. */
  static boolean supports(Accumulator.Fixed accumulator) {
    Rounding.Mode mode = accumulator.rounding().mode();
    boolean rounds = mode == Rounding.Mode.NEAREST_EVEN || mode == Rounding.Mode.TOWARD_ZERO;
    return rounds && (wraps(accumulator) || accumulator.bits() < 64);
  }

  private static boolean wraps(Accumulator.Fixed accumulator) {
    return accumulator.overflow() == Accumulator.Fixed.Overflow.WRAP;
  }

  @Override
  Block block(Matrix a, float[] panel, int size) {
    return this::run;
  }

  private boolean run(
      float[] a, int aBase, int aStep, float[] panel, int k, int count, float[] sums) {
    boolean truncates = accumulator.rounding().mode() == Rounding.Mode.TOWARD_ZERO;
    boolean wraps = wraps(accumulator);
    int unused = Long.SIZE - accumulator.bits();
    LongVector most = LongVector.broadcast(LONGS, Long.MAX_VALUE >>> unused);
    LongVector least = LongVector.broadcast(LONGS, Long.MIN_VALUE >> unused);
    double unit = Math.scalb(1.0, accumulator.fractionBits());
    for (int lane = 0; lane < count; lane += 2 * STEP) {
      LongVector s0 = LongVector.zero(LONGS);
      LongVector s1 = s0;
      int ai = aBase;
      int bi = lane;
      for (int p = 0; p < k; p++) {
        double x = a[ai] * unit; // exact
        DoubleVector p0 = loadDoubles(panel, bi).mul(x);
        DoubleVector p1 = loadDoubles(panel, bi + STEP).mul(x);
        if (!isInRange(p0).and(isInRange(p1)).allTrue()) {
          return false;
        }
        s0 = s0.add(truncates ? truncated(p0) : nearest(p0));
        s1 = s1.add(truncates ? truncated(p1) : nearest(p1));
        if (!wraps) {
          s0 = s0.max(least).min(most);
          s1 = s1.max(least).min(most);
        }
        ai += aStep;
        bi += WIDTH;
      }
      for (int i = 0; i < STEP; i++) {
        sums[lane + i] = value(s0.lane(i), unused);
        sums[lane + STEP + i] = value(s1.lane(i), unused);
      }
    }
    return true;
  }

  private float value(long sum, int unused) {
    return Math.scalb((float) (sum << unused >> unused), -accumulator.fractionBits());
  }

  private static VectorMask<Double> isInRange(DoubleVector product) {
    return product.lanewise(VectorOperators.ABS).compare(VectorOperators.LT, 0x1p51);
  }

  private static LongVector nearest(DoubleVector product) {
    return product.add(MAGIC).reinterpretAsLongs().sub(MAGIC_BITS);
  }

  /** The nearest integer to the magnitude, less one if it is greater; with the sign. */
  private static LongVector truncated(DoubleVector product) {
    DoubleVector magnitude = product.lanewise(VectorOperators.ABS);
    DoubleVector sum = magnitude.add(MAGIC);
    VectorMask<Long> greater =
        sum.sub(MAGIC).compare(VectorOperators.GT, magnitude).cast(LONGS);
    LongVector integer = sum.reinterpretAsLongs().sub(MAGIC_BITS);
    integer = integer.blend(integer.sub(1), greater);
    LongVector sign = product.reinterpretAsLongs().lanewise(VectorOperators.ASHR, 63);
    return integer.lanewise(VectorOperators.XOR, sign).sub(sign);
  }
}
