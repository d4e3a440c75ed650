package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Writes target/for-compressed-tensors/RECIPE/model.safetensors and config.json, and beside them
 * values.safetensors with what is read here of each weight, for .ci/check-compressed-tensors.py.
 */
class CompressedTensorsForPythonTest {
  private static final Path DIRECTORY = Path.of("target", "for-compressed-tensors");

  @BeforeAll
  static void create() throws IOException {
    Files.createDirectories(DIRECTORY);
  }

  @ParameterizedTest
  @CsvSource({
    "fp8-tensor, fp8, 6, 37",
    "fp8-channel, fp8/axis=0, 6, 37",
    "fp8-block, fp8-128x128, 130, 257",
    "nvfp4, nvfp4, 33, 160",
    "nvfp4-one-level, nvfp4-one-level, 5, 16",
    "mixed, -, 130, 64"
  })
  void whatPythonGetsComesBackHere(String name, String recipe, int rows, int columns)
      throws IOException {
    Path model = Files.createDirectories(DIRECTORY.resolve(name)).resolve("model.safetensors");
    Path source =
        QuantizedFiles.source(
            DIRECTORY,
            QuantizedFiles.f32("a.weight", rows, columns),
            QuantizedFiles.f32("b.weight", rows, columns),
            QuantizedFiles.f32("kept.weight", rows, columns),
            QuantizedFiles.f32("kept.bias", rows));
    try (TensorFile file = TensorFiles.open(source)) {
      QuantizedWriter.write(
          model,
          true,
          Layout.COMPRESSED_TENSORS,
          file,
          info -> {
            String mixed = info.name().equals("a.weight") ? "fp8" : "nvfp4";
            String chosen = name.equals("mixed") ? mixed : recipe;
            return info.name().startsWith("kept")
                ? Optional.empty()
                : QuantizedFiles.all(chosen).apply(info);
          },
          (_, values, quantizer) -> quantizer.quantize(values));
    }
    try (TensorFile file = TensorFiles.open(model)) {
      List<TensorInfo> values =
          file.tensors().stream().map(t -> SafetensorsType.F32.info(t.name(), t.shape())).toList();
      assertEquals(4, values.size());
      SafetensorsWriter.write(
          model.resolveSibling("values.safetensors"),
          true,
          Map.of(),
          values,
          (info, sink) -> {
            float[] floats = file.tensor(info.name()).toFloats();
            assertTrue(floats.length == rows || floats[5] < -200, "the outlier");
            sink.write(Tensor.of(floats, floats.length));
          });
    }
    Files.delete(source);
  }
}
