package dev.narrow.kernels;

import dev.narrow.formats.RandomBits;

/** See {@link TensorArithmetic#dropout}. */
final class Dropout {
  /** Elements whose random words are made at a time. */
  static final int CHUNK = 1024;

  private Dropout() {}

  /** Elements first to last - 1. */
  static void run(
      Kernels kernels,
      float probability,
      RandomBits bits,
      Values x,
      Values y,
      int first,
      int last) {
    // A float below 1 is at most 1 - 2^-24, so that the threshold fits in 32 bits.
    int threshold = (int) (long) Math.rint(probability * 0x1p32);
    float factor = 1f / (1f - probability);
    int[] words = Scratch.takeInts(CHUNK);
    int n;
    for (int i = first; i < last; i += n) {
      n = Math.min(CHUNK, last - i);
      bits.words(i, words, n);
      kernels.dropout(
          words, 0, threshold, factor, x.array(), x.offset() + i, y.array(), y.offset() + i, n);
    }
    Scratch.give(words);
  }
}
