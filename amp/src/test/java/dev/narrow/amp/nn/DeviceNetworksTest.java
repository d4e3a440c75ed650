package dev.narrow.amp.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
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
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Indices;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.kernels.cuda.CudaGraph;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
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
    try (Run host = new Run(kind, training, CPU.with(sums));
        Run there = new Run(kind, training, device.backend().with(sums))) {
      for (int step = 0; step < 3; step++) {
        assertEquals(host.step(), there.step(), "step " + step);
      }
      assertArrayEquals(
          host.network.forward(host.kind.x()).toFloats(),
          there.network.forward(host.kind.x()).toFloats());
      assertSame(host.values(), there.values());
      there.network.autocast();
    }
  }

  /** A batch there, a loss back, and what unscaling asks: a table of tensors, and the verdicts. */
  @Test
  void aStepCopiesABatchThereAndALossBack() {
    try (Run run = new Run(NetworksTest.Kind.MLP, Training.FP16, device.backend())) {
      run.step();
      long before = EmulatedGpu.copies();
      run.network.backpropagate(run.kind.x(), run.kind.labels(), run.scaler.lossScale());
      assertEquals(3, EmulatedGpu.copies() - before, "x and labels there, the loss back");
      run.scaler.step(run.gradients, run.optimizer::step);
      assertEquals(5, EmulatedGpu.copies() - before, "and two to unscale");
    }
  }

  /** The batch of a step: that of the kind, moved along. */
  private static Tensor batch(NetworksTest.Kind kind, int step) {
    float[] x = kind.x().toFloats();
    for (int i = 0; i < x.length; i++) {
      x[i] += 0.125f * (step + i) % 3;
    }
    return Tensor.of(x, kind.dims());
  }

  /** Forward and backward are a graph; unscaling, whose result decides, and the step are not. */
  @ParameterizedTest
  @EnumSource(
      value = Training.class,
      names = {"FP32", "FP16"})
  void aCapturedPassIsDoneAgainWithTheBitsOfTheProcessor(Training training) {
    NetworksTest.Kind kind = NetworksTest.Kind.MLP;
    try (Run host = new Run(kind, training, CPU);
        Run there = new Run(kind, training, device.backend())) {
      Tensor x = device.upload(kind.x());
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

          float expected = host.network.backpropagate(batch, kind.labels(), scale);
          host.scaler.step(expected, host.gradients, host.optimizer::step);
          assertEquals(expected, found, "step " + step);
          assertSame(host.values(), there.values());
        }
      }
      Stream.of(x, labels, loss).forEach(device::free);
    }
  }

  /** Random bits would be the same in every step, and scales are found on the host. */
  @Test
  void whatCannotBeCapturedSaysWhy() {
    AmpPolicy random =
        AmpPolicy.parse("amp 1\ncompute bf16/round=stochastic:16\nparams f32\nstate f32");
    assertCaptureSays("random bits of fc1 while a graph is being captured", random);
    assertCaptureSays("copy to the host while a graph is being captured", AmpPolicy.lns8());
  }

  private static void assertCaptureSays(String words, AmpPolicy policy) {
    NetworksTest.Kind kind = NetworksTest.Kind.MLP;
    try (Network network = new Network(Autocast.with(policy).on(device.backend()), kind.body())) {
      Tensor x = device.upload(kind.x());
      Tensor labels = device.upload(Indices.of(kind.labels(), kind.labels().length));
      Tensor loss = device.upload(Tensor.zeros());
      Runnable pass = () -> network.backpropagate(x, labels, 1, loss);
      pass.run();
      String message =
          assertThrows(IllegalStateException.class, () -> device.capture(pass)).getMessage();
      assertTrue(String.valueOf(message).contains(words), message);
      Stream.of(x, labels, loss).forEach(device::free);
    }
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
  @MethodSource("runs")
  void memoryDoesNotGrow(NetworksTest.Kind kind, Training training, Accumulator sums) {
    int steps = kind == NetworksTest.Kind.MLP ? 50 : 4;
    try (Run run = new Run(kind, training, device.backend().with(sums))) {
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
