package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Elementary functions in every rounding, against 64 bits of the exact result, which are proved
 * elsewhere, and the definition of rounding. No result of a narrow number that is not dyadic is
 * followed by so many zeros or ones that the bit added for the rest would lie on a border.
 */
class ArithmeticElementaryTest {
  private static final List<Rounding> ROUNDINGS =
      List.of(
          Rounding.NEAREST_EVEN,
          Rounding.NEAREST_AWAY,
          Rounding.TOWARD_ZERO,
          Rounding.TOWARD_POSITIVE,
          Rounding.TOWARD_NEGATIVE,
          Rounding.TO_ODD);

  private static final Map<Operation, UnaryOperator<Real>> FUNCTIONS =
      Map.of(
          Operation.EXP, Elementary::exp,
          Operation.EXP2, Elementary::exp2,
          Operation.LOG, Elementary::log,
          Operation.LOG2, Elementary::log2,
          Operation.TANH, Elementary::tanh,
          Operation.SIGMOID, Elementary::sigmoid,
          Operation.SQRT, Elementary::sqrt,
          Operation.RECIPROCAL, Elementary::reciprocal,
          Operation.RECIPROCAL_SQRT, Elementary::reciprocalSqrt);

  private static final Set<Operation> ALGEBRAIC =
      Set.of(Operation.SQRT, Operation.RECIPROCAL, Operation.RECIPROCAL_SQRT);

  /** Numbers of this exponent overflow or underflow in every format here, as larger ones do. */
  private static final int BEYOND = 1000;

  static List<NumericFormat> eightBits() {
    return List.of(
        Formats.E4M3FN,
        Formats.E5M2,
        Formats.E3M4,
        Formats.E4M3FNUZ,
        Formats.BINARY8P3SE,
        Formats.E8M0,
        Formats.E3M2,
        Formats.E2M1,
        Formats.LNS8,
        Formats.LNS8_MADAM);
  }

  static List<NumericFormat> sixteenBits() {
    return List.of(Formats.FP16, Formats.BF16);
  }

  @ParameterizedTest
  @MethodSource("eightBits")
  void everyCodeOfEightBits(NumericFormat format) {
    check(format, 1);
  }

  @ParameterizedTest
  @MethodSource("sixteenBits")
  void someCodesOfSixteenBits(NumericFormat format) {
    check(format, 97);
  }

  @Tag("exhaustive")
  @ParameterizedTest
  @MethodSource("sixteenBits")
  void everyCodeOfSixteenBits(NumericFormat format) {
    check(format, 1);
  }

  private static void check(NumericFormat format, int stride) {
    Oracle oracle = new Oracle(format);
    Projection projection = format.defaultProjection();
    List<Arithmetic> arithmetic =
        ROUNDINGS.stream().map(r -> Arithmetic.of(format, projection.with(r))).toList();
    for (int code = 0; code < 1 << format.width(); code += stride) {
      Operand operand = Operand.of(format, code, false);
      if (!operand.isFinite()) {
        continue;
      }
      int gammaBits = format instanceof LogFormat f ? Integer.numberOfTrailingZeros(f.gamma()) : 0;
      Real x = operand.real(gammaBits);
      boolean one = x.equals(Dyadic.ONE);
      for (Operation operation : FUNCTIONS.keySet()) {
        if (format instanceof LogFormat && ALGEBRAIC.contains(operation)) {
          continue; // results may lie on a border: see ArithmeticLogOracleTest
        }
        boolean root = operation == Operation.SQRT || operation == Operation.RECIPROCAL_SQRT;
        boolean logarithm = operation == Operation.LOG || operation == Operation.LOG2;
        if ((x.negative() && (root || logarithm)) || (one && logarithm)) {
          continue;
        }
        BigDecimal result = number(FUNCTIONS.get(operation).apply(x));
        for (int i = 0; i < ROUNDINGS.size(); i++) {
          int expected = oracle.encode(result, projection.with(ROUNDINGS.get(i)), 0);
          int actual = operation.apply(arithmetic.get(i), code);
          if (expected == Oracle.NAN ? !format.isNan(actual) : expected != actual) {
            assertEquals(
                expected, actual, operation + " " + code + " " + format + " " + ROUNDINGS.get(i));
          }
        }
      }
    }
  }

  private static BigDecimal number(Real x) {
    Real.Truncation t = x.truncate(64);
    BigDecimal significand = new BigDecimal(t.significand());
    if (!t.exact()) {
      significand = significand.add(new BigDecimal("0.5"));
    }
    BigDecimal scale = BigDecimal.TWO.pow(Math.min(BEYOND, Math.abs(t.exponent() - 63)));
    BigDecimal magnitude =
        t.exponent() < 63 ? significand.divide(scale) : significand.multiply(scale);
    return x.negative() ? magnitude.negate() : magnitude;
  }
}
