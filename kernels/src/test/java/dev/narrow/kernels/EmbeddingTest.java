package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.function.Executable;

@Tag("scalar")
@Tag("simd")
class EmbeddingTest {
  private static final Backend BACKEND = Backend.cpu(1);

  private static int[] indices(Data data, int n, int count) {
    int[] indices = new int[n];
    for (int p = 0; p < n; p++) {
      indices[p] = data.below(count);
    }
    return indices;
  }

  @Property(tries = 100)
  void rowsAreThoseOfTheTable(
      @ForAll @IntRange(min = 1, max = 20) int count,
      @ForAll @IntRange(min = 0, max = 40) int width,
      @ForAll @IntRange(min = 0, max = 30) int n,
      @ForAll long seed) {
    Data data = new Data(seed);
    float[] table = data.anyBits(count * width);
    int[] indices = indices(data, n, count);
    float[] y = new float[n * width];
    BACKEND.embedding(Tensor.of(table, count, width), indices, Tensor.of(y, n, 1, width));
    for (int i = 0; i < y.length; i++) {
      assertSameBits(table[indices[i / width] * width + i % width], y[i], "y " + i);
    }
  }

  /**
   * The gather is a product with a matrix of ones and zeros, and its gradient one with the
   * transpose: the same terms in the same order, from +0.
   */
  @Property(tries = 100)
  void theGradientIsAProductWithTheTransposeOfOneHotRows(
      @ForAll @IntRange(min = 1, max = 20) int count,
      @ForAll @IntRange(min = 1, max = 40) int width,
      @ForAll @IntRange(min = 0, max = 60) int n,
      @ForAll long seed) {
    Data data = new Data(seed);
    int[] indices = indices(data, n, count);
    float[] oneHot = new float[n * count];
    for (int p = 0; p < n; p++) {
      oneHot[p * count + indices[p]] = 1f;
    }
    Tensor dy = Tensor.of(data.uniform(n * width), n, width);
    Tensor expected = Tensor.zeros(count, width);
    BACKEND.matmul(
        Matmul.plain(),
        Matrices.of(Tensor.of(oneHot, n, count)).transposed(),
        Matrices.of(dy),
        Matrices.of(expected));
    Tensor actual = Tensor.zeros(count, width);
    BACKEND.addEmbeddingBackward(indices, dy, actual);
    assertSameBits(expected.toFloats(), actual.toFloats(), "dtable");
  }

  @Example
  void gradientsAreAddedInTheOrderOfPositions() {
    Tensor dy = Tensor.of(new float[] {0x1p24f, 1, 1, 7}, 4, 1);
    float[] dtable = {1, 100};
    BACKEND.addEmbeddingBackward(new int[] {0, 0, 0, 1}, dy, Tensor.of(dtable, 2, 1));
    // ((1 + 2^24) + 1) + 1, each tie to even; from the other end it would be 2^24 + 2.
    assertSameBits(new float[] {0x1p24f, 107}, dtable, "dtable");
  }

  @Example
  void threadsDoNotChangeTheBits() {
    Data data = new Data(3);
    int[] indices = indices(data, 3000, 7);
    Tensor dy = Tensor.of(data.mostlyUniform(3000 * 800, 1 << 20), 30, 100, 800);
    Tensor table = Tensor.of(data.uniform(7 * 800), 7, 800);
    Tensor one = Tensor.of(table.toFloats(), 7, 800);
    BACKEND.addEmbeddingBackward(indices, dy, one);
    Tensor y = Tensor.zeros(3000, 800);
    BACKEND.embedding(table, indices, y);
    for (int threads : new int[] {2, 3, 8}) {
      Tensor other = Tensor.of(table.toFloats(), 7, 800);
      Backend.cpu(threads).addEmbeddingBackward(indices, dy, other);
      assertSameBits(one.toFloats(), other.toFloats(), threads + " threads");
      Tensor rows = Tensor.zeros(3000, 800);
      Backend.cpu(threads).embedding(table, indices, rows);
      assertSameBits(y.toFloats(), rows.toFloats(), threads + " threads, rows");
    }
  }

  @Example
  void aTableOfAnyFormatIsDecoded() {
    Tensor table = Quantizer.of(Formats.E4M3FN).quantize(Tensor.of(new float[] {1, 2, 3, 4}, 2, 2));
    float[] y = new float[4];
    BACKEND.embedding(table, new int[] {1, 0}, Tensor.of(y, 2, 2));
    assertSameBits(new float[] {3, 4, 1, 2}, y, "y");
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Example
  void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
    float[] values = Data.filled(6, 42f);
    Tensor y = Tensor.of(values, 2, 3);
    Tensor table = Tensor.zeros(5, 3);
    assertRefused(
        "indices[1] = 5, expected 0 to 4", () -> BACKEND.embedding(table, new int[] {4, 5}, y));
    assertRefused(
        "indices[0] = -1, expected 0 to 4",
        () -> BACKEND.addEmbeddingBackward(new int[] {-1, 0}, y, table));
    assertRefused(
        "indices has 3 elements, expected 2, one for each row of y",
        () -> BACKEND.embedding(table, new int[3], y));
    assertRefused(
        "y has shape [2, 3], expected an innermost extent of 4 for table of shape [5, 4]",
        () -> BACKEND.embedding(Tensor.zeros(5, 4), new int[2], y));
    assertRefused(
        "indices[0] = 0, expected none for table without rows",
        () -> BACKEND.embedding(Tensor.zeros(0, 3), new int[2], y));
    assertRefused(
        "y shares memory with table, expected memory of its own",
        () -> BACKEND.embedding(y, new int[2], y));
    assertSameBits(Data.filled(6, 42f), values, "y");
  }
}
