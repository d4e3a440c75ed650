package dev.narrow.quant;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Vectors over the elements of a block; the scalar definition for blocks that are shorter. */
final class VectorBlockKernels implements BlockKernels {
  private static final int BITS = Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());
  private static final VectorSpecies<Float> FLOATS =
      VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(BITS));
  private static final int LANES = BITS / Float.SIZE;

  /** Elements from which on it is worth looking whether a division is a multiplication. */
  private static final int LONG = 256;

  private static final int LARGEST = Float.floatToRawIntBits(Float.MAX_VALUE);

  private final ScalarBlockKernels scalar = new ScalarBlockKernels();

  VectorBlockKernels() {
    if (BITS < 128) {
      throw new UnsupportedOperationException("vectors have " + BITS + " bits");
    }
  }

  @Override
  public String name() {
    return "vector " + BITS + " bits";
  }

  @Override
  public ErrorKernels errors() {
    return new VectorErrorKernels();
  }

  /** Whether a row is blocks of whole vectors, as with the blocks of MX and NVFP4. */
  private static boolean isWhole(int n, int block) {
    return block % LANES == 0 && n % block == 0;
  }

  @Override
  public void amax(float[] x, int from, int n, int block, float[] amax, int first) {
    if (block < LANES) {
      scalar.amax(x, from, n, block, amax, first);
      return;
    }
    if (isWhole(n, block)) {
      for (int start = from, k = first; start < from + n; start += block, k++) {
        int largest = largest(x, start, block);
        amax[k] = Math.max(amax[k], Float.intBitsToFloat(largest));
      }
      return;
    }
    int k = first;
    for (int start = 0; start < n; start += block, k++) {
      int length = Math.min(block, n - start);
      int vectors = length & -LANES;
      if (vectors > 0) {
        int largest = largest(x, from + start, vectors);
        amax[k] = Math.max(amax[k], Float.intBitsToFloat(largest));
      }
      scalar.amax(x, from + start + vectors, length - vectors, block, amax, k);
    }
  }

  /** The largest of them: magnitudes sort as their bits. */
  private static int largest(float[] x, int from, int n) {
    IntVector most = magnitudes(x, from);
    for (int i = LANES; i < n; i += LANES) {
      most = most.max(magnitudes(x, from + i));
    }
    int largest = most.reduceLanes(VectorOperators.MAX);
    return largest <= LARGEST ? largest : largestFinite(x, from, n);
  }

  private static IntVector magnitudes(float[] x, int from) {
    return FloatVector.fromArray(FLOATS, x, from).reinterpretAsInts().and(Integer.MAX_VALUE);
  }

  /** As if infinities and NaN were zero. */
  private static int largestFinite(float[] x, int from, int n) {
    IntVector most = IntVector.zero(INTS);
    for (int i = 0; i < n; i += LANES) {
      IntVector magnitude = magnitudes(x, from + i);
      VectorMask<Integer> finite = magnitude.compare(VectorOperators.LE, LARGEST);
      most = most.lanewise(VectorOperators.MAX, magnitude, finite);
    }
    return most.reduceLanes(VectorOperators.MAX);
  }

  @Override
  public void divide(
      float[] x, int from, int n, int block, float[] divisors, int first, float[] to, int at) {
    if (isWhole(n, block)) {
      for (int start = 0, k = first; start < n; start += block, k++) {
        divideBlock(x, from + start, block, divisors[k], to, at + start);
      }
      return;
    }
    int k = first;
    for (int start = 0; start < n; start += block, k++) {
      int length = Math.min(block, n - start);
      if (block == 1) {
        int vectors = n & -LANES;
        divideEach(x, from, vectors, divisors, first, to, at);
        scalar.divide(
            x, from + vectors, n - vectors, 1, divisors, first + vectors, to, at + vectors);
        return;
      }
      int vectors = length & -LANES;
      float divisor = divisors[k];
      divideBlock(x, from + start, vectors, divisor, to, at + start);
      for (int i = start + vectors; i < start + length; i++) {
        to[at + i] = x[from + i] / divisor;
      }
    }
  }

  private static void divideBlock(float[] x, int from, int n, float divisor, float[] to, int at) {
    if (n >= LONG && isPowerOfTwo(divisor)) { // the reciprocal is exact, and so is the quotient
      float reciprocal = 1 / divisor;
      for (int i = 0; i < n; i += LANES) {
        FloatVector.fromArray(FLOATS, x, from + i).mul(reciprocal).intoArray(to, at + i);
      }
      return;
    }
    for (int i = 0; i < n; i += LANES) {
      FloatVector.fromArray(FLOATS, x, from + i).div(divisor).intoArray(to, at + i);
    }
  }

  /** Whether a number is one and its reciprocal is normal. */
  private static boolean isPowerOfTwo(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (bits & 0x7f_ffff) == 0 && value >= Float.MIN_NORMAL && value <= 0x1p126f;
  }

  private static void divideEach(
      float[] x, int from, int n, float[] divisors, int first, float[] to, int at) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector.fromArray(FLOATS, x, from + i)
          .div(FloatVector.fromArray(FLOATS, divisors, first + i))
          .intoArray(to, at + i);
    }
  }

  @Override
  public void multiply(float[] x, int from, int n, int block, float[] factors, int first) {
    int k = first;
    for (int start = 0; start < n; start += block, k++) {
      int length = Math.min(block, n - start);
      if (block == 1) {
        int vectors = n & -LANES;
        for (int i = 0; i < vectors; i += LANES) {
          FloatVector.fromArray(FLOATS, x, from + i)
              .mul(FloatVector.fromArray(FLOATS, factors, first + i))
              .intoArray(x, from + i);
        }
        scalar.multiply(x, from + vectors, n - vectors, 1, factors, first + vectors);
        return;
      }
      int vectors = length & -LANES;
      float factor = factors[k];
      for (int i = 0; i < vectors; i += LANES) {
        FloatVector.fromArray(FLOATS, x, from + start + i)
            .mul(factor)
            .intoArray(x, from + start + i);
      }
      for (int i = from + start + vectors; i < from + start + length; i++) {
        x[i] *= factor;
      }
    }
  }
}
