package dev.narrow.quant;

import static dev.narrow.quant.ErrorChunk.LANES;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The definition in vectors. As the sixteen lanes of a sum are more than a vector of float64 holds,
 * sums walk over the chunk once for each part of the lanes: those of a part are all in registers.
 */
final class VectorErrorKernels implements ErrorKernels {
  private static final int BITS = Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());
  private static final VectorSpecies<Float> FLOATS =
      VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(BITS));
  private static final VectorSpecies<Double> DOUBLES =
      VectorSpecies.of(double.class, VectorShape.forBitSize(BITS));

  /** As many floats as there are doubles. */
  private static final VectorSpecies<Float> HALF =
      VectorSpecies.of(float.class, VectorShape.forBitSize(BITS / 2));

  private static final int STEP = BITS / Float.SIZE;
  private static final int PART = BITS / Double.SIZE;
  private static final int FRACTION_BITS = 23;
  private static final int SPECIAL = 255; // the field of infinities and NaN
  private static final int LARGEST = Float.floatToRawIntBits(Float.MAX_VALUE);

  @Override
  public void binades(float[] values, int n, int shift, int lowest, float[] ulps) {
    int bound = n & -LANES;
    for (int i = 0; i < bound; i += STEP) {
      IntVector field = field(values, i).max(lowest).sub(shift);
      IntVector normal = field.lanewise(VectorOperators.LSHL, FRACTION_BITS);
      if (field.compare(VectorOperators.LE, 0).anyTrue()) {
        ScalarErrorKernels.binades(values, i, i + STEP, shift, lowest, ulps);
      } else {
        normal.reinterpretAsFloats().intoArray(ulps, i);
      }
    }
    ScalarErrorKernels.binades(values, bound, n, shift, lowest, ulps);
  }

  /** The bits without the sign, one place to the left. */
  private static IntVector twice(float[] x, int i) {
    return FloatVector.fromArray(FLOATS, x, i)
        .reinterpretAsInts()
        .lanewise(VectorOperators.LSHL, 1);
  }

  private static IntVector field(float[] x, int i) {
    return twice(x, i).lanewise(VectorOperators.LSHR, FRACTION_BITS + 1);
  }

  @Override
  public void octaves(ErrorChunk chunk, int n) {
    int bound = n & -LANES;
    chunk.someFar |= octaves(chunk.before, chunk.after, bound, chunk.octaves) == FAR;
    ScalarErrorKernels.octaves(chunk, bound, n);
  }

  private static int octaves(float[] before, float[] after, int n, int[] octaves) {
    IntVector farthest = IntVector.zero(INTS);
    for (int i = 0; i < n; i += STEP) {
      IntVector twiceX = twice(before, i);
      IntVector twiceY = twice(after, i);
      IntVector x = twiceX.lanewise(VectorOperators.LSHR, FRACTION_BITS + 1);
      IntVector y = twiceY.lanewise(VectorOperators.LSHR, FRACTION_BITS + 1);
      VectorMask<Integer> zeroX = twiceX.eq(0);
      IntVector direction = y.sub(x).add(SAME).lanewise(VectorOperators.UMIN, UP + 1);
      direction =
          direction
              .blend(FAR, direction.eq(UP + 1).or(zeroX))
              .blend(ZERO, twiceY.eq(0))
              .blend(FAR, x.max(y).eq(SPECIAL));
      direction
          .lanewise(VectorOperators.LSHL, 8)
          .or(x.blend(ZERO_FIELD, zeroX))
          .intoArray(octaves, i);
      farthest = farthest.max(direction);
    }
    return farthest.reduceLanes(VectorOperators.MAX);
  }

  @Override
  public void moments(ErrorChunk chunk, int n) {
    int bound = n & -LANES;
    for (int part = 0; part < LANES; part += PART) {
      moments(chunk.before, chunk.after, chunk.lanes, part, bound);
    }
    ScalarErrorKernels.moments(chunk, bound, n);
  }

  private static void moments(float[] before, float[] after, double[] lanes, int part, int n) {
    DoubleVector signal = DoubleVector.zero(DOUBLES);
    DoubleVector energy = DoubleVector.zero(DOUBLES);
    DoubleVector product = DoubleVector.zero(DOUBLES);
    DoubleVector noise = DoubleVector.zero(DOUBLES);
    for (int i = part; i < n; i += LANES) {
      DoubleVector x = doubles(before, i);
      DoubleVector y = doubles(after, i);
      DoubleVector error = x.sub(y);
      signal = x.fma(x, signal); // products of floats are exact
      energy = y.fma(y, energy);
      product = x.fma(y, product);
      noise = error.mul(error).add(noise);
    }
    signal.intoArray(lanes, ErrorChunk.SIGNAL + part);
    energy.intoArray(lanes, ErrorChunk.ENERGY + part);
    product.intoArray(lanes, ErrorChunk.PRODUCT + part);
    noise.intoArray(lanes, ErrorChunk.NOISE + part);
  }

  private static DoubleVector doubles(float[] x, int i) {
    FloatVector floats = FloatVector.fromArray(HALF, x, i);
    return (DoubleVector) floats.convertShape(VectorOperators.F2D, DOUBLES, 0);
  }

  @Override
  public void ratios(ErrorChunk chunk, int n) {
    int bound = n & -LANES;
    vectorRatios(chunk, bound);
    for (int part = 0; part < LANES; part += PART) {
      sum(chunk.quotients, chunk.ulps, chunk.lanes, part, bound);
    }
    ScalarErrorKernels.ratios(chunk, bound, n);
    ScalarErrorKernels.sum(chunk, bound, n);
  }

  private static void vectorRatios(ErrorChunk chunk, int n) {
    float[] before = chunk.before;
    float[] after = chunk.after;
    float[] quotients = chunk.quotients;
    float[] decoded = chunk.decoded;
    float[] ulps = chunk.ulps;
    FloatVector high = FloatVector.broadcast(FLOATS, chunk.high);
    FloatVector low = FloatVector.broadcast(FLOATS, chunk.low);
    FloatVector zero = FloatVector.zero(FLOATS);
    IntVector minNormal = IntVector.broadcast(INTS, Float.floatToRawIntBits(chunk.minNormal) - 1);
    IntVector maxRelative = IntVector.zero(INTS);
    IntVector maxUlps = IntVector.zero(INTS);
    IntVector inside = IntVector.zero(INTS);
    IntVector subnormal = IntVector.zero(INTS);
    IntVector nonZero = IntVector.zero(INTS);
    for (int i = 0; i < n; i += STEP) {
      FloatVector x = FloatVector.fromArray(FLOATS, before, i);
      FloatVector y = FloatVector.fromArray(FLOATS, after, i);
      FloatVector quotient = FloatVector.fromArray(FLOATS, quotients, i);
      FloatVector value = FloatVector.fromArray(FLOATS, decoded, i);
      VectorMask<Float> isInside = quotient.lt(high).and(quotient.compare(VectorOperators.GT, low));
      VectorMask<Float> counts =
          x.compare(VectorOperators.NE, zero)
              .and(y.compare(VectorOperators.NE, zero))
              .and(isInside);
      VectorMask<Integer> isSubnormal =
          value
              .reinterpretAsInts()
              .and(Integer.MAX_VALUE)
              .sub(1) // of zero the largest
              .compare(VectorOperators.ULT, minNormal);
      inside = inside.add(1, isInside.cast(INTS));
      nonZero = nonZero.add(1, counts.cast(INTS));
      subnormal = subnormal.add(1, isSubnormal);
      IntVector relative = ratio(x.sub(y), x, counts);
      IntVector distance =
          ratio(quotient.sub(value), FloatVector.fromArray(FLOATS, ulps, i), isInside);
      maxRelative = maxRelative.max(relative);
      maxUlps = maxUlps.max(distance);
      relative.reinterpretAsFloats().intoArray(quotients, i);
      distance.reinterpretAsFloats().intoArray(ulps, i);
    }
    chunk.subnormal += subnormal.reduceLanes(VectorOperators.ADD);
    chunk.relativeCount += nonZero.reduceLanes(VectorOperators.ADD);
    chunk.ulpCount += inside.reduceLanes(VectorOperators.ADD);
    chunk.maxRelative = largest(maxRelative);
    chunk.maxUlps = largest(maxUlps);
  }

  /** The bits of |a / b|, at most the largest number; zero where it does not count. */
  private static IntVector ratio(FloatVector a, FloatVector b, VectorMask<Float> counts) {
    FloatVector ratio = FloatVector.zero(FLOATS).blend(a.div(b).abs(), counts);
    return ratio.reinterpretAsInts().min(LARGEST);
  }

  private static float largest(IntVector bits) {
    return Float.intBitsToFloat(bits.reduceLanes(VectorOperators.MAX));
  }

  private static void sum(float[] relative, float[] ulps, double[] lanes, int part, int n) {
    DoubleVector relativeSum = DoubleVector.zero(DOUBLES);
    DoubleVector ulpSum = DoubleVector.zero(DOUBLES);
    for (int i = part; i < n; i += LANES) {
      relativeSum = relativeSum.add(doubles(relative, i));
      ulpSum = ulpSum.add(doubles(ulps, i));
    }
    relativeSum.intoArray(lanes, ErrorChunk.RELATIVE + part);
    ulpSum.intoArray(lanes, ErrorChunk.ULPS + part);
  }
}
