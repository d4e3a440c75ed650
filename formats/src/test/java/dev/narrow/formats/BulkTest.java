package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a codec does to many numbers is what the format does to each. */
class BulkTest {
  private static final RandomBits RANDOM = new RandomBits(17, 4);

  static Stream<NumericFormat> formats() {
    return Stream.concat(
        SampleFormats.all().stream(),
        Stream.of(
            Formats.FP32,
            Formats.parse("lns:b16g2048"),
            Formats.parse("lns:b12g128-madam"),
            Formats.parse("float:e6m9"),
            Formats.parse("float:e8m10")));
  }

  static List<Projection> projections(NumericFormat format) {
    List<Projection> projections = new ArrayList<>();
    for (Saturation saturation : SampleFormats.saturations()) {
      projections.add(new Projection(Rounding.NEAREST_EVEN, saturation));
      projections.add(new Projection(Rounding.NEAREST_EVEN.linear(), saturation));
    }
    for (Rounding rounding : SampleFormats.deterministic()) {
      projections.add(format.defaultProjection().with(rounding));
    }
    return projections;
  }

  /** Both sides of every switching point, both signs, the specials, and random bits. */
  private static float[] interesting(NumericFormat format) {
    Random random = new Random(3);
    int codes = 1 << Math.min(16, format.width());
    float[] floats = new float[8 * codes + 20_000];
    int n = 0;
    for (int code = 0; code < codes - 1; code++) {
      float low = format.decode(code);
      float high = format.decode(code + 1);
      float middle = low + (high - low) / 2;
      float logMiddle = (float) Math.copySign(Math.sqrt((double) low * high), low);
      for (float x : new float[] {low, middle, logMiddle}) {
        floats[n++] = x;
        if (x != low) {
          floats[n++] = Math.nextDown(x);
          floats[n++] = Math.nextUp(x);
        }
      }
    }
    for (float x :
        new float[] {
          0,
          1,
          Float.MIN_VALUE,
          Float.MIN_NORMAL,
          Float.MAX_VALUE,
          format.maxFinite(),
          format.minPositive(),
          format.minPositive() / 2,
          Float.POSITIVE_INFINITY,
          Float.NaN,
          Float.intBitsToFloat(0x7F80_0001),
          Float.intBitsToFloat(0x7FFF_FFFF)
        }) {
      for (float y : new float[] {x, Math.nextDown(x), Math.nextUp(x)}) {
        floats[n++] = y;
        floats[n++] = -y;
      }
    }
    while (n < floats.length) {
      floats[n++] = Float.intBitsToFloat(random.nextInt());
    }
    return floats;
  }

  @ParameterizedTest
  @MethodSource("formats")
  void encodesAsTheFormatDoes(NumericFormat format) {
    float[] floats = interesting(format);
    int[] codes = new int[floats.length];
    for (Projection projection : projections(format)) {
      Codec.of(format, projection).encode(floats, 0, codes, 0, floats.length);
      for (int i = 0; i < floats.length; i++) {
        if (codes[i] != format.encode(floats[i], projection)) {
          assertEquals(
              format.encode(floats[i], projection),
              codes[i],
              "%s: %a with %s".formatted(format.name(), floats[i], projection));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void encodesStochasticallyAsTheFormatDoes(NumericFormat format) {
    float[] floats = Arrays.copyOf(interesting(format), 3000);
    int[] codes = new int[floats.length];
    for (Rounding rounding : List.of(Rounding.stochastic(8), Rounding.stochastic(31).linear())) {
      Projection projection = format.defaultProjection().with(rounding);
      Codec.of(format, projection).with(RANDOM, 9).encode(floats, 0, codes, 0, floats.length);
      for (int i = 0; i < floats.length; i++) {
        assertEquals(format.encode(floats[i], projection, RANDOM.word(9 + i)), codes[i]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void quantizesAsEncodingAndDecodingDo(NumericFormat format) {
    float[] floats = interesting(format);
    Projection usual = format.defaultProjection();
    for (Projection projection :
        List.of(
            usual, usual.with(Saturation.OCP_SAT), usual.with(Rounding.NEAREST_AWAY.linear()))) {
      Codec codec = Codec.of(format, projection);
      float scale = projection.equals(usual) ? 0.37f : 1;
      float[] values = floats.clone();
      codec.quantize(values, 0, values.length, scale);
      for (int i = 0; i < values.length; i++) {
        float expected = quantized(format, floats[i] / scale, projection, 0) * scale;
        if (Float.floatToIntBits(expected) != Float.floatToIntBits(values[i])) {
          assertEquals(
              expected,
              values[i],
              "%s: %a / %s with %s".formatted(format.name(), floats[i], scale, projection));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void quantizesStochasticallyAsEncodingAndDecodingDo(NumericFormat format) {
    float[] floats = Arrays.copyOf(interesting(format), 2000);
    Projection projection = format.defaultProjection().with(Rounding.stochastic(11));
    float[] values = floats.clone();
    Codec.of(format, projection).with(RANDOM, 6).quantize(values, 0, values.length, 0.7f);
    for (int i = 0; i < values.length; i++) {
      float expected = quantized(format, floats[i] / 0.7f, projection, RANDOM.word(6 + i)) * 0.7f;
      assertEquals(expected, values[i]);
    }
  }

  /** By the definition: zero and NaN stay where there is no code for them. */
  private static float quantized(NumericFormat format, float x, Projection projection, int word) {
    boolean hasZero = format.decode(0) == 0;
    boolean hasNan = format.isNan(format.encode(Double.NaN, projection, 0));
    if ((x == 0 && !hasZero) || (Float.isNaN(x) && !hasNan)) {
      return x;
    }
    return format.decode(format.encode((double) x, projection, word));
  }

  @ParameterizedTest
  @MethodSource("formats")
  void decodesAsTheFormatDoesAndIgnoresHigherBits(NumericFormat format) {
    Codec codec = Codec.of(format, format.defaultProjection());
    int width = format.width();
    int[] codes = new Random(5).ints(1 << 17).toArray();
    float[] floats = new float[codes.length];
    codec.decode(codes, 0, floats, 0, codes.length);
    for (int i = 0; i < codes.length; i++) {
      assertSameBits(format.decode(codes[i]), floats[i]);
      assertSameBits(
          format.decode(width == 32 ? codes[i] : codes[i] & ((1 << width) - 1)), floats[i]);
    }
    if (width <= 16) {
      short[] shorts = new short[codes.length];
      for (int i = 0; i < codes.length; i++) {
        shorts[i] = (short) codes[i];
      }
      float[] fromShorts = new float[codes.length];
      codec.decode(shorts, 0, fromShorts, 0, codes.length);
      assertArrayEquals(bits(floats), bits(fromShorts));
    }
  }

  private static void assertSameBits(float expected, float actual) {
    if (Float.floatToRawIntBits(expected) != Float.floatToRawIntBits(actual)) {
      assertEquals(
          Integer.toHexString(Float.floatToRawIntBits(expected)),
          Integer.toHexString(Float.floatToRawIntBits(actual)));
    }
  }

  private static int[] bits(float[] floats) {
    int[] bits = new int[floats.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(floats[i]);
    }
    return bits;
  }

  @Test
  void aRangeTouchesNothingElse() {
    Codec codec = Codec.of(Formats.E4M3FN, Formats.E4M3FN.defaultProjection());
    float[] floats = {1, 2, 3, 4, 5};
    byte[] codes = {9, 9, 9, 9, 9};
    codec.encode(floats, 1, codes, 2, 2);
    assertArrayEquals(new byte[] {9, 9, 0x40, 0x44, 9}, codes);
    codec.decode(codes, 2, floats, 3, 2);
    assertArrayEquals(new float[] {1, 2, 3, 2, 3}, floats);
    codec.quantize(floats, 1, 0, 1);
    assertArrayEquals(new float[] {1, 2, 3, 2, 3}, floats);
  }

  @Test
  void refusalsComeBeforeAnythingIsWritten() {
    Codec half = Codec.of(Formats.FP16, Formats.FP16.defaultProjection());
    Codec random = Codec.of(Formats.E5M2, new Projection(Rounding.stochastic(8), Saturation.IEEE));
    float[] floats = {1, 2, 3};
    short[] shorts = new short[3];
    byte[] bytes = new byte[3];
    assertRefused("fp16 are 16 bits", () -> half.encode(floats, 0, bytes, 0, 3));
    assertRefused("fp16 are 16 bits", () -> half.decode(bytes, 0, floats, 0, 3));
    assertRefused("stochastic:8 needs", () -> random.encode(floats, 0, bytes, 0, 3));
    assertRefused("stochastic:8 needs", () -> random.quantize(floats, 0, 3, 1));
    assertRefused("first = -1", () -> random.with(RANDOM, -1));
    assertRefused(
        "at most 2^63 - 1 less the first index",
        () -> random.with(RANDOM, Long.MAX_VALUE - 2).encode(floats, 0, bytes, 0, 3));
    assertRefused("scale = 0.0", () -> half.quantize(floats, 0, 3, 0));
    assertRefused("scale = NaN", () -> half.quantize(floats, 0, 3, Float.NaN));
    assertRefused("scale = Infinity", () -> half.quantize(floats, 0, 3, Float.POSITIVE_INFINITY));
    assertThrows(IndexOutOfBoundsException.class, () -> half.encode(floats, 1, shorts, 0, 3));
    assertThrows(IndexOutOfBoundsException.class, () -> half.encode(floats, 0, shorts, 1, 3));
    assertThrows(IndexOutOfBoundsException.class, () -> half.encode(floats, 0, shorts, 0, -1));
    assertThrows(IndexOutOfBoundsException.class, () -> half.quantize(floats, 2, 2, 1));
    MemorySegment in = MemorySegment.ofArray(floats);
    MemorySegment out = MemorySegment.ofArray(shorts);
    assertRefused("n = 4, expected 0 to 3: numbers", () -> half.encode(in, out, 4));
    assertRefused("codes has 4 bytes", () -> half.encode(in, out.asSlice(0, 4), 3));
    assertRefused("n = -1", () -> half.decode(out, in, -1));
    assertRefused("codes is read-only", () -> half.encode(in, out.asReadOnly(), 3));
    assertRefused("numbers is read-only", () -> half.decode(out, in.asReadOnly(), 3));
    assertArrayEquals(new short[3], shorts);
    assertArrayEquals(new float[] {1, 2, 3}, floats);
  }

  private static void assertRefused(String hint, Executable executable) {
    String message = assertThrows(IllegalArgumentException.class, executable).toString();
    assertTrue(message.contains(hint), message);
  }

  /** A tensor of floats can hold a zero and a NaN that its codes cannot. */
  @Test
  void fakeQuantizationKeepsZerosAndNaNs() {
    float[] values = {0, Float.NaN, -0.0f, 3, 1e-9f};
    Codec.of(Formats.LNS8_MADAM, Formats.LNS8_MADAM.defaultProjection()).quantize(values, 0, 5, 2);
    assertArrayEquals(new float[] {0, Float.NaN, -0.0f, 2 * 1.5422108f, 2 * 0x1p-8f}, values);
  }
}
