package dev.narrow.kernels;

/**
 * A library of somebody else's that can do some of the work.
 *
 * @param name for example {@code oneDNN}
 * @param available whether it was loaded
 * @param detail its version and what it computes, or the reason why it is not there
 */
public record NativeLibrary(String name, boolean available, String detail) {

  /** oneDNN, of which {@link Backend#oneDnn} makes use. Loads it, where it is there. */
  public static NativeLibrary oneDnn() {
    OneDnn.Attempt attempt = OneDnn.attempt();
    return new NativeLibrary("oneDNN", attempt.library() != null, attempt.detail());
  }
}
