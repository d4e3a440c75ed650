package dev.narrow.amp.djl;

import ai.djl.training.Trainer;
import ai.djl.training.listener.TrainingListenerAdapter;
import dev.narrow.amp.GradScaler;
import dev.narrow.amp.StepResult;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/**
 * Logs after each epoch how many steps were made and skipped, the loss scale, and what was to blame
 * for the last skip. One among the listeners of a {@code TrainingConfig}; under a trainer of DJL's
 * own it says nothing.
 */
public final class AmpListener extends TrainingListenerAdapter {
  private static final Logger LOG = System.getLogger(AmpListener.class.getName());

  /** One that logs. */
  public AmpListener() {}

  @Override
  public void onEpoch(Trainer trainer) {
    if (trainer instanceof AmpTrainer amp) {
      LOG.log(Level.INFO, "{0}", summary(amp));
    }
  }

  /**
   * For example {@code 124 steps, 3 skipped, loss scale 8192; step skipped: 03Linear.weight...}.
   */
  static String summary(AmpTrainer trainer) {
    GradScaler scaler = trainer.scaler();
    String counts =
        "%d steps, %d skipped, loss scale %s"
            .formatted(scaler.appliedSteps(), scaler.skippedSteps(), scaler.lossScale());
    return trainer
        .lastSkip()
        .map(StepResult::toString)
        .map(skip -> counts + "; " + skip)
        .orElse(counts);
  }
}
