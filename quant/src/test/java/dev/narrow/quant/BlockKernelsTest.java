package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/** The kernels of this process are, bit for bit, the scalar definition. */
@Tag("scalar")
@Tag("simd")
class BlockKernelsTest {
  private final BlockKernels kernels = BlockKernels.get();
  private final BlockKernels scalar = new ScalarBlockKernels();

  /** Without it an execution named after a vector width could pass on scalar code. */
  @Example
  void thisExecutionRunsTheKernelsItIsNamedAfter() {
    String expected = System.getProperty("expected.kernels", "");
    boolean hasEveryWidth = System.getProperty("os.arch", "").equals("amd64");
    if (expected.equals("scalar") || (hasEveryWidth && !expected.isEmpty())) {
      assertEquals(expected, kernels.name());
    } else {
      assertTrue(kernels.name().startsWith("vector "), kernels.name());
    }
  }

  /** Any bits; a third of the scales are powers of two, whose reciprocals are taken. */
  private static float[] numbers(Random random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] =
          switch (random.nextInt(3)) {
            case 0 -> Float.intBitsToFloat(random.nextInt());
            case 1 -> Math.scalb(1f, random.nextInt(-149, 128));
            default -> (float) random.nextGaussian();
          };
    }
    return x;
  }

  @Property(tries = 300)
  void everyBlockHasItsScale(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 200) int n,
      @ForAll @IntRange(min = 1, max = 40) int block,
      @ForAll @IntRange(min = 0, max = 3) int offset) {
    Random random = new Random(seed);
    float[] x = numbers(random, n + offset);
    float[] scales = numbers(random, n + offset);
    float[] expected = new float[n + offset];
    float[] actual = new float[n + offset];
    scalar.divide(x, offset, n, block, scales, offset, expected, offset);
    kernels.divide(x, offset, n, block, scales, offset, actual, offset);
    assertArrayEquals(expected, actual);
    scalar.multiply(expected, offset, n, block, scales, offset);
    kernels.multiply(actual, offset, n, block, scales, offset);
    assertArrayEquals(expected, actual);
    float[] expectedAmax = new float[n + offset];
    float[] actualAmax = new float[n + offset];
    scalar.amax(x, offset, n, block, expectedAmax, offset);
    kernels.amax(x, offset, n, block, actualAmax, offset);
    assertArrayEquals(expectedAmax, actualAmax);
  }
}
