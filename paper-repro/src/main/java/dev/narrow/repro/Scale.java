package dev.narrow.repro;

/** How much of an experiment is run. */
public enum Scale {
  /** Seconds: does everything work? The figures mean nothing. */
  SMOKE,
  /** Minutes on two cores; for first-table less than one. */
  SMALL,
  /** What a paper would publish. */
  FULL
}
