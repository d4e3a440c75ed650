package dev.narrow.amp;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;

/** The words that policy files have for roles and their formats. */
final class RoleWords {
  static final List<Role> COMPUTE =
      List.of(Role.WEIGHT, Role.ACTIVATION, Role.ACTIVATION_GRADIENT, Role.WEIGHT_GRADIENT);

  /** Those of many roles first. Of two words for the same the first is written. */
  static final Map<String, List<Role>> ROLES = new LinkedHashMap<>();

  static {
    ROLES.put("compute", COMPUTE);
    ROLES.put("forward", List.of(Role.WEIGHT, Role.ACTIVATION));
    ROLES.put("gradient", List.of(Role.ACTIVATION_GRADIENT, Role.WEIGHT_GRADIENT));
    ROLES.put("weight", List.of(Role.WEIGHT));
    ROLES.put("activation", List.of(Role.ACTIVATION));
    ROLES.put("activation-gradient", List.of(Role.ACTIVATION_GRADIENT));
    ROLES.put("weight-gradient", List.of(Role.WEIGHT_GRADIENT));
    ROLES.put("update", List.of(Role.UPDATE));
    ROLES.put("params", List.of(Role.UPDATE));
    ROLES.put("state", List.of(Role.OPTIMIZER_STATE));
  }

  private RoleWords() {}

  /** The quantizer of a format, or none for fp32. */
  static Optional<Quantizer> format(String word) {
    return AmpPolicy.unlessFp32(Recipes.parse(word));
  }

  /**
   * The word of a format.
   *
   * @throws IllegalStateException if it has none
   */
  static String word(Optional<Quantizer> format) {
    return format
        .map(quantizer ->
            Recipes.name(quantizer)
                .orElseThrow(() ->
                    new IllegalStateException(
                        "no recipe is this quantizer, so no text can be: " + quantizer)))
        .orElse("f32");
  }

  /** For example {@code forward e4m3fn gradient e5m2}. */
  static String text(Map<Role, Optional<Quantizer>> formats) {
    Map<Role, Optional<Quantizer>> left = new EnumMap<>(formats);
    StringJoiner text = new StringJoiner(" ");
    ROLES.forEach((word, roles) -> {
      List<Optional<Quantizer>> theirs = new ArrayList<>();
      roles.forEach(role -> theirs.add(left.getOrDefault(role, Optional.empty())));
      if (left.keySet().containsAll(roles) && theirs.stream().distinct().count() == 1) {
        text.add(word).add(word(theirs.getFirst()));
        left.keySet().removeAll(roles);
      }
    });
    return text.toString();
  }
}
