package dev.narrow.repro;

import dev.narrow.formats.RandomBits;

/** The order of samples in an epoch. */
final class Shuffle {
  private static final long STREAM = 1L << 61;

  private Shuffle() {}

  /** A permutation of 0 to n - 1 (Fisher and Yates) that depends on seed and epoch alone. */
  static int[] order(int n, long seed, int epoch) {
    RandomBits random = new RandomBits(seed, STREAM + epoch);
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      // The high half of word × (i + 1): its bias is below n / 2^32.
      int j = (int) ((Integer.toUnsignedLong(random.word(i)) * (i + 1)) >>> 32);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
