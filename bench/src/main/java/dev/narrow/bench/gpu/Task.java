package dev.narrow.bench.gpu;

import java.io.IOException;

/**
 * One thing that the GPU check looks at.
 *
 * @param name as in its finding
 * @param work looks at it
 */
record Task(String name, Work work) {

  /** May take minutes. */
  @FunctionalInterface
  interface Work {
    /**
     * Does it.
     *
     * @throws IOException if a library that it needs cannot be made
     */
    Finding run() throws IOException;
  }

  /** What failed instead of giving a finding is one. */
  Finding run() {
    try {
      return work.run();
    } catch (IOException | RuntimeException e) {
      return new Finding.Comparison(name, 0, "to run", e.toString());
    }
  }
}
