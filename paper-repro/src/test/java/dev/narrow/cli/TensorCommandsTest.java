package dev.narrow.cli;

import static dev.narrow.cli.Narrow.assertRefused;
import static dev.narrow.cli.Narrow.output;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Hadamard;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.SafetensorsType;
import dev.narrow.quant.files.SafetensorsWriter;
import dev.narrow.quant.files.TensorFile;
import dev.narrow.quant.files.TensorFiles;
import dev.narrow.quant.files.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code narrow inspect}, {@code compare} and {@code quantize} on files. */
class TensorCommandsTest {
  private static final int OUT = 24;
  private static final int IN = 64;

  @TempDir Path directory;
  private String model = "";
  private String activations = "";

  private String path(String name) {
    return directory.resolve(name).toString();
  }

  @BeforeEach
  void write() throws IOException {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("fc1.weight", normal(1, OUT, IN));
    tensors.put("fc2.weight", normal(2, OUT, IN));
    tensors.put("fc1.bias", normal(3, OUT));
    tensors.put(
        "odd", Tensor.of(new float[] {0, Float.NaN, Float.POSITIVE_INFINITY, 0.5f, -2, 0}, 6));
    model = write("model.safetensors", tensors);
    activations = write("acts.safetensors", Map.of("fc1", normal(4, 200, IN)));
  }

  private static Tensor normal(long seed, int... dims) {
    Tensor tensor = Tensor.zeros(dims);
    float[] x = new float[tensor.shape().size()];
    Random random = new Random(seed);
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return Tensor.of(x, dims);
  }

  private String write(String name, Map<String, Tensor> tensors) throws IOException {
    List<TensorInfo> infos = new ArrayList<>();
    tensors.forEach((key, tensor) -> {
      List<Long> shape = new ArrayList<>();
      for (int dim : tensor.shape().dims()) {
        shape.add((long) dim);
      }
      infos.add(SafetensorsType.F32.info(key, shape));
    });
    SafetensorsWriter.write(
        directory.resolve(name),
        false,
        Map.of(),
        infos,
        (info, sink) -> sink.write(Objects.requireNonNull(tensors.get(info.name()))));
    return path(name);
  }

  private static JsonNode tensor(String json, String name) {
    for (JsonNode tensor : JsonMapper.shared().readTree(json).get("tensors")) {
      if (tensor.get("name").asString().equals(name)) {
        return tensor;
      }
    }
    throw new AssertionError("no " + name + " in " + json);
  }

  @Test
  void inspectTellsRangesAndCounts() {
    String text = output("inspect", model);
    assertTrue(text.contains("fc1.weight"), text);
    assertTrue(text.contains("24×64"), text);
    assertTrue(text.contains("odd has 1 NaN and 1 infinite."), text);
    assertTrue(text.contains("4 tensors, 3,102 elements, 12,408 bytes"), text);
    JsonNode odd = tensor(output("inspect", model, "--json"), "odd");
    assertEquals(2, odd.get("zeros").asInt());
    assertEquals(2f, odd.get("amax").asFloat());
    assertEquals(0.5f, odd.get("smallest").asFloat());
    assertEquals(1, odd.get("inOctave").get("-1").asInt());
    assertEquals(2.0, odd.get("octaves").asDouble());
  }

  @Test
  void inspectWritesAPageAndReplacesItOnlyWhenTold() throws IOException {
    String page = path("page.html");
    output("inspect", model, "--html", page);
    String html = Files.readString(Path.of(page));
    assertTrue(html.contains("<svg") && html.contains("fc2.weight"), html);
    assertFalse(html.contains("<script"), html);
    assertRefused("page.html exists; --force replaces it", "inspect", model, "--html", page);
    output("inspect", model, "--html", page, "--force");
  }

  @Test
  void compareMarksTheCheapestFormatThatMeetsTheTarget() {
    String json =
        output(
            "compare",
            model,
            "--formats",
            "bf16,mxfp8,mxfp4,q8_0,int8/axis=0",
            "--target",
            "30dB",
            "--json");
    JsonNode fc1 = tensor(json, "fc1.weight");
    assertEquals("mxfp8", fc1.get("cheapest").asString());
    assertEquals(OUT * IN + OUT * IN / 32, fc1.get("formats").get("mxfp8").get("bytes").asInt());
    assertEquals(OUT * IN / 32 * 34, fc1.get("formats").get("q8_0").get("bytes").asInt());
    double expected =
        QuantizationError.measure(
                normal(1, OUT, IN), Recipes.parse("mxfp8").quantize(normal(1, OUT, IN)))
            .sqnrDb();
    double printed = fc1.get("formats").get("mxfp8").get("sqnrDb").asDouble();
    assertEquals(expected, printed, 1e-12);
    String text = output("compare", model, "--formats", "mxfp8,mxfp4", "--target", "30");
    assertTrue(text.contains("the cheapest of at least 30.0 dB"), text);
    assertTrue(text.contains("stay as they are") || text.contains("Together"), text);
  }

  @Test
  void compareSaysWhatLayersMakeOfIt() {
    String json =
        output("compare", model, "--formats", "int4", "--calibration", activations, "--json");
    JsonNode error = tensor(json, "fc1.weight").get("formats").get("int4");
    assertTrue(error.get("outputErrorRelative").asDouble() > 0.05, error.toString());
    assertTrue(
        tensor(json, "fc2.weight").get("formats").get("int4").get("outputErrorRelative").isNull());
  }

  @ParameterizedTest
  @CsvSource({"mxfp8, narrow", "nvfp4, narrow", "lns4-block, narrow", "int4-asymmetric, narrow"})
  void quantizedFilesAreReadBack(String format, String layout) {
    String out = path("q.safetensors");
    String text = output("quantize", model, "-o", out, "--format", format, "--layout", layout);
    assertTrue(text.contains("kept"), text);
    try (TensorFile file = TensorFiles.open(Path.of(out))) {
      Tensor expected = Recipes.parse(format).quantize(normal(2, OUT, IN));
      assertEquals(expected, file.tensor("fc2.weight"));
      assertEquals(normal(3, OUT), file.tensor("fc1.bias"));
      assertEquals(Formats.FP32, file.tensor("odd").format());
    }
    assertRefused("exists; --force replaces it", "quantize", model, "-o", out, "--format", format);
  }

  @Test
  void rulesDecideByName() {
    String out = path("q.safetensors");
    output(
        "quantize",
        model,
        "-o",
        out,
        "--format",
        "nvfp4",
        "--rule",
        "fc2*=bf16",
        "--rule",
        "*bias=mxfp8",
        "--rule",
        "odd=keep");
    try (TensorFile file = TensorFiles.open(Path.of(out))) {
      assertEquals(Formats.E2M1, file.tensor("fc1.weight").format());
      assertEquals(Formats.BF16, file.tensor("fc2.weight").format());
      assertEquals(Formats.E4M3FN, file.tensor("fc1.bias").format());
    }
  }

  @Test
  void gptqLooksAtTheOutputs() {
    double nearest = outputError("nearest");
    double gptq = outputError("gptq");
    assertTrue(gptq < nearest, gptq + " < " + nearest);
  }

  @Test
  void rotatedWeightsAreTurnedBackByWhoReadsTheFile() {
    String out = path("rotated.safetensors");
    output("quantize", model, "-o", out, "--format", "mxfp8", "--method", "hadamard:64:5");
    try (TensorFile file = TensorFiles.open(Path.of(out))) {
      Tensor read = file.tensor("fc2.weight");
      assertEquals(new Hadamard(64, 5), read.rotation().orElseThrow());
      float[] whole = read.toFloats();
      float[] part = new float[100];
      file.read("fc2.weight", 37, part);
      assertArrayEquals(Arrays.copyOfRange(whole, 37, 137), part);
      Tensor values = normal(2, OUT, IN);
      assertTrue(QuantizationError.measure(values, read).sqnrDb() > 30);
      assertTrue(QuantizationError.measure(values, read.toFp32()).sqnrDb() > 30);
    }
    String again = path("again.safetensors"); // a copy of all that is in it
    output("quantize", out, "-o", again, "--format", "bf16", "--rule", "*=keep");
    try (TensorFile one = TensorFiles.open(Path.of(out));
        TensorFile two = TensorFiles.open(Path.of(again))) {
      assertEquals(one.tensor("fc1.weight"), two.tensor("fc1.weight"));
    }
  }

  private double outputError(String method) {
    String json =
        output(
            "quantize",
            model,
            "-o",
            path(method + ".safetensors"),
            "--format",
            "int4/axis=0",
            "--method",
            method,
            "--calibration",
            activations,
            "--json");
    assertTrue(tensor(json, "fc2.weight").get("outputErrorRelative").isNull());
    return tensor(json, "fc1.weight").get("outputErrorRelative").asDouble();
  }

  @Test
  void aGgufFileIsWrittenAndReadBack() {
    String out = path("model.gguf");
    String text = output("quantize", model, "-o", out, "--format", "q8_0");
    assertTrue(text.contains("q8_0"), text);
    String json = output("inspect", out, "--json");
    assertEquals("Q8_0", tensor(json, "fc1.weight").get("dtype").asString());
    assertEquals("F32", tensor(json, "fc1.bias").get("dtype").asString());
    String again = path("again.gguf");
    output("quantize", out, "-o", again, "--format", "q4_0");
    assertEquals(
        "Q4_0", tensor(output("inspect", again, "--json"), "fc2.weight").get("dtype").asString());
  }

  /** What overflows to infinity is no exact copy, and meets no target. */
  @Test
  void lostNumbersAreNotExact() throws IOException {
    float[] x = new float[OUT * IN];
    Arrays.fill(x, 1e5f);
    x[3] = Float.NaN;
    String large = write("large.safetensors", Map.of("w.weight", Tensor.of(x, OUT, IN)));
    String text = output("compare", large, "--formats", "fp16,int4", "--target", "10dB");
    assertTrue(text.contains("lost"), text);
    assertTrue(text.contains("w.weight has 1 NaN and 0 infinite"), text);
    JsonNode json =
        tensor(
            output("compare", large, "--formats", "fp16", "--target", "1", "--json"), "w.weight");
    assertTrue(json.get("cheapest").isNull());
    assertEquals(OUT * IN - 1, json.get("formats").get("fp16").get("lost").asInt());
    String quantized =
        output("quantize", large, "-o", path("lost.safetensors"), "--format", "fp16");
    assertTrue(quantized.contains("lost"), quantized);
    assertTrue(quantized.contains("w.weight: 1 NaN and 0 infinite before"), quantized);
  }

  /** A method that does not do for a tensor leaves what is left of it. */
  @Test
  void methodsFallBackWhereTheyCannotBe() throws IOException {
    String mixed =
        write(
            "mixed.safetensors",
            Map.of("fc1.weight", normal(1, OUT, IN), "conv", normal(5, 4, 3, 3, 3)));
    String text =
        output(
            "quantize",
            mixed,
            "-o",
            path("mixed.out.safetensors"),
            "--format",
            "int4",
            "--method",
            "hadamard:32+gptq",
            "--calibration",
            activations);
    assertTrue(text.lines().anyMatch(l -> l.contains("conv") && l.contains("nearest")), text);
    assertTrue(
        text.lines().anyMatch(l -> l.contains("fc1") && l.contains("hadamard:32:0+gptq")), text);
  }

  @Test
  void namesInFilesDoNotSteerTheTerminal() throws IOException {
    String evil = write("evil.safetensors", Map.of("a\u001b[31m\u202eb", normal(1, 2, 32)));
    for (String text :
        List.of(
            output("inspect", evil),
            output("compare", evil, "--formats", "fp8", "--csv"),
            output("compare", evil, "--formats", "fp8", "--json"))) {
      assertTrue(text.chars().noneMatch(c -> c == 0x1b || c == 0x202e), text);
    }
  }

  @Test
  void inputsAreNotOverwritten() throws IOException {
    Path one = Files.createDirectory(directory.resolve("one"));
    Path only = Files.copy(Path.of(model), one.resolve("only.safetensors"));
    byte[] before = Files.readAllBytes(only);
    String message = "is the input, expected another file";
    assertRefused(
        message, "quantize", one.toString(), "-o", only.toString(), "--format", "fp8", "--force");
    assertRefused(
        message,
        "quantize",
        model,
        "-o",
        activations,
        "--format",
        "int4",
        "--force",
        "--calibration",
        activations);
    assertRefused("ends in .html", "inspect", model, "--html", model, "--force");
    Files.writeString(one.resolve("config.json"), "{}");
    assertRefused(
        "beside the config.json",
        "quantize",
        only.toString(),
        "-o",
        one.resolve("new.safetensors").toString(),
        "--format",
        "fp8",
        "--layout",
        "compressed-tensors");
    assertArrayEquals(before, Files.readAllBytes(only));
  }

  @Test
  void whatCannotBeIsRefusedInOneLine() throws IOException {
    String out = path("q.safetensors");
    assertRefused("nearest: mxfp4", "compare", model, "--formats", "mxfp5");
    assertRefused("expected decibels", "compare", model, "--target", "loud");
    assertRefused("no.safetensors", "inspect", path("no.safetensors"));
    assertRefused(
        "fits no tensor", "quantize", model, "-o", out, "--format", "fp8", "--rule", "x=bf16");
    assertRefused("expected GLOB=", "quantize", model, "-o", out, "--format", "fp8", "--rule", "x");
    assertRefused(
        "--calibration", "quantize", model, "-o", out, "--format", "int4", "--method", "gptq");
    assertRefused("gptq", "quantize", model, "-o", out, "--format", "int4", "--method", "gtpq");
    assertRefused("is the input", "quantize", model, "-o", model, "--format", "fp8", "--force");
    assertRefused("q8_0", "quantize", model, "-o", path("x.gguf"), "--format", "mxfp4");
    assertRefused("for even scales", "compare", model, "--formats", "lns8/even");
    assertRefused("stochastic", "compare", model, "--formats", "fp8/round=stochastic:8");
    String other = write("other.safetensors", Map.of("other", normal(1, 3, IN)));
    assertRefused("inputs of no layer", "compare", model, "--calibration", other);
    assertRefused(
        "expected --format alone",
        "quantize",
        model,
        "-o",
        path("x.gguf"),
        "--format",
        "q8_0",
        "--layout",
        "compressed-tensors");
    byte[] bytes = Files.readAllBytes(Path.of(model));
    Files.write(directory.resolve("short.safetensors"), Arrays.copyOf(bytes, 1000));
    assertRefused("short.safetensors", "inspect", path("short.safetensors"));
    assertFalse(Files.exists(Path.of(out)));
  }
}
