package dev.narrow.repro.djl;

import dev.narrow.formats.RandomBits;
import java.util.Arrays;

/**
 * Samples for BERT (arXiv 1810.04805, section 3.1) from a text: two pieces of it, of which the
 * second follows the first in the text in half of the samples, with some characters masked. Tokens
 * are the characters in the order of their codes, after three of their own.
 */
final class MaskedText {
  /** Tokens of a sample. */
  static final int LENGTH = 48;

  /** Masked characters of a sample, 15 %. */
  static final int MASKED = 7;

  private static final int CLS = 0;
  private static final int SEP = 1;
  private static final int MASK = 2;
  private static final int SPECIAL = 3;
  private static final int FIRST = (LENGTH - 3) / 2; // characters of the first piece
  private static final int SECOND = LENGTH - 3 - FIRST;

  private final int[] characters;
  private final int samples;
  private final long[] tokens;
  private final long[] masked; // their places
  private final long[] labels; // what they were
  private final long[] follows;

  /**
   * Samples from a part of a text.
   *
   * @param text all of it, whose characters are the vocabulary
   * @param from begin of the part
   * @param to end of the part
   * @param stream of random bits, another for each part
   */
  MaskedText(String text, int from, int to, int samples, long stream) {
    this.characters = text.chars().distinct().sorted().toArray();
    this.samples = samples;
    this.tokens = new long[samples * LENGTH];
    this.masked = new long[samples * MASKED];
    this.labels = new long[samples * MASKED];
    this.follows = new long[samples];
    int[] ids =
        text.substring(from, to)
            .chars()
            .map(c -> SPECIAL + Arrays.binarySearch(characters, c))
            .toArray();
    RandomBits bits = new RandomBits(0, stream);
    for (int s = 0; s < samples; s++) {
      write(s, ids, new Draws(bits, s));
    }
  }

  /** Numbers from random bits, one after the other. */
  private static final class Draws {
    private final RandomBits bits;
    private long next;

    /** Those of a sample, which needs fewer than 64. */
    Draws(RandomBits bits, long sample) {
      this.bits = bits;
      this.next = sample * 64;
    }

    int below(int bound) {
      return Integer.remainderUnsigned(bits.word(next++), bound);
    }
  }

  private void write(int s, int[] ids, Draws draws) {
    int starts = ids.length - FIRST - SECOND;
    int first = draws.below(starts);
    follows[s] = draws.below(2);
    int second = follows[s] == 1 ? first + FIRST : draws.below(starts);
    int at = s * LENGTH;
    int[] places = new int[FIRST + SECOND];
    tokens[at] = CLS;
    for (int i = 0; i < FIRST; i++) {
      places[i] = 1 + i;
      tokens[at + places[i]] = ids[first + i];
    }
    tokens[at + 1 + FIRST] = SEP;
    for (int i = 0; i < SECOND; i++) {
      places[FIRST + i] = 2 + FIRST + i;
      tokens[at + places[FIRST + i]] = ids[second + i];
    }
    tokens[at + LENGTH - 1] = SEP;
    for (int m = 0; m < MASKED; m++) {
      int other = m + draws.below(places.length - m);
      int place = places[other];
      places[other] = places[m];
      masked[s * MASKED + m] = place;
      labels[s * MASKED + m] = tokens[at + place];
      int how = draws.below(10); // 80 % masked, 10 % another character, 10 % as it is
      if (how < 8) {
        tokens[at + place] = MASK;
      } else if (how == 8) {
        tokens[at + place] = draws.below(characters.length) + (long) SPECIAL;
      }
    }
  }

  int samples() {
    return samples;
  }

  int vocabulary() {
    return SPECIAL + characters.length;
  }

  /** Tokens of some samples, row-major, LENGTH in a row. */
  long[] tokens(int from, int to) {
    return Arrays.copyOfRange(tokens, from * LENGTH, to * LENGTH);
  }

  /** Which piece each token is of. */
  static long[] types(int samples) {
    long[] types = new long[samples * LENGTH];
    for (int s = 0; s < samples; s++) {
      Arrays.fill(types, s * LENGTH + FIRST + 2, (s + 1) * LENGTH, 1);
    }
    return types;
  }

  /** The places of the masked characters, MASKED in a row. */
  long[] masked(int from, int to) {
    return Arrays.copyOfRange(masked, from * MASKED, to * MASKED);
  }

  /** The tokens that were masked, MASKED in a row. */
  long[] labels(int from, int to) {
    return Arrays.copyOfRange(labels, from * MASKED, to * MASKED);
  }

  /** For each sample 1 if its second piece follows the first in the text. */
  long[] follows(int from, int to) {
    return Arrays.copyOfRange(follows, from, to);
  }
}
