package dev.narrow.repro.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.nn.Parameter;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import ai.djl.translate.TranslateException;
import ai.djl.util.RandomUtils;
import dev.narrow.amp.LnsMadam;
import dev.narrow.amp.StepResult;
import dev.narrow.amp.djl.AmpDjl;
import dev.narrow.amp.djl.AmpTrainer;
import java.io.IOException;

/**
 * What a training run came to.
 *
 * @param accuracy share of test samples that are right, 0 to 1
 * @param loss mean cross entropy on them in nat
 * @param skippedSteps steps that were skipped
 * @param lossScale at the end; 1 where there is none
 * @param lastSkip what was to blame for the last skip; empty if there was none
 */
record DjlRun(double accuracy, double loss, long skippedSteps, float lossScale, String lastSkip) {

  /** Whether a run can have come to this; what was read from a file may not. */
  boolean isPlausible() {
    return accuracy >= 0 && accuracy <= 1 && skippedSteps >= 0 && lastSkip != null;
  }

  /**
   * Trains with {@code EasyTrain.fit} and tests.
   *
   * @param seed gives the initial weights, the order of samples and what dropout drops
   */
  static DjlRun train(DjlExample example, DjlArm arm, int epochs, int seed) throws IOException {
    float first = arm.madam() ? example.madamRate() : example.learningRate();
    int steps = epochs * example.steps();
    Tracker rate = step -> learningRate(first, step, steps);
    Optimizer optimizer =
        arm.madam() ? AmpDjl.optimizer(new LnsMadam(), rate) : example.optimizer(rate);
    DefaultTrainingConfig config =
        new DefaultTrainingConfig(example.loss())
            .optDevices(new Device[] {Device.cpu()})
            .optInitializer(example.biases(), Parameter.Type.BIAS)
            .optInitializer(example.biases(), Parameter.Type.BETA)
            .optOptimizer(optimizer);
    example.weights().ifPresent(weights -> config.optInitializer(weights, Parameter.Type.WEIGHT));
    try (Model model = Model.newInstance("example")) {
      model.getNDManager().getEngine().setRandomSeed(seed);
      RandomUtils.RANDOM.setSeed(seed);
      model.setBlock(example.block());
      try (Trainer trainer =
          arm.policy().isEmpty()
              ? model.newTrainer(config)
              : AmpDjl.trainer(model, config, arm.policy().get())) {
        trainer.initialize(example.shapes());
        ArrayDataset training = example.training(model.getNDManager());
        EasyTrain.fit(trainer, epochs, training, null);
        return of(example.test(trainer), trainer);
      } catch (TranslateException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static DjlRun of(DjlExample.Score score, Trainer trainer) {
    if (trainer instanceof AmpTrainer amp) {
      return new DjlRun(
          score.accuracy(),
          score.loss(),
          amp.scaler().skippedSteps(),
          amp.scaler().lossScale(),
          amp.lastSkip().map(StepResult::toString).orElse(""));
    }
    return new DjlRun(score.accuracy(), score.loss(), 0, 1, "");
  }

  /** A quarter from 70 % of the steps on, a sixteenth from 90 %. */
  private static float learningRate(float first, int step, int steps) {
    if (10L * step >= 9L * steps) {
      return first / 16;
    }
    return 10L * step >= 7L * steps ? first / 4 : first;
  }
}
