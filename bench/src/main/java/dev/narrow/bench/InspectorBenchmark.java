package dev.narrow.bench;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Sgd;
import dev.narrow.amp.inspect.Inspector;
import dev.narrow.amp.inspect.InspectorOptions;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.nn.Networks;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs to look: steps of training 784-256-128-10 on batches of 128 in fp16, alone and with
 * an inspector that samples one step of a hundred, tries no other formats or five, and writes
 * NDJSON and events.
 *
 * <p>Charged: a hundred steps an operation, of which one is sampled; the cost of looking is the
 * ratio of the two times, less 1. {@link #sampledStep} is that one step alone.
 *
 * <p>What would fool it: a machine that others use, where two runs of the same differ by more than
 * what is asked for. The inspector's own clock, which its report has, does not depend on that as
 * much.
 *
 * <p>Run: {@code mvn -pl bench -am verify -Pjmh -DskipTests "-Djmh.args=Inspector"}.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 4, time = 2)
@Measurement(iterations = 8, time = 2)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector"})
public class InspectorBenchmark {
  private static final int BATCH = 128;
  private static final int STEPS = 100;

  /** A network that nobody looks at, one that is looked at, and a batch. */
  @State(Scope.Thread)
  public static class Networked {
    /** Units of the layers. */
    @Param("784-256-128-10")
    public String units = "784-256-128-10";

    /** Formats that are tried, separated by commas, or none. */
    @Param({"none", "bf16,e4m3fn,e5m2,lns8,mxfp8"})
    public String whatIf = "bf16,e4m3fn,e5m2,lns8,mxfp8";

    final Backend backend = Backend.cpu(1);
    Tensor x = Tensor.zeros(0, 0);
    final int[] labels = new int[BATCH];
    Inspector sparse = Inspector.inMemory(STEPS);
    Inspector always = sparse;
    Run alone = run(autocast());
    Run sampled = alone;
    Run everyStep = alone;
    Path directory = Path.of("");

    /** A network with what trains it. */
    record Run(Network network, Optimizer optimizer) {}

    /**
     * Draws the batch and opens the files.
     *
     * @throws IOException if the files cannot be written
     */
    @Setup(Level.Trial)
    public void open() throws IOException {
      directory = Files.createTempDirectory("inspector");
      sparse = Inspector.open(directory.resolve("sparse.ndjson"), options(STEPS));
      always = Inspector.open(directory.resolve("always.ndjson"), options(1));
      alone = run(autocast());
      sampled = run(sparse.observe(autocast()));
      everyStep = run(always.observe(autocast()));
      Random random = new Random(1);
      int inputs = extents()[0];
      float[] values = new float[BATCH * inputs];
      for (int i = 0; i < values.length; i++) {
        values[i] = random.nextFloat() < 0.8f ? 0 : random.nextFloat(); // as an image of a digit
      }
      x = Tensor.of(values, BATCH, inputs);
      for (int i = 0; i < BATCH; i++) {
        labels[i] = random.nextInt(10);
      }
    }

    private int[] extents() {
      return Arrays.stream(units.split("-")).mapToInt(Integer::parseInt).toArray();
    }

    private Autocast autocast() {
      return Autocast.with(AmpPolicy.fp16()).on(backend);
    }

    private InspectorOptions options(int every) {
      return InspectorOptions.every(every)
          .whatIf(whatIf.equals("none") ? new String[0] : whatIf.split(",", -1))
          .tensorBoard(directory.resolve("events" + every));
    }

    private Run run(Autocast autocast) {
      Network network = new Network(autocast, Networks.mlp(1, extents()));
      return new Run(
          network,
          Optimizer.of(backend, new Sgd(0.9f), 0.01f, network.parameters(), AmpPolicy.fp32(), 1));
    }

    /**
     * Closes the files, says what the inspector's clock has, and deletes them.
     *
     * @throws IOException if that fails
     */
    @TearDown(Level.Trial)
    public void close() throws IOException {
      long steps = sampled.network().autocast().steps();
      if (steps > 0) {
        System.out.printf(
            "inspector: %.3f ms a sampled step, %d of %d steps%n",
            sparse.report().nanos() / 1e6 / sparse.report().steps(),
            sparse.report().steps(),
            steps);
      }
      sparse.close();
      always.close();
      try (var files = Files.walk(directory)) {
        for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
          Files.delete(file);
        }
      }
    }

    float step(Run run) {
      float loss = run.network().backpropagate(x, labels, 1024);
      for (var parameter : run.network().parameters()) {
        backend.scale(1f / 1024, parameter.gradient(), parameter.gradient());
      }
      run.optimizer().step();
      return loss;
    }

    float steps(Run run) {
      float sum = 0;
      for (int i = 0; i < STEPS; i++) {
        sum += step(run);
      }
      return sum;
    }
  }

  /** A hundred steps that nobody looks at. */
  @Benchmark
  public float alone(Networked networks) {
    return networks.steps(networks.alone);
  }

  /** A hundred steps, one of them sampled. */
  @Benchmark
  public float sampled(Networked networks) {
    return networks.steps(networks.sampled);
  }

  /** One step that is sampled. */
  @Benchmark
  public float sampledStep(Networked networks) {
    return networks.step(networks.everyStep);
  }
}
