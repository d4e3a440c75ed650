package dev.narrow.repro.report;

/** How a figure is to be taken. Shown as colour, so the text beside it must say the same. */
public enum Tone {
  /** A figure like any other. */
  NEUTRAL,
  /** As good as hoped. */
  GOOD,
  /** To be looked at. */
  WARN,
  /** A failure. */
  BAD
}
