package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.narrow.formats.Codec;
import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PositFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Rounding.Mode;
import dev.narrow.formats.Runs;
import dev.narrow.formats.Saturation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The formats of narrow.cuh, compiled as plain C++, against those of Java: the same bits. */
class HeaderFormatsTest {
  private static final RandomBits RANDOM = new RandomBits(7, 11);

  static List<NumericFormat> named() {
    return List.of(
        Formats.FP16, Formats.BF16, Formats.E4M3FN, Formats.E5M2, Formats.E2M1, Formats.LNS8);
  }

  /** Floats of all kinds, and around each point where the code changes. */
  static float[] interesting(NumericFormat format, Projection projection, int spread) {
    Projection deterministic =
        projection.rounding().isStochastic() ? projection.with(Rounding.TOWARD_ZERO) : projection;
    Runs runs = Runs.of(format, deterministic);
    float[] floats = new float[5 * runs.count() + spread];
    int n = 0;
    for (int run = 0; run < runs.count(); run++) {
      for (int ulps = -2; ulps <= 2; ulps++) {
        floats[n++] = Float.intBitsToFloat(runs.start(run) + ulps);
      }
    }
    for (int i = 0; i < spread; i++) {
      floats[n++] = Float.intBitsToFloat((int) (((long) i << 32) / spread) + RANDOM.word(i) % 997);
    }
    return floats;
  }

  static int[] words(int n) {
    int[] words = new int[n];
    RANDOM.words(0, words, n);
    // the ends, where carries are
    for (int i = 0; i < n; i += 7) {
      words[i] = -1 >>> (i % 3 == 0 ? 0 : 31);
    }
    return words;
  }

  private static void assertCodes(
      NumericFormat format, Projection projection, float[] x, int[] words, int[] codes) {
    for (int i = 0; i < x.length; i++) {
      int expected = expected(format, projection, x[i], words[i]);
      if (expected != codes[i]) {
        assertEquals(
            Integer.toHexString(expected),
            Integer.toHexString(codes[i]),
            "%s, %s, x = %s (0x%08x), word 0x%08x"
                .formatted(format, projection, x[i], Float.floatToRawIntBits(x[i]), words[i]));
      }
    }
  }

  private static int expected(NumericFormat format, Projection projection, float x, int word) {
    if (!projection.rounding().isStochastic()) {
      return format.encode(x, projection);
    }
    boolean flush = projection.saturation().flushInputs() && Math.abs(x) < Float.MIN_NORMAL;
    return format.encode(flush ? Math.copySign(0f, x) : x, projection, word);
  }

  private static int[] encode(NumericFormat format, boolean saturating, float[] x) {
    return HeaderLibrary.codes(
        x.length,
        codes ->
            HeaderLibrary.call(
                "encode_" + format.name(),
                saturating ? 1 : 0,
                MemorySegment.ofArray(x),
                (long) x.length,
                codes));
  }

  private static Projection saturating(NumericFormat format) {
    return format.defaultProjection().with(Saturation.OCP_SAT);
  }

  @ParameterizedTest
  @MethodSource("named")
  void encodesAsJava(NumericFormat format) {
    for (boolean saturates : new boolean[] {false, true}) {
      Projection projection = saturates ? saturating(format) : format.defaultProjection();
      float[] x = interesting(format, projection, 1 << 21);
      int[] expected = new int[x.length];
      Codec.of(format, projection).encode(x, 0, expected, 0, x.length);
      int[] codes = encode(format, saturates, x);
      int differs = Arrays.mismatch(expected, codes);
      if (differs >= 0) {
        assertCodes(format, projection, x, new int[x.length], codes);
      }
      assertEquals(-1, differs);
    }
  }

  @ParameterizedTest
  @MethodSource("named")
  @Tag("exhaustive")
  void encodesAllFloatsAsJava(NumericFormat format) {
    int block = 1 << 20;
    for (boolean saturates : new boolean[] {false, true}) {
      Projection projection = saturates ? saturating(format) : format.defaultProjection();
      Codec codec = Codec.of(format, projection);
      IntStream.range(0, 1 << 12)
          .parallel()
          .forEach(part -> {
            float[] x = new float[block];
            for (int i = 0; i < block; i++) {
              x[i] = Float.intBitsToFloat(part * block + i);
            }
            int[] expected = new int[block];
            codec.encode(x, 0, expected, 0, block);
            int differs = Arrays.mismatch(expected, encode(format, saturates, x));
            assertEquals(-1, differs, () -> format + ", bits " + (part * block + differs));
          });
    }
  }

  @ParameterizedTest
  @MethodSource("named")
  void decodesAllCodesAsJava(NumericFormat format) {
    float[] values = new float[1 << format.width()];
    HeaderLibrary.call(
        "decode_" + format.name(), (long) values.length, MemorySegment.ofArray(values));
    for (int code = 0; code < values.length; code++) {
      assertEquals(
          Float.floatToRawIntBits(format.decode(code)), Float.floatToRawIntBits(values[code]));
    }
  }

  static List<Rounding> roundings() {
    List<Rounding> roundings = new ArrayList<>();
    for (Mode mode : Mode.values()) {
      switch (mode) {
        case STOCHASTIC, STOCHASTIC_A, STOCHASTIC_B -> {
          for (int bits : new int[] {1, 2, 8, 16, 23, 31, 32}) {
            roundings.add(Rounding.stochastic(mode, bits));
          }
        }
        default -> roundings.add(new Rounding(mode, 0, Rounding.Domain.OWN));
      }
    }
    return roundings;
  }

  @ParameterizedTest
  @MethodSource("named")
  void roundsNamedFormatsAsJava(NumericFormat format) {
    for (Rounding rounding : roundings()) {
      Projection projection = format.defaultProjection().with(rounding);
      float[] x = some(interesting(format, projection, 1 << 14), 1 << 14);
      int[] words = words(x.length);
      KernelStruct struct = new KernelStruct();
      CastEncoder.addFormat(struct, format, projection, _ -> 0L);
      MemorySegment all = struct.segment();
      MemorySegment last = all.asSlice(roundingAt(format), 2 * Integer.BYTES);
      int[] codes =
          HeaderLibrary.codes(
              x.length,
              to ->
                  HeaderLibrary.call(
                      "round_" + format.name(),
                      last,
                      MemorySegment.ofArray(x),
                      MemorySegment.ofArray(words),
                      (long) x.length,
                      to));
      assertCodes(format, projection, x, words, codes);
    }
  }

  /** Where the rounding is in what {@link CastEncoder#addFormat} adds. */
  private static long roundingAt(NumericFormat format) {
    return format instanceof LogFormat ? 72 : 80;
  }

  /** About so many of them, evenly spread. */
  private static float[] some(float[] x, int n) {
    int step = Math.max(1, x.length / n) | 1;
    float[] some = new float[x.length / step];
    for (int i = 0; i < some.length; i++) {
      some[i] = x[i * step];
    }
    return some;
  }

  static Stream<NumericFormat> rows() {
    Stream<NumericFormat> all =
        Formats.all().stream()
            .filter(f ->
                f.width() <= 16
                    && (f instanceof FloatFormat
                        || f instanceof FixedFormat
                        || f instanceof PositFormat
                        || f instanceof LogFormat));
    Stream<NumericFormat> others =
        Stream.of(
                "float:e4m3,subnormals=no",
                "float:e5m10,subnormals=no,zero=no",
                "float:e1m6",
                "float:e8m0,signed=no",
                "float:e8m7,subnormals=no",
                "float:e6m9,nan=zero",
                "float:e3m4,inf=no,nan=none",
                "float:e5m2,signed=no,inf=no",
                "float:e4m11,bias=140",
                "float:e4m11,bias=-100",
                "float:e2m0,subnormals=no,inf=no,nan=one",
                "lns:b8g8-madam",
                "lns:b16g512",
                "lns:b16g32768",
                "lns:b12g1",
                "lns:b5g4")
            .map(Formats::parse);
    return Stream.concat(all, others);
  }

  @ParameterizedTest
  @MethodSource("rows")
  void roundsAnyFormatAsJava(NumericFormat format) {
    List<Saturation> saturations = new ArrayList<>(Saturation.presets().values());
    saturations.add(Saturation.IEEE.withFlushToZero(true, true));
    saturations.add(Saturation.OCP_SAT.withUnderflow(Saturation.Underflow.CLAMP));
    float[] x = some(interesting(format, format.defaultProjection(), 2000), 2000);
    int[] words = words(x.length);
    int at = 0;
    try (Arena arena = Arena.ofConfined()) {
      for (Rounding rounding : roundings()) {
        for (int i = 0; i < 3; i++) {
          Saturation saturation = saturations.get(at++ % saturations.size());
          Projection projection = new Projection(rounding, saturation);
          KernelStruct struct = new KernelStruct();
          String name =
              CastEncoder.addFormat(
                  struct,
                  format,
                  projection,
                  gamma -> {
                    int[] table = CastTables.significands(gamma);
                    return arena.allocateFrom(ValueLayout.JAVA_INT, table).address();
                  });
          assertFalse(name.isEmpty());
          MemorySegment parameters = arena.allocate(struct.segment().byteSize(), 16);
          parameters.copyFrom(struct.segment());
          int[] codes =
              HeaderLibrary.codes(
                  x.length,
                  to ->
                      HeaderLibrary.call(
                          "any_" + name,
                          parameters,
                          MemorySegment.ofArray(x),
                          MemorySegment.ofArray(words),
                          (long) x.length,
                          to));
          assertCodes(format, projection, x, words, codes);
        }
      }
    }
  }

  @Test
  void drawsTheWordsOfJava() {
    long[][] sources = {{0, 0, 0}, {-1, -1, Long.MAX_VALUE - 9}, {0x123456789L, -2, 1L << 34}};
    for (long[] source : sources) {
      int[] expected = new int[9];
      new RandomBits(source[0], source[1]).words(source[2], expected, 9);
      int[] words = new int[9];
      HeaderLibrary.call(
          "words", source[0], source[1], source[2], 9L, MemorySegment.ofArray(words));
      assertArrayEquals(expected, words);
    }
  }
}
