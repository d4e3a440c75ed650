package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Arithmetic of logarithmic formats against decimals of sixty digits: numbers nearer to each other
 * than 10^-40 of them are equal, as no two sums of three such powers come as near without being so.
 */
class ArithmeticLogOracleTest {
  private static final MathContext DIGITS = new MathContext(60);
  private static final BigDecimal EQUAL = BigDecimal.ONE.movePointLeft(40);
  private static final BigDecimal TWO = BigDecimal.TWO;

  private static final List<Rounding> ROUNDINGS =
      List.of(
          Rounding.NEAREST_EVEN,
          Rounding.NEAREST_AWAY,
          Rounding.TOWARD_ZERO,
          Rounding.TOWARD_POSITIVE,
          Rounding.TOWARD_NEGATIVE,
          Rounding.TO_ODD,
          Rounding.NEAREST_EVEN.linear(),
          Rounding.NEAREST_AWAY.linear());

  /** 2^(n / 2^bits). */
  private static BigDecimal power(long n, int bits) {
    BigDecimal root = TWO;
    BigDecimal power = BigDecimal.ONE;
    long whole = n >> bits;
    for (int i = 1; i <= bits; i++) {
      root = root.sqrt(DIGITS);
      if ((n >> (bits - i) & 1) != 0) {
        power = power.multiply(root, DIGITS);
      }
    }
    BigDecimal scale = TWO.pow((int) Math.abs(whole));
    return whole < 0 ? power.divide(scale, DIGITS) : power.multiply(scale, DIGITS);
  }

  /** The values of the magnitude codes, one more, and the borders between them, ascending. */
  private static final class Grid {
    private final LogFormat format;
    private final int first;
    private final BigDecimal[] values;
    private final BigDecimal[] logMiddles;
    private final BigDecimal[] middles;

    Grid(LogFormat format) {
      this.format = format;
      int bits = Integer.numberOfTrailingZeros(format.gamma());
      int count = (1 << (format.width() - 1)) + 1;
      first = format.zero() == LogFormat.Zero.RESERVED ? 1 : 0;
      values = new BigDecimal[count];
      logMiddles = new BigDecimal[count];
      middles = new BigDecimal[count];
      for (int m = 0; m < count; m++) {
        values[m] = m < first ? BigDecimal.ZERO : power(m - (long) format.bias(), bits);
      }
      for (int m = 0; m + 1 < count; m++) {
        logMiddles[m] = power(2 * (m - (long) format.bias()) + 1, bits + 1);
        middles[m] = values[m].add(values[m + 1]).divide(TWO);
      }
    }

    BigDecimal value(int code) {
      int magnitude = code & (values.length - 2);
      return code == magnitude ? values[magnitude] : values[magnitude].negate();
    }

    /** Without calculating a tolerance where the leading digits decide. */
    private static int compare(BigDecimal x, BigDecimal y) {
      BigDecimal difference = x.subtract(y);
      boolean near =
          y.signum() != 0
              && difference.precision() - difference.scale() < y.precision() - y.scale() - 38;
      return near && difference.abs().compareTo(y.multiply(EQUAL)) <= 0 ? 0 : difference.signum();
    }

    /** Which code a number becomes where overflow and underflow saturate and flush. */
    int encode(BigDecimal x, Rounding rounding) {
      boolean negative = x.signum() < 0;
      BigDecimal magnitude = x.abs();
      int low = 0; // the last not above the number
      int high = values.length - 1;
      while (low < high) {
        int middle = (low + high + 1) / 2;
        if (compare(magnitude, values[middle]) >= 0) {
          low = middle;
        } else {
          high = middle - 1;
        }
      }
      int rounded = low;
      boolean below = low < first || compare(magnitude, values[low]) < 0;
      if (below && first == 0) {
        rounded = 0; // without a zero everything becomes the smallest
      } else if (low + 1 < values.length && (below || compare(magnitude, values[low]) != 0)) {
        boolean own = rounding.domain() == Rounding.Domain.OWN;
        int side = compare(magnitude, own ? logMiddles[low] : middles[low]);
        boolean up =
            switch (rounding.mode()) {
              case TOWARD_ZERO -> false;
              case TOWARD_POSITIVE -> !negative;
              case TOWARD_NEGATIVE -> negative;
              case TO_ODD -> low % 2 == 0;
              case NEAREST_EVEN -> side > 0 || (side == 0 && low % 2 != 0);
              case NEAREST_AWAY -> side >= 0;
              default -> throw new IllegalArgumentException("rounding = " + rounding);
            };
        rounded = up ? low + 1 : low;
      }
      rounded = Math.min(rounded, values.length - 2);
      return rounded == 0 && first == 1 ? 0 : negative ? rounded | values.length - 1 : rounded;
    }
  }

  @Test
  void allPairsOfLns8() {
    allPairs(Formats.LNS8, 1);
  }

  @Test
  void pairsOfOtherBaseFactorsAndWithoutZero() {
    allPairs(SampleFormats.GAMMA_1, 1);
    allPairs(SampleFormats.GAMMA_2_MADAM, 1);
    allPairs(SampleFormats.TWO_BITS, 1);
    allPairs(Formats.LNS8_MADAM, 7);
    allPairs(SampleFormats.GAMMA_128, 13);
  }

  private static void allPairs(LogFormat format, int stride) {
    Grid grid = new Grid(format);
    int codes = 1 << format.width();
    Arithmetic[] arithmetic =
        ROUNDINGS.stream()
            .map(r -> Arithmetic.of(format, format.defaultProjection().with(r)))
            .toArray(Arithmetic[]::new);
    for (int pair = 0; pair < codes * codes; pair += stride) {
      int a = pair / codes;
      int b = pair % codes;
      if (format.isNan(a) || format.isNan(b)) {
        for (Arithmetic m : arithmetic) {
          assertEquals(codes / 2, m.add(a, b));
          assertEquals(codes / 2, m.divide(a, b));
        }
        continue;
      }
      BigDecimal x = grid.value(a);
      BigDecimal y = grid.value(b);
      check(grid, arithmetic, Operation.ADD, x.add(y), a, b);
      check(grid, arithmetic, Operation.SUBTRACT, x.subtract(y), a, b);
      check(grid, arithmetic, Operation.MULTIPLY, x.multiply(y, DIGITS), a, b);
      if (y.signum() != 0) {
        check(grid, arithmetic, Operation.DIVIDE, x.divide(y, DIGITS), a, b);
        BigDecimal quotient = x.divide(y, DIGITS);
        BigDecimal n = quotient.setScale(45, RoundingMode.HALF_EVEN);
        n = n.setScale(0, RoundingMode.HALF_EVEN);
        check(grid, arithmetic, Operation.REMAINDER, x.subtract(n.multiply(y)), a, b);
      }
    }
    for (int a = 0; a < codes; a++) {
      BigDecimal x = format.isNan(a) ? BigDecimal.ZERO : grid.value(a);
      if (x.signum() > 0) {
        BigDecimal root = x.sqrt(DIGITS);
        check(grid, arithmetic, Operation.SQRT, root, a);
        check(grid, arithmetic, Operation.RECIPROCAL_SQRT, BigDecimal.ONE.divide(root, DIGITS), a);
        check(grid, arithmetic, Operation.RECIPROCAL, BigDecimal.ONE.divide(x, DIGITS), a);
      }
    }
  }

  @Test
  void sumsOfThreeAndProducts() {
    SplittableRandom random = new SplittableRandom(3);
    for (LogFormat format : List.of(Formats.LNS8, SampleFormats.GAMMA_2_MADAM)) {
      Grid grid = new Grid(format);
      Arithmetic[] arithmetic =
          ROUNDINGS.stream()
              .map(r -> Arithmetic.of(format, format.defaultProjection().with(r)))
              .toArray(Arithmetic[]::new);
      for (int i = 0; i < 10000; i++) {
        int[] codes = random.ints(3, 0, 1 << format.width()).toArray();
        if (Arrays.stream(codes).noneMatch(format::isNan)) {
          BigDecimal x = grid.value(codes[0]);
          BigDecimal y = grid.value(codes[1]);
          BigDecimal z = grid.value(codes[2]);
          check(grid, arithmetic, Operation.FMA, x.multiply(y, DIGITS).add(z), codes);
          check(grid, arithmetic, Operation.FAA, x.add(y).add(z), codes);
        }
      }
    }
  }

  private static void check(
      Grid grid, Arithmetic[] arithmetic, Operation operation, BigDecimal x, int... codes) {
    boolean zero = x.abs().compareTo(grid.values[1].multiply(EQUAL)) < 0;
    for (int i = 0; i < arithmetic.length; i++) {
      int expected = zero ? 0 : grid.encode(x, ROUNDINGS.get(i));
      int actual = operation.apply(arithmetic[i], codes);
      if (expected != actual) {
        assertEquals(
            expected,
            actual,
            operation + Arrays.toString(codes) + " " + grid.format + " " + ROUNDINGS.get(i));
      }
    }
  }
}
