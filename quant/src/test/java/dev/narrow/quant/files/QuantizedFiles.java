package dev.narrow.quant.files;

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
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Function;

/** Files to quantize, and files that are. */
final class QuantizedFiles {
  private QuantizedFiles() {}

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

  /** A file of such numbers, where they are F32; other tensors hold any bytes. */
  static Path source(Path directory, TensorInfo... tensors) throws IOException {
    Path file = directory.resolve("source.safetensors");
    SafetensorsWriter.write(
        file,
        true,
        Map.of(),
        List.of(tensors),
        (info, sink) -> {
          if (info.dtype().equals("F32")) {
            sink.write(Tensor.of(numbers((int) info.elements()), (int) info.elements()));
          } else {
            byte[] bytes = new byte[(int) info.bytes()];
            new SplittableRandom(1).nextBytes(bytes);
            sink.write(MemorySegment.ofArray(bytes));
          }
        });
    return file;
  }

  /** The same recipe for all tensors. */
  static Function<TensorInfo, Optional<Quantizer>> all(String recipe) {
    return _ -> Optional.of(Recipes.parse(recipe));
  }

  /** Quantizes a file; returns what it has made. */
  static Map<String, Tensor> write(
      Path source, Path out, Layout layout, Function<TensorInfo, Optional<Quantizer>> plan)
      throws IOException {
    Map<String, Tensor> made = new HashMap<>();
    try (TensorFile file = TensorFiles.open(source)) {
      QuantizedWriter.write(
          out,
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
}
