package dev.narrow.repro;

import dev.narrow.amp.Autocast;
import dev.narrow.amp.CastObserver;
import dev.narrow.amp.GradScaler;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Role;
import dev.narrow.amp.StepResult;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.nn.Networks;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Floats;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Tensor;
import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Split;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Trains the network of one cell, on one thread. */
final class Trainer {
  private static final int TEST_BATCH = 256;

  private final Cell cell;
  private final Dataset data;
  private final Backend backend = Backend.cpu(1);
  private final Network network;
  private boolean observed;
  private final Map<Role, QuantizationError> errors = new EnumMap<>(Role.class);

  private Trainer(Cell cell) {
    this.cell = cell;
    this.data = cell.dataset();
    this.network =
        new Network(
            Autocast.with(cell.arm().policy())
                .on(backend)
                .seed(cell.seed())
                .observed(new FirstBatches()),
            Networks.mlp(
                cell.seed(), data.train().features(), cell.config().hidden(), data.classes()));
  }

  /** Trains, and tests after each epoch. */
  static CellResult train(Cell cell) {
    return new Trainer(cell).run();
  }

  private CellResult run() {
    Arm arm = cell.arm();
    TrainingConfig config = cell.config();
    Optimizer optimizer =
        Optimizer.of(
            backend,
            arm.rule(),
            arm.learningRate(),
            network.parameters(),
            arm.policy(),
            cell.seed());
    GradScaler scaler = GradScaler.of(arm.policy());
    Gradients gradients = network.gradients();
    List<Double> accuracy = new ArrayList<>();
    List<@Nullable Double> losses = new ArrayList<>();
    int skipped = 0;
    boolean collapsed = false;
    for (int epoch = 0; epoch < config.epochs() && !collapsed; epoch++) {
      optimizer.learningRate(config.learningRate(arm.learningRate(), epoch));
      int[] order = Shuffle.order(data.train().size(), cell.seed(), epoch);
      double sum = 0;
      int seen = 0;
      for (int from = 0; from < order.length && !collapsed; from += config.batch()) {
        int[] batch =
            Arrays.copyOfRange(order, from, Math.min(from + config.batch(), order.length));
        observed = from == 0;
        float loss =
            network.backpropagate(rows(data.train(), batch), labels(batch), scaler.lossScale());
        sum += (double) loss * batch.length;
        seen += batch.length;
        switch (scaler.step(gradients, optimizer::step)) {
          case StepResult.Applied _ -> {}
          case StepResult.Skipped _ -> skipped++;
          case StepResult.Collapsed _ -> collapsed = true;
        }
      }
      observed = false;
      double mean = sum / seen;
      losses.add(Double.isFinite(mean) ? mean : null);
      accuracy.add(accuracy(data.test()));
    }
    while (losses.size() < config.epochs()) { // after a collapse
      losses.add(null);
      accuracy.add(accuracy.getLast());
    }
    return new CellResult(accuracy, losses, skipped, collapsed, quantization());
  }

  /** Measures what the casts of the first batch of each epoch do. */
  private final class FirstBatches implements CastObserver {
    @Override
    public boolean wants(long step) {
      return observed;
    }

    @Override
    public void cast(Cast cast) {
      if (cast.quantizer().isPresent()) {
        errors.merge(
            cast.role(),
            QuantizationError.measure(
                cast.before(), cast.after(), cast.quantizer().get(), cast.scales().orElseThrow()),
            QuantizationError::merge);
      }
    }
  }

  private Map<String, CellResult.RoleError> quantization() {
    Map<String, CellResult.RoleError> shares = new LinkedHashMap<>();
    errors.forEach((role, error) ->
        shares.put(
            role.letter(),
            new CellResult.RoleError(
                (double) error.flushed() / error.count(),
                (double) error.saturated() / error.count(),
                Double.isFinite(error.sqnrDb()) ? error.sqnrDb() : null)));
    return shares;
  }

  private double accuracy(Split split) {
    int correct = 0;
    for (int from = 0; from < split.size(); from += TEST_BATCH) {
      int n = Math.min(TEST_BATCH, split.size() - from);
      int[] batch = IntStream.range(from, from + n).toArray();
      Tensor logits = network.forward(rows(split, batch));
      Floats values = Floats.of(logits, "logits");
      for (int i = 0; i < n; i++) {
        int row = values.offset() + i * data.classes();
        if (argmax(values.array(), row, data.classes()) == split.y()[from + i]) {
          correct++;
        }
      }
    }
    return (double) correct / split.size();
  }

  /** The first of the largest; -1 if any is NaN, so that a broken network is never right. */
  private static int argmax(float[] values, int from, int n) {
    int best = 0;
    for (int i = 0; i < n; i++) {
      if (Float.isNaN(values[from + i])) {
        return -1;
      }
      if (values[from + i] > values[from + best]) {
        best = i;
      }
    }
    return best;
  }

  private static Tensor rows(Split split, int[] samples) {
    int features = split.features();
    float[] x = new float[samples.length * features];
    for (int i = 0; i < samples.length; i++) {
      System.arraycopy(split.x(), samples[i] * features, x, i * features, features);
    }
    return Tensor.of(x, samples.length, features);
  }

  private int[] labels(int[] samples) {
    int[] labels = new int[samples.length];
    for (int i = 0; i < samples.length; i++) {
      labels[i] = data.train().y()[samples[i]];
    }
    return labels;
  }
}
