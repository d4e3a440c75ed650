package dev.narrow.quant.files;

import static dev.narrow.quant.files.GgufFiles.array;
import static dev.narrow.quant.files.GgufFiles.concat;
import static dev.narrow.quant.files.GgufFiles.int32;
import static dev.narrow.quant.files.GgufFiles.string;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a .gguf file says is read; what cannot be is refused with the place and the reason. */
class GgufFileTest {
  @TempDir Path directory;

  private GgufFile open(byte[] bytes) throws IOException {
    return GgufFile.open(Files.write(directory.resolve("x.gguf"), bytes));
  }

  private static String message(Executable call) {
    return String.valueOf(assertThrows(TensorFileException.class, call).getMessage());
  }

  @Test
  void readsAFileOfThePackage() throws IOException {
    try (GgufFile file = open(GgufFiles.fromPackage())) {
      assertEquals(directory.resolve("x.gguf"), file.path());
      assertEquals(
          List.of(
              new TensorInfo("rows", "F32", List.of(2L, 3L), 24),
              new TensorInfo("halves", "F16", List.of(2L, 1L), 4),
              new TensorInfo("numbers", "I32", List.of(2L), 8),
              new TensorInfo("eights", "Q8_0", List.of(2L, 32L), 68)),
          file.tensors());
      assertArrayEquals(new float[] {-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f}, read(file, "rows", 6));
      assertArrayEquals(new float[] {-2.5f, 0.5f}, read(file, "halves", 2));
      assertArrayEquals(new float[] {7, -8}, read(file, "numbers", 2));
      float[] some = new float[3];
      file.read("eights", 31, some);
      assertArrayEquals(new float[] {127 * 0.48828125f, 65 * 0.9921875f, 67 * 0.9921875f}, some, 0);
    }
  }

  private static float[] read(TensorFile file, String name, int n) {
    float[] values = new float[n];
    file.read(name, 0, values);
    return values;
  }

  @Test
  void metadataOfAllTypesIsText() throws IOException {
    try (GgufFile file = open(GgufFiles.fromPackage())) {
      List<String> lines = new ArrayList<>();
      file.metadata().forEach((key, value) -> lines.add(key + " = " + value));
      assertEquals(
          List.of(
              "general.architecture = test",
              "general.alignment = 64",
              "u8 = 255",
              "i8 = -128",
              "u16 = 65535",
              "i16 = -32768",
              "u32 = 4294967295",
              "i32 = -2147483648",
              "u64 = 18446744073709551615",
              "i64 = -9223372036854775808",
              "f32 = 0.1",
              "f64 = 0.1",
              "yes = true",
              "no = false",
              "text = Grüße\n\u2028 \uD83D\uDE00",
              "tokens = [\"<s>\", \"</s>\", \"a\", \""
                  + "b".repeat(64)
                  + "... (70 bytes)\", ... (6 elements)]",
              "integers = [1, -2, 3]",
              "floats = [0.5, 1.5, 2.5, 3.5, ... (5 elements)]",
              "flags = [true, false]"),
          lines);
      Map<String, String> metadata = file.metadata();
      assertThrows(UnsupportedOperationException.class, () -> metadata.put("u8", "0"));
    }
  }

  @Test
  void nestedArraysAreShownAndWalked() throws IOException {
    byte[] row = array(GgufValueType.INT32, int32(1), int32(2), int32(3), int32(4), int32(5));
    byte[] names = array(GgufValueType.STRING, string("a"), string("\u00E9"));
    byte[] rows = array(GgufValueType.ARRAY, row, names, row, row, row, names);
    byte[] empty = array(GgufValueType.FLOAT64);
    byte[] file =
        new GgufFiles()
            .field("rows", GgufValueType.ARRAY, rows)
            .field("empty", GgufValueType.ARRAY, empty)
            .field("deep", GgufValueType.ARRAY, nested(3))
            .field("after", GgufValueType.BOOL, new byte[] {1})
            .with(0);
    try (GgufFile gguf = open(file)) {
      String shown = "[1, 2, 3, 4, ... (5 elements)]";
      assertEquals(
          "[" + shown + ", [\"a\", \"\u00E9\"], " + shown + ", " + shown + ", ... (6 elements)]",
          gguf.metadata().get("rows"));
      assertEquals("[]", gguf.metadata().get("empty"));
      assertEquals("[[[[9]]]]", gguf.metadata().get("deep"));
      assertEquals("true", gguf.metadata().get("after"));
      assertEquals(List.of(), gguf.tensors());
    }
    byte[] tooDeep = new GgufFiles().field("deep", GgufValueType.ARRAY, nested(4)).with(0);
    assertTrue(
        message(() -> open(tooDeep))
            .endsWith(
                "type of value of 'deep' at byte 76 is an array once more, expected at most 4 in each other"));
  }

  /** An array with 9 in so many more arrays. */
  private static byte[] nested(int depth) {
    return depth == 0
        ? array(GgufValueType.INT32, int32(9))
        : array(GgufValueType.ARRAY, nested(depth - 1));
  }

  /** Values may have bytes that are no UTF-8, as tokens of some vocabularies do; names not. */
  @Test
  void longAndBrokenStringsAreShownAsFarAsTheyGo() throws IOException {
    byte[] broken = new GgufBytes().string(new byte[] {'a', (byte) 0xFF, 'b'}).toArray();
    byte[] file =
        new GgufFiles()
            .field("broken", GgufValueType.STRING, broken)
            .field("long", GgufValueType.STRING, string("x".repeat(20_000)))
            .with(0);
    try (GgufFile gguf = open(file)) {
      assertEquals("a\uFFFDb", gguf.metadata().get("broken"));
      assertEquals("x".repeat(16_384) + "... (20000 bytes)", gguf.metadata().get("long"));
    }
  }

  @Test
  void tensorsAreListedInTheOrderOfTheirPlace() throws IOException {
    byte[] file =
        new GgufFiles()
            .tensor("last", 0, 96, 2)
            .tensor("scalar", 0, 32)
            .tensor("none", 8, 64, 32, 0)
            .tensor("first", 24, 0, 2, 1, 3, 1)
            .with(104);
    try (GgufFile gguf = open(file)) {
      assertEquals(
          List.of(
              new TensorInfo("first", "I8", List.of(1L, 3L, 1L, 2L), 6),
              new TensorInfo("scalar", "F32", List.of(), 4),
              new TensorInfo("none", "Q8_0", List.of(0L, 32L), 0),
              new TensorInfo("last", "F32", List.of(2L), 8)),
          gguf.tensors());
      assertArrayEquals(new float[] {3, 4, 5}, part(gguf, "first", 3, 3));
      assertEquals(
          ByteBuffer.wrap(new byte[] {32, 33, 34, 35}).order(ByteOrder.LITTLE_ENDIAN).getFloat(),
          gguf.tensor("scalar").toFloats()[0]);
      assertEquals(0, gguf.tensor("none").shape().size());
      assertThrows(IndexOutOfBoundsException.class, () -> part(gguf, "first", 4, 3));
      assertThrows(IndexOutOfBoundsException.class, () -> part(gguf, "first", -1, 3));
    }
  }

  private static float[] part(TensorFile file, String name, long from, int n) {
    float[] values = new float[n];
    file.read(name, from, values);
    return values;
  }

  @Test
  void bytesAreThoseOfTheFileAndReadOnly() throws IOException {
    try (GgufFile gguf = open(new GgufFiles().tensor("q", 2, 32, 64).with(68))) {
      var bytes = gguf.bytes("q");
      assertEquals(36, bytes.byteSize());
      assertEquals(32, bytes.get(ValueLayout.JAVA_BYTE, 0));
      assertThrows(
          IllegalArgumentException.class, () -> bytes.set(ValueLayout.JAVA_BYTE, 0, (byte) 1));
    }
  }

  static Stream<List<Object>> views() {
    return Stream.of(
        List.of(GgufType.F32, Formats.FP32),
        List.of(GgufType.F16, Formats.FP16),
        List.of(GgufType.BF16, Formats.BF16),
        List.of(GgufType.I8, Formats.INT8),
        List.of(GgufType.I16, Formats.INT16),
        List.of(GgufType.I32, Formats.FP32),
        List.of(GgufType.Q4_K, Formats.FP32));
  }

  @ParameterizedTest
  @MethodSource("views")
  void tensorsOfPlainElementsLieInTheFile(List<Object> view) throws IOException {
    GgufType type = (GgufType) view.get(0);
    byte[] file = new GgufFiles().tensor("t", type.id(), 0, 256, 2).with(2 * 256 * 8);
    try (GgufFile gguf = open(file)) {
      Tensor tensor = gguf.tensor("t");
      NumericFormat format = (NumericFormat) view.get(1);
      assertEquals(format, tensor.format());
      assertEquals(Shape.of(2, 256), tensor.shape());
      assertArrayEquals(read(gguf, "t", 512), tensor.toFloats());
      boolean decoded = format.equals(Formats.FP32) && type != GgufType.F32;
      assertEquals(!decoded, tensor.storage().segment().isMapped());
    }
  }

  @Test
  void typesThatCannotBeReadAreListedWithTheirBytes() throws IOException {
    byte[] file =
        new GgufFiles()
            .tensor("codebook", GgufType.IQ2_XXS.id(), 0, 256, 2)
            .tensor("future", 99, 160, 77)
            .tensor("after", 24, 192, 1)
            .tensor("end", 4, 224, 5)
            .with(230);
    try (GgufFile gguf = open(file)) {
      assertEquals(
          List.of(
              new TensorInfo("codebook", "IQ2_XXS", List.of(2L, 256L), 132),
              new TensorInfo("future", "type 99", List.of(77L), 32),
              new TensorInfo("after", "I8", List.of(1L), 1),
              new TensorInfo("end", "type 4", List.of(5L), 6)),
          gguf.tensors());
      assertEquals(32, gguf.bytes("future").byteSize());
      String expected =
          ", expected one of F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K,"
              + " IQ4_NL, IQ4_XS, I8, I16, I32, I64, F64, BF16, MXFP4, NVFP4";
      assertEquals(
          gguf.path() + ": tensor 'codebook' is IQ2_XXS" + expected,
          message(() -> gguf.read("codebook", 0, new float[1])));
      assertEquals(
          gguf.path() + ": tensor 'future' is type 99" + expected,
          message(() -> gguf.tensor("future")));
    }
  }

  @Test
  void unknownNamesAreAnsweredWithNearOnes() throws IOException {
    try (GgufFile gguf = open(GgufFiles.fromPackage())) {
      String message =
          String.valueOf(
              assertThrows(IllegalArgumentException.class, () -> gguf.bytes("row")).getMessage());
      assertTrue(message.contains("'row'") && message.contains("rows"), message);
    }
  }

  @Test
  void closedTwiceIsClosed() throws IOException {
    GgufFile gguf = open(GgufFiles.fromPackage());
    gguf.close();
    gguf.close();
    assertThrows(IllegalStateException.class, () -> part(gguf, "rows", 0, 1));
  }

  @Test
  void isKnownByItsFirstBytesOrItsName() throws IOException {
    Path unnamed = Files.write(directory.resolve("model"), GgufFiles.fromPackage());
    try (TensorFile file = TensorFiles.open(unnamed)) {
      assertEquals("rows", file.tensors().getFirst().name());
    }
    Path damaged = Files.write(directory.resolve("model.gguf"), new byte[20]);
    assertEquals(
        damaged + ": magic at byte 0 is not GGUF: this is no .gguf file",
        message(() -> TensorFiles.open(damaged)));
  }

  @Test
  void whatIsNoFileIsRefused() {
    Path missing = directory.resolve("missing.gguf");
    assertEquals(missing + ": there is no such file", message(() -> GgufFile.open(missing)));
    assertEquals(directory + ": is a directory", message(() -> GgufFile.open(directory)));
  }

  /** A tensor that no array holds: it can be read in parts, not as a whole. */
  @Test
  void tensorsOfMoreThanAnArrayAreReadInParts() throws IOException {
    long extent = 1L << 31;
    Path path = directory.resolve("sparse.gguf");
    byte[] header = new GgufFiles().tensor("t", GgufType.I8.id(), 0, extent).header();
    try (var out = new RandomAccessFile(path.toFile(), "rw")) {
      out.write(header);
      out.setLength(header.length + extent);
      out.seek(header.length + extent - 1);
      out.write(7);
    }
    try (GgufFile gguf = GgufFile.open(path)) {
      assertArrayEquals(new float[] {0, 7}, part(gguf, "t", extent - 2, 2));
      assertEquals(
          path + ": tensor 't' has shape [2147483648], expected fewer than 2^31 elements",
          message(() -> gguf.tensor("t")));
    }
    Files.delete(path);
  }

  record Bad(String hex, String message) {
    @Override
    public String toString() {
      return message;
    }
  }

  private static Bad bad(byte[] bytes, String message) {
    return new Bad(HexFormat.of().formatHex(bytes), message);
  }

  private static Bad patched(Consumer<ByteBuffer> patch, String message) {
    byte[] bytes = GgufFiles.fromPackage();
    patch.accept(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
    return bad(bytes, message);
  }

  static Stream<Bad> badFiles() {
    byte[] good = GgufFiles.fromPackage();
    GgufFiles alignedAtThree =
        new GgufFiles().field("general.alignment", GgufValueType.UINT32, int32(3));
    GgufFiles alignedAtText =
        new GgufFiles().field("general.alignment", GgufValueType.STRING, string("32"));
    byte[] broken = new GgufBytes().string(new byte[] {(byte) 0xC3, '('}).int32(7).toArray();
    byte[] brokenKey = concat(new GgufFiles().with(0), broken, new byte[1]);
    brokenKey[16] = 1; // one key, after the padding of a file without any
    System.arraycopy(brokenKey, 32, brokenKey, 24, brokenKey.length - 32);
    return Stream.of(
        bad(new byte[0], "magic at byte 0 is not GGUF: this is no .gguf file"),
        bad(
            "GGU".getBytes(StandardCharsets.US_ASCII),
            "magic at byte 0 is not GGUF: this is no .gguf file"),
        patched(b -> b.putInt(0, 7), "magic at byte 0 is not GGUF: this is no .gguf file"),
        bad(
            Arrays.copyOf(good, 5),
            "version at byte 4 needs 4 bytes, expected at most 1: the file has 5 bytes"),
        patched(
            b -> b.putInt(4, 1),
            "version at byte 4 is 1, with counts of 32 bits, which ggml reads no more, expected 2 or"
                + " 3 in little-endian order"),
        patched(
            b -> b.putInt(4, 4), "version at byte 4 is 4, expected 2 or 3 in little-endian order"),
        patched(
            b -> b.order(ByteOrder.BIG_ENDIAN).putInt(4, 3),
            "version at byte 4 is 3 in big-endian order, expected 2 or 3 in little-endian order"),
        patched(
            b -> b.putLong(8, -1),
            "tensor count at byte 8 is 18446744073709551615, expected at most "
                + (good.length - 16) / 24
                + ": the file has "
                + (good.length - 16)
                + " bytes after it"),
        patched(
            b -> b.putLong(16, 1000),
            "metadata count at byte 16 is 1000, expected at most "
                + (good.length - 24) / 13
                + ": the file has "
                + (good.length - 24)
                + " bytes after it"),
        patched(
            b -> b.putLong(24, 1L << 40),
            "key 0 of the metadata at byte 24 is 1099511627776, expected at most "
                + (good.length - 32)
                + ": the file has "
                + (good.length - 32)
                + " bytes after it"),
        patched(
            b -> b.putInt(52, 13),
            "type of value of 'general.architecture' at byte 52 is 13, expected 0 to 12"),
        patched(
            b -> b.putLong(56, good.length),
            "value of 'general.architecture' at byte 56 is "
                + good.length
                + ", expected at most "
                + (good.length - 64)
                + ": the file has "
                + (good.length - 64)
                + " bytes after it"),
        bad(brokenKey, "key 0 of the metadata at byte 32 is not UTF-8"),
        bad(
            new GgufFiles().field("a".repeat(65_536), GgufValueType.BOOL, new byte[1]).with(0),
            "key 0 of the metadata at byte 24 has 65536 bytes, expected at most 65535"),
        bad(
            new GgufFiles().field("yes", GgufValueType.BOOL, new byte[] {2}).with(0),
            "value of 'yes' at byte 39 is 2, expected 0 or 1, a boolean"),
        bad(
            new GgufFiles()
                .field(
                    "flags",
                    GgufValueType.ARRAY,
                    array(
                        GgufValueType.BOOL,
                        new byte[] {1},
                        new byte[] {1},
                        new byte[] {1},
                        new byte[] {1},
                        new byte[] {1},
                        new byte[] {9}))
                .with(0),
            "value of 'flags' at byte 58 is 9, expected 0 or 1, a boolean"),
        bad(
            new GgufFiles()
                .field("a", GgufValueType.BOOL, new byte[1])
                .field("a", GgufValueType.BOOL, new byte[1])
                .with(0),
            "key 'a' at byte 38 is there twice"),
        bad(
            new GgufFiles()
                .field(
                    "n",
                    GgufValueType.ARRAY,
                    new GgufBytes().int32(GgufValueType.INT64.id()).int64(1L << 61).toArray())
                .with(64),
            "length of value of 'n' at byte 41 is 2305843009213693952, expected at most 9: the file"
                + " has 79 bytes after it"),
        bad(alignedAtThree.with(0), "general.alignment at byte 53 is 3, expected a power of two"),
        bad(alignedAtText.with(0), "general.alignment at byte 49 is STRING, expected UINT32"),
        bad(
            new GgufFiles().tensor("t", 0, 0, 1).tensor("t", 0, 32, 1).with(64),
            "tensor 't' at byte 57 is there twice"),
        bad(
            new GgufFiles().tensor("t", 0, 0, 1, 1, 1, 1, 1).with(64),
            "number of extents of tensor 't' at byte 33 is 5, expected at most 4"),
        bad(
            new GgufFiles().tensor("t", 0, 0, -1).with(64),
            "extent of tensor 't' at byte 37 is 18446744073709551615, expected less than 2^63"),
        bad(
            new GgufFiles().tensor("t", 0, 0, 1L << 32, 1L << 31).with(64),
            "extents of tensor 't' at byte 37 are [2147483648, 4294967296], expected fewer than"
                + " 2^63 elements"),
        bad(
            new GgufFiles().tensor("t", 0, 0, 1L << 62).with(64),
            "shape of tensor 't' at byte 49 is [4611686018427387904] of F32, expected at most 64"
                + " bytes"),
        bad(
            new GgufFiles().tensor("t", 8, 0, 31, 32).with(64),
            "shape of tensor 't' at byte 57 is [32, 31], expected rows of a multiple of 32 elements"
                + " for Q8_0"),
        bad(
            new GgufFiles().tensor("t", 8, 0).with(64),
            "shape of tensor 't' at byte 41 is [], expected rows of a multiple of 32 elements for"
                + " Q8_0"),
        bad(
            new GgufFiles().tensor("t", 0, 16, 1).with(64),
            "offset of tensor 't' at byte 49 is 16, expected a multiple of 32"),
        bad(
            new GgufFiles().tensor("t", 0, 96, 1).with(64),
            "offset of tensor 't' at byte 49 is 96, expected at most 64, the bytes after the"
                + " header"),
        bad(
            new GgufFiles().tensor("t", 0, Long.MIN_VALUE, 1).with(64),
            "offset of tensor 't' at byte 49 is 9223372036854775808, expected at most 64, the bytes"
                + " after the header"),
        bad(
            new GgufFiles().tensor("t", 0, 32, 9).with(64),
            "shape of tensor 't' at byte 49 is [9] of F32, expected at most 32 bytes"),
        bad(
            new GgufFiles().tensor("b", 0, 32, 1).tensor("a", 0, 0, 9).with(64),
            "offset of tensor 'b' at byte 49 is 32, expected at least 36, the end of 'a'"));
  }

  @ParameterizedTest
  @MethodSource("badFiles")
  void whatIsWrongIsNamedWithItsPlace(Bad bad) {
    assertEquals(
        directory.resolve("x.gguf") + ": " + bad.message,
        message(() -> open(HexFormat.of().parseHex(bad.hex))));
  }
}
