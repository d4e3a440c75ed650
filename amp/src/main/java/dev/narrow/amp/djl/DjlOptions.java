package dev.narrow.amp.djl;

import dev.narrow.amp.CastObserver;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What of a trainer's work its policy does not say. A value: each method gives another one.
 *
 * <pre>{@code
 * var options = DjlOptions.defaults().clipNorm(1f).seed(7);
 * Trainer trainer = AmpDjl.trainer(model, config, AmpPolicy.bf16(), options);
 * }</pre>
 */
public final class DjlOptions {
  private static final DjlOptions DEFAULTS =
      new DjlOptions(null, false, null, null, Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY);

  private final @Nullable DjlBackend backend;
  private final boolean slow;
  private final @Nullable CastObserver observer;
  private final @Nullable Long seed;
  private final float norm;
  private final float value;

  private DjlOptions(
      @Nullable DjlBackend backend,
      boolean slow,
      @Nullable CastObserver observer,
      @Nullable Long seed,
      float norm,
      float value) {
    this.backend = backend;
    this.slow = slow;
    this.observer = observer;
    this.seed = seed;
    this.norm = norm;
    this.value = value;
  }

  /** The best backend there is, nothing slow, no clipping, seed 0. */
  public static DjlOptions defaults() {
    return DEFAULTS;
  }

  /** The same with this backend and no other: where it is not there the trainer is refused. */
  public DjlOptions backend(DjlBackend wanted) {
    return new DjlOptions(wanted, slow, observer, seed, norm, value);
  }

  /** The same, and fp16 is computed in fp16 even on a processor that is slow at it. */
  public DjlOptions allowSlow() {
    return new DjlOptions(backend, true, observer, seed, norm, value);
  }

  /** The same with somebody who sees all casts, such as an inspector. */
  public DjlOptions observed(CastObserver by) {
    return new DjlOptions(backend, slow, by, seed, norm, value);
  }

  /**
   * The same with a seed, of stochastic rounding and of the engine's generator, such as dropout
   * draws from: every pass draws from the seed and its number alone. Without one the engine's is
   * left as it is.
   */
  public DjlOptions seed(long other) {
    return new DjlOptions(backend, slow, observer, other, norm, value);
  }

  /**
   * The same with gradients clipped, after unscaling, to this Euclidean norm of all together.
   *
   * @param limit positive and finite
   * @throws IllegalArgumentException if it is not
   */
  public DjlOptions clipNorm(float limit) {
    return new DjlOptions(backend, slow, observer, seed, checked(limit), value);
  }

  /**
   * The same with each element of the gradients brought into ±limit after unscaling: both sides,
   * where DJL's optClipGrad does one.
   *
   * @param limit positive and finite
   * @throws IllegalArgumentException if it is not
   */
  public DjlOptions clipValue(float limit) {
    return new DjlOptions(backend, slow, observer, seed, norm, checked(limit));
  }

  private static float checked(float limit) {
    if (!(limit > 0 && limit <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("limit = " + limit + ", expected positive and finite");
    }
    return limit;
  }

  Optional<DjlBackend> backend() {
    return Optional.ofNullable(backend);
  }

  boolean isSlowAllowed() {
    return slow;
  }

  @Nullable CastObserver observer() {
    return observer;
  }

  /** The seed of stochastic rounding. */
  long seed() {
    return seed == null ? 0 : seed;
  }

  /** The seed of the engine's generator, if that is to have one. */
  OptionalLong engineSeed() {
    return seed == null ? OptionalLong.empty() : OptionalLong.of(seed);
  }

  float norm() {
    return norm;
  }

  float value() {
    return value;
  }
}
