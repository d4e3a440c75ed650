package dev.narrow.formats;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteOrder;
import java.util.Objects;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Encoding and decoding of many numbers in one format with one projection. A codec is immutable and
 * may be used by many threads at once; each call does what {@link NumericFormat#encode(float,
 * Projection)} and {@link NumericFormat#decode} do, element by element, to the bit, however many
 * there are and wherever they lie.
 *
 * <pre>{@code
 * Codec codec = Codec.of(Formats.E4M3FN, Formats.E4M3FN.defaultProjection());
 * codec.encode(floats, 0, bytes, 0, n);
 * codec.parallel().encode(floats, 0, bytes, 0, n); //               on several threads
 * codec.with(new RandomBits(seed, stream), 0).encode(...); //       with stochastic rounding
 * codec.with(counter).encode(...); //                               how many overflowed, ...
 * }</pre>
 *
 * <p>Codes travel in {@code byte[]} (width up to 8), {@code short[]} (up to 16) or {@code int[]},
 * or in memory segments as a {@link CodeLayout} says. The bits above the width are zero on the way
 * out and ignored on the way in. Numbers are float32 in arrays, float32 or float64 in memory
 * segments; a float64 is rounded once. Segments may lie on the heap or outside, at any alignment; a
 * part of one is {@link MemorySegment#asSlice(long) its slice}. Source and target must not overlap.
 *
 * <p>Sizes are checked before anything is written: a range outside an array throws {@link
 * IndexOutOfBoundsException}, a segment that is too short {@link IllegalArgumentException}.
 */
public final class Codec {
  /** Numbers that pass through arrays of their own at a time: a multiple of 8, small in a cache. */
  private static final int BLOCK = 2048;

  /** Calls of fewer elements stay on the calling thread: see {@link #parallel}. */
  private static final int PARALLEL_FROM = 1 << 18;

  /** What one thread does at a time: a multiple of {@link #BLOCK}. */
  private static final int PARALLEL_SHARE = 1 << 16;

  /** Never started: segments that it may not touch are confined to a thread. */
  private static final Thread ANOTHER_THREAD = Thread.ofPlatform().unstarted(() -> {});

  /**
   * {@link Range#apply}, not final on purpose. Inlined into a large caller, vector code may exceed
   * the compiler's budget of nodes, and is then some hundred times slower, each vector an object.
   */
  private static MethodHandle apply = handle();

  private final NumericFormat format;
  private final Projection projection;
  private final Kernel kernel;
  private final int bytesPerCode;
  private final @Nullable RandomBits random;
  private final long firstIndex;
  private final @Nullable EncodeCounter counter;
  private final @Nullable CountRule countRule;
  private final boolean parallel;

  private static MethodHandle handle() {
    try {
      MethodType type = MethodType.methodType(void.class, long.class, long.class);
      return MethodHandles.lookup().findVirtual(Range.class, "apply", type);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  private Codec(
      NumericFormat format,
      Projection projection,
      Kernel kernel,
      @Nullable RandomBits random,
      long firstIndex,
      @Nullable EncodeCounter counter,
      @Nullable CountRule countRule,
      boolean parallel) {
    this.format = format;
    this.projection = projection;
    this.kernel = kernel;
    this.bytesPerCode = CodeLayout.bytesPerCode(format.width());
    this.random = random;
    this.firstIndex = firstIndex;
    this.counter = counter;
    this.countRule = countRule;
    this.parallel = parallel;
  }

  /**
   * What runs the loops of all codecs in this process.
   *
   * @return {@code scalar}, or for example {@code vector 512 bits}
   * @throws IllegalStateException if vector code is forced and cannot be had
   */
  public static String kernels() {
    return KernelProvider.kernels().name();
  }

  /**
   * A codec for numbers in this format, rounded and saturated by this projection, that stays on the
   * calling thread and counts nothing.
   *
   * @param format the format of the codes
   * @param projection rounding and saturation
   * @return the codec
   */
  public static Codec of(NumericFormat format, Projection projection) {
    Kernel kernel = KernelProvider.kernel(format, projection);
    return new Codec(format, projection, kernel, null, 0, null, null, false);
  }

  /**
   * The same with random words, which a stochastic projection needs and others do not look at:
   * element i of a call takes the word {@code firstIndex + i}, so that neither threads nor the
   * division into calls change a result.
   *
   * @param source the source of random words
   * @param first the index of a call's first element as the source counts, 0 or more
   * @return a new codec
   * @throws IllegalArgumentException if {@code first} is negative
   */
  public Codec with(RandomBits source, long first) {
    if (first < 0) {
      throw new IllegalArgumentException("first = " + first + ", expected 0 or more");
    }
    return new Codec(format, projection, kernel, source, first, counter, countRule, parallel);
  }

  /**
   * The same, adding what becomes of the numbers that it encodes or quantizes to a counter. This
   * costs another pass over them while they are in the cache.
   *
   * @param target is added to by each call, before the call returns
   * @return a new codec
   */
  public Codec with(EncodeCounter target) {
    CountRule rule = countRule == null ? new CountRule(format, projection) : countRule;
    return new Codec(format, projection, kernel, random, firstIndex, target, rule, parallel);
  }

  /**
   * The same, dividing calls of 2^18 elements or more among the threads of the common pool; the
   * results are the same. Segments that are confined to a thread stay on it.
   *
   * @return a new codec
   */
  public Codec parallel() {
    return new Codec(format, projection, kernel, random, firstIndex, counter, countRule, true);
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
   * @throws IllegalArgumentException if the width exceeds 8, or the rounding is stochastic and the
   *     codec has no random words
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(float[] src, int srcFrom, byte[] dst, int dstFrom, int n) {
    requireWidth(8, "byte[]");
    Objects.checkFromIndexSize(dstFrom, n, dst.length);
    encodeArray(src, srcFrom, dst, dstFrom, n);
  }

  /**
   * Encodes n numbers.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @throws IllegalArgumentException if the width exceeds 16, or the rounding is stochastic and the
   *     codec has no random words
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(float[] src, int srcFrom, short[] dst, int dstFrom, int n) {
    requireWidth(16, "short[]");
    Objects.checkFromIndexSize(dstFrom, n, dst.length);
    encodeArray(src, srcFrom, dst, dstFrom, n);
  }

  /**
   * Encodes n numbers.
   *
   * @param src the numbers
   * @param srcFrom index of the first number
   * @param dst receives the codes
   * @param dstFrom index of the first code
   * @param n how many
   * @throws IllegalArgumentException if the rounding is stochastic and the codec has no random
   *     words
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void encode(float[] src, int srcFrom, int[] dst, int dstFrom, int n) {
    Objects.checkFromIndexSize(dstFrom, n, dst.length);
    encodeArray(src, srcFrom, dst, dstFrom, n);
  }

  /**
   * Decodes n codes, to float32 as {@link NumericFormat#decode} does.
   *
   * @param src the codes
   * @param from index of the first one
   * @param dst receives the floats
   * @param to index of the first float
   * @param n how many
   * @throws IllegalArgumentException if the width exceeds 8
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void decode(byte[] src, int from, float[] dst, int to, int n) {
    requireWidth(8, "byte[]");
    Objects.checkFromIndexSize(from, n, src.length);
    decodeArray(src, from, dst, to, n);
  }

  /**
   * Decodes n codes, to float32 as {@link NumericFormat#decode} does.
   *
   * @param src the codes
   * @param from index of the first one
   * @param dst receives the floats
   * @param to index of the first float
   * @param n how many
   * @throws IllegalArgumentException if the width exceeds 16
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void decode(short[] src, int from, float[] dst, int to, int n) {
    requireWidth(16, "short[]");
    Objects.checkFromIndexSize(from, n, src.length);
    decodeArray(src, from, dst, to, n);
  }

  /**
   * Decodes n codes, to float32 as {@link NumericFormat#decode} does.
   *
   * @param src the codes
   * @param from index of the first one
   * @param dst receives the floats
   * @param to index of the first float
   * @param n how many
   * @throws IndexOutOfBoundsException if a range lies outside its array
   */
  public void decode(int[] src, int from, float[] dst, int to, int n) {
    Objects.checkFromIndexSize(from, n, src.length);
    decodeArray(src, from, dst, to, n);
  }

  /**
   * Fake quantization in place: each v becomes fl32(scale * decode(encode(fl32(v / scale)))).
   *
   * <p>Where the format has no zero or no NaN, a quotient that is a zero or a NaN is kept as it is:
   * a tensor of floats can hold what a tensor of codes cannot.
   *
   * @param values the numbers, replaced in place
   * @param from index of the first one
   * @param n how many
   * @param scale finite and above zero
   * @throws IllegalArgumentException if the scale is not, or the rounding is stochastic and the
   *     codec has no random words
   * @throws IndexOutOfBoundsException if the range lies outside the array
   */
  public void quantize(float[] values, int from, int n, float scale) {
    requireRandom(n);
    requireScale(scale);
    Objects.checkFromIndexSize(from, n, values.length);
    divide(
        n, parallel, (at, count) -> quantizeRange(values, from + (int) at, (int) count, scale, at));
  }

  /**
   * Encodes n float32 numbers, numbers and codes in native byte order.
   *
   * @param numbers the numbers
   * @param codes receives the codes, each in 1, 2 or 4 bytes
   * @param n how many
   * @throws IllegalArgumentException if a segment is shorter than n elements, the codes are
   *     read-only, or the rounding is stochastic and the codec has no random words
   */
  public void encode(MemorySegment numbers, MemorySegment codes, long n) {
    encode(
        numbers,
        ValueLayout.JAVA_FLOAT_UNALIGNED,
        codes,
        CodeLayout.of(ByteOrder.nativeOrder()),
        n);
  }

  /**
   * Encodes n numbers.
   *
   * @param numbers the numbers
   * @param type a layout of float or double, of which only the byte order matters
   * @param codes receives the codes
   * @param layout how the codes lie
   * @param n how many
   * @throws IllegalArgumentException if a segment is shorter than n elements, the codes are
   *     read-only, the type or the layout do not fit, or the rounding is stochastic and the codec
   *     has no random words
   */
  public void encode(
      MemorySegment numbers, ValueLayout type, MemorySegment codes, CodeLayout layout, long n) {
    requireRandom(n);
    requireSegments(numbers, type, codes, layout, n);
    requireWritable("codes", codes);
    boolean shared = parallel && shared(numbers) && shared(codes);
    Object target = array(codes, layout);
    if (type instanceof ValueLayout.OfDouble) {
      ValueLayout.OfDouble unaligned = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(type.order());
      divide(n, shared, (at, count) -> encodeDoubles(numbers, unaligned, codes, layout, at, count));
    } else if (array(numbers, type) instanceof float[] source && target != null) {
      int from = index(numbers, Float.BYTES);
      int to = index(codes, bytesPerCode);
      divide(
          n,
          shared,
          (at, count) ->
              encodeRange(source, from + (int) at, target, to + (int) at, (int) count, at));
    } else {
      ValueLayout.OfFloat unaligned = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(type.order());
      divide(n, shared, (at, count) -> encodeFloats(numbers, unaligned, codes, layout, at, count));
    }
  }

  /**
   * Decodes n codes to float32 numbers, numbers and codes in native byte order.
   *
   * @param codes the codes, each in 1, 2 or 4 bytes
   * @param numbers receives the numbers
   * @param n how many
   * @throws IllegalArgumentException if a segment is shorter than n elements, or the numbers are
   *     read-only
   */
  public void decode(MemorySegment codes, MemorySegment numbers, long n) {
    decode(
        codes,
        CodeLayout.of(ByteOrder.nativeOrder()),
        numbers,
        ValueLayout.JAVA_FLOAT_UNALIGNED,
        n);
  }

  /**
   * Decodes n codes, to float32 or float64 as {@link NumericFormat#decode} or {@link
   * NumericFormat#decodeDouble} do.
   *
   * @param codes the codes
   * @param layout how the codes lie
   * @param numbers receives the numbers
   * @param type a layout of float or double, of which only the byte order matters
   * @param n how many
   * @throws IllegalArgumentException if a segment is shorter than n elements, the numbers are
   *     read-only, or the type or the layout do not fit
   */
  public void decode(
      MemorySegment codes, CodeLayout layout, MemorySegment numbers, ValueLayout type, long n) {
    requireSegments(numbers, type, codes, layout, n);
    requireWritable("numbers", numbers);
    boolean shared = parallel && shared(numbers) && shared(codes);
    Object source = array(codes, layout);
    if (type instanceof ValueLayout.OfDouble) {
      ValueLayout.OfDouble unaligned = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(type.order());
      divide(n, shared, (at, count) -> decodeDoubles(codes, layout, numbers, unaligned, at, count));
    } else if (source != null && array(numbers, type) instanceof float[] target) {
      int from = index(codes, bytesPerCode);
      int to = index(numbers, Float.BYTES);
      divide(
          n,
          shared,
          (at, count) -> decodeRange(source, from + (int) at, target, to + (int) at, (int) count));
    } else {
      ValueLayout.OfFloat unaligned = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(type.order());
      divide(n, shared, (at, count) -> decodeFloats(codes, layout, numbers, unaligned, at, count));
    }
  }

  /**
   * Fake quantization in place as {@link #quantize(float[], int, int, float)} does it.
   *
   * @param numbers the numbers, replaced in place
   * @param type a layout of float, of which only the byte order matters
   * @param n how many
   * @param scale finite and above zero
   * @throws IllegalArgumentException if the scale is not, the segment is shorter than n elements or
   *     read-only, or the rounding is stochastic and the codec has no random words
   */
  public void quantize(MemorySegment numbers, ValueLayout.OfFloat type, long n, float scale) {
    requireRandom(n);
    requireScale(scale);
    requireElements("numbers", numbers, n, numbers.byteSize() / Float.BYTES);
    requireWritable("numbers", numbers);
    ValueLayout.OfFloat unaligned = type.withByteAlignment(1);
    divide(
        n,
        parallel && shared(numbers),
        (at, count) -> {
          float[] block = new float[(int) Math.min(count, BLOCK)];
          for (long i = at; i < at + count; i += BLOCK) {
            int size = (int) Math.min(BLOCK, at + count - i);
            MemorySegment.copy(numbers, unaligned, i * Float.BYTES, block, 0, size);
            quantizeRange(block, 0, size, scale, i);
            MemorySegment.copy(block, 0, numbers, unaligned, i * Float.BYTES, size);
          }
        });
  }

  /** Works on the elements of a call from one on. */
  private interface Range {
    @SuppressWarnings("UnusedMethod") // by the handle
    void apply(long at, long count);
  }

  /** All the elements of a call: in one range, or in one for each share of a thread. */
  private static void divide(long n, boolean shared, Range range) {
    if (shared && n >= PARALLEL_FROM) {
      LongStream.range(0, Math.ceilDiv(n, (long) PARALLEL_SHARE))
          .parallel()
          .forEach(share -> {
            long at = share * PARALLEL_SHARE;
            call(range, at, Math.min(PARALLEL_SHARE, n - at));
          });
    } else if (n > 0) {
      call(range, 0, n);
    }
  }

  /** Through a handle that is not constant: the compiler cannot inline what is behind it. */
  private static void call(Range range, long at, long n) {
    try {
      apply.invokeExact(range, at, n);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(e); // nothing else is declared
    }
  }

  private static boolean shared(MemorySegment segment) {
    return segment.isAccessibleBy(ANOTHER_THREAD);
  }

  private void encodeArray(float[] src, int from, Object dst, int to, int n) {
    requireRandom(n);
    Objects.checkFromIndexSize(from, n, src.length);
    divide(
        n,
        parallel,
        (at, count) -> encodeRange(src, from + (int) at, dst, to + (int) at, (int) count, at));
  }

  /** To an array of any type that holds the codes; {@code at} is the first element's number. */
  private void encodeRange(float[] src, int from, Object dst, int to, int n, long at) {
    boolean stochastic = projection.rounding().isStochastic();
    boolean direct = isNatural(dst);
    if (direct && !stochastic && counter == null) {
      encodeNatural(src, from, dst, to, n);
      return;
    }
    int size = Math.min(n, BLOCK);
    int[] words = new int[stochastic ? size : 0];
    Object block = stochastic ? new int[size] : natural(size);
    for (int i = 0; i < n; i += BLOCK) {
      int count = Math.min(BLOCK, n - i);
      if (stochastic) {
        int[] codes = (int[]) block;
        words(at + i, words, count);
        kernel.encode(src, from + i, codes, 0, count, words);
        countChosen(src, from + i, codes, count);
        convert(codes, 0, dst, to + i, count);
      } else if (direct) {
        encodeNatural(src, from + i, dst, to + i, count);
        count(src, from + i, count);
      } else {
        encodeNatural(src, from + i, block, 0, count);
        count(src, from + i, count);
        convert(block, 0, dst, to + i, count);
      }
    }
  }

  private void encodeFloats(
      MemorySegment numbers,
      ValueLayout.OfFloat type,
      MemorySegment codes,
      CodeLayout layout,
      long from,
      long n) {
    float[] floats = new float[(int) Math.min(n, BLOCK)];
    Object block = natural(floats.length);
    for (long at = from; at < from + n; at += BLOCK) {
      int count = (int) Math.min(BLOCK, from + n - at);
      MemorySegment.copy(numbers, type, at * Float.BYTES, floats, 0, count);
      encodeRange(floats, 0, block, 0, count, at);
      store(block, codes, layout, at, count);
    }
  }

  private void encodeDoubles(
      MemorySegment numbers,
      ValueLayout.OfDouble type,
      MemorySegment codes,
      CodeLayout layout,
      long from,
      long n) {
    double[] doubles = new double[(int) Math.min(n, BLOCK)];
    int[] ints = new int[doubles.length];
    int[] words = new int[doubles.length]; // zeros unless stochastic
    Object block = natural(doubles.length);
    for (long at = from; at < from + n; at += BLOCK) {
      int count = (int) Math.min(BLOCK, from + n - at);
      MemorySegment.copy(numbers, type, at * Double.BYTES, doubles, 0, count);
      if (projection.rounding().isStochastic()) {
        words(at, words, count);
      }
      EncodeCounts counts = EncodeCounts.NONE;
      for (int i = 0; i < count; i++) {
        ints[i] = format.encode(doubles[i], projection, words[i]);
        if (countRule != null) {
          counts = counts.plus(countRule.count(doubles[i], ints[i]));
        }
      }
      if (counter != null) {
        counter.add(counts);
      }
      convert(ints, 0, block, 0, count);
      store(block, codes, layout, at, count);
    }
  }

  private void decodeArray(Object src, int from, float[] dst, int to, int n) {
    Objects.checkFromIndexSize(to, n, dst.length);
    divide(
        n,
        parallel,
        (at, count) -> decodeRange(src, from + (int) at, dst, to + (int) at, (int) count));
  }

  private void decodeRange(Object src, int from, float[] dst, int to, int n) {
    if (isNatural(src)) {
      decodeNatural(src, from, dst, to, n);
      return;
    }
    Object block = natural(Math.min(n, BLOCK));
    for (int i = 0; i < n; i += BLOCK) {
      int count = Math.min(BLOCK, n - i);
      convert(src, from + i, block, 0, count);
      decodeNatural(block, 0, dst, to + i, count);
    }
  }

  private void decodeFloats(
      MemorySegment codes,
      CodeLayout layout,
      MemorySegment numbers,
      ValueLayout.OfFloat type,
      long from,
      long n) {
    float[] floats = new float[(int) Math.min(n, BLOCK)];
    Object block = natural(floats.length);
    for (long at = from; at < from + n; at += BLOCK) {
      int count = (int) Math.min(BLOCK, from + n - at);
      load(codes, layout, at, block, count);
      decodeNatural(block, 0, floats, 0, count);
      MemorySegment.copy(floats, 0, numbers, type, at * Float.BYTES, count);
    }
  }

  private void decodeDoubles(
      MemorySegment codes,
      CodeLayout layout,
      MemorySegment numbers,
      ValueLayout.OfDouble type,
      long from,
      long n) {
    double[] doubles = new double[(int) Math.min(n, BLOCK)];
    int[] ints = new int[doubles.length];
    Object block = natural(doubles.length);
    for (long at = from; at < from + n; at += BLOCK) {
      int count = (int) Math.min(BLOCK, from + n - at);
      load(codes, layout, at, block, count);
      convert(block, 0, ints, 0, count);
      for (int i = 0; i < count; i++) {
        doubles[i] = format.decodeDouble(ints[i]);
      }
      MemorySegment.copy(doubles, 0, numbers, type, at * Double.BYTES, count);
    }
  }

  private void quantizeRange(float[] values, int from, int n, float scale, long at) {
    boolean stochastic = projection.rounding().isStochastic();
    if (!stochastic && counter == null) {
      kernel.quantize(values, from, n, scale);
      return;
    }
    int size = Math.min(n, BLOCK);
    int[] words = new int[stochastic ? size : 0];
    float[] quotients = new float[counter == null ? 0 : size];
    for (int i = 0; i < n; i += BLOCK) {
      int count = Math.min(BLOCK, n - i);
      for (int j = 0; counter != null && j < count; j++) {
        quotients[j] = values[from + i + j] / scale;
      }
      if (stochastic) {
        words(at + i, words, count);
        kernel.quantize(values, from + i, count, scale, words);
        countQuantized(quotients, words, count);
      } else {
        kernel.quantize(values, from + i, count, scale);
        count(quotients, 0, count);
      }
    }
  }

  /** The random words from an element of the call on. */
  private void words(long at, int[] words, int n) {
    Objects.requireNonNull(random).words(firstIndex + at, words, n);
  }

  private void count(float[] src, int from, int n) {
    if (counter != null && countRule != null) {
      counter.add(KernelProvider.kernels().count(countRule, src, from, n));
    }
  }

  private void countChosen(float[] src, int from, int[] codes, int n) {
    if (counter != null && countRule != null) {
      EncodeCounts counts = EncodeCounts.NONE;
      for (int i = 0; i < n; i++) {
        counts = counts.plus(countRule.count(src[from + i], codes[i]));
      }
      counter.add(counts);
    }
  }

  private void countQuantized(float[] quotients, int[] words, int n) {
    if (counter != null && countRule != null) {
      int[] codes = new int[n];
      kernel.encode(quotients, 0, codes, 0, n, words);
      countChosen(quotients, 0, codes, n);
    }
  }

  // Arrays of codes. The natural type is the smallest that holds them, which kernels work on.

  private boolean isNatural(Object array) {
    return switch (array) {
      case byte[] _ -> bytesPerCode == 1;
      case short[] _ -> bytesPerCode == 2;
      default -> bytesPerCode == 4;
    };
  }

  private Object natural(int n) {
    return switch (bytesPerCode) {
      case 1 -> new byte[n];
      case 2 -> new short[n];
      default -> new int[n];
    };
  }

  private void encodeNatural(float[] src, int from, Object dst, int to, int n) {
    switch (dst) {
      case byte[] codes -> kernel.encode(src, from, codes, to, n);
      case short[] codes -> kernel.encode(src, from, codes, to, n);
      default -> kernel.encode(src, from, (int[]) dst, to, n);
    }
  }

  private void decodeNatural(Object src, int from, float[] dst, int to, int n) {
    switch (src) {
      case byte[] codes -> kernel.decode(codes, from, dst, to, n);
      case short[] codes -> kernel.decode(codes, from, dst, to, n);
      default -> kernel.decode((int[]) src, from, dst, to, n);
    }
  }

  /** From one type of array to another or the same; a wider one gets zeros above the code. */
  private void convert(Object src, int from, Object dst, int to, int n) {
    int mask = format.width() == 32 ? -1 : (1 << format.width()) - 1;
    for (int i = 0; i < n; i++) {
      int code =
          switch (src) {
            case byte[] codes -> codes[from + i];
            case short[] codes -> codes[from + i];
            default -> ((int[]) src)[from + i];
          };
      switch (dst) {
        case byte[] codes -> codes[to + i] = (byte) (code & mask);
        case short[] codes -> codes[to + i] = (short) (code & mask);
        default -> ((int[]) dst)[to + i] = code & mask;
      }
    }
  }

  // Segments.

  /** The array that a segment is a part of, if kernels can work on it, else null. */
  private static @Nullable Object array(MemorySegment segment, ValueLayout type) {
    return segment.heapBase().orElse(null) instanceof float[] array
            && type instanceof ValueLayout.OfFloat
            && type.order() == ByteOrder.nativeOrder()
            && segment.address() % Float.BYTES == 0
        ? array
        : null;
  }

  private @Nullable Object array(MemorySegment segment, CodeLayout layout) {
    Object array = segment.heapBase().orElse(null);
    boolean fits =
        switch (array) {
          case byte[] _ -> bytesPerCode == 1 && layout != CodeLayout.PACKED;
          case short[] _ -> bytesPerCode == 2 && layout == CodeLayout.of(ByteOrder.nativeOrder());
          case int[] _ -> bytesPerCode == 4 && layout == CodeLayout.of(ByteOrder.nativeOrder());
          case null, default -> false;
        };
    return fits && segment.address() % bytesPerCode == 0 ? array : null;
  }

  private static int index(MemorySegment segment, int elementSize) {
    return (int) (segment.address() / elementSize);
  }

  private void store(Object block, MemorySegment codes, CodeLayout layout, long at, int n) {
    if (layout == CodeLayout.PACKED) {
      int width = format.width();
      PackedCodes.pack((byte[]) block, 0, codes.asSlice(at / 8 * width), width, n);
    } else {
      MemorySegment.copy(block, 0, codes, elementLayout(layout), at * bytesPerCode, n);
    }
  }

  private void load(MemorySegment codes, CodeLayout layout, long at, Object block, int n) {
    if (layout == CodeLayout.PACKED) {
      int width = format.width();
      PackedCodes.unpack(codes.asSlice(at / 8 * width), width, (byte[]) block, 0, n);
    } else {
      MemorySegment.copy(codes, elementLayout(layout), at * bytesPerCode, block, 0, n);
    }
  }

  private ValueLayout elementLayout(CodeLayout layout) {
    ByteOrder order =
        layout == CodeLayout.BIG_ENDIAN ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    return switch (bytesPerCode) {
      case 1 -> ValueLayout.JAVA_BYTE;
      case 2 -> ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(order);
      default -> ValueLayout.JAVA_INT_UNALIGNED.withOrder(order);
    };
  }

  // Arguments.

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

  private void requireRandom(long n) {
    if (!projection.rounding().isStochastic()) {
      return;
    }
    if (random == null) {
      throw new IllegalArgumentException(
          "rounding = "
              + projection.rounding()
              + " needs random words: use the codec that with(RandomBits, long) returns");
    }
    if (firstIndex > Long.MAX_VALUE - Math.max(0, n)) {
      throw new IllegalArgumentException(
          "n = " + n + ", expected at most 2^63 - 1 less the first index, " + firstIndex);
    }
  }

  private static void requireScale(float scale) {
    if (!(scale > 0 && scale <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException("scale = " + scale + ", expected finite and above 0");
    }
  }

  private void requireSegments(
      MemorySegment numbers, ValueLayout type, MemorySegment codes, CodeLayout layout, long n) {
    if (!(type instanceof ValueLayout.OfFloat || type instanceof ValueLayout.OfDouble)) {
      throw new IllegalArgumentException(
          "type = " + type + ", expected a layout of float or double");
    }
    requireElements("numbers", numbers, n, numbers.byteSize() / type.byteSize());
    if (layout == CodeLayout.PACKED) {
      CodeLayout.requirePackable(format.width());
      int width = format.width();
      long size = codes.byteSize();
      requireElements(
          "codes",
          codes,
          n,
          size / width > Long.MAX_VALUE / 16 ? n : size / width * 8 + size % width * 8 / width);
    } else {
      requireElements("codes", codes, n, codes.byteSize() / bytesPerCode);
    }
  }

  private static void requireElements(String name, MemorySegment segment, long n, long most) {
    if (n < 0 || n > most) {
      throw new IllegalArgumentException(
          "n = "
              + n
              + ", expected 0 to "
              + most
              + ": "
              + name
              + " has "
              + segment.byteSize()
              + " bytes");
    }
  }

  private static void requireWritable(String name, MemorySegment segment) {
    if (segment.isReadOnly()) {
      throw new IllegalArgumentException(name + " is read-only, expected a writable segment");
    }
  }
}
