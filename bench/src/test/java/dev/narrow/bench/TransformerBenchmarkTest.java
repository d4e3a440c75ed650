package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is timed is what is claimed, and is charged right. */
class TransformerBenchmarkTest {
  private static final int ROWS = 16;
  private static final int COLUMNS = 40;

  private final TransformerBenchmark benchmark = new TransformerBenchmark();

  @Test
  void rowsAreNormalizedCopiedAndGathered() {
    TransformerBenchmark.Rows rows = new TransformerBenchmark.Rows();
    rows.shape = ROWS + "x" + COLUMNS;
    rows.draw();
    TransformerBenchmark.Count count = new TransformerBenchmark.Count();

    assertArrayEquals(rows.x.toFloats(), benchmark.copy(rows, count));

    float[] y = benchmark.layerNorm(rows, count).toFloats();
    float[] weight = rows.weight.toFloats();
    float[] bias = rows.bias.toFloats();
    for (int i = 0; i < ROWS; i++) {
      double mean = 0;
      double squares = 0;
      for (int j = 0; j < COLUMNS; j++) {
        double s = (y[i * COLUMNS + j] - bias[j]) / weight[j];
        mean += s / COLUMNS;
        squares += s * s / COLUMNS;
      }
      assertEquals(0, mean, 1e-3, "mean of row " + i);
      assertEquals(1, squares, 1e-3, "variance of row " + i);
    }

    // Neither a shift nor a factor of x changes y, so dx is at right angles to both.
    float[] dx = benchmark.layerNormBackward(rows, count).toFloats();
    float[] x = rows.x.toFloats();
    for (int i = 0; i < ROWS; i++) {
      double sum = 0;
      double product = 0;
      for (int j = i * COLUMNS; j < (i + 1) * COLUMNS; j++) {
        sum += dx[j];
        product += dx[j] * x[j];
      }
      assertEquals(0, sum, 1e-4, "gradient of a shift of row " + i);
      assertEquals(0, product, 1e-3, "gradient of a factor of row " + i);
    }
    double biases = 0;
    for (float value : rows.dy.toFloats()) {
      biases += value;
    }
    assertEquals(biases, sum(rows.dbias.toFloats()), 1e-4);

    float[] p = benchmark.softmax(rows, count).toFloats();
    for (int i = 0; i < ROWS; i++) {
      assertEquals(1, sum(Arrays.copyOfRange(p, i * COLUMNS, (i + 1) * COLUMNS)), 1e-6);
    }

    float[] gathered = benchmark.embedding(rows, count).toFloats();
    for (int i = 0; i < gathered.length; i++) {
      assertEquals(x[rows.indices[i / COLUMNS] * COLUMNS + i % COLUMNS], gathered[i]);
    }
    benchmark.addEmbeddingBackward(rows, count);
    assertEquals(biases, sum(rows.dtable.toFloats()), 1e-4);

    assertEquals(6L * ROWS * COLUMNS, count.elements);
  }

  private static double sum(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    return sum;
  }

  /** Probabilities sum to 1, so y is a mean of values, and a shift of all values gives dv = dy. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void attentionIsAMeanOfValues(boolean causal) {
    TransformerBenchmark.Heads heads = new TransformerBenchmark.Heads();
    heads.time = 20;
    heads.causal = causal;
    heads.draw();
    TransformerBenchmark.Operations operations = new TransformerBenchmark.Operations();
    assertSame(heads.y, benchmark.attention(heads, operations));
    float[] y = heads.y.toFloats();
    float[] v = heads.v.toFloats();
    for (int column = 0; column < 512; column++) {
      float low = Float.POSITIVE_INFINITY;
      float high = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < heads.time; i++) {
        low = Math.min(low, v[i * 512 + column]);
        high = Math.max(high, v[i * 512 + column]);
      }
      for (int i = 0; i < heads.time; i++) {
        float value = y[i * 512 + column];
        assertTrue(value >= low - 1e-5f && value <= high + 1e-5f, "y " + i + ", " + column);
      }
      assertEquals(causal, Math.abs(y[column] - v[column]) < 1e-6f, "first row");
    }
    benchmark.attentionBackward(heads, operations);
    float[] dv = heads.dv.toFloats();
    float[] dy = heads.dy.toFloats();
    for (int column = 0; column < 512; column++) {
      double expected = 0;
      double actual = 0;
      for (int i = 0; i < heads.time; i++) {
        expected += dy[i * 512 + column];
        actual += dv[i * 512 + column];
      }
      assertEquals(expected, actual, 1e-4, "column " + column);
    }
    assertEquals(7 * 2L * 20 * 20 * 512 / (causal ? 2 : 1), operations.flop);
  }
}
