package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.quant.files.NpyFiles.Golden;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written is what NumPy writes, and is read again. */
class NpyWriterTest {
  @TempDir Path directory;

  private static NpyHeader header(NpyType.Kind kind, boolean fortranOrder, Long... shape) {
    return new NpyHeader(new NpyType(kind, ByteOrder.LITTLE_ENDIAN), fortranOrder, List.of(shape));
  }

  /** The files of NumPy of version 1.0 that have a type which is written here. */
  static List<Golden> written() throws IOException {
    return NpyFiles.golden().stream()
        .filter(golden -> !golden.kind().matches("f2|f8") && golden.version().equals("1.0"))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("written")
  void theBytesAreThoseOfNumPy(Golden golden) throws IOException {
    Path file = Files.write(directory.resolve("x.npy"), golden.bytes());
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (NpyReader reader = NpyReader.open(file)) {
      NpyWriter writer = new NpyWriter(out, reader.header());
      int n = Math.toIntExact(reader.header().elements());
      if (golden.kind().equals("f4")) {
        float[] values = new float[n];
        reader.read(values);
        writer.write(values, n);
      } else {
        byte[] bytes = golden.bytes();
        int size = Math.toIntExact(reader.header().bodyBytes());
        writer.write(Arrays.copyOfRange(bytes, bytes.length - size, bytes.length), n);
      }
      writer.finish();
    }
    assertArrayEquals(golden.bytes(), out.toByteArray());
  }

  /** Beyond the blocks of reader and writer; every NaN stays the one it was. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void longArraysAndNanPayloadsComeBack(boolean bigEndian) throws IOException {
    int n = 300_001;
    int[] bits = new Random(1).ints(n).toArray();
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      bits[i] |= i % 7 == 0 ? 0x7FC0_0000 : 0; // quiet: hardware may not pass a signalling one on
      values[i] = Float.intBitsToFloat(bits[i] == 0x7F80_0000 ? 0 : bits[i]);
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    NpyType type =
        new NpyType(NpyType.Kind.F4, bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
    Path file = directory.resolve("x.npy");
    try (var out = Files.newOutputStream(file)) {
      NpyWriter writer = new NpyWriter(out, new NpyHeader(type, false, List.of((long) n)));
      writer.write(values, n);
      writer.finish();
    }
    float[] back = new float[n];
    try (NpyReader reader = NpyReader.open(file)) {
      assertEquals(n, reader.read(back));
      assertEquals(0, reader.read(back));
    }
    for (int i = 0; i < n; i++) {
      assertEquals(bits[i], Float.floatToRawIntBits(back[i]), "element " + i);
    }
  }

  @Test
  void neitherMoreNorFewerElementsThanTheHeaderSays() throws IOException {
    NpyWriter writer =
        new NpyWriter(new ByteArrayOutputStream(), header(NpyType.Kind.U2, false, 2L, 2L));
    writer.write(new byte[6], 3);
    assertEquals(
        "1 elements are missing, expected shape (2, 2)",
        assertThrows(IllegalStateException.class, writer::finish).getMessage());
    assertEquals(
        "n = 2, expected at most 1: shape (2, 2)",
        assertThrows(IllegalArgumentException.class, () -> writer.write(new byte[4], 2))
            .getMessage());
    assertThrows(IllegalStateException.class, () -> writer.write(new float[1], 1));
    assertThrows(IndexOutOfBoundsException.class, () -> writer.write(new byte[1], 1));
    writer.write(new byte[2], 1);
    writer.finish();
  }
}
