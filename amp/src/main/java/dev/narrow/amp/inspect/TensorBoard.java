package dev.narrow.amp.inspect;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** Observations as the scalars and histograms of TensorBoard, grouped by figure. */
final class TensorBoard implements AutoCloseable {
  private final EventFile events;

  /** A new file in a directory, which TensorBoard shows beside those that are there. */
  TensorBoard(Path directory) throws IOException {
    Files.createDirectories(directory);
    String name = "events.out.tfevents." + (long) now() + "." + UUID.randomUUID() + ".narrow";
    events =
        new EventFile(
            new BufferedOutputStream(
                Files.newOutputStream(directory.resolve(name), StandardOpenOption.CREATE_NEW)),
            now());
  }

  private static double now() {
    return System.currentTimeMillis() / 1000.0;
  }

  void write(Observation one) throws IOException {
    String tensor = "/" + one.layer() + "/" + TensorSummary.word(one.role());
    double now = now();
    Magnitudes before = one.before();
    long step = one.step();
    events.scalar(now, step, "amax" + tensor, before.amax());
    events.scalar(
        now, step, "nan-or-infinite" + tensor, (float) (before.nan() + before.infinite()));
    if (one.fit().isPresent()) {
      Fit fit = one.fit().get();
      events.scalar(now, step, "flushed" + tensor, (float) fit.flushedShare());
      events.scalar(now, step, "subnormal" + tensor, (float) fit.subnormalShare());
      events.scalar(now, step, "saturated" + tensor, (float) fit.saturatedShare());
      sqnr(now, step, "sqnr-db" + tensor, fit);
    }
    for (var other : one.whatIf().entrySet()) {
      sqnr(now, step, "what-if-sqnr-db" + tensor + "/" + other.getKey(), other.getValue());
    }
    if (!before.octaves().isEmpty()) {
      events.octaves(now, step, "log2-magnitude" + tensor, before.octaves());
    }
  }

  /** Infinities and NaN would have no place in a chart. */
  private void sqnr(double now, long step, String tag, Fit fit) throws IOException {
    if (Double.isFinite(fit.sqnrDb())) {
      events.scalar(now, step, tag, (float) fit.sqnrDb());
    }
  }

  void flush() throws IOException {
    events.flush();
  }

  @Override
  public void close() throws IOException {
    events.close();
  }
}
