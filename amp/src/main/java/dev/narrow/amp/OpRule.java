package dev.narrow.amp;

import dev.narrow.formats.Names;
import java.util.Locale;

/**
 * The class of operations by name.
 *
 * @param op name in lower case, for example {@code matmul}; {@code *} stands for any characters
 * @param kind their class
 * @param advice what to use instead, where they are banned; else empty
 */
public record OpRule(String op, OpClass kind, String advice) {

  /**
   * Checks the name and the advice.
   *
   * @throws IllegalArgumentException if the name is empty or has characters other than letters,
   *     digits, {@code _ . *}, or there is advice of several lines, or for what is not banned
   */
  public OpRule {
    if (!op.matches("[a-zA-Z0-9_.*]+")) {
      throw new IllegalArgumentException(
          "op = \""
              + Names.shown(op)
              + "\", expected letters, digits, underscores, dots, * for any characters");
    }
    if (advice.matches("(?s).*[\r\n].*") || (!advice.isEmpty() && kind != OpClass.BANNED)) {
      throw new IllegalArgumentException(
          "advice = \"" + advice + "\", expected one line, where the operation is banned");
    }
    op = op.toLowerCase(Locale.ROOT);
  }

  /** Without advice. */
  public OpRule(String op, OpClass kind) {
    this(op, kind, "");
  }

  /** Whether this is about a variant of an operation, which has a dot and its name after that. */
  boolean isOverloadOf(String name) {
    return op.startsWith(name) && op.startsWith(".", name.length()) && !isPattern();
  }

  private boolean isPattern() {
    return op.indexOf('*') >= 0;
  }

  /** Whether this is a pattern that an operation's name fits. */
  boolean isPatternOf(String name) {
    if (!isPattern()) {
      return false;
    }
    int at = 0;
    int star = -1; // the last one so far, and what it has not taken begins at rest
    int rest = 0;
    for (int i = 0; i < name.length(); ) {
      if (at < op.length() && op.charAt(at) == '*') {
        star = at++;
        rest = i;
      } else if (at < op.length() && op.charAt(at) == name.charAt(i)) {
        at++;
        i++;
      } else if (star >= 0) {
        at = star + 1;
        i = ++rest;
      } else {
        return false;
      }
    }
    return op.substring(at).replace("*", "").isEmpty();
  }
}
