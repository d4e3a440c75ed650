package dev.narrow.amp.tune;

import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import java.util.ArrayList;
import java.util.List;

/**
 * Chooses the cheapest format for each layer and role under a target.
 *
 * <pre>{@code
 * Sensitivity measured = Sensitivity.measure(task, AmpPolicy.bf16(), Candidate.defaults(), 4, progress);
 * Tuner tuner = new Tuner(task, AmpPolicy.bf16(), measured);
 * AmpPolicy policy = tuner.withinLossIncrease(0.03, 3).policy();
 * }</pre>
 *
 * <p>The search is greedy over measured sensitivities (see {@link Sensitivity}), as it is for
 * post-training quantization; that each choice is scored by what it does to the gradients makes it
 * one for training. Sums of scores are a model: {@link #withinLossIncrease} trains with what it
 * finds.
 */
public final class Tuner {
  private static final double RESOLUTION = 0.1; // bits

  private final TuningTask task;
  private final AmpPolicy base;
  private final Sensitivity sensitivity;

  /**
   * A tuner.
   *
   * @param task what is tuned for
   * @param base what stays where nothing is chosen: lists of operations, gradients of weights,
   *     optimizer, loss scaling
   * @param sensitivity what was measured of the task
   */
  public Tuner(TuningTask task, AmpPolicy base, Sensitivity sensitivity) {
    this.task = task;
    this.base = base;
    this.sensitivity = sensitivity;
  }

  /**
   * What was found.
   *
   * @param assignment the formats
   * @param policy the same as a policy
   * @param probes what was tried on the way, in order
   */
  public record Result(Assignment assignment, AmpPolicy policy, List<Probe> probes) {
    /** Copies the list. */
    public Result {
      probes = List.copyOf(probes);
    }
  }

  /**
   * A trial by training.
   *
   * @param bits on average
   * @param increase of the loss over the base policy's, mean over the seeds
   */
  public record Probe(double bits, double increase) {}

  /** In each place the format of fewest bits whose SQNR is at least so many dB. */
  public Result aboveSqnr(double floorDb) {
    return result(Assignment.aboveSqnr(sensitivity, floorDb), List.of());
  }

  /**
   * The least noise for so many bits.
   *
   * @param bits of an element of an operand, on average
   * @throws IllegalArgumentException if no choice has so few
   */
  public Result withinBits(double bits) {
    Assignment found = Assignment.withinBits(sensitivity, bits);
    if (found.bits() > bits) {
      throw new IllegalArgumentException(
          "bits = " + bits + ", expected " + found.bits() + " or more: the fewest there are");
    }
    return result(found, List.of());
  }

  /**
   * The fewest bits whose loss is within a budget, by bisection to a tenth of a bit: each trial
   * trains with the least noise for its bits.
   *
   * @param increase of the loss over that of the base policy, mean over the seeds
   * @param seeds how many runs a trial has, 1 or more
   * @throws IllegalArgumentException if seeds is below 1
   * @throws AmpException if the base policy's loss is not finite, or no choice is within the budget
   */
  public Result withinLossIncrease(double increase, int seeds) {
    if (seeds < 1) {
      throw new IllegalArgumentException("seeds = " + seeds + ", expected 1 or more");
    }
    double reference = loss(base, seeds);
    if (!Double.isFinite(reference)) {
      throw new AmpException("the base policy's loss is " + reference + ", expected a finite one");
    }
    List<Probe> probes = new ArrayList<>();
    Assignment best = Assignment.withinBits(sensitivity, Double.MAX_VALUE);
    double low = Assignment.withinBits(sensitivity, 0).bits();
    double high = best.bits();
    double bits = low;
    boolean found = false;
    while (true) {
      Assignment tried = Assignment.withinBits(sensitivity, bits);
      double measured = loss(tried.policy(base), seeds) - reference;
      probes.add(new Probe(tried.bits(), measured));
      if (measured <= increase) { // a loss that is not a number is not
        best = tried;
        high = bits;
        found = true;
      } else {
        low = bits;
      }
      if (high - low <= RESOLUTION && !found) { // left is the widest, which was not tried
        double widest = loss(best.policy(base), seeds) - reference;
        probes.add(new Probe(best.bits(), widest));
        if (!(widest <= increase)) {
          throw new AmpException(
              "the widest candidates cost "
                  + widest
                  + " of loss, expected "
                  + increase
                  + " or less");
        }
      }
      if (high - low <= RESOLUTION) {
        return result(best, probes);
      }
      bits = (low + high) / 2;
    }
  }

  private double loss(AmpPolicy policy, int seeds) {
    double sum = 0;
    for (int seed = 0; seed < seeds; seed++) {
      sum += task.train(policy, seed);
    }
    return sum / seeds;
  }

  private Result result(Assignment assignment, List<Probe> probes) {
    return new Result(assignment, assignment.policy(base), probes);
  }
}
