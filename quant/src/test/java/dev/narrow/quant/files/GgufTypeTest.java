package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Blocks are decoded and encoded bit for bit as the Python package gguf does it. */
class GgufTypeTest {

  /** A line of gguf_golden.txt: what was done, the type, from what, to what. */
  record Golden(String verb, String type, String from, String to) {
    GgufType ggufType() {
      return GgufType.valueOf(type);
    }

    @Override
    public String toString() {
      return verb + " " + type + " " + from.substring(0, Math.min(24, from.length()));
    }
  }

  private static Stream<Golden> golden(String verb) {
    return GgufFiles.golden(verb).stream()
        .map(line -> new Golden(line[0], line[1], line[2], line[3]));
  }

  static Stream<Golden> dequantized() {
    return golden("dequantize");
  }

  static Stream<Golden> quantized() {
    return golden("quantize");
  }

  static Stream<GgufType> decodable() {
    return Stream.of(GgufType.values()).filter(GgufType::canDecode);
  }

  private static byte[] bytes(String hex) {
    return HexFormat.of().parseHex(hex);
  }

  private static float[] floats(String hex) {
    ByteBuffer bits = ByteBuffer.wrap(bytes(hex)); // most significant digit first
    float[] values = new float[bits.capacity() / Float.BYTES];
    bits.asFloatBuffer().get(values);
    return values;
  }

  private static String[] hex(float[] values) {
    return Stream.iterate(0, i -> i < values.length, i -> i + 1)
        .map(i -> "%d: %08x".formatted(i, Float.floatToIntBits(values[i]))) // one NaN
        .toArray(String[]::new);
  }

  @ParameterizedTest
  @MethodSource("dequantized")
  void decodesAsThePackage(Golden golden) {
    float[] expected = floats(golden.to);
    float[] actual = new float[expected.length];
    golden.ggufType().decode(MemorySegment.ofArray(bytes(golden.from)), 0, actual);
    assertArrayEquals(hex(expected), hex(actual));
  }

  @ParameterizedTest
  @MethodSource("quantized")
  void encodesAsThePackage(Golden golden) {
    float[] values = floats(golden.from);
    byte[] expected = bytes(golden.to);
    byte[] actual = new byte[expected.length];
    golden.ggufType().encode(values, MemorySegment.ofArray(actual));
    boolean inBlocks = golden.ggufType().blockElements() > 1;
    for (int at = 0; at < expected.length; at += inBlocks ? expected.length : 2) {
      // The bits of a NaN are the processor's to choose.
      if (isNan(golden.type, expected, at) && isNan(golden.type, actual, at)) {
        actual[at] = expected[at];
        actual[at + 1] = expected[at + 1];
      }
    }
    assertEquals(HexFormat.of().formatHex(expected), HexFormat.of().formatHex(actual));
  }

  private static boolean isNan(String type, byte[] bytes, int at) {
    short bits = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getShort(at);
    return Float.isNaN(
        type.equals("BF16") ? Float.intBitsToFloat(bits << 16) : Float.float16ToFloat(bits));
  }

  /** All of ggml's types that the package knows, with their numbers and sizes. */
  @Test
  void numbersAndSizesAreThoseOfThePackage() {
    List<String[]> types = GgufFiles.golden("type");
    assertTrue(types.size() > 30, () -> "types: " + types.size());
    for (String[] line : types) {
      GgufType type = GgufType.valueOf(line[1]);
      // The package still has two float32 in Q8_1, where ggml has two binary16 since 2024.
      int bytes = type == GgufType.Q8_1 ? 36 : Integer.parseInt(line[4]);
      assertEquals(type, GgufType.of(Integer.parseInt(line[2])));
      assertEquals(List.of(Integer.parseInt(line[3]), bytes), sizes(type), line[1]);
    }
    assertEquals(null, GgufType.of(4));
    assertEquals(null, GgufType.of(-1));
    assertEquals(null, GgufType.of(42));
  }

  private static List<Integer> sizes(GgufType type) {
    return List.of(type.blockElements(), type.blockBytes());
  }

  /** Any run of elements is that part of the whole. */
  @ParameterizedTest
  @MethodSource("decodable")
  void decodesFromAnyElement(GgufType type) {
    Random random = new Random(5);
    byte[] blocks = new byte[3 * Math.max(type.blockBytes(), 16)];
    random.nextBytes(blocks);
    MemorySegment src = MemorySegment.ofArray(blocks);
    int n = blocks.length / type.blockBytes() * type.blockElements();
    float[] whole = new float[n];
    type.decode(src, 0, whole);
    for (int i = 0; i < 300; i++) {
      int from = random.nextInt(n + 1);
      float[] part = new float[random.nextInt(n - from + 1)];
      type.decode(src, from, part);
      assertArrayEquals(hex(Arrays.copyOfRange(whole, from, from + part.length)), hex(part));
    }
    assertThrows(
        IndexOutOfBoundsException.class, () -> type.decode(src, 1, new float[whole.length]));
  }

  /** Integers are rounded once, as a cast does it; binary64 too. */
  @Test
  void wideElementsAreRoundedToNearestEven() {
    byte[] longs = new GgufBytes().int64((1L << 24) + 1).int64((1L << 24) + 3).int64(-7).toArray();
    assertArrayEquals(new float[] {0x1p24f, 0x1p24f + 4, -7}, decoded(GgufType.I64, longs, 3));
    byte[] doubles =
        new GgufBytes()
            .int64(Double.doubleToRawLongBits(1 + 0x1p-24))
            .int64(Double.doubleToRawLongBits(0x1.000003p0))
            .int64(Double.doubleToRawLongBits(1e300))
            .toArray();
    assertArrayEquals(
        new float[] {1, 0x1.000004p0f, Float.POSITIVE_INFINITY}, decoded(GgufType.F64, doubles, 3));
    byte[] ints = new GgufBytes().int32((1 << 24) + 1).int32(Integer.MIN_VALUE).toArray();
    assertArrayEquals(new float[] {0x1p24f, -0x1p31f}, decoded(GgufType.I32, ints, 2));
    byte[] small = {-1, -128, 127, 1};
    assertArrayEquals(new float[] {-1, -128, 127, 1}, decoded(GgufType.I8, small, 4));
    assertArrayEquals(new float[] {-32513, 383}, decoded(GgufType.I16, small, 2));
    byte[] halves = {0, (byte) 0xBC, 0, 0x7C};
    assertArrayEquals(new float[] {-1, Float.POSITIVE_INFINITY}, decoded(GgufType.F16, halves, 2));
    assertArrayEquals(new float[] {-0x1p-7f, 0x1p121f}, decoded(GgufType.BF16, halves, 2), "BF16");
    byte[] single = {0, 0, (byte) 0x80, (byte) 0xBF};
    assertArrayEquals(new float[] {-1}, decoded(GgufType.F32, single, 1));
  }

  private static float[] decoded(GgufType type, byte[] bytes, int n) {
    float[] values = new float[n];
    type.decode(MemorySegment.ofArray(bytes), 0, values);
    return values;
  }

  @ParameterizedTest
  @EnumSource(GgufType.class)
  void whatCannotBeDoneIsRefusedByName(GgufType type) {
    MemorySegment block = MemorySegment.ofArray(new byte[type.blockBytes()]);
    float[] values = new float[type.blockElements()];
    if (type.canDecode()) {
      type.decode(block, 0, values);
    } else {
      String message =
          String.valueOf(
              assertThrows(UnsupportedOperationException.class, () -> type.decode(block, 0, values))
                  .getMessage());
      String expected = type + " cannot be decoded, expected one of F32, F16, Q4_0, Q4_1, Q5_0,";
      assertTrue(message.startsWith(expected), message);
    }
    if (type.canEncode()) {
      type.encode(values, block);
    } else {
      String message =
          assertThrows(UnsupportedOperationException.class, () -> type.encode(values, block))
              .getMessage();
      assertEquals(
          type + " cannot be encoded, expected one of F32, F16, Q4_0, Q8_0, BF16", message);
    }
  }

  @Test
  void onlyWholeBlocksAreEncoded() {
    MemorySegment block = MemorySegment.ofArray(new byte[34]);
    assertEquals(
        "src.length = 33, expected a multiple of 32",
        assertThrows(
                IllegalArgumentException.class, () -> GgufType.Q8_0.encode(new float[33], block))
            .getMessage());
    assertThrows(IndexOutOfBoundsException.class, () -> GgufType.Q8_0.encode(new float[64], block));
  }
}
