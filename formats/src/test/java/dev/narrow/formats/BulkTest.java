package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What a codec does to many numbers is what the format does to each. */
class BulkTest {
  private static final RandomBits RANDOM = new RandomBits(17, 4);

  static Stream<NumericFormat> formats() {
    return Stream.of(
            SampleFormats.all().stream(),
            Formats.all().stream(),
            Stream.of(
                    "lns:b16g2048",
                    "lns:b12g128-madam",
                    "lns:b8g32768",
                    "float:e6m9",
                    "float:e8m10",
                    "binary16p8se",
                    "binary12p1uf",
                    "posit:b20e1",
                    "posit:b27e3",
                    "fixed:b12f7",
                    "ufixed:b24f-3")
                .map(Formats::parse))
        .flatMap(s -> s)
        .distinct();
  }

  static List<Projection> projections(NumericFormat format) {
    List<Projection> projections = new ArrayList<>();
    for (Saturation saturation : SampleFormats.saturations()) {
      projections.add(new Projection(Rounding.NEAREST_EVEN, saturation));
      if (format instanceof LogFormat) {
        projections.add(new Projection(Rounding.NEAREST_EVEN.linear(), saturation));
      }
    }
    for (Rounding rounding : SampleFormats.deterministic()) {
      if (format instanceof LogFormat || rounding.domain() == Rounding.Domain.OWN) {
        projections.add(format.defaultProjection().with(rounding));
      }
    }
    return projections;
  }

  /**
   * Both sides of switching points, of every one in narrow formats, both signs, the specials, and
   * random bits.
   */
  static float[] interesting(NumericFormat format) {
    Random random = new Random(3);
    int codes = 1 << Math.min(16, format.width());
    int step = codes > 1 << 12 ? 7 : 1; // a sample of many
    float[] floats = new float[8 * codes / step + 20_000];
    int n = 0;
    for (int code = 0; code < codes - 1; code += step) {
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
    float[] all = interesting(format);
    float[] floats = Arrays.copyOf(all, 3000);
    System.arraycopy(all, all.length - 1000, floats, 2000, 1000); // random bits
    int[] codes = new int[floats.length];
    for (Rounding rounding :
        List.of(
            Rounding.stochastic(1),
            Rounding.stochastic(8),
            Rounding.stochastic(32),
            Rounding.stochastic(31).linear(),
            Rounding.stochastic(Rounding.Mode.STOCHASTIC_A, 5),
            Rounding.stochastic(Rounding.Mode.STOCHASTIC_A, 32),
            Rounding.stochastic(Rounding.Mode.STOCHASTIC_B, 1),
            Rounding.stochastic(Rounding.Mode.STOCHASTIC_B, 32))) {
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
  static float quantized(NumericFormat format, float x, Projection projection, int word) {
    boolean hasZero = format.decode(format.encode(0.0, projection, 0)) == 0;
    boolean hasNan = format.isNan(format.encode(Double.NaN, projection, 0));
    if ((x == 0 && !hasZero) || (Float.isNaN(x) && !hasNan)) {
      return x;
    }
    return format.decode(
        projection.rounding().isStochastic()
            ? format.encode((double) x, projection, word)
            : format.encode(x, projection));
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

  static void assertSameBits(float expected, float actual) {
    if (Float.floatToRawIntBits(expected) != Float.floatToRawIntBits(actual)) {
      assertEquals(
          Integer.toHexString(Float.floatToRawIntBits(expected)),
          Integer.toHexString(Float.floatToRawIntBits(actual)));
    }
  }

  static int[] bits(float[] floats) {
    int[] bits = new int[floats.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(floats[i]);
    }
    return bits;
  }
}
