package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every operation on all codes and all pairs of codes of every format of at most 8 bits whose
 * values are dyadic, in every rounding, against exact rational numbers and the definition of
 * rounding.
 */
class ArithmeticOracleTest {
  private static final List<Rounding> ROUNDINGS =
      List.of(
          Rounding.NEAREST_EVEN,
          Rounding.NEAREST_AWAY,
          Rounding.TOWARD_ZERO,
          Rounding.TOWARD_POSITIVE,
          Rounding.TOWARD_NEGATIVE,
          Rounding.TO_ODD);

  private static Stream<NumericFormat> formats() {
    return Stream.concat(
        Formats.all().stream().filter(f -> f.width() <= 8 && !(f instanceof LogFormat)),
        Stream.of(SampleFormats.NO_SUBNORMALS, SampleFormats.NO_ZERO, SampleFormats.ALL_SUBNORMAL));
  }

  /** The codes of exact results in every rounding, found once for each result. */
  private static final class Reference {
    private final NumericFormat format;
    private final List<Projection> projections;
    private final Definition definition;
    private final Map<Exact, int[]> known = new HashMap<>();

    Reference(NumericFormat format) {
      this.format = format;
      projections = ROUNDINGS.stream().map(r -> format.defaultProjection().with(r)).toList();
      definition = Definition.of(format);
    }

    List<Arithmetic> arithmeticFrom(NumericFormat operands) {
      return projections.stream().map(p -> Arithmetic.of(operands, format, p)).toList();
    }

    /** Checks what each arithmetic makes of an operation whose exact result is known. */
    void check(Exact x, List<Arithmetic> arithmetic, Operation operation, int... codes) {
      int[] expected =
          known.computeIfAbsent(x, y -> projections.stream().mapToInt(p -> encode(y, p)).toArray());
      check(expected, arithmetic, operation, codes);
    }

    void check(BigDecimal x, List<Arithmetic> arithmetic, Operation operation, int... codes) {
      int[] expected = projections.stream().mapToInt(p -> definition.encode(x, p, 0)).toArray();
      check(expected, arithmetic, operation, codes);
    }

    private void check(
        int[] expected, List<Arithmetic> arithmetic, Operation operation, int... codes) {
      for (int i = 0; i < expected.length; i++) {
        int actual = operation.apply(arithmetic.get(i), codes);
        if (expected[i] == Oracle.NAN ? !format.isNan(actual) : expected[i] != actual) {
          assertEquals(
              expected[i],
              actual,
              operation + Arrays.toString(codes) + " to " + format.name() + projections.get(i));
        }
      }
    }

    /** What NaN, infinities and zeros become is proved elsewhere. */
    private int encode(Exact x, Projection projection) {
      double sign = x.negative() ? -1 : 1;
      boolean down = projection.rounding().mode() == Rounding.Mode.TOWARD_NEGATIVE;
      return switch (x.kind()) {
        case NAN -> format.encode(Double.NaN, projection);
        case INFINITE -> format.encode(sign * Double.POSITIVE_INFINITY, projection);
        case ZERO -> format.encode(sign * 0.0, projection);
        case CANCELLED -> format.encode(down ? -0.0 : 0.0, projection);
        case NUMBER -> definition.encode(x.number(), projection, 0);
      };
    }
  }

  /** The definition of rounding, which shares no code with the library. */
  private interface Definition {
    int encode(BigDecimal x, Projection projection, int word);

    static Definition of(NumericFormat format) {
      return DEFINITIONS.computeIfAbsent(
          format,
          f -> {
            if (f instanceof FloatFormat) {
              return new Oracle(f)::encode;
            }
            ValueOracle oracle = new ValueOracle(f);
            return (x, projection, word) -> oracle.encode(x, projection.rounding(), word);
          });
    }
  }

  private static final Map<NumericFormat, Definition> DEFINITIONS = new HashMap<>();

  private static List<Exact> values(NumericFormat format) {
    return IntStream.range(0, 1 << format.width())
        .mapToObj(code -> Exact.of(format.decodeDouble(code)))
        .toList();
  }

  private static boolean tellsZeros(NumericFormat format) {
    return format instanceof FloatFormat f && f.negativeZero();
  }

  @ParameterizedTest
  @MethodSource("formats")
  void allPairs(NumericFormat format) {
    List<Exact> values = values(format);
    Reference reference = new Reference(format);
    List<Arithmetic> arithmetic = reference.arithmeticFrom(format);
    for (int a = 0; a < values.size(); a++) {
      Exact x = values.get(a);
      for (int b = 0; b < values.size(); b++) {
        Exact y = values.get(b);
        reference.check(x.plus(y), arithmetic, Operation.ADD, a, b);
        reference.check(x.plus(y.negated()), arithmetic, Operation.SUBTRACT, a, b);
        reference.check(x.times(y), arithmetic, Operation.MULTIPLY, a, b);
        reference.check(x.over(y, tellsZeros(format)), arithmetic, Operation.DIVIDE, a, b);
        reference.check(x.remainder(y), arithmetic, Operation.REMAINDER, a, b);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void allCodes(NumericFormat format) {
    List<Exact> values = values(format);
    Reference reference = new Reference(format);
    List<Arithmetic> arithmetic = reference.arithmeticFrom(format);
    for (int a = 0; a < values.size(); a++) {
      Exact x = values.get(a);
      Exact inverse = Exact.of(1).over(x, tellsZeros(format));
      reference.check(inverse, arithmetic, Operation.RECIPROCAL, a);
      reference.check(x.negated(), arithmetic, Operation.NEGATE, a);
      if (x.kind() == Exact.Kind.NUMBER && !x.negative()) {
        reference.check(x.root(), arithmetic, Operation.SQRT, a);
        reference.check(x.reciprocalRoot(), arithmetic, Operation.RECIPROCAL_SQRT, a);
      } else if (x.kind() == Exact.Kind.NUMBER) {
        reference.check(Exact.NAN, arithmetic, Operation.SQRT, a);
        reference.check(Exact.NAN, arithmetic, Operation.RECIPROCAL_SQRT, a);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void conversionsFromEveryFormat(NumericFormat result) {
    Reference reference = new Reference(result);
    formats().forEach(from -> convert(from, reference, 1));
    SIXTEEN_BITS.forEach(from -> convert(from, reference, 151));
  }

  @Tag("exhaustive")
  @ParameterizedTest
  @MethodSource("formats")
  void conversionsFromEverySixteenBitCode(NumericFormat result) {
    Reference reference = new Reference(result);
    SIXTEEN_BITS.forEach(from -> convert(from, reference, 1));
  }

  private static final List<NumericFormat> SIXTEEN_BITS =
      List.of(Formats.FP16, Formats.BF16, Formats.POSIT16, Formats.INT16);

  private static void convert(NumericFormat from, Reference to, int stride) {
    List<Arithmetic> arithmetic = to.arithmeticFrom(from);
    for (int a = 0; a < 1 << from.width(); a += stride) {
      to.check(Exact.of(from.decodeDouble(a)), arithmetic, Operation.CONVERT, a);
    }
  }

  /** One rounding into a wider or narrower format, of two and three operands, with every word. */
  @Test
  void sumsOfProductsIntoOtherFormatsWithEveryWord() {
    NumericFormat from = Formats.E4M3FN;
    List<Exact> values = values(from);
    SplittableRandom random = new SplittableRandom(1);
    for (NumericFormat to : List.of(Formats.E5M2, Formats.E2M1, Formats.POSIT8, Formats.INT8)) {
      for (Rounding.Mode mode : STOCHASTIC) {
        Projection projection = to.defaultProjection().with(Rounding.stochastic(mode, 5));
        for (int word = 0; word < 32; word++) {
          int randomWord = word << 27;
          Arithmetic arithmetic = Arithmetic.of(from, to, projection).withRandomWord(randomWord);
          for (int i = 0; i < 100; i++) {
            int a = random.nextInt(256);
            int b = random.nextInt(256);
            int c = random.nextInt(256);
            Exact x = values.get(a);
            Exact y = values.get(b);
            Exact z = values.get(c);
            int[] factors = {b, c};
            check(to, projection, randomWord, x.times(y).plus(z), arithmetic.fma(a, b, c));
            check(to, projection, randomWord, x.plus(y).plus(z), arithmetic.faa(a, b, c));
            Exact dot = x.times(y).plus(x.times(z));
            check(to, projection, randomWord, dot, arithmetic.dot(new int[] {a, a}, factors));
            check(to, projection, randomWord, x.over(y, true), arithmetic.divide(a, b));
          }
        }
      }
    }
  }

  private static final List<Rounding.Mode> STOCHASTIC =
      List.of(Rounding.Mode.STOCHASTIC, Rounding.Mode.STOCHASTIC_A, Rounding.Mode.STOCHASTIC_B);

  private static void check(
      NumericFormat to, Projection projection, int word, Exact x, int actual) {
    if (x.kind() == Exact.Kind.NUMBER) {
      int expected = Definition.of(to).encode(x.number(), projection, word);
      assertEquals(expected, to.isNan(actual) ? Oracle.NAN : actual, () -> x + " " + to.name());
    }
  }
}
