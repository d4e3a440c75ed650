package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The kernels that there are in vectors, whatever those of this execution are: at every length up
 * to three vectors and one, at every place in a vector, they do what encoding one by one does.
 */
@Tag("scalar")
@Tag("simd")
class KernelsTest {
  private static final int MOST = 3 * 16 + 1;

  static Stream<NumericFormat> formats() {
    return Stream.concat(
        Stream.of(
                "fp16",
                "bf16",
                "e4m3fn",
                "e5m2",
                "e4m3",
                "e3m4",
                "e4m3fnuz",
                "e5m2fnuz",
                "e4m3b11fnuz",
                "e2m3",
                "e3m2",
                "e2m1",
                "binary8p3se",
                "binary4p2sf",
                "float:e6m9",
                "lns8",
                "lns8-madam",
                "lns:b7g4",
                "lns:b6g1",
                "lns:b8g16")
            .map(Formats::parse),
        Stream.of(SampleFormats.ALL_SUBNORMAL, SampleFormats.TWO_BITS));
  }

  private static Object codes(NumericFormat format, int n) {
    return format.width() <= 8 ? new byte[n] : new short[n];
  }

  private static void encode(Kernel kernel, float[] x, int from, Object codes, int to, int n) {
    switch (codes) {
      case byte[] bytes -> kernel.encode(x, from, bytes, to, n);
      default -> kernel.encode(x, from, (short[]) codes, to, n);
    }
  }

  private static void decode(Kernel kernel, Object codes, int from, float[] x, int to, int n) {
    switch (codes) {
      case byte[] bytes -> kernel.decode(bytes, from, x, to, n);
      default -> kernel.decode((short[]) codes, from, x, to, n);
    }
  }

  private static int at(Object codes, int i) {
    return switch (codes) {
      case byte[] bytes -> bytes[i] & 0xFF;
      default -> ((short[]) codes)[i] & 0xFFFF;
    };
  }

  @ParameterizedTest
  @MethodSource("formats")
  void everySwitchingPointInEverySaturation(NumericFormat format) {
    float[] floats = BulkTest.interesting(format);
    int n = floats.length;
    for (Saturation saturation : SampleFormats.saturations()) {
      List<Rounding> roundings =
          format instanceof LogFormat
              ? List.of(Rounding.NEAREST_EVEN, Rounding.NEAREST_EVEN.linear())
              : List.of(Rounding.NEAREST_EVEN);
      for (Rounding rounding : roundings) {
        Projection projection = new Projection(rounding, saturation);
        Kernel kernel = KernelProvider.kernels().kernel(format, projection);
        Object codes = codes(format, n);
        encode(kernel, floats, 0, codes, 0, n);
        float[] values = new float[n];
        decode(kernel, codes, 0, values, 0, n);
        float[] quantized = floats.clone();
        kernel.quantize(quantized, 0, n, 0.5f);
        for (int i = 0; i < n; i++) {
          int expected = format.encode(floats[i], projection);
          if (at(codes, i) != expected) {
            assertEquals(expected, at(codes, i), "%a %s".formatted(floats[i], projection));
          }
          BulkTest.assertSameBits(format.decode(expected), values[i]);
          float once = BulkTest.quantized(format, floats[i] / 0.5f, projection, 0) * 0.5f;
          if (Float.floatToIntBits(once) != Float.floatToIntBits(quantized[i])) {
            assertEquals(once, quantized[i], "%a %s".formatted(floats[i], projection));
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void everyLengthAndOffset(NumericFormat format) {
    Projection projection = format.defaultProjection();
    Kernel kernel = KernelProvider.kernels().kernel(format, projection);
    Random random = new Random(4);
    float[] floats = new float[MOST + 32];
    for (int i = 0; i < floats.length; i++) {
      float special = Float.intBitsToFloat(random.nextInt()); // NaNs with payloads among them
      floats[i] = i % 7 == 3 ? special : (float) random.nextGaussian();
    }
    Object guard = codes(format, floats.length);
    for (int n = 0; n <= MOST; n++) {
      for (int offset = 0; offset < 16; offset += offset < 2 ? 1 : 13) {
        Object codes = codes(format, floats.length);
        int to = (5 * offset + n) % 16;
        encode(kernel, floats, offset, codes, to, n);
        float[] values = new float[floats.length];
        decode(kernel, codes, to, values, offset + 1, n);
        float[] quantized = floats.clone();
        kernel.quantize(quantized, offset, n, 3);
        for (int i = 0; i < floats.length; i++) {
          boolean inside = i >= to && i < to + n;
          float x = floats[inside ? i - to + offset : 0];
          int expected = inside ? format.encode(x, projection) : at(guard, i);
          assertEquals(expected, at(codes, i));
          boolean decoded = i > offset && i <= offset + n;
          BulkTest.assertSameBits(
              decoded ? format.decode(at(codes, i - offset - 1 + to)) : 0, values[i]);
          boolean replaced = i >= offset && i < offset + n;
          float once = BulkTest.quantized(format, floats[i] / 3, projection, 0) * 3;
          assertEquals(replaced ? once : floats[i], quantized[i]);
        }
      }
    }
  }

  @Test
  void randomWordsAreThoseOfTheirIndexes() {
    RandomBits random = new RandomBits(0x0123_4567_89AB_CDEFL, -3);
    for (long first : new long[] {0, 1, 2, 3, 77, (1L << 34) - 21, Long.MAX_VALUE - 5000}) {
      for (int n : new int[] {0, 1, 3, 4, 31, 32, 33, 1000, 2048}) {
        int[] words = new int[n];
        KernelProvider.kernels().words(random, first, words, n);
        for (int i = 0; i < n; i++) {
          assertEquals(random.word(first + i), words[i]);
        }
      }
    }
  }

  @Test
  void countsAreThoseOfOneByOne() {
    Projection projection = new Projection(Rounding.TOWARD_POSITIVE, Saturation.IEEE);
    CountRule rule = new CountRule(Formats.E5M2, projection);
    float[] floats = BulkTest.interesting(Formats.E5M2);
    for (int n : new int[] {0, 1, 15, 16, 17, 100, floats.length - 1}) {
      EncodeCounts expected = EncodeCounts.NONE;
      for (float x : Arrays.copyOfRange(floats, 1, 1 + n)) {
        expected = expected.plus(rule.count(x, Formats.E5M2.encode(x, projection)));
      }
      assertEquals(expected, KernelProvider.kernels().count(rule, floats, 1, n));
    }
  }
}
