package dev.narrow.cli;

import dev.narrow.repro.RunListener;
import java.io.PrintWriter;
import java.util.Locale;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Shows how far an experiment is: a bar on a terminal, a line for each run elsewhere. */
final class RunProgress implements RunListener {
  private final int total;
  private final PrintWriter err;
  private final @Nullable ProgressBar bar;
  private int done;
  private int stored;

  private RunProgress(int total, PrintWriter err, @Nullable ProgressBar bar) {
    this.total = total;
    this.err = err;
    this.bar = bar;
  }

  static RunProgress of(int total, PrintWriter err) {
    ProgressBar bar =
        Terminal.showsProgress()
            ? new ProgressBarBuilder()
                .setTaskName("training")
                .setInitialMax(total)
                .setStyle(ProgressBarStyle.UNICODE_BLOCK) // without colour
                .build()
            : null;
    return new RunProgress(total, err, bar);
  }

  @Override
  public void finished(String run, double accuracy, double seconds, boolean wasStored) {
    done++;
    if (wasStored) {
      stored++;
    }
    if (bar != null) {
      bar.step();
      bar.setExtraMessage(run);
    } else if (!wasStored) {
      err.printf(
          Locale.ROOT, "%d/%d %s: %.2f %% in %.1f s%n", done, total, run, 100 * accuracy, seconds);
    }
  }

  @Override
  public void close() {
    if (bar != null) {
      bar.close();
    }
    if (stored > 0) {
      err.println(stored + " of " + total + " runs were finished before and are used again");
    }
  }
}
