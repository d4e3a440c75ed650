package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Stream;
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

  private Path source() {
    return directory.resolve("source.safetensors");
  }

  private Path out() {
    return directory.resolve("out.safetensors");
  }

  /** Normally distributed, with some zeros and one outlier. */
  static float[] numbers(int n) {
    SplittableRandom random = new SplittableRandom(n);
    float[] numbers = new float[n];
    for (int i = 0; i < n; i++) {
      numbers[i] = i % 17 == 0 ? 0 : (float) random.nextGaussian();
    }
    if (n > 5) {
      numbers[5] = -300;
    }
    return numbers;
  }

  static TensorInfo f32(String name, int... dims) {
    return SafetensorsType.F32.info(name, Arrays.stream(dims).mapToObj(d -> (long) d).toList());
  }

  /** A file of such numbers. */
  static void writeSource(Path file, TensorInfo... tensors) throws IOException {
    SafetensorsWriter.write(
        file,
        true,
        Map.of(),
        List.of(tensors),
        (info, sink) -> {
          if (info.dtype().equals("F32")) {
            sink.write(Tensor.of(numbers((int) info.elements()), (int) info.elements()));
          } else {
            sink.write(MemorySegment.ofArray(new byte[(int) info.bytes()]));
          }
        });
  }

  /** Writes with a step that keeps what it has made. */
  private Map<String, Tensor> write(Function<TensorInfo, Optional<Quantizer>> plan)
      throws IOException {
    return write(Layout.NARROW, plan);
  }

  private Map<String, Tensor> write(Layout layout, Function<TensorInfo, Optional<Quantizer>> plan)
      throws IOException {
    Map<String, Tensor> made = new HashMap<>();
    try (TensorFile file = TensorFiles.open(source())) {
      QuantizedWriter.write(
          out(),
          false,
          layout,
          file,
          plan,
          (info, values, quantizer) -> {
            Tensor tensor = quantizer.quantize(values);
            made.put(info.name(), tensor);
            return tensor;
          });
    }
    return made;
  }

  private static Function<TensorInfo, Optional<Quantizer>> all(String recipe) {
    return _ -> Optional.of(Recipes.parse(recipe));
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
      infos[i] = f32("layer." + i + ".weight", SHAPES.get(i));
    }
    writeSource(source(), infos);
    Map<String, Tensor> made = write(all(recipe));
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
}
