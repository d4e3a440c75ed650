package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is quantized into a file comes back from it, whatever its recipe and shape. */
class NarrowLayoutTest {
  /** Whole bytes and not, whole blocks and not, no elements, several axes. */
  private static final List<int[]> SHAPES =
      List.of(
          new int[] {4, 64},
          new int[] {3, 37},
          new int[] {5, 1},
          new int[] {0, 7},
          new int[] {130, 131},
          new int[] {2, 3, 33});

  @TempDir Path directory;

  private Path out() {
    return directory.resolve("out.safetensors");
  }

  private Map<String, Tensor> write(
      Function<TensorInfo, Optional<Quantizer>> plan, TensorInfo... tensors) throws IOException {
    Path source = QuantizedFiles.source(directory, tensors);
    return QuantizedFiles.write(source, out(), Layout.NARROW, plan);
  }

  static Stream<String> recipes() {
    return Stream.concat(
        Recipes.names().stream(),
        Stream.of(
            "bf16",
            "fp32",
            "tf32",
            "posit16",
            "e3m4",
            "float:e3m3,bias=5/axis=-1",
            "lns:b12g64/block=5@0",
            "uint2/min-to-max/axis=1",
            "int16/min-to-max/block=8",
            "e4m3fn/tile=3x5/scale=bf16",
            "e2m1/axis=0/scale=e2m1",
            "nvfp4/saturate=ieee"));
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void everyRecipeComesBackBitForBit(String recipe) throws IOException {
    TensorInfo[] infos = new TensorInfo[SHAPES.size()];
    for (int i = 0; i < infos.length; i++) {
      infos[i] = QuantizedFiles.f32("layer." + i + ".weight", SHAPES.get(i));
    }
    Map<String, Tensor> made = write(QuantizedFiles.all(recipe), infos);
    try (TensorFile file = TensorFiles.open(out())) {
      assertEquals(SHAPES.size(), file.tensors().size());
      for (TensorInfo info : file.tensors()) {
        Tensor expected = Objects.requireNonNull(made.get(info.name()));
        Tensor found = file.tensor(info.name());
        assertEquals(expected, found, info.toString());
        float[] values = expected.toFloats();
        assertArrayEquals(values, found.toFloats());
        assertPartsAreRead(file, info, values);
      }
    }
  }

  private static void assertPartsAreRead(TensorFile file, TensorInfo info, float[] values) {
    float[] whole = new float[values.length];
    file.read(info.name(), 0, whole);
    assertArrayEquals(values, whole, info.toString());
    for (int from = 0, n = 1; from + n <= values.length; from += n, n += 3) {
      float[] part = new float[n];
      file.read(info.name(), from, part);
      assertArrayEquals(Arrays.copyOfRange(values, from, from + n), part, info + " from " + from);
    }
    assertThrows(
        IndexOutOfBoundsException.class, () -> file.read(info.name(), values.length, new float[1]));
  }

  private static String described(TensorFile file) {
    return file.tensors().stream()
        .map(t -> t.name() + " " + t.dtype() + t.shape() + " " + t.bytes())
        .sorted()
        .collect(Collectors.joining(", "));
  }

  /** What stands in the file, and what it is read as. */
  private void assertStored(String recipe, String parts, String whole, int... shape)
      throws IOException {
    Files.deleteIfExists(out());
    write(QuantizedFiles.all(recipe), QuantizedFiles.f32("w", shape));
    try (TensorFile raw = SafetensorsFile.open(out());
        TensorFile file = TensorFiles.open(out())) {
      assertEquals(parts, described(raw));
      assertEquals(whole, described(file));
      assertEquals(raw.bytes("w").byteSize(), file.bytes("w").byteSize());
    }
  }

  @Test
  void aFormatIsStoredUnderTheDtypeThatHasIt() throws IOException {
    assertStored(
        "mxfp4", "w F4[4, 64] 128, w.scale F8_E8M0[4, 2] 8", "w e2m1/block=32[4, 64] 136", 4, 64);
    assertStored(
        "nvfp4",
        "w F4[2, 17] 17, w.scale F8_E4M3[2, 2] 4, w.scale.outer F32[] 4",
        "w e2m1/block=16[2, 17] 25",
        2,
        17);
    assertStored("fp8", "w F8_E4M3[3] 3, w.scale F32[] 4", "w e4m3fn/tensor[3] 7", 3);
    assertStored("bf16", "w BF16[3] 6", "w bf16[3] 6", 3);
    assertStored(
        "int8-asymmetric",
        "w I8[3] 3, w.scale F32[] 4, w.zero_point I32[] 4",
        "w int8/tensor[3] 11",
        3);
  }

  @Test
  void anyOtherFormatIsStoredAsIntegersOrPacked() throws IOException {
    assertStored(
        "vsq4",
        "w U8[17] 17, w.scale U8[2, 2] 4, w.scale.outer F32[2] 8",
        "w int4/block=16[2, 17] 29",
        2,
        17);
    assertStored(
        "nvfp4/tensor/scale=fp32",
        "w U8[2] 2, w.scale F32[] 4, w.scale.outer F32[] 4",
        "w e2m1/tensor[3] 10",
        3);
    assertStored("lns8", "w U8[3] 3, w.scale F32[] 4", "w lns8/tensor[3] 7", 3);
    assertStored("posit16", "w U16[3] 6", "w posit16[3] 6", 3);
    assertStored("tf32", "w U32[3] 12", "w tf32[3] 12", 3);
  }

  @Test
  void whatThePlanLeavesOutStaysByteForByte() throws IOException {
    TensorInfo[] kept =
        Stream.of(SafetensorsType.values())
            .map(type -> type.info("kept." + type, List.of(2L, 4L)))
            .toArray(TensorInfo[]::new);
    write(_ -> Optional.empty(), kept);
    try (TensorFile before = TensorFiles.open(directory.resolve("source.safetensors"));
        TensorFile after = TensorFiles.open(out())) {
      assertEquals(before.tensors(), after.tensors());
      for (TensorInfo info : kept) {
        assertEquals(-1, before.bytes(info.name()).mismatch(after.bytes(info.name())));
      }
    }
  }

  @Test
  void whatIsQuantizedAlreadyStaysSo() throws IOException {
    TensorInfo[] infos = {QuantizedFiles.f32("a", 3, 37), QuantizedFiles.f32("b", 5)};
    Map<String, Tensor> made =
        write(
            info -> Optional.of(Recipes.parse(info.name().equals("a") ? "nvfp4" : "bf16")), infos);
    Path again = directory.resolve("again.safetensors");
    QuantizedFiles.write(out(), again, Layout.NARROW, _ -> Optional.empty());
    try (TensorFile file = TensorFiles.open(again)) {
      assertEquals(made.get("a"), file.tensor("a"));
      assertEquals(made.get("b"), file.tensor("b"));
    }
  }

  @Test
  void partsOfWhatIsKeptAreNotWrittenOverAnother() throws IOException {
    Path source =
        QuantizedFiles.source(
            directory,
            SafetensorsType.F8_E4M3.info("a.weight", List.of(2L, 3L)), // as of compressed-tensors
            QuantizedFiles.f32("a.weight_scale", 1),
            QuantizedFiles.f32("a.weight.scale"));
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                QuantizedFiles.write(
                    source,
                    out(),
                    Layout.NARROW,
                    info ->
                        info.name().equals("a.weight.scale")
                            ? Optional.of(Recipes.parse("fp32"))
                            : Optional.empty()));
    assertEquals(
        "tensor 'a.weight.scale' would be written twice, expected another name", e.getMessage());
  }

  @Test
  void theMetadataTellsHowCodesWereMade() throws IOException {
    write(QuantizedFiles.all("mxfp4"), QuantizedFiles.f32("w", 2, 3));
    try (TensorFile raw = SafetensorsFile.open(out())) {
      assertEquals(
          """
          {"version":"1","kinds":{"0":{"format":"e2m1","granularity":"block=32","scale":"e8m0",\
          "quantizer":"%s"}},"tensors":{"w":{"kind":"0","shape":[2,3],"packed":false}}}\
          """
              .formatted(Recipes.parse("mxfp4")),
          raw.metadata().get("narrow"));
      assertEquals(1, raw.metadata().size());
    }
  }

  @Test
  void anArrayOfNumPyBecomesATensor() throws IOException {
    Path npy = directory.resolve("x.npy");
    Files.write(npy, NpyFiles.golden().getFirst().bytes());
    QuantizedFiles.write(npy, out(), Layout.NARROW, _ -> Optional.empty());
    try (TensorFile before = TensorFiles.open(npy);
        TensorFile after = TensorFiles.open(out())) {
      assertEquals(before.tensor("x"), after.tensor("x"));
    }
  }

  @Test
  void tensorsOfGgufBecomeWhatTheyAreReadAs() throws IOException {
    Path gguf = Files.write(directory.resolve("x.gguf"), GgufFiles.fromPackage());
    QuantizedFiles.write(gguf, out(), Layout.NARROW, _ -> Optional.empty());
    try (TensorFile before = TensorFiles.open(gguf);
        TensorFile after = TensorFiles.open(out())) {
      assertEquals(before.tensors().size(), after.tensors().size());
      for (TensorInfo info : before.tensors()) {
        assertArrayEquals(
            before.tensor(info.name()).toFloats(), after.tensor(info.name()).toFloats());
      }
    }
  }

  @Test
  void moreKindsThanAReaderTakesAreRefused() throws IOException {
    TensorInfo[] infos =
        IntStream.range(0, 1025)
            .mapToObj(i -> QuantizedFiles.f32("w" + i, 1))
            .toArray(TensorInfo[]::new);
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                write(
                    info -> Optional.of(Recipes.parse("fp8/block=1" + info.name().substring(1))),
                    infos));
    assertTrue(String.valueOf(e.getMessage()).contains("more than 1024 ways"), e.getMessage());
    assertTrue(Files.notExists(out()));
  }

  @Test
  void codesAreSeenWithoutACopyWhereTheyLieInWholeBytes() throws IOException {
    write(QuantizedFiles.all("mxfp8-e4m3"), QuantizedFiles.f32("w", 4, 64));
    try (TensorFile file = TensorFiles.open(out())) {
      assertEquals(file.bytes("w").address(), file.tensor("w").storage().segment().address());
    }
  }
}
