package dev.narrow.kernels;

import dev.narrow.formats.Rounding;
import java.util.Arrays;
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
final class VectorFixed extends VectorAccumulatorMatmul {
  private static final VectorSpecies<Long> LONGS =
      VectorSpecies.of(long.class, VectorShape.forBitSize(FLOATS.vectorBitSize()));
  private static final int STEP = DOUBLES.length();
  private static final double MAGIC = 0x3p51;
  private static final long MAGIC_BITS = Double.doubleToRawLongBits(MAGIC);
  private static final double END = 0x1p51;

  private final Accumulator.Fixed accumulator;
  private final boolean wraps;
  private final int unused;

  VectorFixed(Accumulator.Fixed accumulator) {
    super(accumulator);
    this.accumulator = accumulator;
    wraps = wraps(accumulator);
    unused = Long.SIZE - accumulator.bits();
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
    return accumulator.rounding().mode() == Rounding.Mode.TOWARD_ZERO
        ? this::runTruncated
        : this::runNearest;
  }

  // As in VectorRounded, C2 inlines steps that stand alone in their loop and their method.

  private boolean runNearest(
      float[] a,
      int aBase,
      int aStep,
      float[] panel,
      int width,
      int k,
      float[] sums,
      long[] state) {
    Arrays.fill(state, 0, width, 0);
    double unit = Math.scalb(1.0, accumulator.fractionBits());
    for (int p = 0; p < k; p++) {
      double x = a[aBase + p * aStep] * unit; // exact
      if (!addNearest(x, panel, p * width, width, state)) {
        return false;
      }
    }
    finish(state, width, sums);
    return true;
  }

  private boolean runTruncated(
      float[] a,
      int aBase,
      int aStep,
      float[] panel,
      int width,
      int k,
      float[] sums,
      long[] state) {
    Arrays.fill(state, 0, width, 0);
    double unit = Math.scalb(1.0, accumulator.fractionBits());
    for (int p = 0; p < k; p++) {
      double x = a[aBase + p * aStep] * unit; // exact
      if (!addTruncated(x, panel, p * width, width, state)) {
        return false;
      }
    }
    finish(state, width, sums);
    return true;
  }

  private void finish(long[] state, int width, float[] sums) {
    for (int lane = 0; lane < width; lane++) {
      long sum = state[lane] << unused >> unused;
      sums[lane] = Math.scalb((float) sum, -accumulator.fractionBits());
    }
  }

  private boolean addNearest(double x, float[] panel, int from, int width, long[] state) {
    for (int lane = 0; lane < width; lane += STEP) {
      DoubleVector product = loadDoubles(panel, from + lane).mul(x);
      VectorMask<Double> inRange =
          product.lanewise(VectorOperators.ABS).compare(VectorOperators.LT, END);
      if (!inRange.allTrue()) {
        return false;
      }
      LongVector term = product.add(MAGIC).reinterpretAsLongs().sub(MAGIC_BITS);
      add(term, state, lane);
    }
    return true;
  }

  /** The nearest integer to the magnitude, less one if it is greater; with the sign. */
  private boolean addTruncated(double x, float[] panel, int from, int width, long[] state) {
    for (int lane = 0; lane < width; lane += STEP) {
      DoubleVector product = loadDoubles(panel, from + lane).mul(x);
      DoubleVector magnitude = product.lanewise(VectorOperators.ABS);
      if (!magnitude.compare(VectorOperators.LT, END).allTrue()) {
        return false;
      }
      DoubleVector nearest = magnitude.add(MAGIC);
      LongVector greater = magnitude.sub(nearest.sub(MAGIC)).reinterpretAsLongs();
      LongVector less = greater.lanewise(VectorOperators.ASHR, 63); // -1 where it is greater
      LongVector integer = nearest.reinterpretAsLongs().sub(MAGIC_BITS).add(less);
      LongVector sign = product.reinterpretAsLongs().lanewise(VectorOperators.ASHR, 63);
      add(integer.lanewise(VectorOperators.XOR, sign).sub(sign), state, lane);
    }
    return true;
  }

  private void add(LongVector term, long[] state, int lane) {
    LongVector sum = LongVector.fromArray(LONGS, state, lane).add(term);
    if (!wraps) {
      sum = sum.max(Long.MIN_VALUE >> unused).min(Long.MAX_VALUE >>> unused);
    }
    sum.intoArray(state, lane);
  }
}
