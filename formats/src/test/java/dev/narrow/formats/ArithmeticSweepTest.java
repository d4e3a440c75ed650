package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * All triples of 8-bit codes and all pairs of 16-bit codes, against float64 arithmetic rounded to
 * odd and then encoded: a second rounding, in any mode, to a format of at least two bits less is
 * innocuous after that (Boldo and Melquiond, 2005), and the encoding is proved elsewhere. By
 * default a part of them, all of them under the tag exhaustive.
 */
class ArithmeticSweepTest {
  private static final List<Rounding> ROUNDINGS =
      List.of(
          Rounding.NEAREST_EVEN,
          Rounding.NEAREST_AWAY,
          Rounding.TOWARD_ZERO,
          Rounding.TOWARD_POSITIVE,
          Rounding.TOWARD_NEGATIVE,
          Rounding.TO_ODD);

  static List<FloatFormat> sixteenBits() {
    return List.of(Formats.FP16, Formats.BF16);
  }

  /** x if it is the exact result, else the one of its odd neighbours, of itself too, toward it. */
  private static double toOdd(double x, double error) {
    boolean even = (Double.doubleToRawLongBits(x) & 1) == 0;
    return error == 0 || Double.isNaN(error) || !even
        ? x
        : error > 0 ? Math.nextUp(x) : Math.nextDown(x);
  }

  /** The operations on float64 operands of at most 24 bits, far from the ends of its range. */
  enum Reference {
    ADD {
      @Override
      double apply(double x, double y) {
        double sum = x + y;
        double part = sum - x;
        return toOdd(sum, (x - (sum - part)) + (y - part)); // Knuth's TwoSum
      }
    },
    MULTIPLY {
      @Override
      double apply(double x, double y) {
        return x * y; // exact
      }
    },
    DIVIDE {
      @Override
      double apply(double x, double y) {
        double quotient = x / y;
        double rest = Math.fma(-quotient, y, x); // exact
        return toOdd(quotient, y > 0 ? rest : -rest);
      }
    };

    abstract double apply(double x, double y);

    int apply(Arithmetic arithmetic, int a, int b) {
      return switch (this) {
        case ADD -> arithmetic.add(a, b);
        case MULTIPLY -> arithmetic.multiply(a, b);
        case DIVIDE -> arithmetic.divide(a, b);
      };
    }

    float apply(float x, float y) {
      return switch (this) {
        case ADD -> x + y;
        case MULTIPLY -> x * y;
        case DIVIDE -> x / y;
      };
    }
  }

  /** A sum that float64 makes +0 is -0 toward negative, unless both are +0. */
  private static double withSignOfZero(double sum, double x, double y, Rounding rounding) {
    boolean bothPositive = Double.doubleToRawLongBits(x) == 0 && Double.doubleToRawLongBits(y) == 0;
    boolean down = rounding.mode() == Rounding.Mode.TOWARD_NEGATIVE;
    return sum == 0 && down && !bothPositive ? -0.0 : sum;
  }

  private static int differing(FloatFormat format, Rounding rounding, int from, int to) {
    Projection projection = new Projection(rounding, Saturation.IEEE);
    Arithmetic arithmetic = Arithmetic.of(format, projection);
    double[] values = new double[1 << format.width()];
    for (int code = 0; code < values.length; code++) {
      values[code] = format.decodeDouble(code);
    }
    int differing = 0;
    for (int ab = from; ab < to; ab++) {
      double product = values[ab >> 8] * values[ab & 255];
      for (int c = 0; c < 256; c++) {
        double z = values[c];
        double sum = withSignOfZero(Reference.ADD.apply(product, z), product, z, rounding);
        sum = Double.isNaN(sum) ? Double.NaN : sum; // of one sign
        if (arithmetic.fma(ab >> 8, ab & 255, c) != format.encode(sum, projection)) {
          differing++;
        }
      }
    }
    return differing;
  }

  /** All 2^24: the sum of a product and a number of E5M2 is exact in float64 or nearly so. */
  @Test
  void everyFmaOfE5m2ToNearest() {
    assertEquals(0, differing(Formats.E5M2, Rounding.NEAREST_EVEN, 0, 1 << 16));
  }

  @ParameterizedTest
  @MethodSource("roundings")
  void fmaOfE5m2InEveryRounding(Rounding rounding) {
    assertEquals(0, differing(Formats.E5M2, rounding, 0x3B00, 0x4300));
    assertEquals(0, differing(Formats.E5M2, rounding, 0x8000, 0x8200));
  }

  @Tag("exhaustive")
  @ParameterizedTest
  @MethodSource("roundings")
  void everyFmaInEveryRounding(Rounding rounding) {
    assertEquals(0, differing(Formats.E5M2, rounding, 0, 1 << 16));
    assertEquals(0, differing(Formats.E4M3FN, rounding, 0, 1 << 16));
  }

  static List<Rounding> roundings() {
    return ROUNDINGS;
  }

  /** How many triples of E5M2 a float32 fma and a second rounding gets wrong. */
  @Test
  void throughFloat32FmaIsWrong() {
    Arithmetic arithmetic =
        Arithmetic.of(Formats.E5M2, new Projection(Rounding.NEAREST_EVEN, Saturation.IEEE));
    float[] values = new float[256];
    for (int code = 0; code < values.length; code++) {
      values[code] = Formats.E5M2.decode(code);
    }
    int wrong = 0;
    int finite = 0;
    for (int abc = 0; abc < 1 << 24; abc++) {
      int a = abc >> 16;
      int b = abc >> 8 & 255;
      int c = abc & 255;
      if ((a & 0x7C) != 0x7C && (b & 0x7C) != 0x7C && (c & 0x7C) != 0x7C) {
        finite++;
        float fused = Math.fma(values[a], values[b], values[c]);
        int twice = Formats.E5M2.encode(fused, Formats.E5M2.defaultProjection());
        wrong += twice == arithmetic.fma(a, b, c) ? 0 : 1;
      }
    }
    assertEquals(15_252_992, finite);
    assertEquals(18_960, wrong);
  }

  private static void checkPair(
      FloatFormat format, Arithmetic arithmetic, Projection projection, int a, int b) {
    double x = format.decodeDouble(a);
    double y = format.decodeDouble(b);
    for (Reference operation : Reference.values()) {
      double exact = operation.apply(x, y);
      if (operation == Reference.ADD) {
        exact = withSignOfZero(exact, x, y, projection.rounding());
      }
      exact = Double.isNaN(exact) ? Double.NaN : exact; // of one sign
      int actual = operation.apply(arithmetic, a, b);
      int expected = format.encode(exact, projection);
      if (expected != actual) {
        assertEquals(expected, actual, operation + " " + a + " " + b + " " + projection);
      }
    }
  }

  /**
   * Patterns that TestFloat, too, is made of: all exponents with the ends and runs of fractions.
   */
  private static int[] patterns(FloatFormat format, int step) {
    int fractionBits = format.precision() - 1;
    int all = (1 << fractionBits) - 1;
    int[] fractions = {0, 1, all, all - 1, all >> 1, (all >> 1) + 1, all & 0x5555};
    int exponents = 1 << (15 - fractionBits);
    IntStream chosen =
        IntStream.range(0, exponents)
            .filter(e -> e % step == 0 || e < 2 || e > exponents - 3)
            .flatMap(e -> IntStream.of(fractions).map(f -> e << fractionBits | f));
    return chosen.flatMap(c -> IntStream.of(c, c | 0x8000)).toArray();
  }

  @ParameterizedTest
  @MethodSource("sixteenBits")
  void patternsAndRandomPairsInEveryRounding(FloatFormat format) {
    int[] patterns = patterns(format, format.precision() == 11 ? 1 : 9);
    SplittableRandom random = new SplittableRandom(5);
    for (Rounding rounding : ROUNDINGS) {
      Projection projection = new Projection(rounding, Saturation.IEEE);
      Arithmetic arithmetic = Arithmetic.of(format, projection);
      for (int a : patterns) {
        for (int b : patterns) {
          checkPair(format, arithmetic, projection, a, b);
        }
      }
      for (int i = 0; i < 100_000; i++) {
        int codes = random.nextInt();
        checkPair(format, arithmetic, projection, codes >>> 16, codes & 0xFFFF);
      }
    }
  }
}
