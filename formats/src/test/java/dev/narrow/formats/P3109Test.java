package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The operations that the draft requires of an implementation are there, by its names. */
class P3109Test {
  @Test
  void theStatementNamesEveryRequiredOperation() {
    String statement = String.join("\n", P3109.statement());
    List<String> required =
        List.of(
            "Convert",
            "Negate",
            "Abs",
            "Recip",
            "Add",
            "Subtract",
            "Multiply",
            "FMA",
            "FAA",
            "Minimum",
            "Maximum",
            "MinimumNumber",
            "MaximumNumber",
            "MinimumMagnitude",
            "MaximumMagnitude",
            "MinimumMagnitudeNumber",
            "MaximumMagnitudeNumber",
            "MinimumFinite",
            "MaximumFinite",
            "Clamp",
            "Sqrt",
            "RSqrt",
            "Exp",
            "Exp2",
            "Log",
            "Log2",
            "Tanh");
    for (String name : required) {
      assertTrue(statement.matches("(?s).*[ ,]" + name + "[,.].*"), name);
    }
  }

  /** Divide and Recip by zero, RSqrt and Log of it, as the draft has them. */
  @Test
  void polesAreAsInTheDraft() {
    for (FloatFormat format : List.of(Formats.BINARY8P4SE, Formats.BINARY4P2SF)) {
      Projection projection = new Projection(Rounding.NEAREST_EVEN, Saturation.P3109_NONE);
      Arithmetic arithmetic = Arithmetic.of(format, projection);
      int nan = format.encode(Double.NaN, projection);
      int one = format.encode(1.0, projection);
      assertEquals(nan, arithmetic.divide(one, 0));
      assertEquals(nan, arithmetic.reciprocal(0));
      assertEquals(nan, arithmetic.reciprocalSqrt(0));
      assertEquals(format.encode(Double.NEGATIVE_INFINITY, projection), arithmetic.log(0));
      assertEquals(0, arithmetic.divide(0, one));
    }
    Projection none = new Projection(Rounding.NEAREST_EVEN, Saturation.P3109_NONE);
    Arithmetic arithmetic = Arithmetic.of(Formats.BINARY8P4SE, none);
    assertEquals(0, arithmetic.reciprocal(0x7F));
    assertEquals(0, arithmetic.reciprocal(0xFF));
  }
}
