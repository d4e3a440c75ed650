package dev.narrow.quant;

import dev.narrow.formats.Projection;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The inverse of {@link Recipes#parse}. */
final class RecipeNames {
  private RecipeNames() {}

  static Optional<String> name(Quantizer quantizer) {
    return Stream.concat(Stream.of(quantizer.format().name()), Recipes.names().stream())
        .flatMap(base -> name(base, quantizer).stream())
        .min(Comparator.comparingLong(name -> name.chars().filter(c -> c == '/').count()));
  }

  private static Optional<String> name(String base, Quantizer quantizer) {
    try {
      Quantizer from = Recipes.parse(base);
      if (!from.format().equals(quantizer.format())) {
        return Optional.empty();
      }
      List<String> parts = new ArrayList<>(List.of(base));
      addChanges(from, quantizer, parts);
      String name = String.join("/", parts);
      return Recipes.parse(name).equals(quantizer) ? Optional.of(name) : Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional
          .empty(); // a format with a name of its own, or changes that exclude each other
    }
  }

  private static void addChanges(Quantizer from, Quantizer to, List<String> parts) {
    if (!from.granularity().equals(to.granularity())) {
      parts.add(to.granularity().spec());
    }
    if (from.scaleRule() != to.scaleRule()) {
      parts.add(to.scaleRule().spec());
    }
    if (!from.scaling().format().equals(to.scaling().format())) {
      parts.add("scale=" + to.scaling().format().name());
    }
    if (!from.scaling().calibration().equals(to.scaling().calibration())) {
      switch (to.scaling().calibration()) {
        case Calibration.Amax _ -> {}
        case Calibration.Percentile(double percent) -> parts.add("percentile=" + percent);
        case Calibration.MinError _ -> parts.add("mse");
        case Calibration.KlDivergence _ -> parts.add("kl");
      }
    }
    addChanges(from.projection(), to.projection(), parts);
  }

  private static void addChanges(Projection from, Projection to, List<String> parts) {
    if (!from.rounding().equals(to.rounding())) {
      parts.add("round=" + to.rounding()); // its /linear is the change of that name
    }
    parts.addAll(SaturationChanges.between(from.saturation(), to.saturation()));
  }
}
