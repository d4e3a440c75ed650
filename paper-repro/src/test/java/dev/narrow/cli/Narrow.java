package dev.narrow.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;

/** The command as its user sees it: output, messages, exit codes. */
final class Narrow {
  private Narrow() {}

  record Outcome(int exit, String out, String err) {}

  static Outcome narrow(String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exit = Main.run(new PrintWriter(out), new PrintWriter(err, true), args);
    return new Outcome(exit, out.toString(), err.toString());
  }

  /** What a command prints that succeeds. */
  static String output(String... args) {
    Outcome outcome = narrow(args);
    assertEquals(0, outcome.exit, outcome.err);
    assertEquals("", outcome.err);
    return outcome.out;
  }

  static void assertRefused(String message, String... args) {
    Outcome outcome = narrow(args);
    assertEquals(2, outcome.exit, outcome.err);
    assertEquals(1, outcome.err.lines().count(), outcome.err);
    assertTrue(outcome.err.startsWith("narrow: "), outcome.err);
    assertTrue(outcome.err.contains(message), outcome.err);
    assertEquals("", outcome.out);
  }
}
