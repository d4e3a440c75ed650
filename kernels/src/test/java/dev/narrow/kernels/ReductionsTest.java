package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.quant.Tensor;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.function.Executable;

/** Reductions along the innermost axis. */
@Tag("scalar")
@Tag("simd")
class ReductionsTest {
  private static final Backend BACKEND = Backend.cpu(1);

  @Property(tries = 200)
  void reductionsGiveTheBitsOfStraightLoops(
      @ForAll @IntRange(min = 0, max = 6) int rows,
      @ForAll @IntRange(min = 1, max = 70) int n,
      @ForAll @IntRange(min = 2, max = 200) int period,
      @ForAll long seed) {
    float[] x = new Data(seed).mostlyUniform(rows * n, period);
    float[] sum = new float[rows];
    float[] mean = new float[rows];
    float[] max = new float[rows];
    float[] min = new float[rows];
    int[] argmax = new int[rows];
    for (int i = 0; i < rows; i++) {
      Lanes lanes = new Lanes();
      max[i] = Float.NEGATIVE_INFINITY;
      min[i] = Float.POSITIVE_INFINITY;
      for (int j = 0; j < n; j++) {
        float value = x[i * n + j];
        lanes.add(value);
        max[i] = Lanes.canonical(Math.max(max[i], value));
        min[i] = Lanes.canonical(Math.min(min[i], value));
        float best = x[i * n + argmax[i]];
        argmax[i] = value > best || (Float.isNaN(value) && !Float.isNaN(best)) ? j : argmax[i];
      }
      sum[i] = lanes.sum();
      mean[i] = Lanes.canonical(sum[i] / n);
    }
    Tensor rowsOfX = Tensor.of(x, 1, rows, n);
    Tensor y = Tensor.zeros(1, rows);
    BACKEND.sumColumns(rowsOfX, y);
    assertSameBits(sum, y.toFloats(), "sum");
    BACKEND.meanColumns(rowsOfX, y);
    assertSameBits(mean, y.toFloats(), "mean");
    BACKEND.maxColumns(rowsOfX, y);
    assertSameBits(max, y.toFloats(), "max");
    BACKEND.minColumns(rowsOfX, y);
    assertSameBits(min, y.toFloats(), "min");
    int[] actual = new int[rows];
    BACKEND.argmaxColumns(rowsOfX, actual);
    assertArrayEquals(argmax, actual);
  }

  /** Sums of chunks, and sums of those, as often as it takes: chunks of 4096, written out. */
  private static float inChunks(float[] terms, boolean squares) {
    float[] sums = new float[Math.max(1, Math.ceilDiv(terms.length, 4096))];
    for (int i = 0; i < sums.length; i++) {
      Lanes lanes = new Lanes();
      for (int j = 4096 * i; j < Math.min(terms.length, 4096 * (i + 1)); j++) {
        if (squares) {
          lanes.addProduct(terms[j], terms[j]);
        } else {
          lanes.add(terms[j]);
        }
      }
      sums[i] = lanes.sum();
    }
    return sums.length == 1 ? sums[0] : inChunks(sums, false);
  }

  @Example
  void wholeTensorsAreSummedInChunks() {
    for (int n : new int[] {0, 1, 15, 16, 17, 4095, 4096, 4097, 12_289, 4096 * 4096 + 17}) {
      float[] values = new Data(n).uniform(n);
      Tensor x = Tensor.of(values, n);
      for (Backend backend : List.of(BACKEND, Backend.cpu(3))) { // chunks are shared, sums are not
        assertSameBits(inChunks(values, false), backend.sum(x), "sum");
        assertSameBits(inChunks(values, true), backend.sumOfSquares(x), "sumOfSquares");
      }
    }
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Example
  void whatDoesNotFitIsRefused() {
    Tensor x = Tensor.zeros(2, 3);
    assertRefused("y has shape [3], expected [2]", () -> BACKEND.maxColumns(x, Tensor.zeros(3)));
    assertRefused(
        "x has shape [2, 0], expected an innermost extent of 1 or more",
        () -> BACKEND.meanColumns(Tensor.zeros(2, 0), Tensor.zeros(2)));
    assertRefused(
        "x is a scalar, expected one axis or more",
        () -> BACKEND.sumColumns(Tensor.zeros(), Tensor.zeros()));
    assertRefused(
        "y has 3 elements, expected 2, one for each row",
        () -> BACKEND.argmaxColumns(x, new int[3]));
    float[] sums = {42f, 42f};
    BACKEND.sumColumns(Tensor.zeros(2, 0), Tensor.of(sums, 2));
    assertSameBits(new float[2], sums, "sums of nothing");
  }
}
