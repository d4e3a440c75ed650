package dev.narrow.cli;

import dev.narrow.formats.Operation;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.repro.report.Table;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * Which operations and projections of IEEE P3109 (interim report 4.0) are there, under the names
 * that they have there. What there is, is read from {@link Operation}, {@link Rounding} and {@link
 * Saturation}.
 */
final class P3109Statement {

  /** The names of P3109 whose names here are other ones. */
  private static final Map<String, String> HERE =
      Map.ofEntries(
          Map.entry("Recip", "reciprocal"),
          Map.entry("Rsqrt", "reciprocal-sqrt"),
          Map.entry("NearestTiesToEven", "nearest-even"),
          Map.entry("NearestTiesToAway", "nearest-away"),
          Map.entry("SatFinite", "p3109-finite"),
          Map.entry("SatPropagate", "p3109-propagate"),
          Map.entry("SatNone", "p3109-none"));

  /** Groups and names as in the report's list of standard operations. */
  private static final List<Map.Entry<String, List<String>>> GROUPS =
      List.of(
          Map.entry(
              "rounding",
              List.of(
                  "NearestTiesToEven",
                  "NearestTiesToAway",
                  "TowardZero",
                  "TowardPositive",
                  "TowardNegative",
                  "ToOdd",
                  "StochasticA",
                  "StochasticB",
                  "StochasticC")),
          Map.entry("saturation", List.of("SatFinite", "SatPropagate", "SatNone")),
          Map.entry("conversion", List.of("Convert")),
          Map.entry("sign", List.of("Negate", "Abs", "CopySign")),
          Map.entry(
              "arithmetic",
              List.of(
                  "Add",
                  "Subtract",
                  "Multiply",
                  "Divide",
                  "FMA",
                  "FAA",
                  "Recip",
                  "Sqrt",
                  "Rsqrt",
                  "Hypot")),
          Map.entry(
              "extrema",
              List.of(
                  "Minimum",
                  "Maximum",
                  "MinimumNumber",
                  "MaximumNumber",
                  "MinimumFinite",
                  "MaximumFinite",
                  "MinimumMagnitude",
                  "MaximumMagnitude",
                  "MinimumMagnitudeNumber",
                  "MaximumMagnitudeNumber",
                  "Clamp")),
          Map.entry(
              "exponential",
              List.of("Exp", "Exp2", "ExpMinusOne", "Log", "Log2", "LogOnePlus", "Softplus")),
          Map.entry("hyperbolic", List.of("Tanh", "Sinh", "Cosh")),
          Map.entry("trigonometric", List.of("Sin", "Cos", "Tan")));

  /** Names of P3109 that are other methods than operations. */
  private static final List<Map.Entry<String, String>> QUERIES =
      List.of(
          Map.entry("Binary{K}p{P}{s|u}{e|f}", "Formats.p3109, K 3 to 16"),
          Map.entry("CompareLess, CompareEqual, ...", "Arithmetic.compare"),
          Map.entry("IsNaN, IsInfinite", "isNan, isInfinite"),
          Map.entry("NextGreaterThan, NextLessThan", "nextUp, nextDown"),
          Map.entry("BitwidthOf, PrecisionOf, ...", "FloatFormat"),
          Map.entry("MaxFiniteOf, MinPositiveOf, ...", "limits"),
          Map.entry("ConvertToIEEE754, ConvertFrom...", "decodeDouble, encode"),
          Map.entry("block operations, scaled operations", "–"));

  private P3109Statement() {}

  static Table table() {
    List<String> here = new ArrayList<>();
    Arrays.stream(Operation.values()).forEach(operation -> here.add(word(operation)));
    Arrays.stream(Rounding.Mode.values()).forEach(mode -> here.add(word(mode)));
    here.addAll(Saturation.presets().keySet());
    Table table = Table.of(Table.left("group"), Table.left("P3109"), Table.left("here"));
    for (Map.Entry<String, List<String>> group : GROUPS) {
      for (String name : group.getValue()) {
        String word = Objects.requireNonNullElse(HERE.get(name), word(name));
        table = table.row(group.getKey(), name, here.contains(word) ? word : "–");
      }
    }
    for (Map.Entry<String, String> query : QUERIES) {
      table = table.row("formats", query.getKey(), query.getValue());
    }
    return table;
  }

  static String summary() {
    return """
    IEEE P3109 (interim report 4.0, a draft), as of this build. Every operation
    in the third column is correctly rounded (kappa = 0) for every format and
    every projection, with any format of the result. Division by zero is NaN;
    there are no flags.
    """;
  }

  private static String word(Enum<?> constant) {
    String name = constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    return name.equals("stochastic") ? "stochastic-c" : name;
  }

  /** {@code MinimumNumber} as {@code minimum-number}, {@code FMA} as {@code fma}. */
  private static String word(String name) {
    return name.replaceAll("(?<=[a-z])(?=[A-Z])", "-").toLowerCase(Locale.ROOT);
  }
}
