package dev.narrow.amp.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.Checkpoint;
import dev.narrow.amp.EmulatedGpu;
import dev.narrow.amp.GradScaler;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.LnsMadam;
import dev.narrow.amp.Ops;
import dev.narrow.amp.Optimizer;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.Sgd;
import dev.narrow.amp.StepResult;
import dev.narrow.amp.UpdateRule;
import dev.narrow.amp.inspect.Inspector;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Indices;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.kernels.cuda.CudaGraph;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Networks that are trained on a device: the bits of the processor, and no memory left behind. */
@Tag("cuda")
class DeviceNetworksTest {
  private static final Backend CPU = Backend.cpu(1);

  @SuppressWarnings("NullAway.Init") // opened before all tests
  private static CudaDevice device;

  @BeforeAll
  static void open() {
    EmulatedGpu.install();
    device = CudaDevice.open();
  }

  @AfterAll
  static void close() {
    assertEquals(List.of(), device.usage().open());
    device.close();
  }

  /** A policy and what goes with it. */
  enum Training {
    FP32,
    FP16,
    LNS8;

    AmpPolicy policy() {
      return switch (this) {
        case FP32 -> AmpPolicy.fp32();
        case FP16 -> AmpPolicy.fp16();
        case LNS8 -> AmpPolicy.lns8();
      };
    }

    UpdateRule rule() {
      return this == LNS8 ? new LnsMadam() : new Sgd(0.9f);
    }
  }

  /** A network with its optimizer and scaler where a backend works. */
  private static final class Run implements AutoCloseable {
    final NetworksTest.Kind kind;
    final Network network;
    final Gradients gradients;
    final GradScaler scaler;
    final Optimizer optimizer;

    Run(NetworksTest.Kind kind, Training training, Backend backend) {
      this.kind = kind;
      network = new Network(Autocast.with(training.policy()).on(backend).seed(4), kind.body());
      gradients = network.gradients();
      scaler = GradScaler.of(training.policy().lossScaling(), backend);
      float rate = training.rule().defaultLearningRate();
      optimizer =
          Optimizer.of(backend, training.rule(), rate, network.parameters(), training.policy(), 2);
    }

    /** The loss and what became of the step. */
    String step() {
      float loss = network.backpropagate(kind.x(), kind.labels(), scaler.lossScale());
      StepResult result = scaler.step(loss, gradients, optimizer::step);
      return Float.toHexString(loss) + ", " + result;
    }

    Checkpoint checkpoint() {
      Checkpoint checkpoint =
          new Checkpoint()
              .add("optimizer", optimizer)
              .add("scaler", scaler)
              .add("autocast", network.autocast());
      for (Layer.Buffer buffer : network.buffers()) {
        checkpoint.add(buffer.name(), buffer.value());
      }
      return checkpoint;
    }

    List<float[]> values() {
      List<float[]> values = new ArrayList<>();
      for (Parameter parameter : network.parameters()) {
        values.add(parameter.value().toFloats());
      }
      for (Layer.Buffer buffer : network.buffers()) {
        values.add(buffer.value().toFloats());
      }
      return values;
    }

    @Override
    public void close() {
      optimizer.close();
      network.close();
    }
  }

  static Stream<Arguments> runs() {
    return Stream.of(NetworksTest.Kind.values())
        .flatMap(kind ->
            Stream.of(Training.values())
                .flatMap(training ->
                    Stream.of(Accumulator.fp32(), Accumulator.exact())
                        .map(sums -> Arguments.of(kind, training, sums))));
  }

  private static void assertSame(List<float[]> expected, List<float[]> actual) {
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), actual.get(i), "values " + i);
    }
  }

  @ParameterizedTest
  @MethodSource("runs")
  void trainingHasTheBitsOfTheProcessor(
      NetworksTest.Kind kind, Training training, Accumulator sums) {
    Run host = new Run(kind, training, CPU.with(sums));
    Run there = new Run(kind, training, device.backend().with(sums));
    try (host;
        there) {
      for (int step = 0; step < 3; step++) {
        assertEquals(host.step(), there.step(), "step " + step);
      }
      assertArrayEquals(
          host.network.forward(host.kind.x()).toFloats(),
          there.network.forward(host.kind.x()).toFloats());
      assertSame(host.values(), there.values());
    }
    for (Parameter parameter : there.network.parameters()) {
      assertTrue(parameter.value().storage().isHost(), "at home");
    }
    assertSame(host.values(), there.values());
  }

  /** A batch there, a loss back, and what unscaling asks: a table of tensors, and the verdicts. */
  @ParameterizedTest
  @EnumSource
  void aStepCopiesABatchThereAndALossBack(NetworksTest.Kind kind) {
    try (Run run = new Run(kind, Training.FP16, device.backend())) {
      run.step();
      long before = EmulatedGpu.copies();
      run.network.backpropagate(batch(kind, 0), run.kind.labels(), run.scaler.lossScale());
      assertEquals(3, EmulatedGpu.copies() - before, "x and labels there, the loss back");
      run.scaler.step(run.gradients, run.optimizer::step);
      assertEquals(5, EmulatedGpu.copies() - before, "and two to unscale");
    }
  }

  /** The batch of a step: numbers of tokens, or samples. */
  private static Tensor batch(NetworksTest.Kind kind, int step) {
    float[] x = kind.x().toFloats();
    int[] tokens = new int[x.length];
    for (int i = 0; i < x.length; i++) {
      tokens[i] = (int) (x[i] + step) % 11;
      x[i] += 0.125f * ((step + i) % 3);
    }
    return kind == NetworksTest.Kind.TRANSFORMER
        ? Indices.of(tokens, kind.dims())
        : Tensor.of(x, kind.dims());
  }

  /** Forward and backward are a graph; unscaling, whose result decides, and the step are not. */
  @ParameterizedTest
  @CsvSource({
    "MLP, FP32",
    "MLP, FP16",
    "RESIDUAL, FP32",
    "RESIDUAL, FP16",
    "TRANSFORMER, FP32",
    "TRANSFORMER, FP16",
    "MLP, LNS8",
    "RESIDUAL, LNS8",
    "TRANSFORMER, LNS8"
  })
  void aCapturedPassIsDoneAgainWithTheBitsOfTheProcessor(
      NetworksTest.Kind kind, Training training) {
    try (Run host = new Run(kind, training, CPU);
        Run there = new Run(kind, training, device.backend())) {
      Tensor x = device.upload(batch(kind, 0));
      Tensor labels = device.upload(Indices.of(kind.labels(), kind.labels().length));
      Tensor loss = device.upload(Tensor.zeros());
      float scale = there.scaler.lossScale();
      Runnable pass = () -> there.network.backpropagate(x, labels, scale, loss);
      pass.run(); // what is loaded once is there
      try (CudaGraph graph = device.capture(pass)) {
        device.synchronize();
        for (int step = 0; step < 4; step++) {
          Tensor batch = batch(kind, step);
          long copies = EmulatedGpu.copies();
          device.copy(batch, x);
          graph.launch();
          float found = loss.toFloats()[0];
          assertEquals(2, EmulatedGpu.copies() - copies, "the batch there, the loss back");
          there.scaler.step(found, there.gradients, there.optimizer::step);

          if (step == 0) { // running moments have seen the pass that was not captured, too
            host.network.backpropagate(batch, kind.labels(), scale);
          }
          float expected = host.network.backpropagate(batch, kind.labels(), scale);
          host.scaler.step(expected, host.gradients, host.optimizer::step);
          assertEquals(expected, found, "step " + step);
          assertSame(host.values(), there.values());
        }
      }
      Stream.of(x, labels, loss).forEach(device::free);
    }
  }

  /**
   * On tensor cores, in any order: a loss is off by at most 0.001 of it in fp16 and 0.05 in LNS8,
   * where a sum that is off by 2.9e-4 may become the code beside, 0.09 away.
   */
  @ParameterizedTest
  @CsvSource({
    "MLP, FP16",
    "MLP, LNS8",
    "RESIDUAL, FP16",
    "RESIDUAL, LNS8",
    "TRANSFORMER, FP16",
    "TRANSFORMER, LNS8"
  })
  void inAnyOrderLossesAreWithinABound(NetworksTest.Kind kind, Training training) {
    try (Run host = new Run(kind, training, CPU);
        Run there = new Run(kind, training, device.fastBackend())) {
      boolean differs = false;
      for (int step = 0; step < 3; step++) {
        float scale = host.scaler.lossScale();
        float expected = host.network.backpropagate(batch(kind, step), kind.labels(), scale);
        float found = there.network.backpropagate(batch(kind, step), kind.labels(), scale);
        assertEquals(expected, found, (training == Training.FP16 ? 1e-3f : 0.05f) * expected);
        differs |= expected != found;
        host.scaler.step(host.gradients, host.optimizer::step);
        there.scaler.step(there.gradients, there.optimizer::step);
      }
      assertTrue(differs || training == Training.FP16, "nothing was decoded to fp16");
    }
  }

  /** They would be the same in every step. */
  @Test
  void randomBitsAreNotCaptured() {
    AmpPolicy policy =
        AmpPolicy.parse("amp 1\ncompute bf16/round=stochastic:16\nparams f32\nstate f32");
    NetworksTest.Kind kind = NetworksTest.Kind.MLP;
    try (Network network = new Network(Autocast.with(policy).on(device.backend()), kind.body())) {
      Tensor x = device.upload(kind.x());
      Tensor labels = device.upload(Indices.of(kind.labels(), kind.labels().length));
      Tensor loss = device.upload(Tensor.zeros());
      Runnable pass = () -> network.backpropagate(x, labels, 1, loss);
      pass.run();
      String message =
          assertThrows(IllegalStateException.class, () -> device.capture(pass)).getMessage();
      Stream.of(x, labels, loss).forEach(device::free);
      assertTrue(
          String.valueOf(message).contains("random bits of fc1 while a graph is being captured"),
          message);
    }
  }

  /** Saved on one, loaded on the other, in both directions. */
  @ParameterizedTest
  @EnumSource
  void aCheckpointGoesOnAnywhere(Training training, @TempDir Path folder) throws IOException {
    NetworksTest.Kind kind = NetworksTest.Kind.RESIDUAL;
    try (Run host = new Run(kind, training, CPU);
        Run there = new Run(kind, training, device.backend())) {
      for (List<Run> pair : List.of(List.of(host, there), List.of(there, host))) {
        Run run = pair.getFirst();
        Run other = pair.getLast();
        run.step();
        Path file = folder.resolve("checkpoint-" + run.network.autocast().steps());
        run.checkpoint().save(file, true);
        other.checkpoint().load(file);
        assertSame(run.values(), other.values());
        assertEquals(run.step(), other.step());
        assertSame(run.values(), other.values());
      }
    }
  }

  /** It looks at copies on the host. */
  @Test
  void anInspectorSeesTheSame() throws IOException {
    List<String> seen = new ArrayList<>();
    for (Backend backend : List.of(CPU, device.backend())) {
      try (Inspector inspector = Inspector.inMemory(1, "e4m3fn")) {
        NetworksTest.Kind kind = NetworksTest.Kind.MLP;
        Autocast autocast = Autocast.with(AmpPolicy.lns8()).on(backend).observed(inspector);
        try (Network network = new Network(autocast, kind.body())) {
          network.backpropagate(kind.x(), kind.labels(), 1);
        }
        seen.add(inspector.report().tensors().toString());
      }
    }
    assertEquals(seen.getFirst(), seen.getLast());
  }

  /** What a region has returned is gone after it, and says so. */
  @Test
  void useAfterTheRegionIsAnException() {
    Autocast autocast = Autocast.with(AmpPolicy.fp32()).on(device.backend());
    Tensor[] kept = new Tensor[2];
    autocast.run(() -> {
      Tensor x = Autocast.place(Tensor.of(new float[] {1, -2}, 2));
      kept[0] = x;
      autocast.run(() -> kept[1] = Ops.relu(x));
      assertArrayEquals(new float[] {1, 0}, kept[1].toFloats(), "the outer region is still open");
    });
    for (Tensor gone : kept) {
      String message = assertThrows(IllegalStateException.class, gone::toFloats).getMessage();
      assertTrue(String.valueOf(message).contains("memory that was freed"), message);
      assertThrows(IllegalStateException.class, () -> autocast.run(() -> Ops.relu(gone)));
    }
    Tensor outside = device.upload(Tensor.zeros(3));
    assertThrows(IllegalArgumentException.class, () -> Ops.relu(outside));
    device.free(outside);
  }

  @ParameterizedTest
  @CsvSource({
    "MLP, FP16, 50",
    "MLP, LNS8, 50",
    "RESIDUAL, FP16, 5",
    "RESIDUAL, LNS8, 5",
    "TRANSFORMER, FP16, 5",
    "TRANSFORMER, LNS8, 5"
  })
  void memoryDoesNotGrow(NetworksTest.Kind kind, Training training, int steps) {
    try (Run run = new Run(kind, training, device.backend())) {
      run.step();
      run.step();
      long inUse = device.usage().inUse();
      long reserved = device.usage().reserved();
      for (int step = 2; step < steps; step++) {
        run.step();
      }
      assertEquals(inUse, device.usage().inUse());
      assertEquals(reserved, device.usage().reserved());
    }
    assertEquals(List.of(), device.usage().open());
  }
}
