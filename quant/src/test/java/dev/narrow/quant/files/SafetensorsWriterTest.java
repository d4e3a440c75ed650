package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.SafetensorsFiles.Golden;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is written is what the Python package writes, and is read again. */
class SafetensorsWriterTest {
  @TempDir Path directory;

  static List<Golden> golden() throws IOException {
    return SafetensorsFiles.golden();
  }

  @ParameterizedTest
  @MethodSource("golden")
  void theBytesAreThoseOfThePythonPackage(Golden golden) throws IOException {
    Path from = Files.write(directory.resolve("from.safetensors"), golden.bytes());
    Path to = directory.resolve("to.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(from)) {
      List<TensorInfo> shuffled = new ArrayList<>(file.tensors());
      Collections.shuffle(shuffled, new Random(1));
      SafetensorsWriter.write(
          to,
          false,
          file.metadata(),
          shuffled,
          (tensor, sink) -> sink.write(file.bytes(tensor.name())));
    }
    assertArrayEquals(golden.bytes(), Files.readAllBytes(to));
  }

  /** Beyond the block of the sink; codes of 4 and 6 bits are packed on the way. */
  @ParameterizedTest
  @EnumSource(SafetensorsType.class)
  void codesComeBack(SafetensorsType type) throws IOException {
    if (type.format().isEmpty()) {
      return;
    }
    NumericFormat format = type.format().get();
    int n = 400_008;
    byte[] codes = new byte[n * Tensor.bytesPerCode(format)];
    new Random(2).nextBytes(codes);
    for (int i = 0; format.width() < 8 && i < n; i++) {
      codes[i] &= (byte) ((1 << format.width()) - 1);
    }
    Tensor tensor = Tensor.of(Storage.of(codes), Shape.of(2, n / 2), format, Scales.one());
    Path path = directory.resolve("x.safetensors");
    TensorInfo info = type.info("x", List.of(2L, n / 2L));
    assertEquals(type, SafetensorsType.of(format).orElseThrow());
    SafetensorsWriter.write(path, false, Map.of(), List.of(info), (_, sink) -> sink.write(tensor));
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertEquals(List.of(info), file.tensors());
      Tensor back = file.tensor("x");
      assertEquals(tensor.shape(), back.shape());
      assertEquals(format, back.format());
      assertEquals(-1, tensor.storage().segment().mismatch(back.storage().segment()));
    }
  }

  private static final TensorInfo FOUR = SafetensorsType.F32.info("x", List.of(4L));

  private static void write(Path path, boolean replace, float... values) throws IOException {
    SafetensorsWriter.write(
        path,
        replace,
        Map.of(),
        List.of(FOUR),
        (_, sink) -> sink.write(Tensor.of(values, values.length)));
  }

  @Test
  void aFileIsReplacedOnlyIfTold() throws IOException {
    Path path = directory.resolve("x.safetensors");
    write(path, false, 1, 2, 3, 4);
    byte[] old = Files.readAllBytes(path);
    assertEquals(
        "cannot write " + path + ": it exists",
        assertThrows(IOException.class, () -> write(path, false, 5, 6, 7, 8)).getMessage());
    assertArrayEquals(old, Files.readAllBytes(path));
    write(path, true, 5, 6, 7, 8);
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertArrayEquals(new float[] {5, 6, 7, 8}, file.tensor("x").toFloats());
    }
  }

  @Test
  void aFileThatAppearsMeanwhileIsNotReplaced() throws IOException {
    Path path = directory.resolve("x.safetensors");
    IOException e =
        assertThrows(
            IOException.class,
            () ->
                SafetensorsWriter.write(
                    path,
                    false,
                    Map.of(),
                    List.of(FOUR),
                    (_, sink) -> {
                      Files.writeString(path, "of somebody else");
                      sink.write(Tensor.of(new float[4], 4));
                    }));
    assertEquals("cannot write " + path + ": it has appeared meanwhile", e.getMessage());
    assertEquals("of somebody else", Files.readString(path));
  }

  @Test
  void aFailureLeavesTheOldFileAsItWas() throws IOException {
    Path path = directory.resolve("x.safetensors");
    write(path, false, 1, 2, 3, 4);
    byte[] old = Files.readAllBytes(path);
    assertEquals(
        "8 bytes are missing, expected " + FOUR,
        assertThrows(IllegalStateException.class, () -> write(path, true, 1, 2)).getMessage());
    assertEquals(
        "20 bytes more, expected at most 16 for " + FOUR,
        assertThrows(IllegalStateException.class, () -> write(path, true, 1, 2, 3, 4, 5))
            .getMessage());
    assertArrayEquals(old, Files.readAllBytes(path));
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(List.of(path), files.toList());
    }
  }

  private void assertRefused(String message, TensorInfo... tensors) {
    Path path = directory.resolve("x.safetensors");
    assertEquals(
        message,
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    SafetensorsWriter.write(
                        path,
                        false,
                        Map.of(),
                        List.of(tensors),
                        (_, sink) -> sink.write(MemorySegment.ofArray(new byte[4]))))
            .getMessage());
    assertFalse(Files.exists(path));
  }

  @Test
  void tensorsThatNoFileCanHoldAreRefused() {
    String name = "', expected another than that of the metadata and of the other tensors";
    assertRefused("name = 'x" + name, FOUR, SafetensorsType.U8.info("x", List.of(4L)));
    assertRefused(
        "name = '__metadata__" + name, SafetensorsType.U8.info("__metadata__", List.of(4L)));
    TensorInfo wrong = new TensorInfo("x", "F32", List.of(4L), 15);
    assertRefused(wrong + " has another number of bytes", wrong);
    assertRefused(
        "is 'F31', which is no dtype; the nearest: F32, F16, F4",
        new TensorInfo("x", "F31", List.of(1L), 4));
    assertEquals(
        "has extent -4 on axis 0, expected 0 or more",
        assertThrows(
                IllegalArgumentException.class, () -> SafetensorsType.U8.info("x", List.of(-4L)))
            .getMessage());
  }

  @Test
  void aNameThatIsNoTextIsRefused() {
    Path path = directory.resolve("x.safetensors");
    TensorInfo half = SafetensorsType.U8.info("\ud800", List.of(0L));
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsWriter.write(path, false, Map.of(), List.of(half), (_, _) -> {}));
    assertThrows(
        IllegalArgumentException.class,
        () -> SafetensorsWriter.write(path, false, Map.of("\udc00", ""), List.of(), (_, _) -> {}));
    assertFalse(Files.exists(path));
  }

  /** Codes of a format without a dtype of its own are written as unsigned integers. */
  @Test
  void codesOfOtherFormatsAreIntegers() throws IOException {
    Path path = directory.resolve("x.safetensors");
    assertTrue(SafetensorsType.of(Formats.LNS8).isEmpty());
    Tensor codes =
        Tensor.of(
            Storage.of(new byte[] {1, 2, (byte) 255}), Shape.of(3), Formats.LNS8, Scales.one());
    SafetensorsWriter.write(
        path,
        false,
        Map.of("format", "lns8"),
        List.of(SafetensorsType.U8.info("x", List.of(3L))),
        (_, sink) -> sink.write(codes));
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertArrayEquals(new float[] {1, 2, 255}, file.tensor("x").toFloats());
    }
    Path other = directory.resolve("y.safetensors");
    assertEquals(
        "codes = lns8[3], expected whole bytes of 32 bits each for " + FOUR,
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    SafetensorsWriter.write(
                        other, false, Map.of(), List.of(FOUR), (_, sink) -> sink.write(codes)))
            .getMessage());
  }
}
