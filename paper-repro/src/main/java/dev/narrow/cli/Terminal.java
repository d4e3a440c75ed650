package dev.narrow.cli;

import java.io.Console;
import java.util.Optional;

/** What stands behind standard output. */
final class Terminal {
  private Terminal() {}

  /** A text from a file without what steers a terminal: control and format characters. */
  static String printable(String text) {
    return text.replaceAll("[\\p{Cc}\\p{Cf}]", "?");
  }

  private static boolean isSmart() {
    return !System.getenv().getOrDefault("TERM", "dumb").equals("dumb");
  }

  /** Whether standard error, where progress goes, is a terminal: only the launcher can tell. */
  static boolean showsProgress() {
    return isSmart() && Boolean.getBoolean("dev.narrow.stderr.terminal");
  }

  /** Whether colour is wanted: on a terminal, unless NO_COLOR is set (no-color.org). */
  static boolean hasColour() {
    return isSmart()
        && Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent()
        && System.getenv().getOrDefault("NO_COLOR", "").isEmpty();
  }
}
