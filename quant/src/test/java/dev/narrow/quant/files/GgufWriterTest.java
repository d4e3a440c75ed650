package dev.narrow.quant.files;

import static dev.narrow.quant.files.GgufFiles.array;
import static dev.narrow.quant.files.GgufFiles.int32;
import static dev.narrow.quant.files.GgufFiles.string;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** What is written is read again, here and (by .ci/check-gguf.py) by the Python package. */
class GgufWriterTest {
  private static final int ROW = 96;
  private static final int ROWS = 1_001; // several pieces, and a part of one

  /** Stays for .ci/check-gguf.py. */
  private static final Path FOR_PYTHON = Path.of("target", "gguf");

  @TempDir Path directory;

  private static List<GgufType> encodable() {
    return Stream.of(GgufType.values()).filter(GgufType::canEncode).toList();
  }

  private static float[] values() {
    Random random = new Random(11);
    float[] values = new float[ROW * ROWS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() * (i / ROW % 5 == 0 ? 1e-6f : 3);
    }
    return values;
  }

  private static GgufWriter.Source source(float[] values) {
    return (from, dst) -> System.arraycopy(values, (int) from, dst, 0, dst.length);
  }

  private static byte[] bytes(TensorFile file, String name) {
    return file.bytes(name).toArray(ValueLayout.JAVA_BYTE);
  }

  /** The tensor x, and x.TYPE in each type: the script encodes x and compares. */
  @Test
  void everyTypeThatIsEncodedComesBack() throws IOException {
    float[] values = values();
    GgufWriter writer =
        new GgufWriter().string("general.architecture", "none").uint32("answer", 0xFFFF_FFFFL);
    writer.tensor("x", GgufType.F32, List.of(1L, (long) ROWS, (long) ROW), source(values));
    for (GgufType type : encodable()) {
      writer.tensor("x." + type, type, List.of((long) ROWS, (long) ROW), source(values));
    }
    writer.tensor("scalar", GgufType.F16, List.of(), source(new float[] {1.5f}));
    writer.tensor("empty", GgufType.Q8_0, List.of(0L, 32L), source(new float[0]));
    Path path = FOR_PYTHON.resolve("types.gguf");
    writer.write(path);
    assertEquals(0, Files.size(path) % 32);
    try (GgufFile file = GgufFile.open(path)) {
      assertEquals("none", file.metadata().get("general.architecture"));
      assertEquals("4294967295", file.metadata().get("answer"));
      assertEquals("2", file.metadata().get("general.quantization_version"));
      assertEquals(List.of(1L, 1001L, 96L), file.tensors().getFirst().shape());
      assertArrayEquals(values, file.tensor("x").toFloats());
      for (GgufType type : encodable()) {
        byte[] whole = new byte[values.length / type.blockElements() * type.blockBytes()];
        type.encode(values, MemorySegment.ofArray(whole));
        assertArrayEquals(whole, bytes(file, "x." + type), type.name());
      }
      assertEquals(1.5f, file.tensor("scalar").toFloats()[0]);
      assertEquals(0, file.bytes("empty").byteSize());
    }
  }

  /** A file is requantized tensor by tensor; the rest of it is copied, whatever it is. */
  @Test
  void aFileIsRequantizedAndTheRestCopied() throws IOException {
    byte[] nested = array(GgufValueType.ARRAY, array(GgufValueType.STRING, string("a")));
    byte[] original =
        new GgufFiles()
            .field("general.alignment", GgufValueType.UINT32, int32(8))
            .field("keep", GgufValueType.ARRAY, nested)
            .field("change", GgufValueType.BOOL, new byte[] {1})
            .field("general.quantization_version", GgufValueType.UINT32, int32(1))
            .tensor("plain", GgufType.F32.id(), 8, 32, 2)
            .tensor("codebook", GgufType.IQ2_XXS.id(), 272, 256)
            .tensor("future", 99, 344, 77)
            .with(350);
    Path path = Files.write(directory.resolve("x.gguf"), original);
    try (GgufFile from = GgufFile.open(path)) {
      byte[] codebook = bytes(from, "codebook");
      byte[] future = bytes(from, "future");
      new GgufWriter()
          .string("change", "d")
          .metadata(from)
          .string("new", "")
          .tensor(
              "plain", GgufType.Q4_0, List.of(2L, 32L), (at, dst) -> from.read("plain", at, dst))
          .copy(from, "codebook")
          .copy(from, "future")
          .write(path); // over the file that it comes from
      try (GgufFile back = GgufFile.open(path)) {
        List<String> lines = new ArrayList<>();
        back.metadata().forEach((key, value) -> lines.add(key + " = " + value));
        assertEquals(
            List.of("change = d", "keep = [[\"a\"]]", "general.quantization_version = 1", "new = "),
            lines);
        assertEquals(
            List.of("Q4_0", "IQ2_XXS", "type 99"),
            back.tensors().stream().map(TensorInfo::dtype).toList());
        assertArrayEquals(codebook, bytes(back, "codebook"));
        byte[] padded = bytes(back, "future");
        assertEquals(32, padded.length); // where no size is known, padding goes along
        assertArrayEquals(future, Arrays.copyOf(padded, future.length));
      }
    }
  }

  /** The file of the Python package, all its types of metadata, once more for that package. */
  @Test
  void metadataOfAllTypesIsTakenOver() throws IOException {
    Path path = Files.write(directory.resolve("x.gguf"), GgufFiles.fromPackage());
    try (GgufFile from = GgufFile.open(path)) {
      GgufWriter writer = new GgufWriter().metadata(from);
      from.tensors().forEach(tensor -> writer.copy(from, tensor.name()));
      Path copy = FOR_PYTHON.resolve("copy.gguf");
      writer.write(copy);
      try (GgufFile back = GgufFile.open(copy)) {
        var metadata = new LinkedHashMap<>(from.metadata());
        metadata.remove("general.alignment");
        metadata.put("general.quantization_version", "2");
        assertEquals(metadata, back.metadata());
        assertEquals(from.tensors(), back.tensors());
        for (TensorInfo tensor : from.tensors()) {
          assertArrayEquals(bytes(from, tensor.name()), bytes(back, tensor.name()));
        }
      }
    }
  }

  @Test
  void aFileWithoutAnythingIsAFile() throws IOException {
    Path path = directory.resolve("x.gguf");
    new GgufWriter().write(path);
    try (GgufFile file = GgufFile.open(path)) {
      assertEquals(List.of(), file.tensors());
      assertTrue(file.metadata().isEmpty(), () -> "metadata: " + file.metadata());
    }
  }

  @Test
  void aSourceThatFailsLeavesTheOldFile() throws IOException {
    Path path = Files.write(directory.resolve("x.gguf"), new byte[] {1});
    GgufWriter writer =
        new GgufWriter()
            .tensor(
                "x",
                GgufType.F32,
                List.of(1L),
                (from, dst) -> {
                  throw new IllegalStateException("no more");
                });
    assertThrows(IllegalStateException.class, () -> writer.write(path));
    assertArrayEquals(new byte[] {1}, Files.readAllBytes(path));
    try (var entries = Files.list(directory)) {
      assertEquals(1, entries.count());
    }
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Test
  void whatGgmlWouldNotReadIsRefused() {
    GgufWriter writer = new GgufWriter();
    var source = source(new float[0]);
    List<Long> one = List.of(1L);
    assertRefused(
        "type = Q4_K, expected one of F32, F16, Q4_0, Q8_0, BF16",
        () -> writer.tensor("x", GgufType.Q4_K, List.of(256L), source));
    String extents = ", expected at most 4 extents, each 0 or more, the last a multiple of ";
    assertRefused(
        "shape = [32, 31]" + extents + "32 for Q8_0",
        () -> writer.tensor("x", GgufType.Q8_0, List.of(32L, 31L), source));
    assertRefused(
        "shape = []" + extents + "32 for Q4_0",
        () -> writer.tensor("x", GgufType.Q4_0, List.of(), source));
    assertRefused(
        "shape = [1, 1, 1, 1, 1]" + extents + "1 for F32",
        () -> writer.tensor("x", GgufType.F32, List.of(1L, 1L, 1L, 1L, 1L), source));
    assertRefused(
        "shape = [-1]" + extents + "1 for F32",
        () -> writer.tensor("x", GgufType.F32, List.of(-1L), source));
    assertRefused(
        "shape = [4294967296, 2147483648], expected fewer than 2^63 bytes",
        () -> writer.tensor("x", GgufType.F32, List.of(1L << 32, 1L << 31), source));
    assertRefused(
        "name = '' has 0 bytes, expected 1 to 63, the limit of ggml",
        () -> writer.tensor("", GgufType.F32, one, source));
    assertRefused(
        "name = '%s...' has 64 bytes, expected 1 to 63, the limit of ggml"
            .formatted("x".repeat(60)),
        () -> writer.tensor("x".repeat(64), GgufType.F32, one, source));
    writer.tensor("x", GgufType.F32, one, source);
    assertRefused(
        "name = 'x', expected another: that one is there",
        () -> writer.tensor("x", GgufType.F32, one, source));
    assertRefused("key has 0 bytes, expected 1 to 65535", () -> writer.string("", ""));
    assertRefused(
        "key has 65536 bytes, expected 1 to 65535", () -> writer.uint32("k".repeat(65_536), 1));
    assertRefused(
        "key = general.alignment, which is always 32",
        () -> writer.uint32("general.alignment", 64));
    assertRefused("value = -1, expected 0 to 2^32 - 1", () -> writer.uint32("k", -1));
    assertRefused("value = 4294967296, expected 0 to 2^32 - 1", () -> writer.uint32("k", 1L << 32));
  }
}
