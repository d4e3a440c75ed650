package dev.narrow.amp.inspect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.Ops;
import dev.narrow.amp.Role;
import dev.narrow.amp.nn.Network;
import dev.narrow.amp.nn.Networks;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import java.io.FilterWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class InspectorTest {
  @TempDir Path directory;

  private static Autocast cpu(AmpPolicy policy) {
    return Autocast.with(policy).on(Backend.cpu(1));
  }

  /** Two linear layers under a policy; each step is a region. */
  private static Network network(Autocast autocast) {
    return new Network(autocast, Networks.mlp(1, 12, 8, 3));
  }

  private static void train(Network network, int steps, float lossScale) {
    Random random = new Random(2);
    for (int step = 0; step < steps; step++) {
      float[] x = new float[4 * 12];
      for (int i = 0; i < x.length; i++) {
        x[i] = random.nextFloat();
      }
      network.backpropagate(Tensor.of(x, 4, 12), new int[] {0, 1, 2, 0}, lossScale);
    }
  }

  /** fp16 ends at 65504, its normal numbers at 2^-14, its subnormal ones at 2^-24. */
  @Test
  void figuresOfAGradientThatIsKnown() {
    Inspector inspector = Inspector.inMemory(1);
    Tensor one = Tensor.of(new float[] {1}, 1, 1);
    Tensor x = Tensor.of(new float[8], 8, 1);
    float[] dy = {0x1p-30f, -0x1p-26f, 0x1p-20f, 1, 70000, 0, Float.NaN, 3 * 0x1p-25f};
    inspector
        .observe(cpu(AmpPolicy.fp16()))
        .run(() ->
            Ops.linearBackward(
                "fc", x, one, Tensor.of(dy, 8, 1), Tensor.zeros(1, 1), Tensor.zeros(1)));

    TensorSummary e = inspector.report().tensor("fc", Role.ACTIVATION_GRADIENT).orElseThrow();
    assertEquals(8, e.before().elements());
    assertEquals(1, e.before().zeros());
    assertEquals(1, e.before().nan());
    assertEquals(70000, e.before().amax());
    assertEquals(0x1p-30f, e.before().smallest());
    assertEquals(Map.of(-30, 1L, -26, 1L, -20, 1L, 0, 1L, 16, 1L, -24, 1L), e.before().octaves());
    Fit fit = e.fit().orElseThrow();
    assertEquals(6, fit.values());
    assertEquals(2, fit.flushed());
    assertEquals(2.0 / 6, fit.flushedShare());
    assertEquals(2, fit.subnormal());
    assertEquals(1, fit.saturated());
    assertEquals(1, fit.lost(), "70000 became infinite");
    assertEquals(0x1p-24, fit.least());
    assertEquals(0x1p-14, fit.leastNormal());
    assertEquals(65504, fit.most());
    assertEquals(
        List.of(
            "fc activation-gradient: 1 NaN and 0 infinite before the cast: an operation before it"
                + " overflows",
            "fc activation-gradient: 33 % flushed to zero in fp16: raise the loss scale, or bf16",
            "fc activation-gradient: 17 % overflow in fp16: lower the loss scale, or bf16"),
        inspector.report().findings().stream()
            .filter(s -> s.startsWith("fc activation-gradient"))
            .toList());
  }

  @Test
  void samplesEveryFewStepsForwardAndBackward() {
    Inspector inspector = Inspector.inMemory(3);
    train(network(inspector.observe(cpu(AmpPolicy.bf16()))), 8, 1);
    InspectorReport report = inspector.report();
    assertEquals(3, report.steps(), "0, 3 and 6");
    List<String> names =
        Stream.of("fc1", "fc2")
            .flatMap(layer ->
                Stream.of("activation", "weight", "activation-gradient", "weight-gradient")
                    .map(role -> layer + " " + role))
            .sorted()
            .toList();
    assertEquals(names, report.tensors().stream().map(TensorSummary::name).sorted().toList());
    for (TensorSummary tensor : report.tensors()) {
      assertEquals(3, tensor.samples(), tensor.name());
      assertEquals(6, tensor.lastStep());
    }
    assertEquals(4, report.layer("fc2").size());
    assertEquals(2, report.role(Role.WEIGHT).size());
    assertEquals(List.of(), report.findings(), "bf16 has room for all of it");
  }

  /** In fp32 the backward pass reads again what the forward pass read. */
  @Test
  void aTensorIsCountedOnceInAStep() {
    Inspector inspector = Inspector.inMemory(1, "fp16");
    train(network(inspector.observe(cpu(AmpPolicy.fp32()))), 2, 1);
    for (TensorSummary tensor : inspector.report().tensors()) {
      assertEquals(2, tensor.samples(), tensor.name());
      assertTrue(tensor.fit().isEmpty(), "nothing is cast");
      assertTrue(tensor.whatIf().containsKey("fp16"));
    }
  }

  @Test
  void whatIfIsWhatTheQuantizerDoesToTheSameTensor() {
    String[] formats = {"fp16", "e5m2", "lns8", "mxfp8", "fp8-128x128"};
    Inspector inspector = Inspector.inMemory(1, formats);
    float[] values = new float[40 * 33];
    Random random = new Random(3);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * Math.exp(4 * random.nextGaussian()));
    }
    Tensor x = Tensor.of(values, 40, 33);
    inspector
        .observe(cpu(AmpPolicy.bf16()))
        .run(() -> Ops.linear("fc", x, Tensor.zeros(33, 2), null));
    TensorSummary seen = inspector.report().tensor("fc", Role.ACTIVATION).orElseThrow();
    for (String format : formats) {
      Quantizer quantizer = Recipes.parse(format);
      QuantizationError error = QuantizationError.measure(x, quantizer.quantize(x));
      Fit fit = Objects.requireNonNull(seen.whatIf().get(format));
      assertEquals(error.sqnrDb(), fit.sqnrDb(), 1e-12, format);
      assertEquals(error.flushed(), fit.flushed(), format);
      assertEquals(error.subnormal(), fit.subnormal(), format);
      assertEquals(error.saturated(), fit.saturated(), format);
    }
  }

  @Test
  void aLargeTensorIsRepresentedByRowsEvenlySpaced() {
    float[] values = new float[100 * 7];
    for (int i = 0; i < values.length; i++) {
      values[i] = Math.floorDiv(i, 7);
    }
    Tensor sample = Inspector.sample(Tensor.of(values, 100, 7), 30);
    assertEquals("[4, 7]", sample.shape().toString());
    float[] rows = sample.toFloats();
    assertEquals(
        List.of(0f, 25f, 50f, 75f), IntStream.range(0, 4).mapToObj(i -> rows[7 * i + 6]).toList());
    assertEquals("[100, 7]", Inspector.sample(Tensor.of(values, 100, 7), 700).shape().toString());
  }

  /** The forward and backward pass go on as if nobody looked. */
  @Test
  void lookingChangesNothing() {
    Network alone = network(cpu(AmpPolicy.fp16()));
    Network observed =
        network(Inspector.inMemory(1, "lns8", "mxfp4").observe(cpu(AmpPolicy.fp16())));
    train(alone, 2, 8);
    train(observed, 2, 8);
    for (int i = 0; i < alone.parameters().size(); i++) {
      assertEquals(alone.parameters().get(i).gradient(), observed.parameters().get(i).gradient());
    }
  }

  @Test
  void theFileHasALineForEachTensorAndComesBackAsItWas() throws IOException {
    Path file = directory.resolve("new/run.ndjson");
    Path events = directory.resolve("events");
    var options = InspectorOptions.every(2).whatIf("bf16", "lns8").tensorBoard(events);
    List<TensorSummary> summaries;
    Autocast autocast;
    try (Inspector inspector = Inspector.open(file, options)) {
      autocast = inspector.observe(cpu(AmpPolicy.fp16()));
      train(network(autocast), 4, 0x1p-20f);
      summaries = inspector.report().tensors();
    }
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      lines.add(JsonMapper.shared().readTree(line));
    }
    assertTrue(lines.stream().allMatch(line -> line.get("version").asInt() == 1));
    assertEquals("run", lines.getFirst().get("kind").asString());
    assertEquals("end", lines.getLast().get("kind").asString());
    assertEquals(2, lines.getLast().get("steps").asInt());
    List<JsonNode> tensors =
        lines.stream().filter(line -> line.get("kind").asString().equals("tensor")).toList();
    assertEquals(2 * 8, tensors.size());
    JsonNode first = tensors.getFirst();
    assertEquals("fc1", first.get("layer").asString());
    assertEquals("activation", first.get("role").asString());
    assertEquals(48, first.get("elements").asInt());
    assertEquals("fp16", first.get("fit").get("format").asString());
    assertTrue(first.get("fit").get("sqnrDb").asDouble() > 60);

    RunFile run = RunFile.read(file);
    assertTrue(run.complete());
    assertEquals(summaries, run.summaries());
    assertEquals(autocast.report().casts(), run.casts());
    try (Stream<Path> written = Files.list(events)) {
      assertEquals(1, written.filter(p -> p.toString().contains("tfevents")).count());
    }
  }

  private static String message(Exception e) {
    return Objects.requireNonNull(e.getMessage());
  }

  @Test
  void nothingIsOverwritten() throws IOException {
    Path file = directory.resolve("run.ndjson");
    Inspector.open(file).close();
    String before = Files.readString(file);
    IOException refused = assertThrows(IOException.class, () -> Inspector.open(file));
    assertTrue(message(refused).contains("run.ndjson is there already"));
    assertEquals(before, Files.readString(file));
  }

  @Test
  void aRunThatWasKilledIsReadUpToWhereItEnds() throws IOException {
    Path file = directory.resolve("run.ndjson");
    try (Inspector inspector = Inspector.open(file, InspectorOptions.every(1))) {
      train(network(inspector.observe(cpu(AmpPolicy.fp16()))), 1, 1);
    }
    List<String> lines = Files.readAllLines(file);
    Files.writeString(file, String.join("\n", lines.subList(0, 4)) + "\n{\"version\":1,\"ki");
    RunFile run = RunFile.read(file);
    assertFalse(run.complete());
    assertEquals(3, run.observations().size());
  }

  @Test
  void aFileThatIsNoneOfAnInspectorIsRefusedWithItsLine() throws IOException {
    String run = "{\"version\":1,\"kind\":\"run\",\"every\":1,\"whatIf\":[]}\n";
    refused("", "line 1", "ok"); // an empty file has no line that is wrong
    refused("hello\n" + run, "line 1", "not JSON");
    refused("[]", "line 1", "expected {...}");
    refused("{\"version\":2,\"kind\":\"run\"}", "line 1", "version = 2, expected 1");
    refused(run + run, "line 2", "expected run in line 1 alone");
    refused(run + "{\"version\":1,\"kind\":\"tensor\",\"step\":\"0\"}\n", "line 2", "expected an");
  }

  private void refused(String text, String line, String problem) throws IOException {
    Path file = directory.resolve("strange.ndjson");
    Files.writeString(file, text);
    if (text.isEmpty()) {
      assertEquals(List.of(), RunFile.read(file).observations());
      return;
    }
    IOException e = assertThrows(IOException.class, () -> RunFile.read(file));
    assertTrue(message(e).contains(line) && message(e).contains(problem), e.getMessage());
  }

  /** A disk that is full must not end days of training. */
  @Test
  void aFileThatCannotBeWrittenDoesNotEndTheRun() throws IOException {
    var full =
        new FilterWriter(new StringWriter()) {
          private int lines;

          @Override
          public void write(String text) throws IOException {
            if (lines++ == 2) {
              throw new IOException("No space left on device");
            }
          }
        };
    InspectorOptions options = InspectorOptions.every(1);
    Inspector inspector = new Inspector(options, new RunWriter(full, options), null);
    train(network(inspector.observe(cpu(AmpPolicy.fp16()))), 3, 1);
    assertFalse(inspector.wants(3));
    IOException e = assertThrows(IOException.class, inspector::close);
    assertEquals(
        "the inspector stopped in step 0: java.io.IOException: No space left on device",
        e.getMessage());
  }

  @Test
  void theReportIsATableAndSentences() {
    Inspector inspector = Inspector.inMemory(1, "bf16");
    train(network(inspector.observe(cpu(AmpPolicy.fp16()))), 2, 0x1p-30f);
    String text = inspector.report().toString();
    assertTrue(text.startsWith("2 steps sampled, 8 tensors"), text);
    assertTrue(
        text.contains(
            "fc2 activation-gradient: 100 % flushed to zero in fp16: raise the loss scale, or"
                + " bf16"),
        text);
    assertTrue(text.contains("fc1 weight-gradient: all zero in every sample"), text);
    assertEquals("fc2 activation-gradient", inspector.report().worst(1).getFirst().name());
  }

  @Test
  void optionsThatMakeNoSenseAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> InspectorOptions.every(0));
    var e =
        assertThrows(
            IllegalArgumentException.class, () -> InspectorOptions.every(1).whatIf("fp61"));
    assertTrue(message(e).contains("fp16"), e.getMessage());
  }
}
