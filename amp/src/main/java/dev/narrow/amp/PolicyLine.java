package dev.narrow.amp;

import dev.narrow.formats.Names;
import java.util.Collection;
import java.util.function.Function;

/** The words of one line of a policy file, one after the other, and what to say of a wrong one. */
final class PolicyLine {
  private final int number;
  private final String text;
  private int at;
  private int begin;

  PolicyLine(int number, String text) {
    this.number = number;
    this.text = text;
  }

  /** Whether a word follows, and not the end or a comment. */
  boolean hasNext() {
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
      at++;
    }
    return at < text.length() && text.charAt(at) != '#';
  }

  /** The next word; what was expected is for the message if there is none. */
  String next(String expected) {
    require(hasNext(), expected);
    begin = at;
    while (at < text.length() && !isEnd(text.charAt(at))) {
      at++;
    }
    return text.substring(begin, at);
  }

  /** The next word if it is this one. */
  boolean skip(String word) {
    int from = at;
    if (hasNext() && next(word).equals(word)) {
      return true;
    }
    at = from;
    return false;
  }

  private static boolean isEnd(char c) {
    return Character.isWhitespace(c) || c == '#';
  }

  /** The words up to a comment, in one. */
  String rest(String expected) {
    require(hasNext(), expected);
    begin = at;
    int end = text.indexOf('#', at);
    at = end < 0 ? text.length() : end;
    return text.substring(begin, at).strip();
  }

  /** What stands between two of these marks, which count as one of the text where doubled. */
  String between(char mark, String expected) {
    require(hasNext() && text.charAt(at) == mark, expected);
    StringBuilder between = new StringBuilder();
    for (begin = at++; at < text.length(); at++) {
      if (text.charAt(at) != mark) {
        between.append(text.charAt(at));
      } else if (at + 1 < text.length() && text.charAt(at + 1) == mark) {
        between.append(text.charAt(at++));
      } else {
        at++;
        if (at < text.length() && !isEnd(text.charAt(at))) {
          begin = at;
          throw error(
              "expected a space; a " + mark + " within " + mark + "..." + mark + " is doubled");
        }
        return between.toString();
      }
    }
    throw error("expected another " + mark + " at the end of " + expected);
  }

  /** What follows after the comment sign; empty if there is none. */
  String comment() {
    return at < text.length() ? text.substring(at + 1).strip() : "";
  }

  private void require(boolean isThere, String expected) {
    if (!isThere) {
      begin = at;
      throw error("expected " + expected);
    }
  }

  /** What a function makes of something; its objections get the place of the last word. */
  <S, T> T read(S source, Function<S, T> function) {
    try {
      return function.apply(source);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(place() + e.getMessage(), e);
    }
  }

  /** Something is wrong with the last word. */
  IllegalArgumentException error(String message) {
    return new IllegalArgumentException(place() + message);
  }

  /** The last word is none of those that may be there. */
  IllegalArgumentException unknown(String word, String expected, Collection<String> valid) {
    return error(
        "\""
            + Names.shown(word)
            + "\", expected "
            + expected
            + "; nearest: "
            + Names.nearest(word, valid));
  }

  private String place() {
    return "line " + number + ", column " + (begin + 1) + ": ";
  }
}
