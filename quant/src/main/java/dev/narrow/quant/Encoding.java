package dev.narrow.quant;

import dev.narrow.formats.Codec;
import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.RandomBits;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/** Encodes elements under factors, a piece that fits the cache at a time. */
final class Encoding {
  /** Elements at a time: of these the first cache holds the numbers, their quotients and codes. */
  static final int CHUNK = 1024;

  /** Integers before the zero point is added: more than all that is left after clamping. */
  private static final NumericFormat WIDE = new FixedFormat("fixed:b24f0", 24, true, 0, false);

  private static final ThreadLocal<float[]> SCALED =
      ThreadLocal.withInitial(() -> new float[CHUNK]);

  private final Codec codec;
  private final @Nullable RandomBits random;
  private final Floats elements;
  private final BlockKernels kernels = BlockKernels.get();
  private final float[] scaled;
  private final int bytesPerCode;
  private final int mask; // a code has zeros above its width
  private final int low;
  private final int high;

  Encoding(Quantizer quantizer, @Nullable RandomBits random, Floats elements) {
    NumericFormat format = quantizer.format();
    Projection projection = quantizer.projection();
    boolean shifted = quantizer.scaleRule() == ScaleRule.MIN_TO_MAX;
    this.codec = Codec.of(shifted ? WIDE : format, projection);
    this.random = random;
    this.elements = elements;
    this.scaled = SCALED.get();
    this.bytesPerCode = Tensor.bytesPerCode(format);
    this.mask = -1 >>> (Integer.SIZE - format.width());
    boolean symmetric = format instanceof FixedFormat f && f.symmetric();
    boolean signed = format instanceof FixedFormat f && f.signed();
    this.high = shifted ? (int) format.maxFinite() : 0;
    this.low = symmetric ? -high : signed ? -high - 1 : 0;
  }

  static MemorySegment allocate(NumericFormat format, int size) {
    return switch (Tensor.bytesPerCode(format)) {
      case 1 -> MemorySegment.ofArray(new byte[size]);
      case 2 -> MemorySegment.ofArray(new short[size]);
      default -> MemorySegment.ofArray(new float[size]);
    };
  }

  /**
   * The same elements in pieces of up to {@link #CHUNK}, of whole blocks where these are shorter.
   */
  static Granularity.Visitor chunked(Granularity.Visitor visitor) {
    return (from, length, first, block) -> {
      int step = block < CHUNK ? CHUNK / block * block : block;
      for (int start = 0; start < length; start += step) {
        int n = Math.min(step, length - start);
        int scale = first + start / block;
        if (block < CHUNK) {
          visitor.visit(from + start, n, scale, block);
          continue;
        }
        for (int i = 0; i < n; i += CHUNK) {
          int piece = Math.min(CHUNK, n - i);
          visitor.visit(from + start + i, piece, scale, piece);
        }
      }
    };
  }

  /** Encodes up to {@link #CHUNK} elements. */
  void encode(int from, int n, Factors factors, int first, int block, MemorySegment codes) {
    divide(from, n, factors, first, block);
    if (factors.zeroPoints != null) {
      int[] integers = integers(from, n, factors, factors.zeroPoints, first, block);
      for (int i = 0; i < n; i++) {
        int code = integers[i] & mask;
        if (bytesPerCode == 1) {
          codes.set(ValueLayout.JAVA_BYTE, from + i, (byte) code);
        } else {
          codes.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * (from + i), (short) code);
        }
      }
      return;
    }
    long base = codes.address() / bytesPerCode;
    boolean aligned = codes.address() % bytesPerCode == 0;
    switch (codes.heapBase().orElse(null)) {
      case byte[] bytes when bytesPerCode == 1 ->
          encoder(from).encode(scaled, 0, bytes, (int) base + from, n);
      case short[] shorts when bytesPerCode == 2 && aligned ->
          encoder(from).encode(scaled, 0, shorts, (int) base + from, n);
      case null, default -> {
        MemorySegment target = codes.asSlice((long) from * bytesPerCode, (long) n * bytesPerCode);
        encoder(from).encode(MemorySegment.ofArray(scaled), target, n);
      }
    }
  }

  /** Replaces up to {@link #CHUNK} elements by what their codes stand for. */
  void fake(int from, int n, Factors factors, int first, int block) {
    fake(from, n, factors, first, block, elements);
  }

  /**
   * Writes what the codes of up to {@link #CHUNK} elements stand for, which may be in their place.
   */
  void fake(int from, int n, Factors factors, int first, int block, Floats target) {
    float factor = factors.factors[first];
    boolean one = block >= n && factor > 0 && factor <= Float.MAX_VALUE;
    int to = target.offset() + from;
    if (one && factors.zeroPoints == null && factors.division == Division.QUOTIENT) {
      if (!target.equals(elements)) {
        System.arraycopy(elements.array(), elements.offset() + from, target.array(), to, n);
      }
      encoder(from).quantize(target.array(), to, n, factor);
      return;
    }
    divide(from, n, factors, first, block);
    if (factors.zeroPoints != null) {
      int[] integers = integers(from, n, factors, factors.zeroPoints, first, block);
      for (int i = 0; i < n; i++) {
        scaled[i] = integers[i] - factors.zeroPoints[first + i / block];
      }
    } else {
      encoder(from).quantize(scaled, 0, n, 1f);
    }
    kernels.multiply(scaled, 0, n, block, factors.factors, first);
    System.arraycopy(scaled, 0, target.array(), to, n);
  }

  private void divide(int from, int n, Factors factors, int first, int block) {
    int at = elements.offset() + from;
    if (factors.division == Division.QUOTIENT) {
      kernels.divide(elements.array(), at, n, block, factors.divisors, first, scaled, 0);
      if (factors.someZero) {
        makeCanonical(at, n);
      }
    } else {
      System.arraycopy(elements.array(), at, scaled, 0, n);
      kernels.multiply(scaled, 0, n, block, factors.divisors, first);
    }
  }

  /** Of infinity by infinity, processors make NaN of either sign. */
  private void makeCanonical(int at, int n) {
    for (int i = 0; i < n; i++) {
      if (Float.isNaN(scaled[i]) && Float.isInfinite(elements.array()[at + i])) {
        scaled[i] = Float.NaN;
      }
    }
  }

  private int[] integers(int from, int n, Factors factors, int[] points, int first, int block) {
    boolean shifted = false;
    for (int i = 0; i < n; i++) {
      int k = first + i / block;
      switch (factors.division) {
        case QUOTIENT, RECIPROCAL -> {}
        case RECIPROCAL_SHIFTED -> {
          scaled[i] += points[k];
          shifted = true;
        }
        case RECIPROCAL_FUSED -> {
          float x = elements.array()[elements.offset() + from + i];
          scaled[i] = Math.fma(x, factors.divisors[k], points[k]);
          shifted = true;
        }
      }
    }
    int[] integers = new int[n];
    encoder(from).encode(scaled, 0, integers, 0, n);
    for (int i = 0; i < n; i++) {
      int signed = integers[i] << 8 >> 8; // codes have 24 bits
      integers[i] = Math.clamp(shifted ? signed : signed + points[first + i / block], low, high);
    }
    return integers;
  }

  private Codec encoder(int from) {
    return random == null ? codec : codec.with(random, from);
  }
}
