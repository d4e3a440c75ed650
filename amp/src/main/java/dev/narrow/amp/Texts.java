package dev.narrow.amp;

import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/** Plain values that a stranger's file has as texts. */
final class Texts {
  private static final int LONGEST = 400;

  private Texts() {}

  /** A text as a message shows it: on one line, and not without end. */
  static String shown(String text) {
    String cut = text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "...";
    return cut.replaceAll("[\\p{Cntrl}\\x80-\\x9f]", "?");
  }

  /**
   * Checks that a text is there and as expected.
   *
   * @throws IllegalArgumentException naming the key, the text and the expected one
   */
  static void require(Map<String, String> texts, String key, String expected) {
    if (!expected.equals(texts.get(key))) {
      throw unexpected(texts, key, expected);
    }
  }

  /**
   * Reads a number.
   *
   * @param range what {@code valid} accepts, in words
   * @throws IllegalArgumentException naming the key, the text and the range
   */
  static <T> T parse(
      Map<String, String> texts,
      String key,
      Function<String, T> parse,
      Predicate<T> valid,
      String range) {
    try {
      T value = parse.apply(texts.getOrDefault(key, ""));
      if (valid.test(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // told below, as what is out of range
    }
    throw unexpected(texts, key, range);
  }

  private static IllegalArgumentException unexpected(
      Map<String, String> texts, String key, String expected) {
    String text = texts.get(key);
    return new IllegalArgumentException(
        (text == null ? "has no " + key : key + " is " + shown(text)) + ", expected " + expected);
  }
}
