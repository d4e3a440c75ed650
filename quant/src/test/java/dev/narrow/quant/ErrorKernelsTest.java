package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/** The kernels of this process are, bit for bit, the scalar definition. */
@Tag("scalar")
@Tag("simd")
class ErrorKernelsTest {
  private final ErrorKernels kernels = BlockKernels.get().errors();
  private final ErrorKernels scalar = new ScalarErrorKernels();

  private static ErrorChunk chunk(long seed, int n, boolean finite) {
    Random random = new Random(seed);
    ErrorChunk chunk = new ErrorChunk(n, -448, 464, 0x1p-6f);
    for (int i = 0; i < n; i++) {
      chunk.before[i] = number(random, finite);
      chunk.after[i] =
          switch (random.nextInt(4)) {
            case 0 -> number(random, finite);
            case 1 -> 0;
            default -> chunk.before[i] * (0.6f + random.nextFloat());
          };
      if (finite && !Float.isFinite(chunk.after[i])) {
        chunk.after[i] = Float.MAX_VALUE;
      }
      chunk.quotients[i] = random.nextInt(9) == 0 ? Float.NaN : number(random, false) * 0x1p-3f;
      chunk.decoded[i] = number(random, true);
      chunk.ulps[i] = Math.scalb(1f, random.nextInt(-149, 100));
    }
    return chunk;
  }

  /** Ordinary numbers, limits, zeros, subnormal and any other bits. */
  private static float number(Random random, boolean finite) {
    float x =
        switch (random.nextInt(8)) {
          case 0 -> Float.intBitsToFloat(random.nextInt());
          case 1 -> random.nextBoolean() ? 0f : -0f;
          case 2 -> Float.intBitsToFloat(random.nextInt(1 << 23));
          case 3 -> random.nextBoolean() ? -448 : 464;
          case 4 -> random.nextBoolean() ? Float.NEGATIVE_INFINITY : Float.MAX_VALUE;
          default -> (float) random.nextGaussian();
        };
    return finite && !Float.isFinite(x) ? 1 : x;
  }

  @Property(tries = 300)
  void octaves(@ForAll long seed, @ForAll @IntRange(min = 1, max = 300) int n) {
    ErrorChunk expected = chunk(seed, n, false);
    ErrorChunk actual = chunk(seed, n, false);
    scalar.octaves(expected, n);
    kernels.octaves(actual, n);
    assertArrayEquals(expected.octaves, actual.octaves);
    assertEquals(expected.someFar, actual.someFar);
  }

  @Property(tries = 300)
  void momentsAndRatios(@ForAll long seed, @ForAll @IntRange(min = 1, max = 300) int n) {
    ErrorChunk expected = chunk(seed, n, true);
    ErrorChunk actual = chunk(seed, n, true);
    scalar.moments(expected, n);
    scalar.ratios(expected, n);
    kernels.moments(actual, n);
    kernels.ratios(actual, n);
    assertArrayEquals(expected.lanes, actual.lanes);
    assertEquals(expected.maxRelative, actual.maxRelative);
    assertEquals(expected.maxUlps, actual.maxUlps);
    assertEquals(expected.subnormal, actual.subnormal);
    assertEquals(expected.relativeCount, actual.relativeCount);
    assertEquals(expected.ulpCount, actual.ulpCount);
  }

  @Property(tries = 300)
  void binades(@ForAll long seed, @ForAll @IntRange(min = 1, max = 300) int n) {
    ErrorChunk chunk = chunk(seed, n, true);
    float[] expected = new float[n];
    float[] actual = new float[n];
    for (int shift : new int[] {1, 3, 7, 23}) {
      for (int lowest : new int[] {1, 113, 127}) {
        scalar.binades(chunk.decoded, n, shift, lowest, expected);
        kernels.binades(chunk.decoded, n, shift, lowest, actual);
        assertArrayEquals(expected, actual);
      }
    }
  }
}
