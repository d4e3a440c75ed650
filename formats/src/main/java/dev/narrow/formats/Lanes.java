package dev.narrow.formats;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** The vectors that all vector kernels use: as many floats, ints, shorts and bytes as one holds. */
final class Lanes {
  private static final int BITS = Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());

  /** Lanes of a vector. */
  static final int STEP = BITS / Float.SIZE;

  /** Whether there is a vector of as many bytes; there is none of 32 bits. */
  static final boolean HAS_BYTES = BITS >= 256;

  static final VectorSpecies<Float> FLOATS =
      VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));
  static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(BITS));
  static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(Math.max(64, BITS / 2)));
  static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, BITS / 4)));

  /**
   * Elements of a call of a method with a vector loop: a whole number of vectors. Until it is
   * compiled, such a loop is slow, each vector an object, and the compiler counts calls sooner than
   * turns of a loop.
   */
  static final int CHUNK = 64 * STEP;

  static final int SIGN = Integer.MIN_VALUE;
  static final int MAGNITUDE = Integer.MAX_VALUE;

  private Lanes() {}

  static int bits() {
    return BITS;
  }

  static IntVector load(byte[] codes, int at) {
    return (IntVector)
        ByteVector.fromArray(BYTES, codes, at).convertShape(VectorOperators.B2I, INTS, 0);
  }

  static IntVector load(short[] codes, int at) {
    return (IntVector)
        ShortVector.fromArray(SHORTS, codes, at).convertShape(VectorOperators.S2I, INTS, 0);
  }

  static void store(IntVector codes, byte[] target, int at) {
    ((ByteVector) codes.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(target, at);
  }

  static void store(IntVector codes, short[] target, int at) {
    ((ShortVector) codes.convertShape(VectorOperators.I2S, SHORTS, 0)).intoArray(target, at);
  }

  /**
   * What to multiply by instead of dividing by the scale, exactly the same: its reciprocal if it is
   * a power of two, else NaN.
   */
  static float exactReciprocal(float scale) {
    int bits = Float.floatToRawIntBits(scale);
    return (bits & 0x7F_FFFF) == 0 && bits != 0 ? 1 / scale : Float.NaN;
  }
}
