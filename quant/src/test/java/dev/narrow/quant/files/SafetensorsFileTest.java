package dev.narrow.quant.files;

import static dev.narrow.quant.files.SafetensorsFiles.tensor;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.SafetensorsFiles.Golden;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What is read from .safetensors files. */
class SafetensorsFileTest {
  @TempDir Path directory;

  private SafetensorsFile open(byte[] bytes) throws IOException {
    return SafetensorsFile.open(Files.write(directory.resolve("x.safetensors"), bytes));
  }

  static List<Golden> numbers() throws IOException {
    return SafetensorsFiles.golden().stream().filter(g -> !g.values().isEmpty()).toList();
  }

  @Test
  void everyDtypeButTheComplexOneHasGoldenNumbers() throws IOException {
    assertEquals(
        Arrays.stream(SafetensorsType.values())
            .filter(type -> type != SafetensorsType.C64)
            .map(Enum::name)
            .toList(),
        numbers().stream()
            .map(Golden::name)
            .sorted(Comparator.comparing(SafetensorsType::valueOf))
            .toList());
  }

  @ParameterizedTest
  @MethodSource("numbers")
  void numbersAreThoseOfNumPy(Golden golden) throws IOException {
    float[] expected = golden.floats();
    try (SafetensorsFile file = open(golden.bytes())) {
      assertEquals(List.of(golden.name()), file.tensors().stream().map(TensorInfo::dtype).toList());
      float[] values = new float[expected.length];
      file.read("x", 0, values);
      assertArrayEquals(expected, values);
      assertArrayEquals(expected, file.tensor("x").toFloats());
    }
  }

  /** Packed codes begin anywhere in a byte. */
  @ParameterizedTest
  @MethodSource("numbers")
  void anyPartOfATensorIsRead(Golden golden) throws IOException {
    float[] expected = golden.floats();
    try (SafetensorsFile file = open(golden.bytes())) {
      for (int from = 0; from <= expected.length; from += from < 20 ? 1 : 7) {
        for (int n = 0; n <= Math.min(expected.length - from, 20); n++) {
          float[] part = new float[n];
          file.read("x", from, part);
          assertArrayEquals(Arrays.copyOfRange(expected, from, from + n), part);
        }
      }
      float[] one = new float[1];
      assertThrows(IndexOutOfBoundsException.class, () -> file.read("x", expected.length, one));
      assertThrows(IndexOutOfBoundsException.class, () -> file.read("x", -1, one));
    }
  }

  @Test
  void aTensorLiesInTheMemoryOfTheFileWhereItCan() throws IOException {
    for (Golden golden : numbers()) {
      try (SafetensorsFile file = open(golden.bytes())) {
        Tensor tensor = file.tensor("x");
        boolean mapped = tensor.storage().segment().isMapped();
        SafetensorsType type = SafetensorsType.valueOf(golden.name());
        assertEquals(type.format().isPresent() && type.bits() >= 8, mapped, golden.name());
        assertEquals(type.format().map(f -> f.name()).orElse("fp32"), tensor.format().name());
      }
    }
  }

  @Test
  void complexNumbersHaveBytesOnly() throws IOException {
    try (SafetensorsFile file = open(SafetensorsFiles.golden("layout").bytes())) {
      TensorInfo complex =
          file.tensors().stream().filter(t -> t.dtype().equals("C64")).findFirst().orElseThrow();
      assertEquals(32, file.bytes(complex.name()).byteSize());
      TensorFileException e =
          assertThrows(TensorFileException.class, () -> file.tensor(complex.name()));
      assertEquals(
          file.path()
              + ": tensor '"
              + complex.name()
              + "' is of C64, complex numbers, expected real ones",
          e.getMessage());
    }
  }

  /** The package wrote bytes 0, 1, 2... into each tensor. */
  @Test
  void tensorsLieInTheOrderOfTheFile() throws IOException {
    try (SafetensorsFile file = open(SafetensorsFiles.golden("layout").bytes())) {
      assertEquals(Map.of("format", "pt"), file.metadata());
      assertEquals("U64", file.tensors().getFirst().dtype());
      assertEquals("BOOL", file.tensors().getLast().dtype());
      for (TensorInfo tensor : file.tensors()) {
        byte[] bytes = file.bytes(tensor.name()).toArray(ValueLayout.JAVA_BYTE);
        assertEquals(tensor.bytes(), bytes.length);
        for (int i = 0; i < bytes.length; i++) {
          assertEquals(i, bytes[i], tensor.name());
        }
      }
    }
  }

  @Test
  void namesAreAnyUnicodeText() throws IOException {
    try (SafetensorsFile file = open(SafetensorsFiles.golden("names").bytes())) {
      assertEquals(
          List.of(
              "",
              "\n\t\b\f\r\u0001\u001f\u007f",
              "Z",
              "a/b",
              "quote \" and \\",
              "é",
              "\u2028",
              "\uffff",
              "𝄞"),
          file.tensors().stream().map(TensorInfo::name).toList());
      assertEquals(Map.of("\"\u0002é/𝄞", "\\\n"), file.metadata());
      assertEquals('x', file.bytes("𝄞").get(ValueLayout.JAVA_BYTE, 0));
    }
  }

  @Test
  void shapesMayBeEmptyOrDeep() throws IOException {
    try (SafetensorsFile file = open(SafetensorsFiles.golden("shapes").bytes())) {
      assertEquals(
          List.of(
              "deep " + "1, ".repeat(19) + "1: 1", "gone 3, 0, 2: 0", "none 0: 0", "scalar : 1"),
          file.tensors().stream()
              .map(t ->
                  t.shape().stream()
                      .map(String::valueOf)
                      .collect(Collectors.joining(", ", t.name() + " ", ": " + t.elements())))
              .toList());
      assertEquals("fp32[3, 0, 2]", file.tensor("gone").toString());
      assertEquals(1.6688934e-7f, file.tensor("scalar").toFloats()[0]);
      file.read("none", 0, new float[0]);
    }
  }

  @Test
  void aFileMayHaveNoTensor() throws IOException {
    for (String name : List.of("empty", "metadata")) {
      try (SafetensorsFile file = open(SafetensorsFiles.golden(name).bytes())) {
        assertEquals(List.of(), file.tensors());
      }
    }
  }

  /** Other writers than the reference do not align, sort or compress. */
  @Test
  void elementsMayLieAtAnyByteAndTheHeaderInAnyOrder() throws IOException {
    String header =
        """
        { "b" : {"data_offsets" : [1, 9], "shape":[ 2 ], "more":[{"x":[1.5e3]},null], "dtype":"F32"},
          "a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},\t"__metadata__":{} }\r
        """;
    byte[] bytes = SafetensorsFiles.of(header, 9);
    bytes[bytes.length - 2] = (byte) 0x80;
    bytes[bytes.length - 1] = 0x3f;
    try (SafetensorsFile file = open(bytes)) {
      assertEquals(List.of("a", "b"), file.tensors().stream().map(TensorInfo::name).toList());
      float[] b = new float[2];
      file.read("b", 0, b);
      assertArrayEquals(new float[] {0, 1}, b);
      assertArrayEquals(new float[] {0, 1}, file.tensor("b").toFloats());
    }
  }

  @Test
  void aNameThatIsNotThereHasANearestOne() throws IOException {
    String header =
        "{"
            + tensor("model.layers.0.mlp.weight", "U8", "[1]", 0, 1)
            + ","
            + tensor("lm_head", "U8", "[1]", 1, 2)
            + "}";
    try (SafetensorsFile file = open(SafetensorsFiles.of(header, 2))) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> file.bytes("model.layer.0.mlp.weight"))
              .getMessage();
      assertEquals(
          file.path()
              + " has no tensor 'model.layer.0.mlp.weight'; the nearest:"
              + " model.layers.0.mlp.weight",
          message);
    }
  }

  @Test
  void aClosedFileIsNotRead() throws IOException {
    SafetensorsFile file = open(SafetensorsFiles.golden("F32").bytes());
    MemorySegment bytes = file.bytes("x");
    assertTrue(bytes.isReadOnly());
    file.close();
    assertThrows(IllegalStateException.class, () -> bytes.get(ValueLayout.JAVA_BYTE, 0));
    assertThrows(IllegalStateException.class, () -> file.read("x", 0, new float[1]));
  }

  @Test
  void aFileThatBecomesShorterIsNamed() throws IOException {
    Path path = directory.resolve("x.safetensors");
    int n = 1 << 18;
    String header = "{" + tensor("x", "F32", "[" + n + "]", 0, 4L * n) + "}";
    Files.write(path, SafetensorsFiles.of(header, 4 * n));
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      try (FileChannel shorter = FileChannel.open(path, StandardOpenOption.WRITE)) {
        shorter.truncate(100);
      }
      TensorFileException e =
          assertThrows(TensorFileException.class, () -> file.read("x", 0, new float[n]));
      assertEquals(
          path + ": cannot be read: it has become shorter, or a device fails", e.getMessage());
    }
  }

  /** A tensor of 2^31 elements, in a file with a hole that takes no space. */
  @ParameterizedTest
  @CsvSource({"U8, 2147483648, 2147483648", "F4, 2147483648, 1073741824"})
  void aTensorThatMemoryCannotShapeIsReadInParts(String dtype, long extent, long bytes)
      throws IOException {
    String header = "{" + tensor("x", dtype, "[" + extent + "]", 0, bytes) + "}";
    Path path = Files.write(directory.resolve("big.safetensors"), SafetensorsFiles.of(header, 0));
    try (var channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {0x21}), path.toFile().length() + bytes - 1);
    }
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      float[] last = new float[1];
      file.read("x", extent - 1, last);
      assertEquals(dtype.equals("U8") ? 0x21 : 1, last[0]);
      String message = assertThrows(TensorFileException.class, () -> file.tensor("x")).getMessage();
      assertEquals(
          path + ": tensor 'x' has shape [2147483648], expected fewer than 2^31 elements", message);
    }
  }
}
