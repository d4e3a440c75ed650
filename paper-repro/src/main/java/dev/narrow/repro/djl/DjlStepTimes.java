package dev.narrow.repro.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.djl.AmpDjl;
import dev.narrow.repro.Processor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.Writer;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Times of training steps, of DJL's own trainer in fp32, of one that obeys a policy in bf16, and of
 * PyTorch in Python with and without its autocast where that is installed. They take turns, one
 * step each, so that what else the machine does is the same for all; ratios are those of a round,
 * with their quartiles. How busy the machine was stands in the last line.
 *
 * <pre>DjlStepTimes [ROUNDS] [PYTHON]</pre>
 */
public final class DjlStepTimes {
  private static final int WARM = 3;
  private static final List<String> NETWORKS = List.of("mlp", "convnet");

  private DjlStepTimes() {}

  /** Who makes a step. */
  private interface Contestant {
    /** The seconds of a step of a network. */
    double step(String network) throws IOException;
  }

  /** See above. */
  public static void main(String[] arguments) throws IOException {
    DjlPresence.missing()
        .ifPresent(missing -> {
          throw new IllegalStateException("this needs " + missing);
        });
    int rounds = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 40;
    String python = arguments.length > 1 ? arguments[1] : "python3";
    List<String> names = new ArrayList<>(List.of("DJL, fp32", "DJL, bf16"));
    List<Contestant> contestants = new ArrayList<>(List.of(new Djl(null), new Djl(bf16())));
    try (Torch torch = Torch.start(python)) {
      if (torch != null) {
        names.addAll(List.of("torch " + torch.version + ", fp32", "torch, autocast"));
        contestants.add(network -> torch.step(network, "fp32"));
        contestants.add(network -> torch.step(network, "bf16"));
      }
      System.out.print(AmpDjl.capabilities());
      System.out.println("| step | ms, median | to DJL in fp32 | to torch's autocast |");
      System.out.println("| --- | ---: | ---: | ---: |");
      for (String network : NETWORKS) {
        print(System.out, network, names, measure(network, contestants, rounds));
      }
      System.out.printf(
          Locale.ROOT,
          "%n%s, one thread each, %d rounds, load average %s%n",
          Processor.model(),
          rounds,
          ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    }
  }

  /** The operations that torch has in bf16, and no others. */
  private static AmpPolicy bf16() {
    return AmpPolicy.torchCpu();
  }

  /** Seconds by contestant and round. */
  private static double[][] measure(String network, List<Contestant> contestants, int rounds)
      throws IOException {
    double[][] seconds = new double[contestants.size()][rounds];
    for (int round = -WARM; round < rounds; round++) {
      for (int i = 0; i < contestants.size(); i++) {
        int who = Math.floorMod(i + round, contestants.size()); // nobody is always the first
        double time = contestants.get(who).step(network);
        if (round >= 0) {
          seconds[who][round] = time;
        }
      }
    }
    return seconds;
  }

  private static void print(
      PrintStream out, String network, List<String> names, double[][] seconds) {
    for (int i = 0; i < names.size(); i++) {
      out.printf(
          Locale.ROOT,
          "| %s: %s | %.1f | %s | %s |%n",
          network,
          names.get(i),
          1e3 * quartile(seconds[i], 2),
          ratios(seconds[0], seconds[i]),
          seconds.length > 2 ? ratios(seconds[seconds.length - 1], seconds[i]) : "–");
    }
  }

  /** How many times as fast, with quartiles. */
  private static String ratios(double[] of, double[] by) {
    double[] ratios = new double[of.length];
    Arrays.setAll(ratios, i -> of[i] / by[i]);
    return String.format(
        Locale.ROOT,
        "%.2f × (%.2f to %.2f)",
        quartile(ratios, 2),
        quartile(ratios, 1),
        quartile(ratios, 3));
  }

  private static double quartile(double[] values, int quarter) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[(sorted.length - 1) * quarter / 4];
  }

  /** DJL in this process. */
  private static final class Djl implements Contestant {
    private final Task mlp;
    private final Task convnet;

    Djl(@Nullable AmpPolicy policy) {
      mlp = new Task(mlp(), new Shape(512, 784), policy);
      convnet = new Task(convnet(), new Shape(64, 3, 32, 32), policy);
    }

    @Override
    public double step(String network) {
      return (network.equals("mlp") ? mlp : convnet).step();
    }

    private static Block mlp() {
      SequentialBlock block = new SequentialBlock();
      for (int i = 0; i < 4; i++) {
        block.add(Linear.builder().setUnits(1024).build()).add(Activation.reluBlock());
      }
      return block.add(Linear.builder().setUnits(10).build());
    }

    private static Block convnet() {
      SequentialBlock block = new SequentialBlock();
      for (int filters : new int[] {32, 64, 128}) {
        block
            .add(
                Conv2d.builder()
                    .setFilters(filters)
                    .setKernelShape(new Shape(3, 3))
                    .optPadding(new Shape(1, 1))
                    .build())
            .add(Activation.reluBlock())
            .add(Pool.maxPool2dBlock(new Shape(2, 2), new Shape(2, 2)));
      }
      return block.add(Blocks.batchFlattenBlock()).add(Linear.builder().setUnits(10).build());
    }
  }

  /** A network with its trainer and a batch, for the life of the process. */
  private static final class Task {
    private final Trainer trainer;
    private final NDArray x;
    private final NDArray labels;

    @SuppressWarnings("MustBeClosedChecker") // as long as the process
    Task(Block block, Shape shape, @Nullable AmpPolicy policy) {
      Model model = Model.newInstance("step");
      model.getNDManager().getEngine().setRandomSeed(1);
      model.setBlock(block);
      DefaultTrainingConfig config =
          new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
              .optDevices(new Device[] {Device.cpu()})
              .optOptimizer(Optimizer.sgd().setLearningRateTracker(Tracker.fixed(0.01f)).build());
      trainer = policy == null ? model.newTrainer(config) : AmpDjl.trainer(model, config, policy);
      trainer.initialize(shape);
      NDManager manager = model.getNDManager();
      x = manager.randomUniform(0, 1, shape);
      labels = manager.arange((float) shape.get(0)).mod(10);
    }

    double step() {
      NDArray input = x.duplicate();
      long start = System.nanoTime();
      try (NDManager batch = trainer.getManager().newSubManager();
          GradientCollector collector = trainer.newGradientCollector()) {
        input.attach(batch);
        NDArray y = trainer.forward(new NDList(input)).singletonOrThrow();
        NDArray loss = trainer.getLoss().evaluate(new NDList(labels), new NDList(y));
        collector.backward(loss);
      }
      trainer.step();
      return (System.nanoTime() - start) * 1e-9;
    }
  }

  /** PyTorch in a process of Python's. */
  private static final class Torch implements AutoCloseable {
    private final Process process;
    private final BufferedReader answers;
    private final Writer questions;
    private final String version;

    private Torch(Process process, String version, BufferedReader answers) {
      this.process = process;
      this.version = version;
      this.answers = answers;
      this.questions = process.outputWriter(StandardCharsets.UTF_8);
    }

    /** Null, with a word on it, where there is no Python with PyTorch. */
    static @Nullable Torch start(String python) throws IOException {
      String script;
      try (InputStream in =
          Objects.requireNonNull(DjlStepTimes.class.getResourceAsStream("torch_steps.py"))) {
        script = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      }
      ProcessBuilder builder = new ProcessBuilder(python, "-c", script);
      builder.environment().put("OMP_NUM_THREADS", "1");
      try {
        Process process = builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
        BufferedReader answers = process.inputReader(StandardCharsets.UTF_8);
        String version = answers.readLine();
        if (version != null) {
          return new Torch(process, version, answers);
        }
      } catch (IOException e) {
        System.err.println(e.getMessage());
      }
      System.err.println("not measured: " + python + " with torch");
      return null;
    }

    double step(String network, String format) throws IOException {
      questions.write(network + " " + format + "\n");
      questions.flush();
      String answer = answers.readLine();
      if (answer == null) {
        throw new IOException("torch has ended, expected the seconds of a step");
      }
      return Double.parseDouble(answer);
    }

    @Override
    public void close() throws IOException {
      questions.close(); // the end of its input is the end of the process
      process.destroy();
    }
  }
}
