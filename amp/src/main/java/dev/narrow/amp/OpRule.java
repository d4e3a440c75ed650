package dev.narrow.amp;

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
   * Checks the name.
   *
   * @throws IllegalArgumentException if it is empty or has characters other than letters, digits,
   *     {@code _ . *}
   */
  public OpRule {
    if (!op.matches("[a-zA-Z0-9_.*]+")) {
      throw new IllegalArgumentException(
          "op = \"" + op + "\", expected letters, digits, underscores, dots, * for any characters");
    }
    op = op.toLowerCase(Locale.ROOT);
  }

  /** Without advice. */
  public OpRule(String op, OpClass kind) {
    this(op, kind, "");
  }

  /** Whether the name stands for many. */
  boolean isPattern() {
    return op.indexOf('*') >= 0;
  }

  /** Whether this is about an operation. */
  boolean matches(String name) {
    return isPattern() ? matches(name, 0, 0) : op.equals(name);
  }

  private boolean matches(String name, int at, int from) {
    for (int i = from; i < op.length(); i++, at++) {
      if (op.charAt(i) == '*') {
        for (int skip = at; skip <= name.length(); skip++) {
          if (matches(name, skip, i + 1)) {
            return true;
          }
        }
        return false;
      }
      if (at >= name.length() || name.charAt(at) != op.charAt(i)) {
        return false;
      }
    }
    return at == name.length();
  }
}
