package dev.narrow.repro.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class MaskedTextTest {
  private static final int SAMPLES = 400;
  private static final String TEXT = "to be or not to be, that is the question: ".repeat(40);
  private static final long SEP = 1;
  private static final long MASK = 2;

  private final MaskedText masked = new MaskedText(TEXT, 0, TEXT.length(), SAMPLES, 0);

  /** What was masked put back, and as characters. */
  private String restored(int sample) {
    long[] tokens = masked.tokens(sample, sample + 1);
    long[] places = masked.masked(sample, sample + 1);
    long[] labels = masked.labels(sample, sample + 1);
    for (int i = 0; i < places.length; i++) {
      tokens[(int) places[i]] = labels[i];
    }
    int[] characters = TEXT.chars().distinct().sorted().toArray();
    StringBuilder text = new StringBuilder();
    for (long token : tokens) {
      text.append(token < 3 ? (char) ('0' + token) : (char) characters[(int) token - 3]);
    }
    return text.toString();
  }

  @Test
  void bothPiecesAreOfTheTextAndTheSecondFollowsWhereItIsSaid() {
    int follow = 0;
    for (int s = 0; s < SAMPLES; s++) {
      String[] pieces = restored(s).substring(1).split("1", 0);
      assertEquals(2, pieces.length);
      assertTrue(TEXT.contains(pieces[0]) && TEXT.contains(pieces[1]), pieces[0]);
      boolean follows = masked.follows(s, s + 1)[0] == 1;
      follow += follows ? 1 : 0;
      assertTrue(!follows || TEXT.contains(pieces[0] + pieces[1]), pieces[0]);
    }
    assertEquals(SAMPLES / 2.0, follow, 40); // four standard deviations
  }

  @Test
  void theTypesAreThoseOfThePieces() {
    long[] tokens = masked.tokens(0, 1);
    long[] types = MaskedText.types(1);
    int second = 0;
    while (tokens[second] != SEP) {
      assertEquals(0, types[second++]);
    }
    long[] rest = Arrays.copyOfRange(types, second + 1, types.length);
    assertTrue(Arrays.stream(rest).allMatch(type -> type == 1));
  }

  @Test
  void eightInTenAreMasked() {
    int masks = 0;
    for (int s = 0; s < SAMPLES; s++) {
      long[] places = masked.masked(s, s + 1);
      assertEquals(places.length, Arrays.stream(places).distinct().count());
      masks += (int) Arrays.stream(masked.tokens(s, s + 1)).filter(token -> token == MASK).count();
    }
    assertEquals(0.8 * SAMPLES * MaskedText.MASKED, masks, 90); // four standard deviations
  }

  @Test
  void theSameArgumentsGiveTheSameSamplesAndAnotherStreamOthers() {
    MaskedText again = new MaskedText(TEXT, 0, TEXT.length(), SAMPLES, 0);
    MaskedText other = new MaskedText(TEXT, 0, TEXT.length(), SAMPLES, 1);
    assertArrayEquals(masked.tokens(0, SAMPLES), again.tokens(0, SAMPLES));
    assertTrue(!Arrays.equals(masked.tokens(0, SAMPLES), other.tokens(0, SAMPLES)));
  }

  @Test
  void aScoreIsTheAccuracyAndTheCrossEntropy() {
    float[] logits = {0, 0, (float) Math.log(3), 0};
    DjlExample.Score score = DjlExample.Score.of(logits, new int[] {1, 0});
    assertEquals(0.5, score.accuracy());
    assertEquals((Math.log(2) + Math.log(4 / 3.0)) / 2, score.loss(), 1e-7);
  }
}
