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

  @Override
  public void amax(float[] x, int from, int n, int block, float[] amax, int first) {
    if (block < LANES) {
      scalar.amax(x, from, n, block, amax, first);
      return;
    }
    int k = first;
    for (int start = 0; start < n; start += block, k++) {
      int length = Math.min(block, n - start);
      int vectors = length & -LANES;
      int largest = Float.floatToRawIntBits(amax[k]);
      if (vectors > 0) {
        largest = Math.max(largest, largest(x, from + start, vectors));
      }
      amax[k] = Float.intBitsToFloat(largest);
      scalar.amax(x, from + start + vectors, length - vectors, block, amax, k);
    }
  }

  /** Magnitudes sort as their bits; infinities and NaN become zero. */
  private static int largest(float[] x, int from, int n) {
    IntVector most = IntVector.zero(INTS);
    for (int i = 0; i < n; i += LANES) {
      IntVector magnitude =
          FloatVector.fromArray(FLOATS, x, from + i).reinterpretAsInts().and(Integer.MAX_VALUE);
      VectorMask<Integer> finite = magnitude.compare(VectorOperators.LE, LARGEST);
      most = most.lanewise(VectorOperators.MAX, magnitude, finite);
    }
    return most.reduceLanes(VectorOperators.MAX);
  }

  @Override
  public void divide(
      float[] x, int from, int n, int block, float[] divisors, int first, float[] to, int at) {
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
      float reciprocal = exactReciprocal(divisor);
      if (!Float.isNaN(reciprocal)) {
        for (int i = 0; i < vectors; i += LANES) {
          FloatVector.fromArray(FLOATS, x, from + start + i)
              .mul(reciprocal)
              .intoArray(to, at + start + i);
        }
      } else {
        for (int i = 0; i < vectors; i += LANES) {
          FloatVector.fromArray(FLOATS, x, from + start + i)
              .div(divisor)
              .intoArray(to, at + start + i);
        }
      }
      for (int i = start + vectors; i < start + length; i++) {
        to[at + i] = x[from + i] / divisor;
      }
    }
  }

  private static void divideEach(
      float[] x, int from, int n, float[] divisors, int first, float[] to, int at) {
    for (int i = 0; i < n; i += LANES) {
      FloatVector.fromArray(FLOATS, x, from + i)
          .div(FloatVector.fromArray(FLOATS, divisors, first + i))
          .intoArray(to, at + i);
    }
  }

  /** The reciprocal of a power of two that has one in float32; else NaN. */
  private static float exactReciprocal(float divisor) {
    int bits = Float.floatToRawIntBits(divisor);
    return (bits & 0x7F_FFFF) == 0 && bits > 0 && bits < 0x7F00_0000 ? 1 / divisor : Float.NaN;
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
