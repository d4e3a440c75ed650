package dev.narrow.repro;

/** Hears of training runs as they finish. */
public interface RunListener extends AutoCloseable {

  /**
   * A run has finished.
   *
   * @param run which
   * @param accuracy on the test set, 0 to 1
   * @param seconds how long it took
   * @param stored whether it was finished before, and its result was found
   */
  void finished(String run, double accuracy, double seconds, boolean stored);

  /** There are no more. */
  @Override
  void close();
}
