package dev.narrow.amp;

import dev.narrow.quant.Quantizer;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Formats of some layers that differ from those of the policy.
 *
 * @param layers regular expression ({@link Pattern}) that is found in the names of the layers
 * @param formats the roles that differ: their quantizer, or empty for fp32
 * @param comment why; may be empty, and has no line breaks
 */
public record LayerRule(String layers, Map<Role, Optional<Quantizer>> formats, String comment) {

  /**
   * Copies the formats.
   *
   * @throws IllegalArgumentException if the regular expression is none, no role differs, or the
   *     comment has more than one line
   */
  public LayerRule {
    try {
      Pattern.compile(layers);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "layers = \"" + layers + "\", expected a regular expression: " + e.getDescription(), e);
    }
    if (formats.isEmpty()) {
      throw new IllegalArgumentException("formats is empty, expected a role or more");
    }
    if (comment.lines().count() > 1) {
      throw new IllegalArgumentException("comment has several lines, expected one");
    }
    formats = Collections.unmodifiableMap(new EnumMap<>(formats));
  }

  /** Whether the rule is about a layer. */
  boolean matches(String layer) {
    return Pattern.compile(layers).matcher(layer).find();
  }
}
