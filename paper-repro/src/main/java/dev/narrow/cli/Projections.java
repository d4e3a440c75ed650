package dev.narrow.cli;

import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;

final class Projections {
  private Projections() {}

  static Rounding rounding(String name) {
    return switch (name) {
      case "nearest-even" -> Rounding.NEAREST_EVEN;
      case "toward-zero" -> Rounding.TOWARD_ZERO;
      case "stochastic:8" -> Rounding.stochastic(8);
      default -> throw new IllegalArgumentException("rounding = \"" + name + "\"");
    };
  }

  static Saturation saturation(String name) {
    return switch (name) {
      case "ocp-sat" -> Saturation.OCP_SAT;
      default -> throw new IllegalArgumentException("saturation = \"" + name + "\"");
    };
  }
}
