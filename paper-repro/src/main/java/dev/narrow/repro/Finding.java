package dev.narrow.repro;

/** What an experiment has shown. */
public interface Finding {

  /** The figures as JSON: what {@code results.json} holds. */
  String json();

  /**
   * The tables and the verdicts for a terminal.
   *
   * @param colour whether it shows colour
   */
  String terminal(boolean colour);

  /** Whether every claim holds. */
  boolean holds();
}
