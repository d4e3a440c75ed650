package dev.narrow.amp.nn;

import org.jspecify.annotations.Nullable;

/** What a layer keeps from the forward to the backward pass. */
final class Saved<T> {
  private final String layer;
  private @Nullable T value;

  Saved(String layer) {
    this.layer = layer;
  }

  void set(boolean training, T of) {
    value = training ? of : null;
  }

  void clear() {
    value = null;
  }

  /** What was kept; once. */
  T take() {
    T kept = value;
    if (kept == null) {
      throw new IllegalStateException(
          layer + " has nothing to go back through: call forward in training before backward");
    }
    value = null;
    return kept;
  }
}
