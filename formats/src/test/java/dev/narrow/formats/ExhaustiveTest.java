package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** All 2^32 floats, in 65,536 blocks of one upper half each. */
class ExhaustiveTest {
  private static final int BLOCK = 1 << 16;
  private static final int INFINITY = 0x7F80_0000;

  /**
   * Each of the 2^32 floats goes through the vector kernel and through the scalar one. What to
   * expect is known from encoding one by one on both sides of every switching point, between which
   * a rounding to nearest is constant, and of every infinity and NaN. ({@link OracleTest} proves
   * encoding one by one there.)
   */
  @Test
  void nearestEvenIsRightForEveryFloat() {
    List<Sweep> sweeps =
        Stream.of(Formats.FP16, Formats.BF16, Formats.E4M3FN, Formats.E5M2, Formats.LNS8)
            .flatMap(format ->
                Stream.of(ScalarKernels.INSTANCE, KernelProvider.kernels())
                    .map(kernels -> new Sweep(format, kernels)))
            .toList();
    IntStream.range(0, 1 << 16)
        .parallel()
        .forEach(high -> {
          float[] floats = block(high);
          for (Sweep sweep : sweeps) {
            sweep.check(high << 16, floats);
          }
        });
  }

  /** The JDK's conversion is one more witness; where it is hardware's, codecs use it. */
  @Test
  void halfPrecisionIsTheJdksForEveryFloat() {
    FloatKernel integers = new FloatKernel(Formats.FP16, Formats.FP16.defaultProjection());
    IntStream.range(0, 1 << 16)
        .parallel()
        .forEach(high -> {
          float[] floats = block(high);
          short[] expected = new short[BLOCK];
          for (int i = 0; i < BLOCK; i++) {
            expected[i] = Float.floatToFloat16(floats[i]);
          }
          short[] codes = new short[BLOCK];
          integers.encode(floats, 0, codes, 0, BLOCK);
          assertEquals(-1, Arrays.mismatch(expected, codes), () -> "from " + floats[0]);
        });
  }

  private static float[] block(int high) {
    float[] floats = new float[BLOCK];
    for (int low = 0; low < BLOCK; low++) {
      floats[low] = Float.intBitsToFloat((high << 16) | low);
    }
    return floats;
  }

  /** What a format's kernel should do, as runs of floats with one code. */
  private static final class Sweep {
    private final NumericFormat format;
    private final Kernel kernel;
    private final String name;

    /** The bits of the first positive float of each run, ascending, and its code. */
    private final int[] starts;

    private final short[] codes;

    Sweep(NumericFormat format, Kernels kernels) {
      this.format = format;
      kernel = kernels.kernel(format, format.defaultProjection());
      name = format.name() + ", " + kernels.name();
      int overflow = encode(INFINITY - 1);
      int largest = Float.floatToRawIntBits(format.maxFinite());
      int last = encode(largest);
      starts = new int[last + 2];
      codes = new short[last + 2];
      for (int code = 1; code <= last; code++) {
        int above = Float.floatToRawIntBits(format.decode(code));
        codes[code] = (short) code;
        starts[code] = firstWith(code - 1, code, starts[code - 1], above);
      }
      codes[last + 1] = (short) overflow;
      starts[last + 1] =
          overflow == last ? INFINITY : firstWith(last, overflow, largest, INFINITY - 1);
    }

    private int encode(int bits) {
      return format.encode(Float.intBitsToFloat(bits), format.defaultProjection());
    }

    private int firstWith(int codeBelow, int code, int below, int above) {
      assertEquals(codeBelow, encode(below));
      assertEquals(code, encode(above));
      while (above - below > 1) {
        int middle = (below + above) >>> 1;
        int there = encode(middle);
        if (there == codeBelow) {
          below = middle;
        } else {
          assertEquals(code, there);
          above = middle;
        }
      }
      return above;
    }

    void check(int first, float[] floats) {
      byte[] bytes = new byte[format.width() <= 8 ? BLOCK : 0];
      short[] shorts = new short[format.width() <= 8 ? 0 : BLOCK];
      int magnitude = first & Integer.MAX_VALUE;
      if (magnitude >= INFINITY) {
        for (int i = 0; i < BLOCK; i++) {
          fill(bytes, shorts, i, i + 1, encode(first + i));
        }
      } else {
        int sign = first < 0 ? 1 << (format.width() - 1) : 0;
        int found = Arrays.binarySearch(starts, magnitude);
        int run = found < 0 ? -found - 2 : found;
        for (int i = 0; i < BLOCK; run++) {
          int next = run + 1 < starts.length ? starts[run + 1] - magnitude : BLOCK;
          int code = codes[run] == 0 && format instanceof LogFormat ? 0 : codes[run] | sign;
          fill(bytes, shorts, i, Math.min(next, BLOCK), code);
          i = Math.min(next, BLOCK);
        }
      }
      int at;
      if (format.width() <= 8) {
        byte[] actual = new byte[BLOCK];
        kernel.encode(floats, 0, actual, 0, BLOCK);
        at = Arrays.mismatch(bytes, actual);
      } else {
        short[] actual = new short[BLOCK];
        kernel.encode(floats, 0, actual, 0, BLOCK);
        at = Arrays.mismatch(shorts, actual);
      }
      if (at >= 0) {
        fail("%s: %a, code %x".formatted(name, floats[at], encode(first + at)));
      }
    }

    private static void fill(byte[] bytes, short[] shorts, int from, int to, int code) {
      if (bytes.length > 0) {
        Arrays.fill(bytes, from, to, (byte) code);
      } else {
        Arrays.fill(shorts, from, to, (short) code);
      }
    }
  }

  @Test
  void halfPrecisionDecodesAsTheJdkForEveryCode() {
    for (int code = 0; code < 1 << 16; code++) {
      assertEquals(
          Float.floatToRawIntBits(Float.float16ToFloat((short) code)),
          Float.floatToRawIntBits(Formats.FP16.decode(code)));
    }
  }

  @Test
  void floatsAreTheirOwnCodesButForSignalingNaNs() {
    FloatFormat f = Formats.FP32;
    IntStream.range(0, 1 << 16)
        .parallel()
        .forEach(high -> {
          for (int low = 0; low < 1 << 16; low += 4099) {
            int bits = (high << 16) | low;
            float x = Float.intBitsToFloat(bits);
            int quiet = Float.isNaN(x) ? bits | 0x40_0000 : bits;
            assertEquals(quiet, f.encode(x, f.defaultProjection()));
            assertEquals(quiet, Float.floatToRawIntBits(f.decode(bits)));
          }
        });
  }
}
