package dev.narrow.formats;

import java.util.Objects;

/**
 * A source of random words addressed by element, so that what an element gets depends on nothing
 * but the seed, the stream and its index: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * <p>The key is the seed, low word first; the counter is the index divided by 4 and the stream,
 * each low word first; the element takes word {@code index mod 4} of the block.
 *
 * @param seed the key
 * @param stream a number that separates uses of one seed: a tensor's role and the step, say
 */
public record RandomBits(long seed, long stream) {

  /**
   * The random word of the element with this index, 0 or more.
   *
   * @param index of the element
   * @return 32 random bits
   */
  public int word(long index) {
    return Philox.word(seed, stream, index);
  }

  /**
   * The random words of consecutive elements, as {@link #word} has them.
   *
   * @param index of the first element, 0 or more
   * @param words where they go, from 0 on
   * @param n how many
   * @throws IndexOutOfBoundsException if there is no room for so many
   */
  public void words(long index, int[] words, int n) {
    Objects.checkFromIndexSize(0, n, words.length);
    KernelProvider.kernels().words(this, index, words, n);
  }

  /**
   * Another stream of the same seed.
   *
   * @param other takes the place of the old one
   * @return a source of the same seed
   */
  public RandomBits withStream(long other) {
    return new RandomBits(seed, other);
  }
}
