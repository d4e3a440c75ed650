package dev.narrow.amp;

import dev.narrow.formats.Names;
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
 * @param comment why, in one line; may be empty
 */
public record LayerRule(String layers, Map<Role, Optional<Quantizer>> formats, String comment) {

  private static final int LONGEST = 1000;

  /**
   * Copies the formats and strips the comment.
   *
   * @throws IllegalArgumentException if the regular expression is none, of more than 1000
   *     characters or of several lines, no role differs, or the comment has several lines
   */
  public LayerRule {
    checked(layers);
    if (formats.isEmpty()) {
      throw new IllegalArgumentException("formats is empty, expected a role or more");
    }
    comment = comment.strip();
    if (hasLines(comment)) {
      throw new IllegalArgumentException("comment has several lines, expected one");
    }
    Map<Role, Optional<Quantizer>> copy = new EnumMap<>(formats);
    copy.replaceAll((_, format) -> format.flatMap(AmpPolicy::unlessFp32));
    formats = Collections.unmodifiableMap(copy);
  }

  /** The regular expression, if it is one. */
  static String checked(String layers) {
    if (layers.length() > LONGEST || hasLines(layers)) {
      throw new IllegalArgumentException(
          "layers = \""
              + Names.shown(layers)
              + "\", expected one line of up to "
              + LONGEST
              + " characters");
    }
    try {
      Pattern.compile(layers);
      return layers;
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "layers = \""
              + Names.shown(layers)
              + "\", expected a regular expression: "
              + e.getDescription()
              + " at index "
              + e.getIndex(),
          e);
    }
  }

  private static boolean hasLines(String text) {
    return text.indexOf('\n') >= 0 || text.indexOf('\r') >= 0;
  }

  /** What is found in the names of the layers that the rule is about. */
  Pattern pattern() {
    return Pattern.compile(layers);
  }
}
