package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Encoding against the definitions in exact arithmetic, at the places where a monotone map can go
 * wrong: on both sides of every point where it switches.
 */
class OracleTest {
  private static final int[] WORDS = {0, -1, 1 << 31, Integer.MAX_VALUE, 0x9E3779B9, 0x2545F491};

  private static final List<Rounding.Mode> VARIANTS =
      List.of(Rounding.Mode.STOCHASTIC, Rounding.Mode.STOCHASTIC_A, Rounding.Mode.STOCHASTIC_B);

  static List<NumericFormat> narrow() {
    return SampleFormats.narrow();
  }

  static List<NumericFormat> all() {
    return SampleFormats.all();
  }

  @ParameterizedTest
  @MethodSource("narrow")
  void everySwitchingPointInEveryRounding(NumericFormat format) {
    Oracle oracle = new Oracle(format);
    List<Double> points = new ArrayList<>();
    for (int code = 0; code <= oracle.largest(); code++) {
      points.addAll(around(format, code));
    }
    Saturation saturation = format.defaultProjection().saturation();
    points.parallelStream()
        .forEach(x -> {
          for (Rounding rounding : SampleFormats.deterministic()) {
            Projection projection = new Projection(rounding, saturation);
            check(oracle, format, x, projection, 0);
            check(oracle, format, -x, projection, 0);
          }
        });
  }

  /**
   * To nearest the map switches at the middles between codes, in the other roundings at the codes:
   * there, and at the neighbouring doubles and floats.
   */
  @ParameterizedTest
  @MethodSource("sixteenBits")
  void everySwitchingPointOfSixteenBits(NumericFormat format) {
    Oracle oracle = new Oracle(format);
    Saturation saturation = format.defaultProjection().saturation();
    IntStream.rangeClosed(0, oracle.largest())
        .parallel()
        .forEach(code -> {
          double low = format.decodeDouble(code);
          double middle = low + (next((FloatFormat) format, code) - low) / 2;
          double sign = (code & 2) == 0 ? 1 : -1;
          for (Rounding rounding : List.of(Rounding.NEAREST_EVEN, Rounding.NEAREST_AWAY)) {
            for (double x : withNeighbours(middle)) {
              check(oracle, format, sign * x, new Projection(rounding, saturation), 0);
            }
          }
          for (Rounding rounding :
              List.of(
                  Rounding.TOWARD_ZERO,
                  Rounding.TOWARD_POSITIVE,
                  Rounding.TOWARD_NEGATIVE,
                  Rounding.TO_ODD)) {
            for (double x : withNeighbours(low)) {
              check(oracle, format, sign * x, new Projection(rounding, saturation), 0);
            }
          }
        });
  }

  private static double[] withNeighbours(double x) {
    return new double[] {
      x, Math.nextDown(x), Math.nextUp(x), Math.nextDown((float) x), Math.nextUp((float) x)
    };
  }

  /** The format of the LNS-Madam update; its oracle raises numbers to the 4096th power. */
  @Test
  void someSwitchingPointsOfTheLogarithmicUpdateFormat() {
    NumericFormat format = Formats.parse("lns:b16g2048");
    Oracle oracle = new Oracle(format);
    Saturation saturation = format.defaultProjection().saturation();
    IntStream.rangeClosed(0, 8)
        .map(i -> i * (oracle.largest() / 8))
        .parallel()
        .forEach(code -> {
          for (double x : around(format, code)) {
            for (Rounding rounding : List.of(Rounding.NEAREST_EVEN, Rounding.TOWARD_ZERO)) {
              check(oracle, format, x, new Projection(rounding, saturation), 0);
            }
          }
        });
  }

  static List<NumericFormat> sixteenBits() {
    return List.of(Formats.FP16, Formats.BF16);
  }

  @ParameterizedTest
  @MethodSource("narrow")
  void stochasticRoundingWithExtremeWords(NumericFormat format) {
    Oracle oracle = new Oracle(format);
    Saturation saturation = format.defaultProjection().saturation();
    List<Double> points = new ArrayList<>();
    int stride = Math.max(1, oracle.largest() / 4);
    for (int code = 0; code < oracle.largest(); code += stride) {
      points.addAll(around(format, code));
    }
    points.addAll(around(format, oracle.largest()));
    for (int shift = -2; shift > -40; shift -= 5) {
      points.add(1.37 * Math.scalb(format.minPositive(), shift));
    }
    points.parallelStream()
        .forEach(x -> {
          for (int n : new int[] {1, 8, 32}) {
            for (int word : WORDS) {
              for (Rounding.Mode mode : VARIANTS) {
                Rounding rounding = Rounding.stochastic(mode, n);
                check(oracle, format, x, new Projection(rounding, saturation), word);
                check(oracle, format, -x, new Projection(rounding.linear(), saturation), word);
              }
            }
          }
        });
  }

  static Stream<NumericFormat> narrowWithSteps() {
    return narrow().stream().filter(format -> format.maxFinite() > format.minPositive());
  }

  /** All 2^n random numbers: the number of those that round up is the formula, not near it. */
  @ParameterizedTest
  @MethodSource("narrowWithSteps")
  void stochasticRoundingHasExactlyItsProbability(NumericFormat format) {
    Oracle oracle = new Oracle(format);
    Random random = new Random(1);
    for (int i = 0; i < 6; i++) {
      int steps = oracle.largest() - oracle.smallest();
      int code = oracle.smallest() + random.nextInt(steps);
      double low = format.decodeDouble(code);
      double x = low + random.nextDouble() * (format.decodeDouble(code + 1) - low);
      for (Rounding rounding :
          List.of(
              Rounding.stochastic(1),
              Rounding.stochastic(4),
              Rounding.stochastic(9),
              Rounding.stochastic(3).linear(),
              Rounding.stochastic(9).linear())) {
        Projection projection = new Projection(rounding, Saturation.IEEE);
        int n = rounding.randomBits();
        long up = 0;
        for (int r = 0; r < 1 << n; r++) {
          up += format.encode(x, projection, r << (32 - n)) - code;
        }
        boolean own = rounding.domain() == Rounding.Domain.OWN;
        assertEquals(oracle.roundsUp(x, n, own), up, () -> format + " " + x + " " + rounding);
      }
    }
  }

  /** Twelve random bits in a format of the library's own each, in the domain of its default. */
  @Test
  void stochasticRoundingWithTwelveBitsHasExactlyItsProbability() {
    for (NumericFormat format : List.of(Formats.E4M3FN, Formats.LNS8, Formats.FP16)) {
      Oracle oracle = new Oracle(format);
      int code = format.encode(1.5, format.defaultProjection());
      double x = format.decodeDouble(code) * 1.0001;
      Projection projection = new Projection(Rounding.stochastic(12), Saturation.IEEE);
      long up = 0;
      for (int r = 0; r < 1 << 12; r++) {
        up += format.encode(x, projection, r << 20) - code;
      }
      assertEquals(oracle.roundsUp(x, 12, true), up, format.name());
    }
  }

  /** Where stochastic rounding of logarithms switches, to the last bit of a double. */
  @Test
  void stochasticSwitchingPointsOfLogarithms() {
    Random random = new Random(2);
    for (LogFormat format : List.of(Formats.LNS8, SampleFormats.GAMMA_128, SampleFormats.GAMMA_1)) {
      Oracle oracle = new Oracle(format);
      for (int i = 0; i < 200; i++) {
        int code = 1 + random.nextInt(oracle.largest() - 1);
        int n = 1 + random.nextInt(32);
        int word = random.nextInt();
        double f = ((1L << n) - (Integer.toUnsignedLong(word) >>> (32 - n)) - 0.5) / (1L << n);
        double low = format.decodeDouble(code);
        double high = format.decodeDouble(code + 1);
        Projection own = new Projection(Rounding.stochastic(n), Saturation.TORCH);
        Projection linear = new Projection(Rounding.stochastic(n).linear(), Saturation.TORCH);
        double x = Math.pow(2, (code + f - format.bias()) / format.gamma());
        double y = low + f * (high - low);
        for (int ulps = -3; ulps <= 3; ulps++) {
          check(oracle, format, x + ulps * Math.ulp(x), own, word);
          check(oracle, format, y + ulps * Math.ulp(y), linear, word);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void edgesInEveryRoundingAndSaturation(NumericFormat format) {
    Oracle oracle = new Oracle(format);
    TreeSet<Double> points = new TreeSet<>(); // holds both zeros
    points.addAll(
        List.of(
            0.0,
            Double.MIN_VALUE,
            Double.MIN_NORMAL,
            (double) Float.MIN_VALUE,
            (double) Float.MIN_NORMAL,
            0x1p-150,
            0x1p127,
            (double) Float.MAX_VALUE,
            0x1p128,
            Double.MAX_VALUE,
            Double.POSITIVE_INFINITY));
    for (int code :
        new int[] {0, 1, 2, oracle.largest() - 1, oracle.largest(), firstNormal(format)}) {
      points.addAll(around(format, Math.min(code, oracle.largest())));
    }
    List<Rounding> roundings = new ArrayList<>(SampleFormats.deterministic());
    roundings.add(Rounding.stochastic(5));
    roundings.add(Rounding.stochastic(5).linear());
    for (Saturation saturation : SampleFormats.saturations()) {
      for (Rounding rounding : roundings) {
        Projection projection = new Projection(rounding, saturation);
        for (double x : points) {
          for (int word : rounding.isStochastic() ? new int[] {0, -1, 0x50000000} : new int[] {0}) {
            check(oracle, format, x, projection, word);
            check(oracle, format, -x, projection, word);
          }
        }
        check(oracle, format, Double.NaN, projection, 0);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void decodedIsTheNearestFloatAndDouble(NumericFormat format) {
    Oracle oracle = new Oracle(format);
    for (int code = oracle.smallest(); code <= oracle.largest(); code++) {
      BigDecimal d = new BigDecimal(format.decodeDouble(code));
      BigDecimal halfUlp = new BigDecimal(Math.ulp(d.doubleValue())).divide(BigDecimal.TWO);
      assertTrue(oracle.isBetween(d.subtract(halfUlp), code, d.add(halfUlp)), "double " + d);
      BigDecimal f = new BigDecimal(format.decode(code));
      halfUlp = new BigDecimal(Math.ulp(f.floatValue())).divide(BigDecimal.TWO);
      assertTrue(oracle.isBetween(f.subtract(halfUlp), code, f.add(halfUlp)), "float " + f);
    }
  }

  private static int firstNormal(NumericFormat format) {
    return format instanceof FloatFormat f ? (1 << (f.precision() - 1)) - 1 : 0;
  }

  /**
   * Doubles at a magnitude and between it and the next: the values, the middles in both domains,
   * quarters, and their neighbours among doubles and floats.
   */
  static List<Double> around(NumericFormat format, int code) {
    double low = format.decodeDouble(code);
    double high =
        format instanceof LogFormat f
            ? Math.pow(2, (code + 1.0 - f.bias()) / f.gamma())
            : next((FloatFormat) format, code);
    TreeSet<Double> points = new TreeSet<>();
    double step = high - low;
    for (double x :
        new double[] {
          low,
          low + step / 2,
          Math.sqrt(low * high),
          low + step / 4,
          low + 0.7 * step,
          high,
          high / Math.sqrt(high / low)
        }) {
      if (x > 0 && x < Double.POSITIVE_INFINITY) {
        double y = Math.nextDown(Math.nextDown(x));
        for (int i = 0; i < 5; i++) {
          points.add(y);
          y = Math.nextUp(y);
        }
        float f = (float) x;
        points.add((double) Math.nextDown(f));
        points.add((double) f);
        points.add((double) Math.nextUp(f));
      }
    }
    points.remove(0.0);
    return new ArrayList<>(points);
  }

  /** The value after a magnitude, exponents going on beyond the largest. */
  private static double next(FloatFormat f, int code) {
    double low = f.decodeDouble(code);
    if (low == 0) {
      return f.decodeDouble(1);
    }
    int exponent = Math.getExponent(low);
    return low
        + Math.scalb(
            1.0, Math.max(exponent, f.subnormals() ? 1 - f.bias() : exponent) - f.precision() + 1);
  }

  static void check(
      Oracle oracle, NumericFormat format, double x, Projection projection, int word) {
    int expected = oracle.encode(x, projection, word);
    int actual = format.encode(x, projection, word);
    if (expected == Oracle.NAN ? !format.isNan(actual) : expected != actual) {
      throw new AssertionError(
          "%s: %a with %s, word %08x: expected %x, was %x"
              .formatted(format.name(), x, projection, word, expected, actual));
    }
    if ((float) x == x && !projection.rounding().isStochastic()) {
      boolean flushed = projection.saturation().flushInputs() && Math.abs(x) < Float.MIN_NORMAL;
      assertEquals(
          flushed ? format.encode(Math.copySign(0.0, x), projection) : actual,
          format.encode((float) x, projection),
          "float and double paths");
    }
  }
}
