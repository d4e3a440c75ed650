package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.TableFormat;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A file of quantized tensors is written whole or not at all, and not in vain. */
class QuantizedWriterTest {
  private static final QuantizedWriter.Step NEVER =
      (info, _, _) -> {
        throw new AssertionError("quantizes " + info);
      };

  @TempDir Path directory;

  private Path out() {
    return directory.resolve("out.safetensors");
  }

  private void write(
      boolean replace,
      Function<TensorInfo, Optional<Quantizer>> plan,
      QuantizedWriter.Step step,
      TensorInfo... tensors)
      throws IOException {
    try (TensorFile file = TensorFiles.open(QuantizedFiles.source(directory, tensors))) {
      QuantizedWriter.write(out(), replace, Layout.NARROW, file, plan, step);
    }
  }

  private String refusal(Function<TensorInfo, Optional<Quantizer>> plan, TensorInfo... tensors) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> write(false, plan, NEVER, tensors));
    assertTrue(Files.notExists(out()));
    return String.valueOf(e.getMessage());
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = SafetensorsType.class,
      names = {"BOOL", "U8", "I8", "I16", "U16", "I32", "U32", "C64", "I64", "U64"})
  void whatIsNoFloatingPointNumberIsNotQuantized(SafetensorsType type) {
    assertEquals(
        "tensor 'n' is of " + type + ", expected floating-point numbers to quantize",
        refusal(QuantizedFiles.all("fp8"), type.info("n", List.of(3L))));
  }

  @ParameterizedTest
  @ValueSource(strings = {"w.scale", "w.scale.outer"})
  void aNameThatIsTakenIsRefused(String taken) {
    String message =
        refusal(
            info ->
                info.name().equals("w") ? Optional.of(Recipes.parse("nvfp4")) : Optional.empty(),
            QuantizedFiles.f32("w", 2, 3),
            SafetensorsType.I64.info(taken, List.of()));
    assertTrue(message.contains("would be written as '" + taken + "'"), message);
  }

  @Test
  void aGranularityNeedsItsAxes() {
    assertEquals(
        "tensor 's': axis = -1, expected a shape with axes, not []",
        refusal(QuantizedFiles.all("mxfp4"), QuantizedFiles.f32("s")));
    assertEquals(
        "tensor 'v': axis = 1, expected -1 to 0 for shape [5]",
        refusal(QuantizedFiles.all("fp8/axis=1"), QuantizedFiles.f32("v", 5)));
  }

  @Test
  void aFormatThatItsNameDoesNotTellIsRefused() {
    FloatFormat wrong = new FloatFormat("bf16", 8, 4, 7, true, false, true, 1, true, true);
    TensorInfo info = QuantizedFiles.f32("w", 5);
    assertTrue(
        refusal(_ -> Optional.of(Quantizer.of(wrong)), info).contains("another name than that of"));
    TableFormat mine = TableFormat.of("mine", List.of(-1f, 0f, 1f, 2f));
    assertTrue(
        refusal(_ -> Optional.of(Quantizer.of(mine)), info).contains("read back by its name"));
  }

  @Test
  void aStepThatReturnsSomethingElseIsRefused() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                write(
                    false,
                    QuantizedFiles.all("fp8"),
                    (_, values, _) -> values,
                    QuantizedFiles.f32("w", 5)));
    assertEquals("tensor 'w' became fp32[5], expected e4m3fn[5]", e.getMessage());
  }

  @Test
  void anExistingFileIsKeptUnlessItIsToBeReplaced() throws IOException {
    Files.writeString(out(), "old");
    TensorInfo info = QuantizedFiles.f32("w", 5);
    IOException e =
        assertThrows(IOException.class, () -> write(false, QuantizedFiles.all("fp8"), NEVER, info));
    assertEquals("cannot write " + out() + ": it exists", e.getMessage());
    assertEquals("old", Files.readString(out()));
    write(true, QuantizedFiles.all("fp8"), (_, values, q) -> q.quantize(values), info);
    try (TensorFile file = TensorFiles.open(out())) {
      assertEquals("e4m3fn/tensor", file.tensors().getFirst().dtype());
    }
    assertEquals(List.of("out.safetensors", "source.safetensors"), files());
  }

  @Test
  void aFileInTheWayOfADirectoryIsNamed() throws IOException {
    Path obstacle = Files.writeString(directory.resolve("out"), "a file");
    Path out = obstacle.resolve("x.safetensors");
    Path source = QuantizedFiles.source(directory, QuantizedFiles.f32("w", 5));
    IOException e =
        assertThrows(
            IOException.class,
            () -> QuantizedFiles.write(source, out, Layout.NARROW, QuantizedFiles.all("fp8")));
    assertEquals("cannot write " + out + ": " + obstacle + " is not a directory", e.getMessage());
  }

  @Test
  void aFailureLeavesTheOldFileAndNoTrace() throws IOException {
    Files.writeString(out(), "old");
    for (Exception failure : List.of(new IOException("full"), new ArithmeticException("odd"))) {
      Exception e =
          assertThrows(
              failure.getClass(),
              () ->
                  write(
                      true,
                      QuantizedFiles.all("fp8"),
                      (info, values, quantizer) -> {
                        if (info.name().equals("b")) {
                          switch (failure) {
                            case IOException io -> throw io;
                            default -> throw new ArithmeticException(failure.getMessage());
                          }
                        }
                        return quantizer.quantize(values);
                      },
                      QuantizedFiles.f32("a", 5),
                      QuantizedFiles.f32("b", 5)));
      assertEquals(failure.getMessage(), e.getMessage());
      assertEquals("old", Files.readString(out()));
      assertEquals(List.of("out.safetensors", "source.safetensors"), files());
    }
  }

  /** A program that ends in the middle of quantizing, as on Ctrl-C. */
  static final class Interrupted {
    private Interrupted() {}

    public static void main(String[] args) throws IOException {
      Path directory = Path.of(args[0]);
      Path source =
          QuantizedFiles.source(directory, QuantizedFiles.f32("a", 5), QuantizedFiles.f32("b", 5));
      try (TensorFile file = TensorFiles.open(source)) {
        QuantizedWriter.write(
            directory.resolve("out.safetensors"),
            true,
            Layout.NARROW,
            file,
            QuantizedFiles.all("fp8"),
            (info, values, quantizer) -> {
              if (info.name().equals("b")) {
                System.out.print(info.name());
                System.exit(3);
              }
              return quantizer.quantize(values);
            });
      }
    }
  }

  @Test
  void aProgramThatEndsMeanwhileLeavesTheOldFileAndNoTrace() throws Exception {
    Files.writeString(out(), "old");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path")
                    + File.pathSeparator
                    + System.getProperty("jdk.module.path", "")
                    + File.pathSeparator
                    + String.join(File.pathSeparator, "target/classes", "target/test-classes"),
                Interrupted.class.getName(),
                directory.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (InputStream out = process.getInputStream()) {
      assertEquals("b", new String(out.readAllBytes(), StandardCharsets.US_ASCII));
    }
    assertEquals(3, process.waitFor());
    assertEquals("old", Files.readString(out()));
    assertEquals(List.of("out.safetensors", "source.safetensors"), files());
  }

  @Test
  void eachTensorIsReadOnceAndQuantizedOnce() throws IOException {
    StringBuilder order = new StringBuilder();
    write(
        false,
        QuantizedFiles.all("mxfp4"),
        (info, values, quantizer) -> {
          order.append(info.name());
          Tensor expected = Tensor.of(QuantizedFiles.numbers(5), 5);
          assertEquals(expected, values);
          return quantizer.quantize(values);
        },
        QuantizedFiles.f32("a", 5),
        QuantizedFiles.f32("c", 5),
        QuantizedFiles.f32("b", 5));
    assertEquals("abc", order.toString());
  }
}
