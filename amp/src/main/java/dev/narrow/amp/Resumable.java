package dev.narrow.amp;

import java.util.Map;

/**
 * What goes on from where it was saved, and whose state is a few plain values: counters of a loop,
 * a loss scale, the seed and step of a generator of random bits.
 */
public interface Resumable {

  /** The state: short texts by name, the same names at all times. */
  Map<String, String> state();

  /**
   * Checks a state, and changes nothing yet.
   *
   * @param state as {@link #state} gave it, or a stranger's file
   * @return puts it in place, which does not fail
   * @throws IllegalArgumentException if it is none; the message has the name, what stands there and
   *     what was expected
   */
  Runnable restore(Map<String, String> state);
}
