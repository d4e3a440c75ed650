package dev.narrow.formats;

import java.lang.ref.SoftReference;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The bulk work of a codec. This one calls the format for each number, and decodes by table where
 * the codes are few; its subclasses do the same faster for the projections that they are made for.
 */
class Kernel {
  private static final int BLOCK = 1024;
  private static final ConcurrentHashMap<NumericFormat, SoftReference<float[]>> TABLES =
      new ConcurrentHashMap<>();

  final NumericFormat format;
  final Projection projection;

  /** The value of each code, empty for formats of more than 16 bits. */
  final float[] table;

  private final boolean keepsZero;
  private final boolean keepsNan;

  Kernel(NumericFormat format, Projection projection) {
    this.format = format;
    this.projection = projection;
    table = table(format);
    switch (format) {
      case FloatFormat f -> {
        keepsZero = !f.zero();
        keepsNan = !f.hasNan();
      }
      case LogFormat f -> {
        keepsZero = f.zero() == LogFormat.Zero.NONE;
        keepsNan = keepsZero;
      }
      case PositFormat f -> {
        keepsZero = false;
        keepsNan = false;
      }
      case FixedFormat f -> {
        keepsZero = false;
        keepsNan = true;
      }
      case TableFormat f -> {
        keepsZero = !f.values().contains(0f);
        keepsNan = true;
      }
    }
  }

  /** The fastest kernel for a format and a projection. */
  static Kernel of(NumericFormat format, Projection projection) {
    return switch (format) {
      case FloatFormat f when SingleKernel.supports(f, projection) ->
          new SingleKernel(f, projection);
      case FloatFormat f when HalfKernel.supports(f, projection) -> new HalfKernel(f, projection);
      case FloatFormat f when FloatKernel.supports(f, projection) -> new FloatKernel(f, projection);
      case LogFormat f when LogKernel.supports(f, projection) -> new LogKernel(f, projection);
      case FloatFormat f -> new Kernel(f, projection);
      case LogFormat f -> new Kernel(f, projection);
      case PositFormat f -> new Kernel(f, projection);
      case FixedFormat f -> new Kernel(f, projection);
      case TableFormat f -> new Kernel(f, projection);
    };
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

  void encode(float[] src, int from, int[] codes, int to, int n) {
    for (int i = 0; i < n; i++) {
      codes[to + i] = format.encode(src[from + i], projection);
    }
  }

  void encode(
      float[] src, int from, int[] codes, int to, int n, RandomBits random, long firstIndex) {
    int[] words = new int[Math.min(n, BLOCK)];
    for (int at = 0; at < n; at += BLOCK) {
      int count = Math.min(BLOCK, n - at);
      random.words(firstIndex + at, words, count);
      for (int i = 0; i < count; i++) {
        float x = src[from + at + i];
        boolean flush = projection.saturation().flushesInput(x);
        codes[to + at + i] = format.encode(flush ? Math.copySign(0f, x) : x, projection, words[i]);
      }
    }
  }

  void encode(float[] src, int from, short[] codes, int to, int n) {
    int[] block = new int[Math.min(n, BLOCK)];
    for (int at = 0; at < n; at += BLOCK) {
      int count = Math.min(BLOCK, n - at);
      encode(src, from + at, block, 0, count);
      for (int i = 0; i < count; i++) {
        codes[to + at + i] = (short) block[i];
      }
    }
  }

  void decode(int[] codes, int from, float[] dst, int to, int n) {
    if (table.length == 0) {
      for (int i = 0; i < n; i++) {
        dst[to + i] = format.decode(codes[from + i]);
      }
    } else {
      int mask = table.length - 1;
      for (int i = 0; i < n; i++) {
        dst[to + i] = table[codes[from + i] & mask];
      }
    }
  }

  void decode(short[] codes, int from, float[] dst, int to, int n) {
    int mask = table.length - 1;
    for (int i = 0; i < n; i++) {
      dst[to + i] = table[codes[from + i] & mask];
    }
  }

  void decode(byte[] codes, int from, float[] dst, int to, int n) {
    int mask = table.length - 1;
    for (int i = 0; i < n; i++) {
      dst[to + i] = table[codes[from + i] & mask];
    }
  }

  void quantize(float[] values, int from, int n, float scale) {
    for (int i = from; i < from + n; i++) {
      values[i] = scale * quantized(values[i] / scale, 0);
    }
  }

  void quantize(float[] values, int from, int n, float scale, RandomBits random, long firstIndex) {
    int[] words = new int[Math.min(n, BLOCK)];
    for (int at = 0; at < n; at += BLOCK) {
      int count = Math.min(BLOCK, n - at);
      random.words(firstIndex + at, words, count);
      for (int i = 0; i < count; i++) {
        int place = from + at + i;
        values[place] = scale * quantized(values[place] / scale, words[i]);
      }
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
    boolean flush = projection.saturation().flushesInput(x);
    return format.decode(format.encode(flush ? Math.copySign(0f, x) : x, projection, word));
  }
}
