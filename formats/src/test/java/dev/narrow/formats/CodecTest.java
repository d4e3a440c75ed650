package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where numbers and codes may lie, what is counted, who does the work, what is refused. */
class CodecTest {
  private static final RandomBits RANDOM = new RandomBits(17, 4);

  /** One or two of each kind of kernel and of each width that has a layout of its own. */
  static Stream<NumericFormat> formats() {
    return Stream.of(
            "fp32",
            "fp16",
            "bf16",
            "e4m3fn",
            "e5m2fnuz",
            "lns8",
            "lns8-madam",
            "e2m1",
            "e3m2",
            "int2",
            "uint8",
            "nf4",
            "e8m0fnu",
            "posit8",
            "posit16",
            "posit32",
            "tf32",
            "int16",
            "lns:b16g2048",
            "binary5p2se",
            "binary3p1uf")
        .map(Formats::parse);
  }

  /** Specials and random bits, of every kind in any dozen. */
  private static float[] numbers(NumericFormat format, int n) {
    Random random = new Random(8);
    float max = format.maxFinite();
    float[] numbers = new float[n];
    for (int i = 0; i < n; i++) {
      numbers[i] =
          switch (i % 12) {
            case 0 -> Float.intBitsToFloat(0x7F80_0001 | random.nextInt());
            case 1 -> random.nextBoolean() ? Float.POSITIVE_INFINITY : Float.NEGATIVE_INFINITY;
            case 2 -> random.nextBoolean() ? 0f : -0f;
            case 3 -> max * (1 + random.nextFloat() / 8) * (random.nextBoolean() ? 1 : -1);
            case 4 -> format.minPositive() * random.nextFloat() * (random.nextBoolean() ? 1 : -1);
            case 5, 6 -> Float.intBitsToFloat(random.nextInt());
            default -> (float) random.nextGaussian() * 4;
          };
    }
    return numbers;
  }

  private static List<Codec> codecs(NumericFormat format) {
    Projection usual = format.defaultProjection();
    return List.of(
        Codec.of(format, usual),
        Codec.of(format, usual.with(Rounding.stochastic(4))).with(RANDOM, 5));
  }

  private static int code(Codec codec, double x, int i) {
    return codec.format().encode(x, codec.projection(), RANDOM.word(5 + i));
  }

  /** A float by the method for floats where there is no chance: it sees payloads of NaNs. */
  private static int code(Codec codec, float x, int i) {
    return codec.projection().rounding().isStochastic()
        ? code(codec, (double) x, i)
        : codec.format().encode(x, codec.projection());
  }

  /** Segments of so many bytes: on the heap in four types of array, aligned or not, and native. */
  private static List<MemorySegment> memory(Arena arena, long bytes) {
    int n = (int) bytes / 8 + 2;
    return List.of(
        MemorySegment.ofArray(new byte[(int) bytes]),
        MemorySegment.ofArray(new short[4 * n]).asSlice(2, bytes),
        MemorySegment.ofArray(new int[2 * n]).asSlice(3, bytes),
        MemorySegment.ofArray(new float[2 * n]).asSlice(4, bytes),
        MemorySegment.ofArray(new double[n]).asSlice(0, bytes),
        arena.allocate(bytes + 1).asSlice(1));
  }

  @ParameterizedTest
  @MethodSource("formats")
  void memoryOfEveryKindAndOrderHoldsNumbersAndCodes(NumericFormat format) {
    int bytes = CodeLayout.bytesPerCode(format.width());
    for (Codec codec : codecs(format)) {
      for (int n : new int[] {0, 1, 37, 2048, 4099}) {
        float[] floats = numbers(format, n);
        int[] expected = new int[n];
        for (int i = 0; i < n; i++) {
          expected[i] = code(codec, floats[i], i);
        }
        for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
          ValueLayout.OfFloat type = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(order);
          CodeLayout layout = CodeLayout.of(order);
          try (Arena arena = Arena.ofConfined()) {
            List<MemorySegment> inputs = memory(arena, 4L * n);
            List<MemorySegment> outputs = memory(arena, (long) bytes * n);
            for (int kind = 0; kind < inputs.size(); kind++) {
              MemorySegment in = inputs.get(kind);
              MemorySegment out = outputs.get((kind + n) % outputs.size());
              MemorySegment.copy(floats, 0, in, type, 0, n);
              codec.encode(in, type, out, layout, n);
              for (int i = 0; i < n; i++) {
                assertEquals(expected[i], codeAt(out, layout, bytes, i));
              }
              codec.decode(out, layout, in, type, n);
              for (int i = 0; i < n; i++) {
                float value = Float.intBitsToFloat(in.get(asInt(order), 4L * i));
                BulkTest.assertSameBits(format.decode(expected[i]), value);
              }
            }
          }
        }
      }
    }
  }

  private static ValueLayout.OfInt asInt(ByteOrder order) {
    return ValueLayout.JAVA_INT_UNALIGNED.withOrder(order);
  }

  private static int codeAt(MemorySegment codes, CodeLayout layout, int bytes, int i) {
    int code = 0;
    for (int b = 0; b < bytes; b++) {
      int place = layout == CodeLayout.BIG_ENDIAN ? bytes - 1 - b : b;
      code |= (codes.get(ValueLayout.JAVA_BYTE, (long) bytes * i + place) & 0xFF) << (8 * b);
    }
    return code;
  }

  @ParameterizedTest
  @MethodSource("formats")
  void aDoubleIsRoundedOnce(NumericFormat format) {
    float[] floats = numbers(format, 3000);
    double[] doubles = new double[floats.length];
    for (int i = 0; i < doubles.length; i++) {
      doubles[i] = floats[i] * (1 + 0x1p-40);
    }
    for (Codec codec : codecs(format)) {
      int[] codes = new int[doubles.length];
      short[] shorts = new short[format.width() > 16 ? 0 : doubles.length];
      byte[] bytes = new byte[format.width() > 8 ? 0 : doubles.length];
      Object natural = bytes.length > 0 ? bytes : shorts.length > 0 ? shorts : codes;
      MemorySegment out = segment(natural);
      CodeLayout layout = CodeLayout.of(ByteOrder.nativeOrder());
      ValueLayout type = ValueLayout.JAVA_DOUBLE;
      codec.encode(MemorySegment.ofArray(doubles), type, out, layout, doubles.length);
      double[] values = new double[doubles.length];
      codec.decode(out, layout, MemorySegment.ofArray(values), type, doubles.length);
      for (int i = 0; i < doubles.length; i++) {
        int code = code(codec, doubles[i], i);
        assertEquals(code, codeAt(out, CodeLayout.LITTLE_ENDIAN, layout(format), i));
        assertEquals(format.decodeDouble(code), values[i]);
      }
    }
  }

  private static int layout(NumericFormat format) {
    return CodeLayout.bytesPerCode(format.width());
  }

  private static MemorySegment segment(Object array) {
    return switch (array) {
      case byte[] a -> MemorySegment.ofArray(a);
      case short[] a -> MemorySegment.ofArray(a);
      default -> MemorySegment.ofArray((int[]) array);
    };
  }

  @ParameterizedTest
  @MethodSource("formats")
  void arraysOfWiderTypesHoldTheSameCodes(NumericFormat format) {
    float[] floats = numbers(format, 2100);
    int n = floats.length;
    for (Codec codec : codecs(format)) {
      int[] codes = new int[n];
      codec.encode(floats, 0, codes, 0, n);
      float[] values = new float[n];
      codec.decode(codes, 0, values, 0, n);
      short[] shorts = new short[n];
      float[] valuesOfShorts = new float[n];
      if (format.width() <= 16) {
        codec.encode(floats, 0, shorts, 0, n);
        codec.decode(shorts, 0, valuesOfShorts, 0, n);
      }
      for (int i = 0; i < n; i++) {
        assertEquals(code(codec, floats[i], i), codes[i]);
        BulkTest.assertSameBits(format.decode(codes[i]), values[i]);
        if (format.width() <= 16) {
          assertEquals(codes[i], shorts[i] & 0xFFFF);
          BulkTest.assertSameBits(values[i], valuesOfShorts[i]);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void memoryIsQuantizedInPlace(NumericFormat format) {
    float[] floats = numbers(format, 2500);
    int n = floats.length;
    for (Codec codec : codecs(format)) {
      float[] expected = floats.clone();
      codec.quantize(expected, 0, n, 0.3f);
      for (ByteOrder order : List.of(ByteOrder.BIG_ENDIAN, ByteOrder.LITTLE_ENDIAN)) {
        ValueLayout.OfFloat type = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(order);
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment memory = arena.allocate(4L * n + 1).asSlice(1);
          MemorySegment.copy(floats, 0, memory, type, 0, n);
          codec.quantize(memory, type, n, 0.3f);
          for (int i = 0; i < n; i++) {
            assertEquals(expected[i], memory.get(type, 4L * i));
          }
        }
      }
    }
  }

  /** By the definition of the layout, bit by bit. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void packingPutsBitsOneAfterTheOther(int width) {
    Random random = new Random(width);
    for (int n : new int[] {0, 1, 2, 3, 5, 8, 13, 16, 31, 64, 100, 2047, 2048, 5003}) {
      byte[] codes = new byte[n + 3];
      random.nextBytes(codes);
      int size = (int) CodeLayout.PACKED.byteSize(width, n);
      assertEquals((n * width + 7) / 8, size);
      byte[] before = new byte[size + 5];
      random.nextBytes(before);
      byte[] packed = before.clone();
      PackedCodes.pack(codes, 3, MemorySegment.ofArray(packed).asSlice(2), width, n);
      for (int bit = 0; bit < 8 * packed.length; bit++) {
        int at = bit - 16; // the segment begins at the third byte
        boolean ours = at >= 0 && at < n * width;
        int source = ours ? codes[3 + at / width] >>> (at % width) : before[bit / 8] >>> (bit % 8);
        assertEquals(source & 1, packed[bit / 8] >>> (bit % 8) & 1, "bit " + bit);
      }
      byte[] unpacked = new byte[n + 4];
      PackedCodes.unpack(MemorySegment.ofArray(packed).asSlice(2), width, unpacked, 1, n);
      for (int i = 0; i < n; i++) {
        assertEquals((byte) (codes[3 + i] & ((1 << width) - 1)), unpacked[1 + i]);
      }
      assertEquals(0, unpacked[0]);
      assertEquals(0, unpacked[n + 1]);
    }
  }

  @Test
  void ofTwoPackedCodesTheFirstIsInTheLowerHalf() {
    byte[] packed = new byte[2];
    PackedCodes.pack(new byte[] {1, 2, 3}, 0, MemorySegment.ofArray(packed), 4, 3);
    assertArrayEquals(new byte[] {0x21, 0x03}, packed);
    byte[] sixes = new byte[3];
    PackedCodes.pack(new byte[] {1, 2, 3, 4}, 0, MemorySegment.ofArray(sixes), 6, 4);
    assertArrayEquals(new byte[] {(byte) 0x81, 0x30, 0x10}, sixes);
  }

  @ParameterizedTest
  @MethodSource("formats")
  void codesArePackedOnTheWay(NumericFormat format) {
    if (format.width() > 8) {
      Codec codec = Codec.of(format, format.defaultProjection());
      MemorySegment memory = MemorySegment.ofArray(new byte[100]);
      ValueLayout type = ValueLayout.JAVA_FLOAT;
      assertRefused(
          "expected 1 to 8 bits", () -> codec.encode(memory, type, memory, CodeLayout.PACKED, 9));
      return;
    }
    for (int n : new int[] {0, 1, 7, 2048, 5001}) {
      float[] floats = numbers(format, n);
      for (Codec codec : codecs(format)) {
        byte[] codes = new byte[n];
        codec.encode(floats, 0, codes, 0, n);
        byte[] expected = new byte[(int) CodeLayout.PACKED.byteSize(format.width(), n)];
        PackedCodes.pack(codes, 0, MemorySegment.ofArray(expected), format.width(), n);
        byte[] packed = new byte[expected.length];
        MemorySegment memory = MemorySegment.ofArray(packed);
        MemorySegment in = MemorySegment.ofArray(floats);
        codec.encode(in, ValueLayout.JAVA_FLOAT, memory, CodeLayout.PACKED, n);
        assertArrayEquals(expected, packed);
        float[] values = new float[n];
        codec.decode(
            memory, CodeLayout.PACKED, MemorySegment.ofArray(values), ValueLayout.JAVA_FLOAT, n);
        float[] wanted = new float[n];
        codec.decode(codes, 0, wanted, 0, n);
        assertArrayEquals(BulkTest.bits(wanted), BulkTest.bits(values));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("formats")
  void countsAreThoseOfOneByOne(NumericFormat format) {
    float[] floats = numbers(format, 4001);
    int n = floats.length;
    Projection usual = format.defaultProjection();
    for (Rounding rounding :
        List.of(
            Rounding.NEAREST_EVEN,
            Rounding.TOWARD_POSITIVE,
            Rounding.TO_ODD,
            Rounding.stochastic(3))) {
      for (Saturation saturation :
          List.of(usual.saturation(), Saturation.OCP_SAT.withFlushToZero(true, true))) {
        Projection projection = new Projection(rounding, saturation);
        EncodeCounter counter = new EncodeCounter();
        Codec codec = Codec.of(format, projection).with(RANDOM, 5).with(counter);
        int[] codes = new int[n];
        codec.encode(floats, 0, codes, 0, n);
        EncodeCounts expected = EncodeCounts.NONE;
        for (int i = 0; i < n; i++) {
          expected = expected.plus(counts(format, floats[i], codes[i]));
        }
        assertEquals(expected, counter.counts(), format.name() + " " + projection);
        assertTrue(expected.nan() > n / 13 && expected.infinite() > n / 13);

        codec.quantize(floats.clone(), 0, n, 0.25f); // counts add up
        for (int i = 0; i < n; i++) {
          float x = floats[i] / 0.25f;
          int code =
              rounding.isStochastic()
                  ? format.encode(flushed(saturation, x), projection, RANDOM.word(5 + i))
                  : format.encode(x, projection);
          expected = expected.plus(counts(format, x, code));
        }
        assertEquals(expected, counter.counts(), format.name() + " quantized " + projection);
      }
    }
  }

  private static float flushed(Saturation saturation, float x) {
    return saturation.flushInputs() && Math.abs(x) < Float.MIN_NORMAL ? Math.copySign(0f, x) : x;
  }

  /** By the definition, from the values of all codes. */
  private static EncodeCounts counts(NumericFormat format, double x, int code) {
    Projection clamped = new Projection(Rounding.TOWARD_ZERO, Saturation.OCP_SAT);
    double low = format.decodeDouble(format.encode(-1e300, clamped));
    double high = format.decodeDouble(format.encode(1e300, clamped));
    boolean outside = x > high || x < (Double.isNaN(low) ? 0 : low);
    boolean flushed = x != 0 && !Double.isNaN(x) && format.decodeDouble(code) == 0;
    return new EncodeCounts(
        outside && !Double.isInfinite(x) ? 1 : 0,
        Double.isInfinite(x) ? 1 : 0,
        Double.isNaN(x) ? 1 : 0,
        flushed && !Double.isInfinite(x) ? 1 : 0);
  }

  @Test
  void whatIsCountedIsWhatTheWordsSay() {
    EncodeCounter counter = new EncodeCounter();
    Codec codec = Codec.of(Formats.E4M3FN, Formats.E4M3FN.defaultProjection()).with(counter);
    float[] x = {448, 449, -1e9f, Float.NEGATIVE_INFINITY, Float.NaN, 0, -0f, 1e-9f, -0x1p-10f, 1};
    codec.encode(x, 0, new byte[10], 0, 10);
    assertEquals(new EncodeCounts(2, 1, 1, 2), counter.counts());
    EncodeCounter unsigned = new EncodeCounter();
    Codec integers = Codec.of(Formats.UINT4, Formats.UINT4.defaultProjection()).with(unsigned);
    float[] y = {15, 15.1f, -1, -0.25f, 0.25f, 0};
    integers.encode(y, 0, new byte[6], 0, 6);
    assertEquals(new EncodeCounts(3, 0, 0, 3), unsigned.counts()); // -1 and -0.25 are both
  }

  @Test
  void doublesAreCountedAsDoubles() {
    EncodeCounter counter = new EncodeCounter();
    Codec codec = Codec.of(Formats.FP16, Formats.FP16.defaultProjection()).with(counter);
    double[] x = {65504.000000001, 1e-300, Double.NaN, Double.POSITIVE_INFINITY, 1};
    CodeLayout layout = CodeLayout.LITTLE_ENDIAN;
    MemorySegment codes = MemorySegment.ofArray(new short[5]);
    codec.encode(MemorySegment.ofArray(x), ValueLayout.JAVA_DOUBLE, codes, layout, 5);
    assertEquals(new EncodeCounts(1, 1, 1, 1), counter.counts());
  }

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "e4m3fn", "e2m1", "posit32"})
  void threadsChangeNothing(String name) {
    NumericFormat format = Formats.parse(name);
    int n = (1 << 18) + 12_345;
    float[] floats = numbers(format, n);
    for (Codec codec : codecs(format)) {
      int[] codes = new int[n];
      int[] parallel = new int[n];
      EncodeCounter counter = new EncodeCounter();
      EncodeCounter parallelCounter = new EncodeCounter();
      codec.with(counter).encode(floats, 0, codes, 0, n);
      codec.with(parallelCounter).parallel().encode(floats, 0, parallel, 0, n);
      assertArrayEquals(codes, parallel);
      assertEquals(counter.counts(), parallelCounter.counts());
      float[] values = new float[n];
      codec.decode(codes, 0, values, 0, n);
      float[] parallelValues = new float[n];
      codec.parallel().decode(codes, 0, parallelValues, 0, n);
      assertArrayEquals(BulkTest.bits(values), BulkTest.bits(parallelValues));
      float[] quantized = floats.clone();
      codec.quantize(quantized, 0, n, 3);
      float[] parallelQuantized = floats.clone();
      codec.parallel().quantize(parallelQuantized, 0, n, 3);
      assertArrayEquals(quantized, parallelQuantized);
      if (format.width() <= 8) {
        long size = CodeLayout.PACKED.byteSize(format.width(), n);
        MemorySegment in = MemorySegment.ofArray(floats);
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment one = MemorySegment.ofArray(new byte[(int) size]);
          MemorySegment many = MemorySegment.ofArray(new byte[(int) size]);
          MemorySegment confined = arena.allocate(size); // to this thread, and stays there
          for (MemorySegment out : List.of(many, confined)) {
            codec.encode(in, ValueLayout.JAVA_FLOAT, one, CodeLayout.PACKED, n);
            codec.parallel().encode(in, ValueLayout.JAVA_FLOAT, out, CodeLayout.PACKED, n);
            assertEquals(-1, one.mismatch(out));
          }
        }
      }
    }
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
    MemorySegment read = in.asReadOnly();
    ValueLayout.OfFloat type = ValueLayout.JAVA_FLOAT;
    assertRefused("numbers is read-only", () -> half.quantize(read, type, 3, 1));
    assertRefused("n = 4, expected 0 to 3", () -> half.quantize(in, type, 4, 1));
    assertRefused(
        "expected a layout of float or double",
        () -> half.encode(in, ValueLayout.JAVA_INT, out, CodeLayout.LITTLE_ENDIAN, 1));
    assertRefused("codes has 4 bytes", () -> half.encode(in, out.asSlice(0, 4), 3));
    assertRefused("n = -1", () -> half.decode(out, in, -1));
    assertRefused("codes is read-only", () -> half.encode(in, out.asReadOnly(), 3));
    assertRefused("numbers is read-only", () -> half.decode(out, in.asReadOnly(), 3));
    Codec fours = Codec.of(Formats.E2M1, Formats.E2M1.defaultProjection());
    MemorySegment one = MemorySegment.ofArray(bytes).asSlice(0, 1);
    assertRefused("0 to 2: codes", () -> fours.encode(in, type, one, CodeLayout.PACKED, 3));
    assertRefused("packed has 1 bytes", () -> PackedCodes.pack(bytes, 0, one, 4, 3));
    assertRefused("width = 9", () -> PackedCodes.unpack(one, 9, bytes, 0, 0));
    assertRefused("packed is read-only", () -> PackedCodes.pack(bytes, 0, read, 4, 3));
    assertArrayEquals(new byte[3], bytes);
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

  /** A number counts alike whatever holds it, and whether words are drawn or not. */
  @Test
  void overflowIsCountedAlikeOnEveryWay() {
    for (NumericFormat format :
        List.of(
            Formats.parse("fixed:b31f0"),
            Formats.parse("fixed:b32f0"),
            Formats.LNS8,
            Formats.parse("lns:b16g1"),
            Formats.E8M0,
            Formats.UINT8)) {
      float[] x = {
        0x1p30f, 0x1p31f, -0x1p31f, format.maxFinite(), 1, -1, Float.POSITIVE_INFINITY, Float.NaN
      };
      double[] wide = new double[x.length];
      for (int i = 0; i < x.length; i++) {
        wide[i] = x[i];
      }
      Saturation saturation = format.defaultProjection().saturation();
      EncodeCounter floats = new EncodeCounter();
      EncodeCounter doubles = new EncodeCounter();
      EncodeCounter words = new EncodeCounter();
      Codec nearest = Codec.of(format, new Projection(Rounding.NEAREST_EVEN, saturation));
      Codec stochastic = Codec.of(format, new Projection(Rounding.stochastic(8), saturation));
      MemorySegment codes = MemorySegment.ofArray(new int[x.length]);
      nearest.with(floats).encode(MemorySegment.ofArray(x), codes, x.length);
      nearest
          .with(doubles)
          .encode(
              MemorySegment.ofArray(wide),
              ValueLayout.JAVA_DOUBLE_UNALIGNED,
              codes,
              CodeLayout.LITTLE_ENDIAN,
              x.length);
      stochastic
          .with(new RandomBits(1, 2), 0)
          .with(words)
          .encode(MemorySegment.ofArray(x), codes, x.length);
      assertEquals(floats.counts(), doubles.counts(), format.name());
      assertEquals(floats.counts().overflowed(), words.counts().overflowed(), format.name());
      assertTrue(floats.counts().overflowed() >= 0);
    }
  }

  @Test
  void sizesThatOverflowAreRefused() {
    for (CodeLayout layout : CodeLayout.values()) {
      assertThrows(IllegalArgumentException.class, () -> layout.byteSize(8, 1L << 62));
      assertThrows(IllegalArgumentException.class, () -> layout.byteSize(8, -1));
    }
  }
}
