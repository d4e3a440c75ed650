package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class PhiloxTest {

  /**
   * The known answers of Random123 for philox4x32 with 10 rounds; counter and key low word first.
   */
  @Test
  void knownAnswers() {
    assertBlock(0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    assertBlock(
        0xa4093822L | (0x299f31d0L << 32),
        0x13198a2eL | (0x03707344L << 32),
        0x243f6a88L | (0x85a308d3L << 32),
        0xd16cfe09,
        0x94fdcceb,
        0x5001e420,
        0x24126ea1);
    assertBlock(-1, -1, -1, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
  }

  private static void assertBlock(long seed, long stream, long block, int... expected) {
    int[] words = new int[4];
    Philox.block(seed, stream, block, words, 0);
    assertArrayEquals(expected, words);
  }

  @Test
  void anElementTakesTheWordOfItsIndexInItsBlock() {
    RandomBits random = new RandomBits(0x0123_4567_89AB_CDEFL, 42);
    int[] block = new int[4];
    for (long index : new long[] {0, 1, 6, 7, 1L << 34, Long.MAX_VALUE}) {
      Philox.block(random.seed(), random.stream(), index / 4, block, 0);
      assertEquals(block[(int) (index % 4)], random.word(index));
    }
  }

  @Test
  void manyWordsAreSingleWordsWhereverTheyStart() {
    RandomBits random = new RandomBits(7, 1).withStream(9);
    for (int first = 0; first < 8; first++) {
      for (int n = 0; n < 12; n++) {
        int[] words = new int[n];
        random.words(first, words, n);
        for (int i = 0; i < n; i++) {
          assertEquals(new RandomBits(7, 9).word(first + i), words[i]);
        }
      }
    }
  }
}
