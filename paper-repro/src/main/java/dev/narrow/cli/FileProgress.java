package dev.narrow.cli;

import java.io.PrintWriter;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * Shows how far work on a large file is: a bar on a terminal, a line now and then elsewhere.
 * Threads may advance it together.
 */
final class FileProgress implements AutoCloseable {
  private static final long PATIENCE = 1_000_000_000L; // ns; what takes less needs no bar
  private static final long BETWEEN_LINES = 10_000_000_000L; // ns

  private final String task;
  private final long total;
  private final PrintWriter err;
  private long shown = System.nanoTime();
  private long done;
  private @Nullable ProgressBar bar;

  /**
   * Shows nothing yet.
   *
   * @param task what is done, "encoding" say
   * @param total elements
   * @param err where lines go
   */
  FileProgress(String task, long total, PrintWriter err) {
    this.task = task;
    this.total = total;
    this.err = err;
  }

  /** So many elements more are done. */
  synchronized void advance(long elements) {
    done += elements;
    if (bar != null) {
      bar.stepTo(done);
      return;
    }
    long waited = System.nanoTime() - shown;
    if (Terminal.showsProgress()) {
      if (waited > PATIENCE) {
        bar =
            new ProgressBarBuilder()
                .setTaskName(task)
                .setInitialMax(total)
                .setStyle(ProgressBarStyle.UNICODE_BLOCK) // without colour
                .build();
        bar.stepTo(done);
      }
    } else if (waited > BETWEEN_LINES) {
      shown += waited;
      err.println(task + ": " + 100 * done / total + " % of " + total + " elements");
    }
  }

  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
    }
  }
}
