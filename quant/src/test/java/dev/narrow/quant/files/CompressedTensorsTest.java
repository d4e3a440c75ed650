package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files in the convention of compressed-tensors, written here and by others. */
class CompressedTensorsTest {
  @TempDir Path directory;

  private Path out() {
    return directory.resolve("out/model.safetensors");
  }

  private Path config() {
    return directory.resolve("out/config.json");
  }

  private Map<String, Tensor> write(
      Function<TensorInfo, Optional<Quantizer>> plan, TensorInfo... tensors) throws IOException {
    Path source = QuantizedFiles.source(directory, tensors);
    return QuantizedFiles.write(source, out(), Layout.COMPRESSED_TENSORS, plan);
  }

  private static String described(TensorFile file) {
    return file.tensors().stream()
        .map(t -> t.name() + " " + t.dtype() + t.shape())
        .sorted()
        .collect(Collectors.joining(", "));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          fp8         | 3 | 5   | a.weight F8_E4M3[3, 5], a.weight_scale F32[1] | e4m3fn/tensor
          fp8/axis=0  | 3 | 5   | a.weight F8_E4M3[3, 5], a.weight_scale F32[3, 1] | e4m3fn/axis=0
          fp8/axis=-2 | 3 | 5   | a.weight F8_E4M3[3, 5], a.weight_scale F32[3, 1] | e4m3fn/axis=0
          e4m3fn      | 1 | 1   | a.weight F8_E4M3[1, 1], a.weight_scale F32[1] | e4m3fn/tensor
          fp8/axis=0  | 0 | 5   | a.weight F8_E4M3[0, 5], a.weight_scale F32[0, 1] | e4m3fn/axis=0
          e4m3fn/unscaled | 3 | 5 | a.weight F8_E4M3[3, 5], a.weight_scale F32[1] | e4m3fn/tensor
          fp8-128x128 | 130 | 257 | a.weight F8_E4M3[130, 257], a.weight_scale F32[2, 3] | e4m3fn/tile=128x128
          """)
  void fp8IsReadBackBitForBit(String recipe, int rows, int columns, String parts, String type)
      throws IOException {
    Map<String, Tensor> made =
        write(QuantizedFiles.all(recipe), QuantizedFiles.f32("a.weight", rows, columns));
    try (TensorFile raw = SafetensorsFile.open(out());
        TensorFile file = TensorFiles.open(out())) {
      assertEquals(parts, described(raw));
      assertEquals("a.weight " + type + "[" + rows + ", " + columns + "]", described(file));
      Tensor expected = Objects.requireNonNull(made.get("a.weight"));
      assertArrayEquals(expected.toFloats(), file.tensor("a.weight").toFloats());
      assertEquals(-1, expected.storage().segment().mismatch(file.bytes("a.weight")));
    }
  }

  /** The formula of the convention, on the raw parts, beside ours. */
  @ParameterizedTest
  @ValueSource(strings = {"nvfp4", "nvfp4/block=16@1", "nvfp4-one-level"})
  void nvfp4IsWhatTheConventionSays(String recipe) throws IOException {
    Map<String, Tensor> made =
        write(QuantizedFiles.all(recipe), QuantizedFiles.f32("a.weight", 3, 48));
    Tensor tensor = Objects.requireNonNull(made.get("a.weight"));
    try (TensorFile raw = SafetensorsFile.open(out());
        TensorFile file = TensorFiles.open(out())) {
      assertEquals(
          "a.weight_global_scale F32[1], a.weight_packed U8[3, 24], a.weight_scale F8_E4M3[3, 3]",
          described(raw));
      assertEquals("a.weight e2m1/block=16[3, 48]", described(file));
      float global = raw.bytes("a.weight_global_scale").get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
      float outer = tensor.scales().outer().map(o -> o.scale(0)).orElse(1f);
      assertEquals(1 / outer, global);
      float[] values = new float[3 * 48];
      float[] ours = tensor.toFloats();
      for (int i = 0; i < values.length; i++) {
        int packed = raw.bytes("a.weight_packed").get(ValueLayout.JAVA_BYTE, i / 2);
        int code = i % 2 == 0 ? packed & 15 : packed >> 4 & 15;
        int scale = raw.bytes("a.weight_scale").get(ValueLayout.JAVA_BYTE, i / 16);
        values[i] = Formats.E2M1.decode(code) * (Formats.E4M3FN.decode(scale) / global);
        assertEquals(ours[i], values[i], Math.abs(ours[i]) * 0x1p-21f);
      }
      assertArrayEquals(values, file.tensor("a.weight").toFloats());
      float[] read = new float[100];
      file.read("a.weight", 21, read);
      for (int i = 0; i < read.length; i++) {
        assertEquals(values[21 + i], read[i]);
      }
    }
  }

  @Test
  void theConfigTellsHowTheModulesAreQuantized() throws IOException {
    write(
        info ->
            info.name().startsWith("a") ? Optional.of(Recipes.parse("nvfp4")) : Optional.empty(),
        QuantizedFiles.f32("a.weight", 2, 16),
        QuantizedFiles.f32("lm_head.weight", 2, 16),
        QuantizedFiles.f32("norm.weight", 2),
        QuantizedFiles.f32("b.bias", 2));
    assertEquals(
        """
        {
          "quantization_config" : {
            "quant_method" : "compressed-tensors",
            "format" : "nvfp4-pack-quantized",
            "quantization_status" : "compressed",
            "config_groups" : {
              "group_0" : {
                "targets" : [ "Linear" ],
                "weights" : {
                  "num_bits" : 4,
                  "type" : "float",
                  "strategy" : "tensor_group",
                  "group_size" : 16,
                  "symmetric" : true,
                  "dynamic" : false
                }
              }
            },
            "ignore" : [ "lm_head" ]
          }
        }
        """,
        Files.readString(config()));
    try (TensorFile file = TensorFiles.open(out())) {
      assertEquals(Map.of("format", "pt"), file.metadata());
    }
  }

  @Test
  void whatIsInTheConventionAlreadyStaysSo() throws IOException {
    write(QuantizedFiles.all("fp8/axis=0"), QuantizedFiles.f32("a.weight", 3, 5));
    Path again = directory.resolve("again/model.safetensors");
    QuantizedFiles.write(out(), again, Layout.COMPRESSED_TENSORS, _ -> Optional.empty());
    assertEquals(-1, Files.mismatch(out(), again));
    assertEquals(-1, Files.mismatch(config(), again.resolveSibling("config.json")));
  }

  @Test
  void modulesThatDifferAreNamed() throws IOException {
    write(
        info -> Optional.of(Recipes.parse(info.name().startsWith("a") ? "fp8-128x128" : "nvfp4")),
        QuantizedFiles.f32("a.weight", 2, 16),
        QuantizedFiles.f32("b.weight", 2, 16));
    String text = Files.readString(config());
    assertTrue(text.contains("\"format\" : \"mixed-precision\""), text);
    assertTrue(text.contains("\"targets\" : [ \"a\" ],\n        \"format\" : \"float-q"), text);
    assertTrue(text.contains("\"block_structure\" : [ 128, 128 ]"), text);
    assertTrue(text.contains("\"targets\" : [ \"b\" ],\n        \"format\" : \"nvfp4-p"), text);
  }

  @Test
  void theSourcesConfigIsTakenOver() throws IOException {
    Files.writeString(
        directory.resolve("config.json"),
        """
        {"model_type": "llama", "quantization_config": {"old": [1]}, "rms_norm_eps": 1e-05,
         "limits": [0.0, Infinity, 12345678901234567890], "nested": {"é": null}}
        """);
    write(QuantizedFiles.all("fp8"), QuantizedFiles.f32("a.weight", 2, 16));
    String text = Files.readString(config());
    assertTrue(
        text.startsWith(
            """
            {
              "model_type" : "llama",
              "rms_norm_eps" : 0.00001,
              "limits" : [ 0.0, Infinity, 12345678901234567890 ],
              "nested" : {
                "é" : null
              },
              "quantization_config" : {
                "quant_method" : "compressed-tensors",
                "format" : "float-quantized",
            """),
        text);
    assertTrue(!text.contains("old"), text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", "{", "{\"a\":}", ""})
  void aConfigThatIsNoneIsRefusedBeforeAnyWork(String text) throws IOException {
    Path theirs = Files.writeString(directory.resolve("config.json"), text);
    IOException e =
        assertThrows(
            IOException.class,
            () -> write(QuantizedFiles.all("fp8"), QuantizedFiles.f32("a.weight", 2, 16)));
    assertTrue(String.valueOf(e.getMessage()).startsWith(theirs + " is no JSON object"));
    assertTrue(Files.notExists(out()));
  }

  @Test
  void aConfigThatExistsIsKept() throws IOException {
    Files.createDirectories(directory.resolve("out"));
    Files.writeString(config(), "theirs");
    IOException e =
        assertThrows(
            IOException.class,
            () -> write(QuantizedFiles.all("fp8"), QuantizedFiles.f32("a.weight", 2, 16)));
    assertEquals("cannot write " + config() + ": it exists", e.getMessage());
    assertEquals("theirs", Files.readString(config()));
    assertTrue(Files.notExists(out()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          mxfp4           | with e8m0 scales
          fp8-1x128       | as e4m3fn/block=128 with fp32 scales
          int8-asymmetric | and zero points
          nvfp4/block=32  | as e2m1/block=32 with e4m3fn scales under one per tensor
          fp8/axis=1      | as e4m3fn/axis=1
          e5m2            | as e5m2/tensor
          bf16            | as bf16, expected e4m3fn with fp32 scales per tensor
          """)
  void whatTheConventionDoesNotExpressIsRefused(String recipe, String problem) {
    String message = refusal(recipe, QuantizedFiles.f32("a.weight", 2, 16));
    assertTrue(message.startsWith("tensor 'a.weight' as "), message);
    assertTrue(message.contains(problem), message);
  }

  @Test
  void onlyWeightsInWholeGroupsAre() {
    assertTrue(refusal("nvfp4", QuantizedFiles.f32("a.weight", 2, 24)).contains("multiples of 16"));
    String matrix = "expected a matrix whose name ends in .weight";
    assertTrue(refusal("fp8", QuantizedFiles.f32("a.bias", 2, 16)).contains(matrix));
    assertTrue(refusal("fp8", QuantizedFiles.f32("norm.weight", 2)).contains(matrix));
  }

  private String refusal(String recipe, TensorInfo info) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> write(QuantizedFiles.all(recipe), info));
    assertTrue(Files.notExists(out()));
    return String.valueOf(e.getMessage());
  }

  /** A file by others: all bytes are 0x3c, which is 1.5 in E4M3 and 2 x 0x1.78p-7 in F32. */
  private Path others(String name, TensorInfo... tensors) throws IOException {
    Path file = directory.resolve(name);
    SafetensorsWriter.write(
        file,
        true,
        Map.of(),
        List.of(tensors),
        (info, sink) -> {
          byte[] bytes = new byte[(int) info.bytes()];
          Arrays.fill(bytes, (byte) 0x3c);
          sink.write(MemorySegment.ofArray(bytes));
        });
    return file;
  }

  private static TensorInfo info(SafetensorsType type, String name, Long... shape) {
    return type.info(name, List.of(shape));
  }

  @Test
  void scalesInOtherFloatsAndInGroupsAreRead() throws IOException {
    Path file =
        others(
            "x.safetensors",
            info(SafetensorsType.F8_E4M3, "a.weight", 4L, 6L),
            info(SafetensorsType.BF16, "a.weight_scale", 4L, 1L),
            info(SafetensorsType.F8_E4M3, "b.weight", 4L, 6L),
            info(SafetensorsType.F16, "b.weight_scale", 4L, 2L),
            info(SafetensorsType.F8_E4M3, "unscaled.weight", 4L, 6L),
            info(SafetensorsType.F32, "a.input_scale", 1L));
    try (TensorFile opened = TensorFiles.open(file)) {
      assertEquals(
          "a.input_scale F32[1], a.weight e4m3fn/axis=0[4, 6], b.weight e4m3fn/block=3[4, 6],"
              + " unscaled.weight F8_E4M3[4, 6]",
          described(opened));
      float bf16 = Formats.BF16.decode(0x3c3c);
      float fp16 = Formats.FP16.decode(0x3c3c);
      assertEquals(1.5f * bf16, opened.tensor("a.weight").toFloats()[7]);
      assertEquals(1.5f * fp16, opened.tensor("b.weight").toFloats()[7]);
      assertEquals(Scales.one(), opened.tensor("unscaled.weight").scales());
    }
  }

  @Test
  void aCheckpointInSeveralFilesIsRead() throws IOException {
    TensorInfo[] parts = {
      info(SafetensorsType.U8, "a.weight_packed", 2L, 8L),
      info(SafetensorsType.F8_E4M3, "a.weight_scale", 2L, 1L),
      info(SafetensorsType.F32, "a.weight_global_scale", 1L)
    };
    others("1.safetensors", parts[0], parts[2]);
    others("2.safetensors", parts[1]);
    Path index =
        Files.writeString(
            directory.resolve("model.safetensors.index.json"),
            """
            {"weight_map": {"a.weight_packed": "1.safetensors",
             "a.weight_global_scale": "1.safetensors", "a.weight_scale": "2.safetensors"}}
            """);
    try (TensorFile file = TensorFiles.open(index)) {
      assertEquals("a.weight e2m1/block=16[2, 16]", described(file));
      float global = Float.intBitsToFloat(0x3c3c3c3c);
      float[] values = file.tensor("a.weight").toFloats();
      assertEquals(Formats.E2M1.decode(0xc) * (1.5f / global), values[0]);
      assertEquals(Formats.E2M1.decode(0x3) * (1.5f / global), values[1]);
    }
  }

  @Test
  void otherConventionsOfPackedWeightsAreLeftAsTheyAre() throws IOException {
    Path file =
        others(
            "x.safetensors",
            info(SafetensorsType.I32, "a.weight_packed", 2L, 8L),
            info(SafetensorsType.BF16, "a.weight_scale", 2L, 1L),
            info(SafetensorsType.U8, "b.weight_packed", 2L, 8L),
            info(SafetensorsType.U8, "b.weight_scale", 2L, 1L));
    try (TensorFile opened = TensorFiles.open(file)) {
      assertEquals(4, opened.tensors().size());
    }
  }

  private void assertRefused(String problem, TensorInfo... tensors) throws IOException {
    Path file = others("x.safetensors", tensors);
    TensorFileException e = assertThrows(TensorFileException.class, () -> TensorFiles.open(file));
    assertEquals(file + ": " + problem, e.getMessage());
  }

  @Test
  void sizesThatDoNotAgreeAreRefused() throws IOException {
    TensorInfo weight = info(SafetensorsType.F8_E4M3, "a.weight", 4L, 6L);
    assertRefused(
        "tensor 'a.weight_scale' is F32 [3, 1], expected [1], [4, 1], or one for each 128 x 128 or"
            + " some columns of [4, 6] as compressed-tensors has it",
        weight,
        info(SafetensorsType.F32, "a.weight_scale", 3L, 1L));
    assertRefused(
        "tensor 'a.weight_scale' is U8 [1], expected F32, BF16 or F16 as compressed-tensors has it",
        weight,
        info(SafetensorsType.U8, "a.weight_scale", 1L));
    assertRefused(
        "tensor 'a.weight' is F8_E4M3 [6], expected a matrix as compressed-tensors has it",
        info(SafetensorsType.F8_E4M3, "a.weight", 6L),
        info(SafetensorsType.F32, "a.weight_scale", 1L));
    TensorInfo packed = info(SafetensorsType.U8, "a.weight_packed", 2L, 8L);
    TensorInfo scale = info(SafetensorsType.F8_E4M3, "a.weight_scale", 2L, 1L);
    TensorInfo global = info(SafetensorsType.F32, "a.weight_global_scale", 1L);
    assertRefused(
        "tensor 'a.weight_scale' is F8_E4M3 [1, 2], expected F8_E4M3 [2, 1] as compressed-tensors"
            + " has it",
        packed,
        info(SafetensorsType.F8_E4M3, "a.weight_scale", 1L, 2L),
        global);
    assertRefused(
        "tensor 'a.weight_global_scale' is F32 [2], expected F32 [1] as compressed-tensors has it",
        packed,
        scale,
        info(SafetensorsType.F32, "a.weight_global_scale", 2L));
    assertRefused(
        "tensor 'a.weight_packed' is U8 [2, 7], expected a multiple of 8 columns as"
            + " compressed-tensors has it",
        info(SafetensorsType.U8, "a.weight_packed", 2L, 7L),
        scale,
        global);
    assertRefused(
        "tensor 'a.weight' is there in two ways, expected one: as codes, as scales or as it is",
        packed,
        scale,
        global,
        info(SafetensorsType.F32, "a.weight", 2L, 16L));
  }

  @Test
  void aGlobalScaleOfZeroIsRefusedWhenItIsRead() throws IOException {
    Path file = directory.resolve("x.safetensors");
    SafetensorsWriter.write(
        file,
        true,
        Map.of(),
        List.of(
            info(SafetensorsType.U8, "a.weight_packed", 2L, 8L),
            info(SafetensorsType.F8_E4M3, "a.weight_scale", 2L, 1L),
            info(SafetensorsType.F32, "a.weight_global_scale", 1L)),
        (tensor, sink) -> {
          byte value = (byte) (tensor.dtype().equals("F8_E4M3") ? 0x3c : 0);
          byte[] bytes = new byte[(int) tensor.bytes()];
          Arrays.fill(bytes, value);
          sink.write(MemorySegment.ofArray(bytes));
        });
    try (TensorFile opened = TensorFiles.open(file)) {
      TensorFileException e =
          assertThrows(TensorFileException.class, () -> opened.tensor("a.weight"));
      assertTrue(String.valueOf(e.getMessage()).contains("scales of 'a.weight'"));
    }
  }
}
