package dev.narrow.repro;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.LnsMadam;
import dev.narrow.amp.LossScaling;
import dev.narrow.amp.Sgd;
import dev.narrow.amp.UpdateRule;
import dev.narrow.repro.data.Dataset;
import java.util.ArrayList;
import java.util.List;

/**
 * The experiment {@code first-table}: one network on digits, trained in fp32, bf16, fp16, FP8 and
 * 8-bit logarithmic numbers, and what each costs in accuracy.
 *
 * <p>The claim under test is that of LNS-Madam (arXiv 2106.13914): with weights, activations and
 * both kinds of gradient in 8-bit logarithmic numbers, and parameters in 16-bit ones, training is
 * within half a point of fp32 with the same optimizer.
 */
final class FirstTable {
  static final String NAME = "first-table";

  /** Points of accuracy that a format may cost. */
  static final double CLAIM = 0.5;

  static final String FP32_SGD = "fp32, SGD";
  static final String FP32_MADAM = "fp32, LNS-Madam";
  static final String LNS8_MADAM = "LNS8, LNS-Madam";
  static final String LNS8_SGD = "LNS8, SGD";

  private FirstTable() {}

  /** The rows of the table. */
  static List<Arm> arms() {
    UpdateRule sgd = new Sgd(0.9f);
    float rate = sgd.defaultLearningRate();
    UpdateRule madam = new LnsMadam();
    float madamRate = 0x1p-4f; // the best of 2^-4 ... 2^-8 in fp32 on optdigits
    AmpPolicy fp16 = AmpPolicy.fp16();
    return List.of(
        new Arm(FP32_SGD, AmpPolicy.fp32(), sgd, rate, FP32_SGD),
        new Arm("bf16, SGD", AmpPolicy.bf16(), sgd, rate, FP32_SGD),
        new Arm("fp16 unscaled, SGD", fp16.with(LossScaling.checkOnly()), sgd, rate, FP32_SGD),
        new Arm("fp16 loss-scaled, SGD", fp16, sgd, rate, FP32_SGD),
        new Arm("FP8 E4M3/E5M2, SGD", AmpPolicy.fp8Hybrid(), sgd, rate, FP32_SGD),
        new Arm(LNS8_SGD, AmpPolicy.lns8(), sgd, rate, FP32_SGD),
        new Arm(FP32_MADAM, AmpPolicy.fp32(), madam, madamRate, FP32_MADAM),
        new Arm(LNS8_MADAM, AmpPolicy.lns8(), madam, madamRate, FP32_MADAM));
  }

  /** How long and how large, for a data set. */
  static TrainingConfig config(String dataset, Scale scale) {
    int hidden = dataset.equals("glyphs") ? 64 : 128;
    return switch (scale) {
      case SMOKE -> new TrainingConfig(hidden, 2, 32, 2);
      case SMALL ->
          switch (dataset) {
            case "mnist" -> new TrainingConfig(hidden, 5, 32, 4);
            case "optdigits" -> new TrainingConfig(hidden, 30, 32, 4);
            default -> new TrainingConfig(hidden, 15, 32, 10);
          };
      case FULL -> new TrainingConfig(hidden, dataset.equals("mnist") ? 20 : 30, 32, 10);
    };
  }

  /**
   * All runs on a data set, seed by seed, so that a warming machine slows no arm more than others.
   */
  static List<Cell> cells(Dataset dataset, TrainingConfig config) {
    List<Cell> cells = new ArrayList<>();
    String digest = dataset.digest();
    for (int seed = 0; seed < config.seeds(); seed++) {
      for (Arm arm : arms()) {
        cells.add(new Cell(dataset, digest, arm, config, seed));
      }
    }
    return cells;
  }
}
