package dev.narrow.kernels.cuda;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** From the opening to the closing of something that a device has to give back. */
final class Lifetime implements AutoCloseable {
  private static final boolean TRACED = Boolean.getBoolean("dev.narrow.cuda.trace");

  private final String what;
  private final Set<Lifetime> live;
  private final Runnable release;
  private final @Nullable Throwable opened;
  private final AtomicBoolean ended = new AtomicBoolean();

  /**
   * Begins.
   *
   * @param live all that have not ended, of the same device
   * @param release gives it back
   */
  Lifetime(String what, Set<Lifetime> live, Runnable release) {
    this.what = what;
    this.live = live;
    this.release = release;
    opened = TRACED ? new Throwable(what) : null;
    live.add(this);
  }

  /** Of something that belongs to somebody else, and is not counted. */
  static Lifetime ofOthers() {
    return new Lifetime("", ConcurrentHashMap.newKeySet(), () -> {});
  }

  boolean isOfOthers() {
    return what.isEmpty();
  }

  boolean isOver() {
    return ended.get();
  }

  /** Ends, if it has not. */
  @Override
  public void close() {
    if (ended.compareAndSet(false, true)) {
      live.remove(this);
      release.run();
    }
  }

  /** What it is of, and where this package was called from to open it, if that is known. */
  @Override
  public String toString() {
    if (opened == null) {
      return what;
    }
    for (StackTraceElement frame : opened.getStackTrace()) {
      if (!frame.getClassName().startsWith(Lifetime.class.getPackageName() + ".")) {
        return what + " opened at " + frame;
      }
    }
    return what;
  }
}
