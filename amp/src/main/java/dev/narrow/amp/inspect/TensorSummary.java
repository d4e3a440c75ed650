package dev.narrow.amp.inspect;

import dev.narrow.amp.Role;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A tensor of a network over all steps that were sampled: counts and sums are added up, so that
 * shares and SQNR are those of all samples together.
 *
 * @param layer name of the layer
 * @param role of the tensor
 * @param op the operation that reads it, or whose gradient it is
 * @param samples how often it was seen
 * @param lastStep the last step that it was seen in
 * @param before its magnitudes before the cast
 * @param fit what the policy's format did to it; none in fp32
 * @param whatIf what other formats would have done to it, by the name that was asked for
 */
public record TensorSummary(
    String layer,
    Role role,
    String op,
    long samples,
    long lastStep,
    Magnitudes before,
    Optional<Fit> fit,
    Map<String, Fit> whatIf) {

  /**
   * The worse first: by the share of values that are flushed, saturated or lost, NaN and infinities
   * counting like those, and so does a gradient that is all zero; then by SQNR.
   */
  static final Comparator<TensorSummary> WORST_FIRST =
      Comparator.comparingDouble(TensorSummary::harm)
          .reversed()
          .thenComparingDouble(s -> s.fit().map(Fit::sqnrDb).orElse(Double.NaN))
          .thenComparing(TensorSummary::layer)
          .thenComparing(TensorSummary::role);

  /** Copies the map. */
  public TensorSummary {
    whatIf = Collections.unmodifiableMap(new LinkedHashMap<>(whatIf));
  }

  static TensorSummary of(Observation one) {
    return new TensorSummary(
        one.layer(), one.role(), one.op(), 1, one.step(), one.before(), one.fit(), one.whatIf());
  }

  TensorSummary merge(TensorSummary other) {
    Map<String, Fit> fits = new LinkedHashMap<>(whatIf);
    other.whatIf.forEach((name, fit) -> fits.merge(name, fit, Fit::merge));
    return new TensorSummary(
        layer,
        role,
        op,
        samples + other.samples,
        Math.max(lastStep, other.lastStep),
        before.merge(other.before),
        fit.isPresent() && other.fit.isPresent()
            ? Optional.of(fit.get().merge(other.fit.get()))
            : fit.or(() -> other.fit),
        fits);
  }

  /** Whether it is a gradient that nothing flows back to. */
  boolean isDeadGradient() {
    return isGradient() && before.elements() > 0 && before.zeros() == before.elements();
  }

  boolean isGradient() {
    return role == Role.ACTIVATION_GRADIENT || role == Role.WEIGHT_GRADIENT;
  }

  private double harm() {
    double broken = (double) (before.nan() + before.infinite()) / Math.max(1, before.elements());
    return broken
        + (isDeadGradient() ? 1 : 0)
        + fit.map(f -> f.flushedShare() + Math.max(f.saturatedShare(), f.lostShare())).orElse(0.0);
  }

  /** Layer and role, for example {@code fc2 activation-gradient}. */
  public String name() {
    return layer + " " + word(role);
  }

  /** A role in lower case, for example {@code activation-gradient}. */
  static String word(Role role) {
    return role.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
