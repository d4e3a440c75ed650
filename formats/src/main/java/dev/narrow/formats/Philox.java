package dev.narrow.formats;

/** Philox4x32 with ten rounds. */
final class Philox {
  static final int MULTIPLIER_0 = 0xD2511F53;
  static final int MULTIPLIER_1 = 0xCD9E8D57;
  static final int WEYL_0 = 0x9E3779B9; // golden ratio
  static final int WEYL_1 = 0xBB67AE85; // sqrt(3) - 1
  static final int ROUNDS = 10;

  private Philox() {}

  /** Word {@code index mod 4} of the block with counter (index / 4, stream) under the key seed. */
  static int word(long seed, long stream, long index) {
    int[] words = new int[4];
    block(seed, stream, index >>> 2, words, 0);
    return words[(int) index & 3];
  }

  /** The words from {@code index} on, n of them: as {@link #word}, but each block made once. */
  static void words(long seed, long stream, long index, int[] words, int n) {
    int i = 0;
    while (i < n && ((index + i) & 3) != 0) {
      words[i] = word(seed, stream, index + i);
      i++;
    }
    for (; i + 4 <= n; i += 4) {
      block(seed, stream, (index + i) >>> 2, words, i);
    }
    for (; i < n; i++) {
      words[i] = word(seed, stream, index + i);
    }
  }

  static void block(long seed, long stream, long block, int[] words, int at) {
    int c0 = (int) block;
    int c1 = (int) (block >>> 32);
    int c2 = (int) stream;
    int c3 = (int) (stream >>> 32);
    int k0 = (int) seed;
    int k1 = (int) (seed >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      long p0 = Integer.toUnsignedLong(MULTIPLIER_0) * Integer.toUnsignedLong(c0);
      long p1 = Integer.toUnsignedLong(MULTIPLIER_1) * Integer.toUnsignedLong(c2);
      c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
      c1 = (int) p1;
      c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
      c3 = (int) p0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    words[at] = c0;
    words[at + 1] = c1;
    words[at + 2] = c2;
    words[at + 3] = c3;
  }
}
