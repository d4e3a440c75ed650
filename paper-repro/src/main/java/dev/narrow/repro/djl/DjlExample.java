package dev.narrow.repro.djl;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.Trainer;
import ai.djl.training.dataset.ArrayDataset;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.util.Optional;

/** One of DJL's examples on a data set: what is trained, on what, and how it is judged. */
interface DjlExample {
  /** What it is trained on. */
  Source source();

  /** The network, in words. */
  String network();

  /** What the accuracy is of. */
  String judged();

  Block block();

  Loss loss();

  /** Shapes of the inputs of a batch. */
  Shape[] shapes();

  int trainSamples();

  ArrayDataset training(NDManager manager);

  /** The optimizer that DJL's example has. */
  Optimizer optimizer(Tracker rate);

  /** Its first learning rate. */
  float learningRate();

  /** The first learning rate of LNS-Madam. */
  float madamRate();

  /** How weights begin; empty for DJL's own way. */
  default Optional<Initializer> weights() {
    return Optional.empty();
  }

  /** How parameters begin that DJL lets begin at zero, from which LNS-Madam would not move them. */
  default Initializer biases() {
    return new NormalInitializer(0.05f);
  }

  /** On what was not trained on, in evaluation mode. */
  Score test(Trainer trainer);

  /** Samples of a step. */
  default int batch() {
    return 64; // as in DJL's examples of digits
  }

  /** Steps of an epoch. */
  default int steps() {
    return (trainSamples() + batch() - 1) / batch();
  }

  /**
   * A data set.
   *
   * @param dataset its name
   * @param digest of its content
   * @param origin who made it, and its licence
   */
  record Source(String dataset, String digest, String origin) {}

  /**
   * How good a network is.
   *
   * @param accuracy share of what it gets right, 0 to 1
   * @param loss mean cross entropy in nat
   */
  record Score(double accuracy, double loss) {

    /**
     * The score of predictions.
     *
     * @param logits row-major, one row for each label; logarithms of probabilities, or more by the
     *     same in each row
     */
    static Score of(float[] logits, int[] labels) {
      int classes = logits.length / labels.length;
      int right = 0;
      double loss = 0;
      for (int i = 0; i < labels.length; i++) {
        int best = 0;
        for (int c = 1; c < classes; c++) {
          best = logits[i * classes + c] > logits[i * classes + best] ? c : best;
        }
        right += best == labels[i] ? 1 : 0;
        double sum = 0;
        for (int c = 0; c < classes; c++) {
          sum += Math.exp(logits[i * classes + c] - logits[i * classes + best]);
        }
        loss += Math.log(sum) + logits[i * classes + best] - logits[i * classes + labels[i]];
      }
      return new Score((double) right / labels.length, loss / labels.length);
    }
  }
}
