package dev.narrow.quant;

import dev.narrow.formats.Saturation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The changes of a recipe that are about its saturation. */
final class SaturationChanges {
  private SaturationChanges() {}

  /** What a change makes of a saturation; empty if it is not about that. */
  static Optional<Saturation> changed(Saturation s, String change) {
    int equals = change.indexOf('=');
    String value = change.substring(equals + 1);
    return switch (change.substring(0, Math.max(equals, 0))) {
      case "saturate" -> Optional.of(Saturation.parse(value));
      case "overflow" ->
          Optional.of(
              new Saturation(
                  constant(Saturation.Overflow.values(), change, value),
                  s.infinity(),
                  s.nan(),
                  s.underflow(),
                  s.flushInputs(),
                  s.flushResults()));
      case "infinity" ->
          Optional.of(
              new Saturation(
                  s.overflow(),
                  constant(Saturation.Infinity.values(), change, value),
                  s.nan(),
                  s.underflow(),
                  s.flushInputs(),
                  s.flushResults()));
      case "nan" ->
          Optional.of(
              new Saturation(
                  s.overflow(),
                  s.infinity(),
                  constant(Saturation.Nan.values(), change, value),
                  s.underflow(),
                  s.flushInputs(),
                  s.flushResults()));
      case "underflow" ->
          Optional.of(s.withUnderflow(constant(Saturation.Underflow.values(), change, value)));
      default -> Optional.empty();
    };
  }

  private static <E extends Enum<E>> E constant(E[] values, String change, String value) {
    return Arrays.stream(values)
        .filter(constant -> word(constant).equals(value))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "recipe = \""
                    + change
                    + "\", expected one of "
                    + String.join(
                        ", ", Arrays.stream(values).map(SaturationChanges::word).toList())));
  }

  private static String word(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The fewest changes that make one saturation of another, but for flushed subnormals. */
  static List<String> between(Saturation from, Saturation to) {
    List<List<String>> ways = new ArrayList<>(List.of(choices(from, to)));
    for (Map.Entry<String, Saturation> preset : Saturation.presets().entrySet()) {
      List<String> way = new ArrayList<>(List.of("saturate=" + preset.getKey()));
      way.addAll(choices(preset.getValue(), to));
      ways.add(way);
    }
    return ways.stream().min(Comparator.comparingInt(List::size)).orElseThrow();
  }

  private static List<String> choices(Saturation from, Saturation to) {
    List<String> changes = new ArrayList<>();
    if (from.overflow() != to.overflow()) {
      changes.add("overflow=" + word(to.overflow()));
    }
    if (from.infinity() != to.infinity()) {
      changes.add("infinity=" + word(to.infinity()));
    }
    if (from.nan() != to.nan()) {
      changes.add("nan=" + word(to.nan()));
    }
    if (from.underflow() != to.underflow()) {
      changes.add("underflow=" + word(to.underflow()));
    }
    return changes;
  }
}
