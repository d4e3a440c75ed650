package dev.narrow.formats;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Encoding and decoding of many numbers in one format with one projection. A codec is immutable and
 * may be used by many threads at once; each call does what {@link NumericFormat#encode(float,
 * Projection)} and {@link NumericFormat#decode} do, element by element.
 *
 * <p>Codes travel in {@code byte[]} (width up to 8), {@code short[]} (up to 16) or {@code int[]},
 * or in memory segments in 1, 2 or 4 bytes as the width needs, in native byte order and at any
 * alignment. The bits above the width are zero on the way out and ignored on the way in.
 *
 * <p>A stochastic projection needs {@link RandomBits}: element i of a call takes the random word
 * {@code firstIndex + i}, so that neither threads nor blocks change a result. Other projections do
 * not look at them.
 *
 * <p>Sizes are checked before anything is written: a range outside an array throws {@link
 * IndexOutOfBoundsException}, a segment that is too short {@link IllegalArgumentException}.
 */
public final class Codec {
  private static final int BLOCK = 1024;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

  private final NumericFormat format;
  private final Projection projection;
  private final Kernel kernel;

  private Codec(NumericFormat format, Projection projection) {
    this.format = format;
    this.projection = projection;
    kernel = Kernel.of(format, projection);
  }

  /**
   * A codec for numbers in this format, rounded and saturated by this projection.
   *
   * @param format the format of the codes
   * @param projection rounding and saturation
   * @return the codec
   */
  public static Codec of(NumericFormat format, Projection projection) {
    return new Codec(format, projection);
  }

  /**
   * The format of the codes.
   *
   * @return the format of the codes
   */
  public NumericFormat format() {
    return format;
  }

  /**
   * How numbers are rounded and saturated.
   *
   * @return rounding and saturation
   */
  public Projection projection() {
    return projection;
  }

  /**
   * Encodes n numbers.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @throws IllegalArgumentException if the width does not fit the array type, or the rounding is
   *     stochastic
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(float[] src, int srcFrom, byte[] dst, int dstFrom, int n) {
    requireNotStochastic();
    encodeTo(source(src, srcFrom, n, null, 0), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers, the first with the random word {@code firstIndex}.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @param random the source of random words
   * @param firstIndex the index of the first element as the source counts, 0 or more
   * @throws IllegalArgumentException if the width does not fit the array type, or {@code
   *     firstIndex} is negative
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(
      float[] src,
      int srcFrom,
      byte[] dst,
      int dstFrom,
      int n,
      RandomBits random,
      long firstIndex) {
    encodeTo(source(src, srcFrom, n, random, firstIndex), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @throws IllegalArgumentException if the width does not fit the array type, or the rounding is
   *     stochastic
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(float[] src, int srcFrom, short[] dst, int dstFrom, int n) {
    requireNotStochastic();
    requireWidth(16, "short[]");
    Objects.checkFromIndexSize(srcFrom, n, src.length);
    Objects.checkFromIndexSize(dstFrom, n, dst.length);
    kernel.encode(src, srcFrom, dst, dstFrom, n);
  }

  /**
   * Encodes n numbers, the first with the random word {@code firstIndex}.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @param random the source of random words
   * @param firstIndex the index of the first element as the source counts, 0 or more
   * @throws IllegalArgumentException if the width does not fit the array type, or {@code
   *     firstIndex} is negative
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(
      float[] src,
      int srcFrom,
      short[] dst,
      int dstFrom,
      int n,
      RandomBits random,
      long firstIndex) {
    encodeTo(source(src, srcFrom, n, random, firstIndex), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @throws IllegalArgumentException if the width does not fit the array type, or the rounding is
   *     stochastic
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(float[] src, int srcFrom, int[] dst, int dstFrom, int n) {
    requireNotStochastic();
    encodeTo(source(src, srcFrom, n, null, 0), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers, the first with the random word {@code firstIndex}.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @param random the source of random words
   * @param firstIndex the index of the first element as the source counts, 0 or more
   * @throws IllegalArgumentException if the width does not fit the array type, or {@code
   *     firstIndex} is negative
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(
      float[] src, int srcFrom, int[] dst, int dstFrom, int n, RandomBits random, long firstIndex) {
    encodeTo(source(src, srcFrom, n, random, firstIndex), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @throws IllegalArgumentException if the width does not fit the array type, or the rounding is
   *     stochastic
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(double[] src, int srcFrom, byte[] dst, int dstFrom, int n) {
    requireNotStochastic();
    encodeTo(source(src, srcFrom, n, null, 0), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers, the first with the random word {@code firstIndex}.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @param random the source of random words
   * @param firstIndex the index of the first element as the source counts, 0 or more
   * @throws IllegalArgumentException if the width does not fit the array type, or {@code
   *     firstIndex} is negative
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(
      double[] src,
      int srcFrom,
      byte[] dst,
      int dstFrom,
      int n,
      RandomBits random,
      long firstIndex) {
    encodeTo(source(src, srcFrom, n, random, firstIndex), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @throws IllegalArgumentException if the width does not fit the array type, or the rounding is
   *     stochastic
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(double[] src, int srcFrom, short[] dst, int dstFrom, int n) {
    requireNotStochastic();
    encodeTo(source(src, srcFrom, n, null, 0), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers, the first with the random word {@code firstIndex}.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @param random the source of random words
   * @param firstIndex the index of the first element as the source counts, 0 or more
   * @throws IllegalArgumentException if the width does not fit the array type, or {@code
   *     firstIndex} is negative
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(
      double[] src,
      int srcFrom,
      short[] dst,
      int dstFrom,
      int n,
      RandomBits random,
      long firstIndex) {
    encodeTo(source(src, srcFrom, n, random, firstIndex), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @throws IllegalArgumentException if the width does not fit the array type, or the rounding is
   *     stochastic
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(double[] src, int srcFrom, int[] dst, int dstFrom, int n) {
    requireNotStochastic();
    encodeTo(source(src, srcFrom, n, null, 0), dst, dstFrom, n);
  }

  /**
   * Encodes n numbers, the first with the random word {@code firstIndex}.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @param random the source of random words
   * @param firstIndex the index of the first element as the source counts, 0 or more
   * @throws IllegalArgumentException if the width does not fit the array type, or {@code
   *     firstIndex} is negative
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(
      double[] src,
      int srcFrom,
      int[] dst,
      int dstFrom,
      int n,
      RandomBits random,
      long firstIndex) {
    encodeTo(source(src, srcFrom, n, random, firstIndex), dst, dstFrom, n);
  }

  /**
   * Decodes n codes, to float32 as {@link NumericFormat#decode} does.
   *
   * @param src the codes
   * @param from index of the first one
   * @param dst receives the floats
   * @param to index of the first float
   * @param n how many
   * @throws IllegalArgumentException if the width does not fit the array type
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void decode(byte[] src, int from, float[] dst, int to, int n) {
    requireWidth(8, "byte[]");
    Objects.checkFromIndexSize(from, n, src.length);
    Objects.checkFromIndexSize(to, n, dst.length);
    kernel.decode(src, from, dst, to, n);
  }

  /**
   * Decodes n codes, to float32 as {@link NumericFormat#decode} does.
   *
   * @param src the codes
   * @param from index of the first one
   * @param dst receives the floats
   * @param to index of the first float
   * @param n how many
   * @throws IllegalArgumentException if the width does not fit the array type
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void decode(short[] src, int from, float[] dst, int to, int n) {
    requireWidth(16, "short[]");
    Objects.checkFromIndexSize(from, n, src.length);
    Objects.checkFromIndexSize(to, n, dst.length);
    kernel.decode(src, from, dst, to, n);
  }

  /**
   * Decodes n codes, to float32 as {@link NumericFormat#decode} does.
   *
   * @param src the codes
   * @param from index of the first one
   * @param dst receives the floats
   * @param to index of the first float
   * @param n how many
   * @throws IllegalArgumentException if the width does not fit the array type
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void decode(int[] src, int from, float[] dst, int to, int n) {
    requireWidth(32, "int[]");
    Objects.checkFromIndexSize(from, n, src.length);
    Objects.checkFromIndexSize(to, n, dst.length);
    kernel.decode(src, from, dst, to, n);
  }

  /**
   * Encodes n floats to codes of 1, 2 or 4 bytes.
   *
   * @param floats the floats
   * @param codes the codes
   * @param n how many
   * @throws IllegalArgumentException if a segment is shorter than n elements, the codes are
   *     read-only, or the rounding is stochastic
   */
  public void encode(MemorySegment floats, MemorySegment codes, long n) {
    requireNotStochastic();
    encodeSegment(floats, codes, n, null, 0);
  }

  /**
   * Encodes n floats to codes of 1, 2 or 4 bytes, the first with the random word {@code
   * firstIndex}.
   *
   * @param floats the floats
   * @param codes the codes
   * @param n how many
   * @param random the source of random words
   * @param firstIndex the index of the first element as the source counts, 0 or more
   * @throws IllegalArgumentException if a segment is shorter than n elements, the codes are
   *     read-only, or {@code firstIndex} is negative
   */
  public void encode(
      MemorySegment floats, MemorySegment codes, long n, RandomBits random, long firstIndex) {
    requireIndex(firstIndex, n);
    encodeSegment(floats, codes, n, random, firstIndex);
  }

  private void encodeSegment(
      MemorySegment floats, MemorySegment codes, long n, @Nullable RandomBits random, long first) {
    requireSegments(floats, codes, n, codes, "codes");
    float[] block = new float[(int) Math.min(n, BLOCK)];
    int[] encoded = new int[block.length];
    for (long at = 0; at < n; at += BLOCK) {
      int count = (int) Math.min(BLOCK, n - at);
      MemorySegment.copy(floats, FLOAT, at * Float.BYTES, block, 0, count);
      encodeBlock(block, 0, encoded, 0, count, random, first + at);
      switch (bytesPerCode()) {
        case 1 -> {
          for (int i = 0; i < count; i++) {
            codes.set(ValueLayout.JAVA_BYTE, at + i, (byte) encoded[i]);
          }
        }
        case 2 -> {
          for (int i = 0; i < count; i++) {
            codes.set(SHORT, (at + i) * Short.BYTES, (short) encoded[i]);
          }
        }
        default -> MemorySegment.copy(encoded, 0, codes, INT, at * Integer.BYTES, count);
      }
    }
  }

  /**
   * Decodes n codes of 1, 2 or 4 bytes to floats.
   *
   * @param codes the codes
   * @param floats the floats
   * @param n how many
   * @throws IllegalArgumentException if a segment is shorter than n elements, or the floats are
   *     read-only
   */
  public void decode(MemorySegment codes, MemorySegment floats, long n) {
    requireSegments(floats, codes, n, floats, "floats");
    float[] block = new float[(int) Math.min(n, BLOCK)];
    int[] encoded = new int[block.length];
    for (long at = 0; at < n; at += BLOCK) {
      int count = (int) Math.min(BLOCK, n - at);
      switch (bytesPerCode()) {
        case 1 -> {
          for (int i = 0; i < count; i++) {
            encoded[i] = codes.get(ValueLayout.JAVA_BYTE, at + i);
          }
        }
        case 2 -> {
          for (int i = 0; i < count; i++) {
            encoded[i] = codes.get(SHORT, (at + i) * Short.BYTES);
          }
        }
        default -> MemorySegment.copy(codes, INT, at * Integer.BYTES, encoded, 0, count);
      }
      kernel.decode(encoded, 0, block, 0, count);
      MemorySegment.copy(block, 0, floats, FLOAT, at * Float.BYTES, count);
    }
  }

  /**
   * Fake quantization in place: each v becomes fl32(scale * decode(encode(fl32(v / scale)))).
   *
   * <p>Where the format has no zero or no NaN, a quotient that is a zero or a NaN is kept as it is:
   * a tensor of floats can hold what a tensor of codes cannot.
   *
   * @param scale finite and above zero
   * @param values the numbers, replaced in place
   * @param from index of the first one
   * @param n how many
   * @throws IllegalArgumentException if the scale is not, or the rounding is stochastic
   * @throws IndexOutOfBoundsException if the range lies outside the array
   */
  public void quantize(float[] values, int from, int n, float scale) {
    requireNotStochastic();
    requireScale(scale);
    Objects.checkFromIndexSize(from, n, values.length);
    kernel.quantize(values, from, n, scale);
  }

  /**
   * Fake quantization in place as {@link #quantize(float[], int, int, float)} does it, the first
   * element with the random word {@code firstIndex}.
   *
   * @param scale finite and above zero
   * @param values the numbers, replaced in place
   * @param from index of the first one
   * @param n how many
   * @param random the source of random words
   * @param firstIndex the index of the first element as the source counts, 0 or more
   * @throws IllegalArgumentException if the scale is not, or {@code firstIndex} is negative
   * @throws IndexOutOfBoundsException if the range lies outside the array
   */
  public void quantize(
      float[] values, int from, int n, float scale, RandomBits random, long firstIndex) {
    requireScale(scale);
    Objects.checkFromIndexSize(from, n, values.length);
    requireIndex(firstIndex, n);
    if (projection.rounding().isStochastic()) {
      kernel.quantize(values, from, n, scale, random, firstIndex);
    } else {
      kernel.quantize(values, from, n, scale);
    }
  }

  /**
   * Encodes count of a call's numbers, from number {@code at} on, to the start of {@code codes}.
   */
  private interface Source {
    void encode(int at, int[] codes, int to, int count);
  }

  private Source source(
      float[] src, int from, int n, @Nullable RandomBits random, long firstIndex) {
    Objects.checkFromIndexSize(from, n, src.length);
    requireIndex(firstIndex, n);
    return (at, codes, to, count) ->
        encodeBlock(src, from + at, codes, to, count, random, firstIndex + at);
  }

  private Source source(
      double[] src, int from, int n, @Nullable RandomBits random, long firstIndex) {
    Objects.checkFromIndexSize(from, n, src.length);
    requireIndex(firstIndex, n);
    return (at, codes, to, count) -> {
      for (int i = 0; i < count; i++) {
        int word = random == null ? 0 : random.word(firstIndex + at + i);
        codes[to + i] = format.encode(src[from + at + i], projection, word);
      }
    };
  }

  private void encodeBlock(
      float[] src, int from, int[] codes, int to, int n, @Nullable RandomBits random, long first) {
    if (random == null || !projection.rounding().isStochastic()) {
      kernel.encode(src, from, codes, to, n);
    } else {
      kernel.encode(src, from, codes, to, n, random, first);
    }
  }

  private void encodeTo(Source source, byte[] dst, int from, int n) {
    requireWidth(8, "byte[]");
    Objects.checkFromIndexSize(from, n, dst.length);
    int[] codes = new int[Math.min(n, BLOCK)];
    for (int at = 0; at < n; at += BLOCK) {
      int count = Math.min(BLOCK, n - at);
      source.encode(at, codes, 0, count);
      for (int i = 0; i < count; i++) {
        dst[from + at + i] = (byte) codes[i];
      }
    }
  }

  private void encodeTo(Source source, short[] dst, int from, int n) {
    requireWidth(16, "short[]");
    Objects.checkFromIndexSize(from, n, dst.length);
    int[] codes = new int[Math.min(n, BLOCK)];
    for (int at = 0; at < n; at += BLOCK) {
      int count = Math.min(BLOCK, n - at);
      source.encode(at, codes, 0, count);
      for (int i = 0; i < count; i++) {
        dst[from + at + i] = (short) codes[i];
      }
    }
  }

  private void encodeTo(Source source, int[] dst, int from, int n) {
    Objects.checkFromIndexSize(from, n, dst.length);
    source.encode(0, dst, from, n);
  }

  private int bytesPerCode() {
    return format.width() <= 8 ? 1 : format.width() <= 16 ? 2 : 4;
  }

  private void requireWidth(int bits, String array) {
    if (format.width() > bits) {
      throw new IllegalArgumentException(
          "codes of "
              + format.name()
              + " are "
              + format.width()
              + " bits wide, but a "
              + array
              + " holds at most "
              + bits
              + "; expected "
              + (format.width() <= 16 ? "short[] or int[]" : "int[]"));
    }
  }

  private void requireNotStochastic() {
    if (projection.rounding().isStochastic()) {
      throw new IllegalArgumentException(
          "rounding = "
              + projection.rounding()
              + " needs random bits: call the method that takes RandomBits");
    }
  }

  private static void requireIndex(long firstIndex, long n) {
    if (firstIndex < 0 || firstIndex > Long.MAX_VALUE - Math.max(0, n)) {
      throw new IllegalArgumentException(
          "firstIndex = " + firstIndex + ", expected 0 to 2^63 - 1 - n, n = " + n);
    }
  }

  private static void requireScale(float scale) {
    if (!(scale > 0 && scale <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("scale = " + scale + ", expected finite and above 0");
    }
  }

  private void requireSegments(
      MemorySegment floats, MemorySegment codes, long n, MemorySegment target, String targetName) {
    requireElements("floats", floats, Float.BYTES, n);
    requireElements("codes", codes, bytesPerCode(), n);
    if (target.isReadOnly()) {
      throw new IllegalArgumentException(targetName + " is read-only, expected a writable segment");
    }
  }

  private static void requireElements(String name, MemorySegment segment, int bytes, long n) {
    if (n < 0 || n > segment.byteSize() / bytes) {
      throw new IllegalArgumentException(
          "n = "
              + n
              + ", expected 0 to "
              + segment.byteSize() / bytes
              + ": "
              + name
              + " has "
              + segment.byteSize()
              + " bytes");
    }
  }
}
