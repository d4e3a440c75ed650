package dev.narrow.formats;

import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** {@link Philox} for as many blocks at a time as a vector has longs. */
final class VectorPhilox {
  private static final VectorSpecies<Long> LONGS =
      VectorSpecies.of(long.class, VectorShape.forBitSize(Lanes.bits()));
  private static final int STEP = LONGS.length();
  private static final long LOW = 0xFFFF_FFFFL;
  private static final VectorShuffle<Long> ZIP_LOW = VectorShuffle.makeZip(LONGS, 0);
  private static final VectorShuffle<Long> ZIP_HIGH = VectorShuffle.makeZip(LONGS, 1);
  private static final LongVector COUNTING = LongVector.zero(LONGS).addIndex(1);

  private VectorPhilox() {}

  /** As {@link Philox#words}. */
  static void words(long seed, long stream, long index, int[] words, int n) {
    int head = (int) Math.min(n, -index & 3);
    Philox.words(seed, stream, index, words, head);
    int i = head;
    for (; i + 4 * STEP <= n; i += 4 * STEP) {
      blocks(seed, stream, (index + i) >>> 2, words, i);
    }
    int[] rest = new int[n - i];
    Philox.words(seed, stream, index + i, rest, n - i);
    System.arraycopy(rest, 0, words, i, n - i);
  }

  private static void blocks(long seed, long stream, long block, int[] words, int at) {
    LongVector counter = COUNTING.add(block);
    LongVector c0 = counter.and(LOW);
    LongVector c1 = counter.lanewise(VectorOperators.LSHR, 32);
    LongVector c2 = LongVector.broadcast(LONGS, stream & LOW);
    LongVector c3 = LongVector.broadcast(LONGS, stream >>> 32);
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < Philox.ROUNDS; round++) {
      LongVector p0 = c0.and(LOW).mul(Philox.MULTIPLIER_0 & LOW);
      LongVector p1 = c2.and(LOW).mul(Philox.MULTIPLIER_1 & LOW);
      c0 =
          p1.lanewise(VectorOperators.LSHR, 32)
              .lanewise(VectorOperators.XOR, c1)
              .lanewise(VectorOperators.XOR, k0 & LOW);
      c2 =
          p0.lanewise(VectorOperators.LSHR, 32)
              .lanewise(VectorOperators.XOR, c3)
              .lanewise(VectorOperators.XOR, k1 & LOW);
      c1 = p1.and(LOW);
      c3 = p0.and(LOW);
      k0 += Philox.WEYL_0;
      k1 += Philox.WEYL_1;
    }
    LongVector first = c0.or(c1.lanewise(VectorOperators.LSHL, 32));
    LongVector second = c2.or(c3.lanewise(VectorOperators.LSHL, 32));
    first.rearrange(ZIP_LOW, second).reinterpretAsInts().intoArray(words, at);
    first.rearrange(ZIP_HIGH, second).reinterpretAsInts().intoArray(words, at + 2 * STEP);
  }
}
