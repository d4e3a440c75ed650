package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.nn.Initializer;
import dev.narrow.amp.nn.Layer;
import dev.narrow.amp.nn.Linear;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.nn.Pointwise;
import dev.narrow.amp.nn.Sequential;
import dev.narrow.formats.Formats;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.SafetensorsFile;
import dev.narrow.quant.files.SafetensorsType;
import dev.narrow.quant.files.SafetensorsWriter;
import dev.narrow.quant.files.TensorFileException;
import dev.narrow.quant.files.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Save, load, go on: with the bits of a run that was never interrupted, or not at all. */
class CheckpointTest {
  @TempDir private Path directory;

  /** Ways to keep a parameter and its moments. */
  enum Storage {
    FP32(new AdamW(0.01f)),
    LOGARITHMIC(new LnsMadam()),
    MASTER(new Sgd(0.9f, 0.01f, true)),
    INT8_IN_PLACE(new AdamW(0.01f)),
    LNS8_IN_PLACE(new Madam()),
    BF16_IN_PLACE(new Sgd(0.9f)),
    EXPONENTS(new IntegerMadam());

    @SuppressWarnings("ImmutableEnumChecker") // rules are records of numbers
    final UpdateRule rule;

    Storage(UpdateRule rule) {
      this.rule = rule;
    }

    AmpPolicy policy() {
      return switch (this) {
        case FP32, MASTER -> AmpPolicy.fp32();
        case LOGARITHMIC -> AmpPolicy.lns8();
        case INT8_IN_PLACE -> policy("int8/round=stochastic:16");
        case LNS8_IN_PLACE -> policy("lns8/round=stochastic:16");
        case BF16_IN_PLACE -> policy("bf16/round=stochastic:16");
        case EXPONENTS ->
            AmpPolicy.fp32().with(Role.OPTIMIZER_STATE, Recipes.parse("bf16/round=stochastic:8"));
      };
    }

    private static AmpPolicy policy(String update) {
      return AmpPolicy.fp32()
          .with(Role.UPDATE, Recipes.parse(update))
          .with(Role.OPTIMIZER_STATE, Optimizer.eightBitState());
    }

    Parameter parameter(String name, float[] values, int... dims) {
      Tensor fp32 = Tensor.of(values, dims);
      Tensor gradient = Tensor.zeros(dims);
      return switch (this) {
        case FP32, LOGARITHMIC, EXPONENTS -> new Parameter(name, fp32, gradient);
        case MASTER ->
            Parameter.withMaster(name, fp32, Recipes.parse("bf16/round=stochastic:16"), gradient);
        case INT8_IN_PLACE, LNS8_IN_PLACE, BF16_IN_PLACE -> {
          Quantizer update = policy().quantizer(Role.UPDATE).orElseThrow();
          yield new Parameter(name, update.with(Rounding.NEAREST_EVEN).quantize(fp32), gradient);
        }
      };
    }
  }

  @Test
  void aScalerGoesOnWithItsScalesOrIsLeftAsItIs() throws IOException {
    Path file = directory.resolve("scaler.safetensors");
    LossScaling rule = LossScaling.megatron(64, 1, 2, 0.5, 3, 2);
    GradScaler scaler = GradScaler.of(rule);
    float[] g = {1};
    for (float value : new float[] {1, Float.NaN, 1, Float.NaN, 1}) {
      g[0] = value;
      scaler.step(Gradients.of(Gradients.view("g", g)), () -> {});
    }
    new Checkpoint().add("scaler", scaler).save(file, false);
    GradScaler resumed = GradScaler.of(rule);
    new Checkpoint().add("scaler", resumed).load(file);
    assertEquals(scaler.state(), resumed.state());
    assertEquals(32, resumed.lossScale());
    Path other = directory.resolve("layers.safetensors");
    new Checkpoint()
        .add("scaler", GradScaler.perLayer(rule, Backend.cpu(1), "fc1"))
        .save(other, false);
    assertThrows(AmpException.class, () -> new Checkpoint().add("scaler", resumed).load(other));
    assertEquals(32, resumed.lossScale());
    GradScaler layers = GradScaler.perLayer(rule, Backend.cpu(1), "fc1");
    GradScaler.State before = layers.state();
    assertThrows(AmpException.class, () -> new Checkpoint().add("scaler", layers).load(file));
    assertEquals(before, layers.state());
  }

  /** A loop with two parameters, running means and a counter. */
  private static final class Loop {
    final List<Parameter> parameters;
    final Optimizer optimizer;
    final Tensor means = Tensor.zeros(3);
    final Map<String, String> counters = new HashMap<>(Map.of("epoch", "0"));
    final Checkpoint checkpoint;

    Loop(Storage storage, long seed) {
      this(storage, storage.rule, storage.policy(), seed, "fc.weight", 5, 4);
    }

    Loop(
        Storage storage,
        UpdateRule rule,
        AmpPolicy policy,
        long seed,
        String name,
        int rows,
        int columns) {
      parameters =
          List.of(
              storage.parameter(name, random(rows * columns, seed), rows, columns),
              storage.parameter("fc.bias", random(3, seed + 1), 3));
      optimizer = Optimizer.of(Backend.cpu(1), rule, 0.01f, parameters, policy, seed);
      checkpoint =
          new Checkpoint().add("optimizer", optimizer).add("means", means).add("loop", counter());
    }

    private Resumable counter() {
      return new Resumable() {
        @Override
        public Map<String, String> state() {
          return counters;
        }

        @Override
        public Runnable restore(Map<String, String> state) {
          String epoch = state.getOrDefault("epoch", "");
          if (!epoch.matches("\\d+")) {
            throw new IllegalArgumentException("epoch is " + epoch + ", expected 0 or more");
          }
          return () -> counters.put("epoch", epoch);
        }
      };
    }

    /** Gradients depend on the step alone. */
    void train(int steps) {
      for (int i = 0; i < steps; i++) {
        long step = optimizer.steps();
        for (Parameter parameter : parameters) {
          Tensor gradient = parameter.gradient();
          float[] values = random(gradient.shape().size(), 1000 + step);
          gradient.storage().segment().copyFrom(MemorySegment.ofArray(values));
        }
        optimizer.step();
        means.storage().segment().set(ValueLayout.JAVA_FLOAT, 0, (float) step);
        counters.put("epoch", Long.toString(step));
      }
      optimizer.learningRate(0.01f / (1 + optimizer.steps()));
    }

    /** All that the next steps depend on, copied. */
    List<Object> state() {
      List<Object> state = new ArrayList<>(List.of(Map.copyOf(counters), means.toFp32()));
      OptimizerSection section = new OptimizerSection(optimizer);
      state.add(section.texts());
      section
          .tensors()
          .forEach((name, tensor) -> {
            state.add(name);
            state.add(ByteBuffer.wrap(tensor.storage().segment().toArray(ValueLayout.JAVA_BYTE)));
            state.add(tensor.toFp32());
          });
      parameters.forEach(parameter -> state.add(parameter.value().toFp32()));
      return state;
    }
  }

  private static float[] random(int n, long seed) {
    RandomBits random = new RandomBits(seed, 7);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = random.word(i) * 0x1p-31f;
    }
    return values;
  }

  private Path file() {
    return directory.resolve("run.safetensors");
  }

  /** Another process has other initial values and another seed, and goes on as the first. */
  @ParameterizedTest
  @EnumSource
  void aResumedRunIsTheUninterruptedOne(Storage storage) throws IOException {
    Loop whole = new Loop(storage, 1);
    whole.train(3);
    whole.checkpoint.save(file(), false);
    whole.train(4);

    Loop resumed = new Loop(storage, 2);
    resumed.train(1);
    resumed.checkpoint.load(file());
    assertEquals(3, resumed.optimizer.steps());
    assertEquals("2", resumed.counters.get("epoch"));
    resumed.train(4);
    assertEquals(whole.state(), resumed.state());
  }

  /** A network with noise in all its roles: weights, buffers and random bits go on as they were. */
  @Test
  void aResumedNetworkIsTheUninterruptedOne() throws IOException {
    Rehearsal whole = new Rehearsal(1);
    whole.train(3);
    whole.checkpoint.save(file(), false);
    whole.train(3);
    Rehearsal resumed = new Rehearsal(2);
    resumed.checkpoint.load(file());
    resumed.train(3);
    assertEquals(whole.values(), resumed.values());

    Rehearsal other = new Rehearsal(1, 8);
    AmpException e = assertThrows(AmpException.class, () -> other.checkpoint.load(file()));
    assertTrue(e.toString().contains("autocast: seed is 7, expected 8"), e.toString());
  }

  /** A small network that learns numbers drawn anew in each step. */
  private static final class Rehearsal {
    final Network network;
    final Optimizer optimizer;
    final Checkpoint checkpoint = new Checkpoint();

    Rehearsal(long initial) {
      this(initial, 7);
    }

    Rehearsal(long initial, long seed) {
      Initializer initializer = new Initializer(initial);
      Layer body =
          Sequential.of(
              new Linear("fc1", 6, 8, initializer),
              Pointwise.relu(),
              new Linear("fc2", 8, 3, initializer));
      AmpPolicy policy =
          Storage.LNS8_IN_PLACE
              .policy()
              .with(Role.ACTIVATION, Recipes.parse("lns8/round=stochastic:16"))
              .with(Role.WEIGHT_GRADIENT, Recipes.parse("e5m2/round=stochastic:16"));
      network = new Network(Autocast.with(policy).on(Backend.cpu(1)).seed(seed), body);
      optimizer =
          Optimizer.of(
              Backend.cpu(1), new AdamW(0.01f), 0.01f, network.parameters(), policy, initial);
      checkpoint.add("optimizer", optimizer).add("autocast", network.autocast());
    }

    void train(int steps) {
      for (int i = 0; i < steps; i++) {
        network.backpropagate(
            Tensor.of(random(24, optimizer.steps()), 4, 6), new int[] {0, 1, 2, 0}, 1);
        optimizer.step();
      }
    }

    List<Tensor> values() {
      return network.parameters().stream().map(Parameter::value).map(Tensor::toFp32).toList();
    }
  }

  /** What is in memory as codes is so in the file, in its own dtype, and can be read by others. */
  @Test
  void codesHaveTheirOwnDtype() throws IOException {
    new Loop(Storage.INT8_IN_PLACE, 1).checkpoint.save(file(), false);
    try (SafetensorsFile in = SafetensorsFile.open(file())) {
      Map<String, String> dtypes = new HashMap<>();
      in.tensors().forEach(info -> dtypes.put(info.name(), info.dtype() + info.shape()));
      assertEquals("I8[5, 4]", dtypes.get("optimizer/parameter/fc.weight"));
      assertEquals("F32[1]", dtypes.get("optimizer/scale/parameter/fc.weight"));
      assertEquals("F8_E4M3[20]", dtypes.get("optimizer/moment.0/fc.weight"));
      assertEquals("U8[20]", dtypes.get("optimizer/moment.1/fc.weight"));
      assertEquals("1", in.metadata().get("narrow-checkpoint"));
      assertEquals("fc.weight", in.metadata().get("optimizer/parameter.0.name"));
    }
  }

  @Test
  void aFileIsNotReplacedUnasked() throws IOException {
    Loop loop = new Loop(Storage.FP32, 1);
    loop.checkpoint.save(file(), false);
    byte[] before = Files.readAllBytes(file());
    loop.train(1);
    IOException e = assertThrows(IOException.class, () -> loop.checkpoint.save(file(), false));
    assertTrue(e.toString().contains("it exists"), e.toString());
    assertEquals(-1, Arrays.mismatch(before, Files.readAllBytes(file())));
    loop.checkpoint.save(file(), true);
    loop.checkpoint.load(file());
  }

  private void refused(Loop loop, String... told) {
    List<Object> before = loop.state();
    AmpException e = assertThrows(AmpException.class, () -> loop.checkpoint.load(file()));
    for (String part : told) {
      assertTrue(e.toString().contains(part), e.toString());
    }
    assertFalse(e.toString().contains("\n"), e.toString());
    assertEquals(before, loop.state());
  }

  @Test
  void whatDiffersIsNamed() throws IOException {
    Loop saved = new Loop(Storage.FP32, 1);
    saved.train(2);
    saved.checkpoint.save(file(), false);
    AmpPolicy fp32 = AmpPolicy.fp32();
    refused(
        new Loop(Storage.FP32, new Sgd(0.9f), fp32, 1, "fc.weight", 5, 4),
        "optimizer: rule is AdamW[",
        "expected Sgd[");
    refused(
        new Loop(Storage.FP32, new AdamW(0.01f), fp32, 1, "conv.weight", 5, 4),
        "parameter.0.name is fc.weight, expected conv.weight");
    refused(
        new Loop(Storage.FP32, new AdamW(0.01f), fp32, 1, "fc.weight", 4, 5),
        "parameter.0.shape is [5, 4], expected [4, 5]");
    refused(
        new Loop(
            Storage.FP32,
            new AdamW(0.01f),
            fp32.with(Role.OPTIMIZER_STATE, Quantizer.of(Formats.BF16)),
            1,
            "fc.weight",
            5,
            4),
        "parameter.0.moment.0 is fp32, expected codes of bf16");
    refused(
        new Loop(Storage.INT8_IN_PLACE, 1), "parameter.0.format is fp32, expected codes of int8");
    refused(
        new Loop(Storage.MASTER, new AdamW(0.01f), fp32, 1, "fc.weight", 5, 4),
        "parameter.0.copy is none, expected bf16");
  }

  /** The file of a loop, with something changed. */
  private void write(
      Loop loop, Consumer<Map<String, String>> metadata, Consumer<Map<String, Tensor>> tensors)
      throws IOException {
    Path original = directory.resolve("original.safetensors");
    loop.checkpoint.save(original, true);
    try (SafetensorsFile in = SafetensorsFile.open(original)) {
      Map<String, String> texts = new HashMap<>(in.metadata());
      metadata.accept(texts);
      Map<String, Tensor> all = new HashMap<>();
      in.tensors().forEach(info -> all.put(info.name(), in.tensor(info.name())));
      tensors.accept(all);
      List<TensorInfo> infos = new ArrayList<>();
      all.forEach((name, tensor) -> {
        List<Long> shape = new ArrayList<>();
        for (int extent : tensor.shape().dims()) {
          shape.add((long) extent);
        }
        infos.add(SafetensorsType.of(tensor.format()).orElseThrow().info(name, shape));
      });
      SafetensorsWriter.write(
          file(),
          true,
          texts,
          infos,
          (info, sink) -> sink.write(Objects.requireNonNull(all.get(info.name()))));
    }
  }

  @Test
  void whatIsNoSuchCheckpointIsRefused() throws IOException {
    Loop loop = new Loop(Storage.INT8_IN_PLACE, 1);
    loop.train(1);
    Consumer<Map<String, Tensor>> same = _ -> {};
    write(loop, texts -> texts.put("narrow-checkpoint", "2"), same);
    refused(loop, "run.safetensors: narrow-checkpoint is 2, expected 1");
    write(loop, texts -> texts.remove("narrow-checkpoint"), same);
    refused(loop, "is no checkpoint");
    write(loop, texts -> texts.put("sections", "loop, optimizer"), same);
    refused(loop, "sections is loop, optimizer, expected loop, means, optimizer");
    write(loop, texts -> texts.remove("optimizer/steps"), same);
    refused(loop, "optimizer: has no steps, expected 0 or more");
    write(loop, texts -> texts.put("optimizer/steps", "-1"), same);
    refused(loop, "optimizer: steps is -1, expected 0 or more");
    write(loop, texts -> texts.put("optimizer/learningRate", "NaN"), same);
    refused(loop, "optimizer: learningRate is NaN, expected positive and finite");
    write(loop, texts -> texts.put("optimizer/parameter.1.bound", "1.0"), same);
    refused(loop, "parameter.1.bound is 1.0, expected Infinity");
    write(loop, texts -> texts.put("optimizer/parameter.2.name", "\n"), same);
    refused(loop, "optimizer: has 'parameter.2.name', which is not known");
    write(loop, texts -> texts.put("loop/epoch", "x"), same);
    refused(loop, "loop: epoch is x, expected 0 or more");

    Consumer<Map<String, String>> plain = _ -> {};
    write(loop, plain, tensors -> tensors.remove("means/tensor"));
    refused(loop, "has no tensor 'means/tensor', expected F32[3]");
    write(loop, plain, tensors -> tensors.put("means/tensor", Tensor.zeros(4)));
    refused(loop, "tensor 'means/tensor' is F32[4], expected F32[3]");
    write(loop, plain, tensors -> tensors.put("other", Tensor.zeros(1)));
    refused(loop, "has the tensor 'other', which belongs to nothing here");
    String scale = "optimizer/scale/parameter/fc.bias";
    write(loop, plain, tensors -> tensors.put(scale, Tensor.of(new float[] {-1}, 1)));
    refused(loop, "scales[0] = -1.0");
    write(loop, plain, same);
    loop.checkpoint.load(file());
  }

  @Test
  void aFileThatIsCutOffIsRefused() throws IOException {
    Loop loop = new Loop(Storage.LNS8_IN_PLACE, 1);
    loop.train(1);
    loop.checkpoint.save(file(), false);
    byte[] whole = Files.readAllBytes(file());
    List<Object> before = loop.state();
    for (int length = 0; length < whole.length; length += 1 + length / 8) {
      Files.write(file(), Arrays.copyOf(whole, length));
      assertThrows(TensorFileException.class, () -> loop.checkpoint.load(file()));
      assertEquals(before, loop.state());
    }
    Files.delete(file());
    assertThrows(TensorFileException.class, () -> loop.checkpoint.load(file()));
    assertEquals(before, loop.state());
  }

  @Test
  void namesOfSectionsAreWords() {
    Checkpoint checkpoint = new Checkpoint().add("means", Tensor.zeros(1));
    for (String name : List.of("means", "", "a/b", "a,b", "sections")) {
      assertThrows(
          IllegalArgumentException.class, () -> checkpoint.add(name, Tensor.zeros(1)), name);
    }
    Tensor codes = Quantizer.of(Formats.BF16).quantize(Tensor.zeros(1));
    assertThrows(IllegalArgumentException.class, () -> checkpoint.add("codes", codes));
  }
}
