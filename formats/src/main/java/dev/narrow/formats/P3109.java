package dev.narrow.formats;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** What of IEEE P3109 (interim report 4.0 of June 2026, a draft) this library has. */
public final class P3109 {
  private P3109() {}

  /**
   * The conformance statement: formats, projections and operations, and what is not there.
   *
   * @return lines of text
   */
  public static List<String> statement() {
    String operations =
        Arrays.stream(Operation.values())
            .flatMap(o -> o.p3109().stream())
            .collect(Collectors.joining(", "));
    return List.of(
        "Formats: Binary{K}p{P}{s|u}{e|f}, K from 3 to 16, every P, among them Binary8p4se,"
            + " Binary8p3se and Binary4p2sf; binary16, binary32 and BFloat16.",
        "Rounding: NearestTiesToEven, NearestTiesToAway, TowardPositive, TowardNegative,"
            + " TowardZero, ToOdd, and StochasticA, StochasticB, StochasticC with 1 to 32 bits.",
        "Saturation: SatFinite, SatPropagate, SatNone.",
        "Operations: " + operations + ".",
        "Comparison: CompareLess, CompareLessEqual, CompareEqual, CompareGreaterEqual,"
            + " CompareGreater, as one comparison with four outcomes.",
        "Neighbours and limits: NextGreaterThan, NextLessThan, MaxFiniteOf, MinPositiveOf,"
            + " MinNormalOf.",
        "Every operation is correctly rounded for all operands in every projection: kappa is 0.",
        "Any operation may have its operands in one format and its result in another.",
        "Not there: blocks and scaled operations (the module quant has blocks), CopySign, Hypot,"
            + " TotalOrder, Class, ExpMinusOne, LogOnePlus, Softplus, and the trigonometric and"
            + " hyperbolic functions but Tanh.");
  }
}
