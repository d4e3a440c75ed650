package dev.narrow.formats;

/**
 * Adds up what becomes of the numbers that a codec encodes: {@link Codec#with(EncodeCounter)}. It
 * may be shared by codecs and by threads.
 */
public final class EncodeCounter {
  private EncodeCounts counts = EncodeCounts.NONE;

  /** A counter at zero. */
  public EncodeCounter() {}

  /**
   * What has been counted so far.
   *
   * @return the counts of all calls that have returned, and of parts of those that have not
   */
  public synchronized EncodeCounts counts() {
    return counts;
  }

  synchronized void add(EncodeCounts more) {
    counts = counts.plus(more);
  }
}
