package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RoundingTest {

  @Test
  void everyRoundingIsReadFromItsName() {
    for (Rounding rounding : SampleFormats.deterministic()) {
      assertEquals(rounding, Rounding.parse(rounding.toString()));
    }
    for (int n = 1; n <= 32; n++) {
      Rounding a = Rounding.stochastic(Rounding.Mode.STOCHASTIC_A, n).linear();
      assertEquals(a, Rounding.parse(a.toString().toUpperCase(java.util.Locale.ROOT)));
      assertEquals(Rounding.stochastic(n), Rounding.parse("stochastic:" + n));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "nearest, nearest-even",
    "stochastic, stochastic:1 to stochastic:32",
    "stochastic:0, stochastic:1 to stochastic:32",
    "stochastic-b:33, stochastic-b:1 to stochastic-b:32",
    "to-odd:3, expected to-odd",
    "to-od, to-odd"
  })
  void refusalsHelp(String text, String hint) {
    String message =
        assertThrows(IllegalArgumentException.class, () -> Rounding.parse(text)).toString();
    assertTrue(message.contains(hint), message);
  }

  /**
   * The mean over all random numbers and all fractions of d bits, in steps: the three variants of
   * IEEE P3109 differ in their bias alone.
   */
  @ParameterizedTest
  @CsvSource({
    "STOCHASTIC, 2, 0",
    "STOCHASTIC_A, 2, -0.09375",
    "STOCHASTIC_B, 2, 0.03125",
    "STOCHASTIC, 4, 0",
    "STOCHASTIC_A, 4, 0",
    "STOCHASTIC_B, 4, 0",
    "STOCHASTIC_A, 1, -0.21875",
    "STOCHASTIC_B, 1, 0.03125"
  })
  void biasOfFewRandomBits(Rounding.Mode variant, int n, double bias) {
    int d = 4;
    double sum = 0;
    Projection projection = new Projection(Rounding.stochastic(variant, n), Saturation.IEEE);
    for (int fraction = 0; fraction < 1 << d; fraction++) {
      double x = 1 + 0.125 * fraction / (1 << d); // between 1 and 1.125 in E4M3
      for (int r = 0; r < 1 << n; r++) {
        double rounded = Formats.E4M3FN.decode(Formats.E4M3FN.encode(x, projection, r << (32 - n)));
        sum += (rounded - x) / 0.125;
      }
    }
    assertEquals(bias, sum / (1 << d) / (1 << n));
  }
}
