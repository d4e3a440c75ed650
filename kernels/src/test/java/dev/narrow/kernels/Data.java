package dev.narrow.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.Arrays;

/** Reproducible values for tests: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) from a seed. */
final class Data {
  private static final float[] SPECIAL = {
    0f,
    -0f,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    0x0.fffffep-126f,
    Float.MIN_NORMAL,
    -Float.MIN_NORMAL,
    1f,
    -1f,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.NaN,
    Float.intBitsToFloat(0x7f800001),
    Float.intBitsToFloat(0xffc12345),
  };

  private long state;

  Data(long seed) {
    state = seed;
  }

  long next() {
    state += 0x9e3779b97f4a7c15L;
    long z = state;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  int below(int bound) {
    return (int) Long.remainderUnsigned(next(), bound);
  }

  /** Evenly distributed in [-1, 1). */
  float[] uniform(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (next() >> 40) * 0x1p-23f;
    }
    return values;
  }

  /** Any bit patterns, and one special value in sixteen. */
  float[] anyBits(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = below(16) == 0 ? special() : Float.intBitsToFloat((int) next());
    }
    return values;
  }

  /** In [-1, 1), and one special value in {@code period}. */
  float[] mostlyUniform(int n, int period) {
    float[] values = uniform(n);
    for (int i = 0; i < n; i++) {
      values[i] = below(period) == 0 ? special() : values[i];
    }
    return values;
  }

  float special() {
    return SPECIAL[below(SPECIAL.length)];
  }

  static void assertSameBits(float[] expected, float[] actual, String what) {
    assertEquals(expected.length, actual.length, what);
    for (int i = 0; i < expected.length; i++) {
      assertSameBits(expected[i], actual[i], what + " [" + i + "]");
    }
  }

  static void assertSameBits(float expected, float actual, String what) {
    if (Float.floatToRawIntBits(expected) != Float.floatToRawIntBits(actual)) {
      fail(
          "%s: expected %a (%08x), got %a (%08x)"
              .formatted(
                  what,
                  expected,
                  Float.floatToRawIntBits(expected),
                  actual,
                  Float.floatToRawIntBits(actual)));
    }
  }

  static float[] filled(int n, float value) {
    float[] values = new float[n];
    Arrays.fill(values, value);
    return values;
  }
}
