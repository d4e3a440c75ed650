package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Loss scaling and optimizers where the gradients lie on a device: the bits of the processor. */
@Tag("cuda")
class DeviceGradientsTest {
  private static final Backend CPU = Backend.cpu(1);
  private static final List<int[]> SHAPES =
      List.of(new int[] {37, 29}, new int[] {29}, new int[] {1}, new int[] {5, 3, 70});

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

  /** How parameters are kept. */
  enum Storage {
    FP32,
    MASTER,
    CODES
  }

  record Setting(UpdateRule rule, Storage storage, @Nullable String format, String policy) {
    AmpPolicy amp() {
      return AmpPolicy.parse("amp 1\nscaler init 1024 every 3\n" + policy);
    }

    @Override
    public String toString() {
      return rule.getClass().getSimpleName()
          + ", "
          + storage
          + ", gradients in "
          + (format == null ? "fp32" : format)
          + ", "
          + policy;
    }
  }

  static Stream<Setting> settings() {
    String lns8 = "params lns8/underflow=clamp/round=stochastic:16";
    String state = "state e4m3fn/block=256/max-finite/saturate=ocp-sat/round=stochastic:16";
    return Stream.of(
        new Setting(new Sgd(0.9f, 1e-3f), Storage.FP32, null, ""),
        new Setting(new Sgd(0.9f, 1e-3f, true), Storage.MASTER, "fp16", ""),
        new Setting(new AdamW(0.01f), Storage.FP32, "fp16", ""),
        new Setting(new AdamW(0.01f), Storage.MASTER, null, state),
        new Setting(new AdamW(0.01f), Storage.FP32, "bf16", "params bf16/round=stochastic:16"),
        new Setting(new Madam(3, 10), Storage.FP32, "bf16", ""),
        new Setting(new Madam(3, 10), Storage.CODES, null, lns8),
        new Setting(new LnsMadam(), Storage.CODES, "fp16", lns8),
        new Setting(new LnsMadam(), Storage.FP32, null, "params lns:b16g2048/underflow=clamp"),
        new Setting(new IntegerMadam(), Storage.FP32, null, ""));
  }

  /** Parameters of all shapes with gradients and an optimizer, on the host or the device. */
  private static final class Run implements AutoCloseable {
    final Backend backend;
    final GradScaler scaler;
    final List<Parameter> parameters = new ArrayList<>();
    final List<Tensor> scaled = new ArrayList<>();
    final Gradients gradients;
    final Optimizer optimizer;

    Run(Backend backend, Setting setting) {
      this.backend = backend;
      AmpPolicy policy = setting.amp();
      scaler = GradScaler.of(policy.lossScaling(), backend);
      List<Gradients.View> views = new ArrayList<>();
      for (int i = 0; i < SHAPES.size(); i++) {
        int[] dims = SHAPES.get(i);
        String name = "layer" + i + ".weight";
        Tensor gradient = Tensor.zeros(dims);
        Tensor initial = Tensor.of(numbers(i, gradient.shape().size(), 0.5f), dims);
        Quantizer update = policy.quantizer("layer" + i, Role.UPDATE).orElse(null);
        Parameter parameter =
            switch (setting.storage) {
              case FP32 -> new Parameter(name, initial, gradient);
              case MASTER -> Parameter.withMaster(name, initial, Recipes.parse("fp8"), gradient);
              case CODES ->
                  new Parameter(
                      name,
                      Objects.requireNonNull(update).quantize(initial, new RandomBits(1, i)),
                      gradient);
            };
        parameter.move(backend);
        parameters.add(parameter);
        if (setting.format == null) {
          scaled.add(parameter.gradient());
          views.add(Gradients.view(name, parameter.gradient()));
        } else {
          Tensor codes = Recipes.parse(setting.format).quantize(Tensor.zeros(dims));
          Tensor there = backend.place(codes);
          scaled.add(there);
          views.add(Gradients.view(name, there, parameter.gradient()));
        }
      }
      gradients = Gradients.of(views);
      optimizer = Optimizer.of(backend, setting.rule, 0x1p-7f, parameters, policy, 5);
    }

    /** As a backward pass would leave them, times the loss scale. */
    void fill(int step, float special) {
      for (int i = 0; i < scaled.size(); i++) {
        Tensor gradient = scaled.get(i);
        float[] values =
            numbers(100L * step + i, gradient.shape().size(), 0.01f * scaler.lossScale());
        if (i == 1 && special != 0) {
          values[7] = special;
        }
        Tensor dense = Tensor.of(values, gradient.shape().dims());
        Tensor codes =
            gradient.isFp32() ? dense : Recipes.parse(gradient.format().name()).quantize(dense);
        gradient.storage().write(0, codes.storage().segment());
      }
    }

    StepResult step() {
      return scaler.step(
          gradients,
          () -> {
            Clip.norm(gradients, 2);
            optimizer.step();
          });
    }

    @Override
    public void close() {
      optimizer.close();
      for (Parameter parameter : parameters) {
        parameter.move(CPU);
      }
      scaled.forEach(backend::free);
    }
  }

  private static float[] numbers(long seed, int n, float size) {
    Random random = new Random(seed);
    float[] numbers = new float[n];
    for (int i = 0; i < n; i++) {
      numbers[i] = (float) (random.nextGaussian() * size);
    }
    return numbers;
  }

  private static void assertSame(Tensor expected, Tensor actual, String what) {
    assertEquals(expected.scales(), actual.scales(), what);
    byte[] bytes = new byte[(int) actual.storage().byteSize()];
    actual.storage().read(0, MemorySegment.ofArray(bytes));
    assertArrayEquals(expected.storage().segment().toArray(ValueLayout.JAVA_BYTE), bytes, what);
  }

  @ParameterizedTest
  @MethodSource("settings")
  void stepsHaveTheBitsOfTheProcessor(Setting setting) {
    try (Run host = new Run(CPU, setting);
        Run there = new Run(device.backend(), setting)) {
      float[] special = {0, 0, Float.POSITIVE_INFINITY, 0, Float.NaN, 0, 0, 0, 0};
      for (int step = 0; step < special.length; step++) {
        host.fill(step, special[step]);
        there.fill(step, special[step]);
        StepResult expected = host.step();
        assertEquals(expected.toString(), there.step().toString(), "step " + step);
        assertEquals(special[step] == 0, expected instanceof StepResult.Applied);
        assertEquals(host.scaler.state(), there.scaler.state());
        for (int i = 0; i < SHAPES.size(); i++) {
          Parameter h = host.parameters.get(i);
          Parameter t = there.parameters.get(i);
          String what = "step " + step + ", " + h.name();
          assertSame(h.gradient(), t.gradient(), what + ", gradient");
          assertSame(h.kept(), t.kept(), what + ", kept");
          assertSame(h.value(), t.value(), what + ", value");
        }
      }
      assertEquals(host.optimizer.memory(), there.optimizer.memory());
      assertTrue(host.scaler.lossScale() > 256, "it has grown again");
    }
  }

  @Test
  void anOverflowIsNamed() {
    Setting setting = new Setting(new Sgd(0.9f), Storage.FP32, "fp16", "");
    try (Run run = new Run(device.backend(), setting)) {
      run.fill(0, Float.NEGATIVE_INFINITY);
      StepResult.Skipped skipped = assertInstanceOf(StepResult.Skipped.class, run.step());
      assertEquals(
          "layer1.weight[7] = -Infinity at loss scale 1024, backward of layer1",
          skipped.overflow().toString());
    }
  }

  @Test
  void oneLaunchUnscalesAll() {
    List<Gradients.View> views =
        IntStream.range(0, 60)
            .mapToObj(i -> device.upload(Tensor.of(numbers(i, 1 + 97 * i, 1), 1 + 97 * i)))
            .map(gradient -> Gradients.view("g" + gradient.shape(), gradient))
            .toList();
    GradScaler scaler = GradScaler.of(LossScaling.dynamic(), device.backend());
    Gradients gradients = Gradients.of(views);
    device.synchronize();
    long launches = EmulatedGpu.launches();
    long copies = EmulatedGpu.copies();
    try (GradScaler.Iteration iteration = scaler.iteration()) {
      assertTrue(iteration.unscale(gradients));
    }
    assertEquals(launches + 1, EmulatedGpu.launches());
    assertEquals(copies + 2, EmulatedGpu.copies(), "a table there, the indices back");
    views.forEach(view -> device.free(view.values()));
  }

  /** Rows that are listed twice are added up on the host, with the bits that they have there. */
  @Test
  void sparseGradientsAreAddedUp() {
    int[] rows = {4, 1, 4, 9};
    float[] values = numbers(3, 4 * 50, 1000);
    SparseGradient host =
        SparseGradient.of("e.token", rows.clone(), Tensor.of(values.clone(), 4, 50));
    Tensor there = device.upload(Tensor.of(values, 4, 50));
    SparseGradient sparse = SparseGradient.of("e.token", rows, there);
    GradScaler.of(LossScaling.fixed(64)).step(Gradients.of(host), () -> {});
    GradScaler.of(LossScaling.fixed(64), device.backend()).step(Gradients.of(sparse), () -> {});
    assertEquals(host.count(), sparse.count());
    assertSame(host.values(), there, "values");
    device.free(there);
  }

  @Test
  void whatIsMissingOrFreedIsNamed() {
    Tensor half = device.upload(Recipes.parse("fp16").quantize(Tensor.zeros(4)));
    assertEquals(
        "g = fp16[4] lies on a device, expected an fp32 tensor beside it there",
        assertThrows(IllegalArgumentException.class, () -> Gradients.view("g", half)).getMessage());
    device.free(half);
    Tensor gone = device.upload(Tensor.zeros(4));
    Gradients gradients = Gradients.of(Gradients.view("g", gone));
    device.free(gone);
    GradScaler scaler = GradScaler.of(LossScaling.dynamic(), device.backend());
    String message =
        assertThrows(IllegalStateException.class, () -> scaler.step(gradients, () -> {}))
            .getMessage();
    assertTrue(String.valueOf(message).contains("memory that was freed"), message);
  }
}
