package dev.narrow.amp;

import dev.narrow.amp.Gradients.Stage;
import dev.narrow.amp.LossScale.Verdict;
import dev.narrow.amp.Overflow.Phase;
import dev.narrow.kernels.Backend;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Loss scaling around a training loop: the loop multiplies its seed gradient by {@link
 * #lossScale()}, and hands its gradients to {@link #step}, which unscales and checks them, lets the
 * optimizer step if they are finite, and adapts the scale. That it is one call leaves no order to
 * get wrong: unscaling, checking, clipping, stepping, updating the scale. It is to be called once
 * for each backward pass, with all its gradients.
 *
 * <ul>
 *   <li>Several losses: the seed of each is multiplied by the one scale, and their gradients add
 *       up.
 *   <li>Accumulation over micro-batches: the scale stays the same until {@link #step} is called,
 *       after the last one. {@link #microBatch} after each tells them apart.
 *   <li>Clipping: {@link Clip} in the body of the step.
 *   <li>A gradient penalty: {@link #unscalePenalty}.
 *   <li>Several optimizers, each with its own gradients and its own check: {@link #iteration()}.
 *   <li>Layers with scales of their own: {@link #perLayer}.
 * </ul>
 *
 * <p>Values are checked after unscaling, so an overflow that the unscaling itself makes is seen. A
 * step on finite gradients allocates nothing.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class GradScaler {
  private static final String LOSS = "loss";

  private final Backend backend;
  private final LossScaling rule;
  private final LossScale common;
  private final Map<String, LossScale> groups = new LinkedHashMap<>();
  private final Map<String, LossScale> byLayer = new HashMap<>(); // what was looked up before
  private final Iteration single = new Iteration();
  private final List<Gradients> touched = new ArrayList<>(); // since the last update

  /** Which gradients were finite before a factor above one, which may make them infinite. */
  private final BitSet finiteBefore = new BitSet();

  private @Nullable Iteration open;
  private @Nullable Overflow earlier; // in a loss or a penalty, which gradients then inherit
  private StepResult.Applied applied;
  private int microBatches;
  private long appliedSteps;
  private long skippedSteps;

  private GradScaler(LossScaling rule, Backend backend) {
    this.rule = rule;
    this.backend = backend;
    this.common = new LossScale(rule);
    this.applied = new StepResult.Applied(rule.initial());
  }

  /** A scaler as the policy wants it. */
  public static GradScaler of(AmpPolicy policy) {
    return of(policy.lossScaling());
  }

  /** A scaler with this rule. */
  public static GradScaler of(LossScaling scaling) {
    return of(scaling, Backend.cpu());
  }

  /** A scaler with this rule, on a backend that can reach the gradients. */
  public static GradScaler of(LossScaling scaling, Backend backend) {
    return new GradScaler(scaling, backend);
  }

  /**
   * A scaler that gives layers scales of their own, each by this rule. A name stands for the layer
   * and for all within it: {@code encoder} for {@code encoder.3.fc}; the longest one counts. Layers
   * without a name here share {@link #lossScale()}.
   *
   * <p>The backward pass multiplies a gradient that goes from one layer into another by the ratio
   * of their scales, which is exact for powers of two. A step is skipped if any gradient is not
   * finite, but only the scale of the layer where that began backs off.
   *
   * @throws IllegalArgumentException if a name is empty or given twice
   */
  public static GradScaler perLayer(LossScaling scaling, Backend backend, String... layers) {
    GradScaler scaler = new GradScaler(scaling, backend);
    for (String layer : layers) {
      if (layer.isEmpty()) {
        throw new IllegalArgumentException("a layer has an empty name");
      }
      if (scaler.groups.put(layer, new LossScale(scaling)) != null) {
        throw new IllegalArgumentException("layer " + layer + " is given twice");
      }
    }
    return scaler;
  }

  /** What the seed gradient of the next backward pass is to be multiplied by. */
  public float lossScale() {
    return common.get();
  }

  /** The scale of a layer's gradients in the next backward pass. */
  public float lossScale(String layer) {
    return scaleOf(layer).get();
  }

  /** How many steps in a row were clean since the scale last changed, or could have grown. */
  public int cleanSteps() {
    return common.cleanSteps();
  }

  /** How many steps were applied so far. */
  public long appliedSteps() {
    return appliedSteps;
  }

  /** How many steps were not applied so far, because a gradient was not finite. */
  public long skippedSteps() {
    return skippedSteps;
  }

  /**
   * Unscales the gradients, checks them, runs {@code body} if all are finite, and updates the
   * scale. If the body throws, the scale stays as it is.
   *
   * @param gradients the gradients of the scaled loss; unscaled afterwards, unless the scale was so
   *     small that it cannot be taken out
   * @param body clips if it wants, and steps the optimizer
   * @throws IllegalStateException if an {@link #iteration()} is open, or if no backward pass has
   *     filled the gradients since they were last unscaled
   */
  public StepResult step(Gradients gradients, Runnable body) {
    begin(single);
    try {
      return single.step(gradients, body);
    } finally {
      single.close();
    }
  }

  /**
   * As {@link #step(Gradients, Runnable)}, with the loss, which is named as the culprit if it was
   * not finite itself.
   *
   * @param loss as the forward pass gave it, not scaled
   * @param gradients as there
   * @param body as there
   * @throws IllegalStateException as there
   */
  public StepResult step(float loss, Gradients gradients, Runnable body) {
    if (open == null) { // else it is refused
      noteLoss(loss, microBatches == 0 ? 0 : microBatches + 1);
    }
    return step(gradients, body);
  }

  /**
   * Tells that the backward pass of a micro-batch has ended, and checks what has added up, so that
   * an overflow can be traced to its micro-batch. Reads the gradients and changes nothing. To be
   * called after each micro-batch; after the last one it may be left out.
   *
   * @param gradients those that the micro-batch has added to
   * @return whether all are finite; if not, the step will be skipped, and the remaining
   *     micro-batches may be
   * @throws IllegalStateException if an {@link #iteration()} is open
   */
  public boolean microBatch(Gradients... gradients) {
    if (open != null) {
      throw new IllegalStateException(
          "a micro-batch within an iteration, whose gradients are unscaled: backward and"
              + " microBatch for each micro-batch, then iteration()");
    }
    microBatches++;
    boolean finite = true;
    for (Gradients set : gradients) {
      if (!touched.contains(set)) {
        touched.add(set);
      }
      Overflow found = scan(set, microBatches);
      if (found == null || set.overflow() == null) { // else it is an earlier one's still
        set.overflow(found);
      }
      finite &= found == null;
    }
    if (finite) {
      earlier = null; // it has had no consequences
    }
    return finite;
  }

  /**
   * As {@link #microBatch(Gradients...)}, with the loss of the micro-batch.
   *
   * @param loss as the forward pass gave it, not scaled
   * @param gradients as there
   * @return as there
   * @throws IllegalStateException as there
   */
  public boolean microBatch(float loss, Gradients... gradients) {
    if (open == null) { // else it is refused
      noteLoss(loss, microBatches + 1);
    }
    return microBatch(gradients);
  }

  private void noteLoss(float loss, int microBatch) {
    if (earlier == null && !(Math.abs(loss) <= Float.MAX_VALUE)) {
      earlier = new Overflow(LOSS, 0, loss, common.get(), Phase.LOSS, microBatch);
    }
  }

  /** Looks for the culprit in scaled gradients: the backward pass came from the end. */
  private @Nullable Overflow scan(Gradients set, int microBatch) {
    int culprit = -1;
    int at = -1;
    for (int i = set.size() - 1; i >= 0; i--) {
      if (culprit >= 0 && !set.layer(i).equals(set.layer(culprit))) {
        break;
      }
      int found = set.firstNonFinite(i, backend);
      if (found >= 0) {
        culprit = i;
        at = found;
      }
    }
    return culprit < 0
        ? null
        : blame(set, culprit, at, set.value(culprit, at), Phase.BACKWARD, microBatch);
  }

  /**
   * Takes the loss scale out of gradients that the loss itself is made of, such as a gradient
   * penalty: they come from a backward pass of their own, whose seed was multiplied by the loss
   * scale, and have no part in the step.
   *
   * @return whether all are finite; if not, they are named as the culprit of the step
   * @throws IllegalStateException if no backward pass has filled them since they were last
   *     unscaled, or if an {@link #iteration()} is open
   */
  public boolean unscalePenalty(Gradients gradients) {
    if (open != null) {
      throw new IllegalStateException(
          "a penalty within an iteration, after the backward pass of the loss: unscalePenalty,"
              + " loss, backward, then iteration()");
    }
    requireFresh(gradients);
    Overflow found = takeScaleOut(gradients);
    forgetVerdicts();
    gradients.leave();
    if (earlier == null) {
      earlier = found;
    }
    return found == null;
  }

  /**
   * Begins an iteration for what {@link #step} cannot express: several optimizers, or work between
   * unscaling and step. Closing it updates the scale, once.
   *
   * <pre>
   *   try (var iteration = scaler.iteration()) {
   *     iteration.unscale(a);
   *     Clip.norm(a, 1f);
   *     iteration.step(a, first::step);
   *     iteration.step(b, second::step);
   *   }
   * </pre>
   *
   * @throws IllegalStateException if another one is open
   */
  public Iteration iteration() {
    Iteration iteration = new Iteration();
    begin(iteration);
    return iteration;
  }

  private void begin(Iteration iteration) {
    if (open != null) {
      throw new IllegalStateException(
          "an iteration is open: step with its own methods, and close it before the next");
    }
    open = iteration;
    iteration.begin();
  }

  private LossScale scaleOf(String layer) {
    if (groups.isEmpty()) {
      return common;
    }
    LossScale known = byLayer.get(layer);
    if (known != null) {
      return known;
    }
    String outer = layer;
    while (!groups.containsKey(outer) && outer.contains(".")) {
      outer = Overflow.layer(outer);
    }
    LossScale scale = groups.getOrDefault(outer, common);
    byLayer.put(layer, scale);
    return scale;
  }

  private LossScale scaleOf(Overflow overflow) {
    return overflow.phase() == Phase.LOSS ? common : scaleOf(overflow.layer());
  }

  /** What is to blame for a value that is not finite: itself, or something before it. */
  private Overflow blame(Gradients set, int i, int at, float value, Phase phase, int microBatch) {
    if (earlier != null) {
      return earlier;
    }
    float scale = scaleOf(set.layer(i)).get();
    return new Overflow(set.name(i), set.element(i, at), value, scale, phase, microBatch);
  }

  private void requireFresh(Gradients gradients) {
    if (gradients.stage() != Stage.SCALED) {
      throw new IllegalStateException(
          "gradients are unscaled already: once for each backward pass, by unscale or by step");
    }
    if (gradients.isAsLeft() && isScaled(gradients)) {
      throw new IllegalStateException(
          "gradients are as the last unscaling left them, and would be unscaled twice: backward,"
              + " then unscale or step");
    }
    gradients.requireRows();
  }

  private boolean isScaled(Gradients gradients) {
    for (int i = 0; i < gradients.size(); i++) {
      if (scaleOf(gradients.layer(i)).get() != 1) {
        return true;
      }
    }
    return false;
  }

  /**
   * Unscales gradients, notes what they say about the scales, and finds the culprit: of the last
   * layer that is not finite the first gradient.
   */
  private @Nullable Overflow takeScaleOut(Gradients set) {
    int microBatch = microBatches == 0 ? 0 : microBatches + 1;
    for (int i = 0; i < set.size(); i++) {
      float inverse = scaleOf(set.layer(i)).inverse();
      if (inverse > Float.MAX_VALUE) { // torch's rule has no floor, and would write NaN here
        Overflow found = scan(set, microBatch);
        return found != null
            ? found
            : new Overflow(
                set.name(i),
                0,
                set.value(i, 0) * inverse,
                scaleOf(set.layer(i)).get(),
                Phase.UNSCALING,
                microBatch);
      }
    }
    for (int from = 0, to; from < set.size(); from = to) {
      float inverse = scaleOf(set.layer(from)).inverse();
      to = from;
      while (to < set.size() && scaleOf(set.layer(to)).inverse() == inverse) {
        finiteBefore.set(to, inverse > 1 && set.firstNonFinite(to, backend) < 0);
        to++;
      }
      set.unscale(from, to, inverse, backend);
    }
    int culprit = -1;
    for (int i = 0; i < set.size(); i++) {
      boolean clean = set.firstNonFinite(i) < 0;
      scaleOf(set.layer(i)).note(clean ? Verdict.CLEAN : Verdict.INFECTED);
      if (!clean && (culprit < 0 || !set.layer(i).equals(set.layer(culprit)))) {
        culprit = i;
      }
    }
    if (culprit < 0) {
      return null;
    }
    int culpritAt = set.firstNonFinite(culprit);
    float value = set.unscaledValue(culprit, culpritAt);
    Phase phase = finiteBefore.get(culprit) ? Phase.UNSCALING : Phase.BACKWARD;
    return blame(set, culprit, culpritAt, value, phase, microBatch);
  }

  /** Whether gradients were left scaled, since no float32 can undo a scale as small as theirs. */
  private static boolean isStuck(Overflow overflow) {
    return overflow.phase() == Phase.UNSCALING
        && (float) (1 / (double) overflow.lossScale()) > Float.MAX_VALUE;
  }

  private void updateScales() {
    common.update();
    groups.values().forEach(LossScale::update);
  }

  private void forgetVerdicts() {
    common.forget();
    groups.values().forEach(LossScale::forget);
  }

  /**
   * The time between a backward pass and the update of the scale. Each set of gradients is unscaled
   * at most once and stepped on at most once; {@link #close} is the update. Anything else throws
   * {@link IllegalStateException}, which says what the right order is, and then closing leaves the
   * scale as it is.
   */
  public final class Iteration implements AutoCloseable {
    private boolean checked;
    private boolean failed;

    private Iteration() {}

    private void begin() {
      checked = false;
      failed = false;
    }

    /**
     * Unscales gradients and checks them, so that they may be looked at and clipped.
     *
     * @return whether all are finite; if not, their step will be skipped
     * @throws IllegalStateException if they are unscaled already, or share memory with others that
     *     are, or if no backward pass has filled them since they were last unscaled
     */
    public boolean unscale(Gradients gradients) {
      requireOpen();
      boolean before = failed;
      failed = true; // unless all of this ends well
      requireFresh(gradients);
      for (int i = 0; i < touched.size(); i++) {
        Gradients other = touched.get(i);
        if (other != gradients && other.stage() != Stage.SCALED) {
          requireApart(other, gradients);
        }
      }
      if (!touched.contains(gradients)) {
        touched.add(gradients);
      }
      Overflow found = takeScaleOut(gradients);
      gradients.enterUnscaled(backend);
      if (found == null || gradients.overflow() == null) { // else a micro-batch's
        gradients.overflow(found);
      }
      Overflow culprit = gradients.overflow();
      if (culprit != null && !isStuck(culprit)) {
        scaleOf(culprit).note(Verdict.OVERFLOW);
      }
      checked = true;
      failed = before;
      return culprit == null;
    }

    private static void requireApart(Gradients done, Gradients next) {
      String shared = done.sharedWith(next);
      if (shared != null) {
        throw new IllegalStateException(
            "gradients "
                + shared
                + " of two sets share memory and would be unscaled twice: unscale each parameter's"
                + " gradient in one set");
      }
    }

    /**
     * Lets an optimizer step if its gradients are finite. They are unscaled first if they are not
     * yet; else they are checked once more, since they may have been changed in between: what
     * counts for the step is what is there now, and for the scale what was there at unscaling.
     *
     * @param gradients those that the optimizer uses
     * @param body steps the optimizer
     * @return {@link StepResult.Applied}, or for this optimizer alone why not
     * @throws IllegalStateException if the optimizer has stepped already, or as in {@link #unscale}
     */
    public StepResult step(Gradients gradients, Runnable body) {
      requireOpen();
      if (gradients.stage() == Stage.STEPPED) {
        failed = true;
        throw new IllegalStateException(
            "gradients have been stepped on already: unscale, clip, step, each once, then close");
      }
      Overflow overflow;
      if (gradients.stage() == Stage.SCALED) {
        overflow = unscale(gradients) ? null : gradients.overflow();
      } else {
        requireMine(gradients);
        overflow = changed(gradients);
      }
      if (overflow != null) {
        gradients.enter(Stage.STEPPED);
        skippedSteps++;
        return skipped(overflow);
      }
      boolean before = failed;
      failed = true; // unless it ends well
      body.run();
      failed = before;
      gradients.enter(Stage.STEPPED);
      appliedSteps++;
      if (applied.lossScale() != common.get()) {
        applied = new StepResult.Applied(common.get());
      }
      return applied;
    }

    private void requireMine(Gradients gradients) {
      if (!touched.contains(gradients)) {
        failed = true;
        throw new IllegalStateException(
            "gradients were unscaled by another scaler: unscale and step with one and the same");
      }
    }

    /** What is not finite now in gradients that were unscaled before. */
    private @Nullable Overflow changed(Gradients gradients) {
      Overflow before = gradients.overflow();
      if (before != null && isStuck(before)) {
        return before;
      }
      gradients.check(backend);
      for (int i = gradients.size() - 1; i >= 0; i--) {
        int at = gradients.firstNonFinite(i);
        if (at >= 0) {
          float value = gradients.unscaledValue(i, at);
          return before != null ? before : blame(gradients, i, at, value, Phase.AFTER_UNSCALING, 0);
        }
      }
      return null;
    }

    private StepResult skipped(Overflow overflow) {
      LossScale scale = scaleOf(overflow);
      if (isStuck(overflow)) {
        return new StepResult.Collapsed(overflow);
      }
      if (overflow.phase() == Phase.AFTER_UNSCALING) { // no fault of the scale
        return new StepResult.Skipped(overflow, scale.get());
      }
      return scale.isAtFloor() && rule.atFloor() == LossScaling.AtFloor.FAIL
          ? new StepResult.Collapsed(overflow)
          : new StepResult.Skipped(overflow, scale.afterOverflow());
    }

    private void requireOpen() {
      if (open != this) {
        throw new IllegalStateException(
            "the iteration is closed: backward, then scaler.iteration(), unscale, step, close");
      }
    }

    /**
     * Updates the scale: it backs off if any gradient was not finite. Closing twice does nothing.
     *
     * @throws IllegalStateException if no gradients were unscaled
     */
    @Override
    public void close() {
      if (open != this) {
        return;
      }
      open = null;
      for (int i = 0; i < touched.size(); i++) {
        Gradients set = touched.get(i);
        if (set.stage() != Stage.SCALED) {
          set.leave();
        }
        set.finish();
      }
      touched.clear();
      microBatches = 0;
      earlier = null;
      if (failed) {
        forgetVerdicts();
        return;
      }
      updateScales();
      if (!checked) {
        throw new IllegalStateException(
            "the iteration was closed without a check, and the scale has not changed: unscale or"
                + " step with all gradients, then close");
      }
    }
  }

  /**
   * What of a scaler is to be saved with a checkpoint. It holds no settings: these are the
   * policy's.
   *
   * @param appliedSteps how many steps were applied so far
   * @param skippedSteps how many were not
   * @param scales the common scale first, then those of the layers in the order they were given
   */
  public record State(long appliedSteps, long skippedSteps, List<Scale> scales) {

    /** Copies the list. */
    public State {
      scales = List.copyOf(scales);
    }

    /**
     * One of the scales.
     *
     * @param layer empty for the common one
     * @param scale the loss scale
     * @param cleanSteps how many clean steps count towards the next growth
     * @param hysteresisLeft which overflow from now on is the first to be answered by a smaller
     *     scale; 1 or below for the first
     */
    public record Scale(String layer, float scale, int cleanSteps, int hysteresisLeft) {}
  }

  /**
   * The state between two steps.
   *
   * @throws IllegalStateException if an iteration is open, or micro-batches have been told of and
   *     no step since: what has added up is in no checkpoint
   */
  public State state() {
    requireBetweenSteps("state");
    List<State.Scale> scales = new ArrayList<>();
    scales.add(state("", common));
    groups.forEach((layer, scale) -> scales.add(state(layer, scale)));
    return new State(appliedSteps, skippedSteps, scales);
  }

  private static State.Scale state(String layer, LossScale scale) {
    return new State.Scale(layer, scale.get(), scale.cleanSteps(), scale.hysteresisLeft());
  }

  /**
   * Goes on from a state. Either all of it is taken on or nothing.
   *
   * @throws IllegalArgumentException if it cannot be one of this scaler: other layers, or a scale
   *     that the rule does not allow
   * @throws IllegalStateException as {@link #state()}
   */
  public void restore(State state) {
    requireBetweenSteps("restore");
    Arguments.require(state.appliedSteps >= 0, "appliedSteps", state.appliedSteps, "0 or more");
    Arguments.require(state.skippedSteps >= 0, "skippedSteps", state.skippedSteps, "0 or more");
    List<String> layers = new ArrayList<>(List.of(""));
    layers.addAll(groups.keySet());
    List<String> given = state.scales.stream().map(State.Scale::layer).toList();
    if (!given.equals(layers)) {
      throw new IllegalArgumentException("state has scales of " + given + ", expected " + layers);
    }
    for (State.Scale saved : state.scales) {
      exactly(saved.layer)
          .require(
              saved.layer.isEmpty() ? "loss scale" : "loss scale of " + saved.layer,
              saved.scale,
              saved.cleanSteps,
              saved.hysteresisLeft);
    }
    for (State.Scale saved : state.scales) {
      exactly(saved.layer).set(saved.scale, saved.cleanSteps, saved.hysteresisLeft);
    }
    appliedSteps = state.appliedSteps;
    skippedSteps = state.skippedSteps;
  }

  private LossScale exactly(String layer) {
    return layer.isEmpty() ? common : Objects.requireNonNull(groups.get(layer));
  }

  private void requireBetweenSteps(String operation) {
    if (open != null || microBatches > 0) {
      throw new IllegalStateException(
          operation + " within an iteration: " + operation + " after the step, before the next");
    }
  }
}
