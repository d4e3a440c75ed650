package dev.narrow.repro;

/** How much of an experiment is run. */
public enum Scale {
  /** Seconds: does everything work? The figures mean nothing. */
  SMOKE,
  /** About a minute on two cores. */
  SMALL,
  /** What a paper would publish. */
  FULL
}
