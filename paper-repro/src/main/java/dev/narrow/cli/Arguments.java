package dev.narrow.cli;

import java.util.function.Function;

/** Arguments that a library parses. */
final class Arguments {
  private Arguments() {}

  /**
   * What an argument means.
   *
   * @throws UsageException if the parser refuses it with an IllegalArgumentException, whose message
   *     it has
   */
  static <T> T parse(String text, Function<String, T> parser) {
    try {
      return parser.apply(text);
    } catch (IllegalArgumentException e) {
      throw new UsageException(String.valueOf(e.getMessage()));
    }
  }
}
