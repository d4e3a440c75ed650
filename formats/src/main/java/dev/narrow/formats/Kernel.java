package dev.narrow.formats;

import java.lang.ref.SoftReference;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The bulk work of a codec, on arrays whose ranges the codec has checked. This one calls the format
 * for each number, and decodes by table where the codes are few; its subclasses do the same faster
 * for the projections that they are made for.
 *
 * <p>Codes lie in the smallest primitive that holds them: {@code byte} up to 8 bits, {@code short}
 * up to 16, {@code int} above. A kernel is asked only for that one.
 */
class Kernel {
  private static final ConcurrentHashMap<NumericFormat, SoftReference<float[]>> TABLES =
      new ConcurrentHashMap<>();

  final NumericFormat format;
  final Projection projection;

  /** The value of each code, empty for formats of more than 16 bits. */
  final float[] table;

  /** Whether fake quantization keeps zeros or NaNs as they are, for want of a code. */
  final boolean keepsZero;

  final boolean keepsNan;

  Kernel(NumericFormat format, Projection projection) {
    this.format = format;
    this.projection = projection;
    table = table(format);
    keepsZero = !Operand.of(format, format.encode(0.0, projection, 0), false).isZero();
    keepsNan = !format.isNan(format.encode(Double.NaN, projection, 0));
  }

  private static float[] table(NumericFormat format) {
    SoftReference<float[]> cached = TABLES.get(format);
    float[] table = cached == null ? null : cached.get();
    if (table == null) {
      table = tabulate(format);
      TABLES.put(format, new SoftReference<>(table));
    }
    return table;
  }

  private static float[] tabulate(NumericFormat format) {
    float[] table = new float[format.width() <= 16 ? 1 << format.width() : 0];
    for (int code = 0; code < table.length; code++) {
      table[code] = format.decode(code);
    }
    return table;
  }

  void encode(float[] src, int from, byte[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = (byte) format.encode(src[from + i], projection);
    }
  }

  void encode(float[] src, int from, short[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = (short) format.encode(src[from + i], projection);
    }
  }

  void encode(float[] src, int from, int[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = format.encode(src[from + i], projection);
    }
  }

  /** Stochastic rounding, number i with {@code words[i]}; codes of any width. */
  void encode(float[] src, int from, int[] codes, int to, int n, int[] words) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = stochastic(src[from + i], words[i]);
    }
  }

  void decode(byte[] codes, int from, float[] dst, int to, int n) {
    int mask = table.length - 1;
    for (int i = 0; i < n; i++) {
      dst[to + i] = table[codes[from + i] & mask];
    }
  }

  void decode(short[] codes, int from, float[] dst, int to, int n) {
    int mask = table.length - 1;
    for (int i = 0; i < n; i++) {
      dst[to + i] = table[codes[from + i] & mask];
    }
  }

  void decode(int[] codes, int from, float[] dst, int to, int n) {
    for (int i = 0; i < n; i++) {
      dst[to + i] = format.decode(codes[from + i]);
    }
  }

  void quantize(float[] values, int from, int n, float scale) {
    for (int i = from; i < from + n; i++) {
      values[i] = scale * quantized(values[i] / scale, 0);
    }
  }

  /** Stochastic rounding, number i with {@code words[i]}. */
  void quantize(float[] values, int from, int n, float scale, int[] words) {
    for (int i = 0; i < n; i++) {
      values[from + i] = scale * quantized(values[from + i] / scale, words[i]);
    }
  }

  /** Encoded and decoded, but kept as it is where the format has no code for it. */
  final float quantized(float x, int word) {
    if (x == 0 ? keepsZero : keepsNan && Float.isNaN(x)) {
      return x;
    }
    if (!projection.rounding().isStochastic()) {
      return format.decode(format.encode(x, projection));
    }
    return format.decode(stochastic(x, word));
  }

  private int stochastic(float x, int word) {
    boolean flush = projection.saturation().flushesInput(x);
    return format.encode(flush ? Math.copySign(0f, x) : x, projection, word);
  }
}
