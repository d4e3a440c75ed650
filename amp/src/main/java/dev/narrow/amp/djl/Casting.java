package dev.narrow.amp.djl;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.CastObserver;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** What the passes of a trainer have in common: a policy, what computes in 16 bits, a seed. */
final class Casting {
  private final AmpPolicy policy;
  private final DjlBackend backend;
  private final @Nullable LibtorchAutocast autocast;
  private final boolean slow;
  private final long seed;
  private final @Nullable CastObserver observer;
  private final Map<String, LayerPlan> plans = new ConcurrentHashMap<>();

  /**
   * Common settings.
   *
   * @param autocast there if the backend is LIBTORCH
   * @param slow whether fp16 may be computed where that is slow
   */
  Casting(
      AmpPolicy policy,
      DjlBackend backend,
      @Nullable LibtorchAutocast autocast,
      boolean slow,
      long seed,
      @Nullable CastObserver observer) {
    this.policy = policy;
    this.backend = backend;
    this.autocast = autocast;
    this.slow = slow;
    this.seed = seed;
    this.observer = observer;
  }

  AmpPolicy policy() {
    return policy;
  }

  DjlBackend backend() {
    return backend;
  }

  LibtorchAutocast autocast() {
    return Objects.requireNonNull(autocast);
  }

  long seed() {
    return seed;
  }

  /** Who wants to see the casts of a step. */
  @Nullable CastObserver observer(long step) {
    return observer != null && observer.wants(step) ? observer : null;
  }

  LayerPlan plan(String layer) {
    return plans.computeIfAbsent(layer, name -> LayerPlan.of(policy, name, backend, slow));
  }

  /** Ends a pass: weights that were cast in it change before the next. */
  void forgetCasts() {
    if (autocast != null) {
      autocast.clearCache();
    }
  }
}
