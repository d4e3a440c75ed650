package dev.narrow.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.quant.Tensor;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The operations of a transformer against PyTorch in float64, whose values {@code transformer.py}
 * wrote.
 *
 * <p>No row has more than twenty elements, and no term or partial sum on the way to a result is
 * more than 32: some thirty roundings, each by at most 2^-24 of that, and the ninth digit of what
 * is expected leave all results within 2^-14.
 */
@Tag("scalar")
@Tag("simd")
class TransformerGoldenTest {
  private static final double TOLERANCE = 0x1p-14;

  private final Backend backend = Backend.cpu(2);
  private final Map<String, int[]> shapes = new HashMap<>();
  private final Map<String, double[]> values = new HashMap<>();

  TransformerGoldenTest() throws IOException {
    InputStream in = TransformerGoldenTest.class.getResourceAsStream("transformer.txt");
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(Objects.requireNonNull(in), StandardCharsets.US_ASCII))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        int colon = line.indexOf(" : ");
        String[] head = line.substring(0, colon).split(" ", -1);
        String[] tail = line.substring(colon + 3).split(" ", -1);
        int[] shape = Arrays.stream(head).skip(1).mapToInt(Integer::parseInt).toArray();
        shapes.put(head[0], shape);
        values.put(head[0], Arrays.stream(tail).mapToDouble(Double::parseDouble).toArray());
      }
    }
  }

  private double[] golden(String name) {
    return Objects.requireNonNull(values.get(name), name);
  }

  private Tensor operand(String name) {
    double[] exact = golden(name);
    float[] rounded = new float[exact.length];
    for (int i = 0; i < exact.length; i++) {
      rounded[i] = (float) exact[i];
    }
    return Tensor.of(rounded, Objects.requireNonNull(shapes.get(name)));
  }

  /** Memory for a result. */
  private Tensor like(String name) {
    return Tensor.zeros(Objects.requireNonNull(shapes.get(name)));
  }

  private int[] integers(String name) {
    return Arrays.stream(golden(name)).mapToInt(value -> (int) value).toArray();
  }

  private void check(String name, Tensor actual) {
    double[] expected = golden(name);
    float[] results = actual.toFloats();
    assertEquals(expected.length, results.length, name);
    for (int i = 0; i < results.length; i++) {
      assertEquals(expected[i], results[i], TOLERANCE, name + " [" + i + "]");
    }
  }

  @Test
  void layerNorm() {
    Tensor x = operand("layerNorm.x");
    Tensor weight = operand("layerNorm.weight");
    Tensor y = like("layerNorm.y");
    Tensor mean = Tensor.zeros(2, 3);
    Tensor inverse = Tensor.zeros(2, 3);
    backend.layerNorm(x, weight, operand("layerNorm.bias"), 1e-5f, y, mean, inverse);
    check("layerNorm.y", y);
    Tensor dx = like("layerNorm.dx");
    Tensor dweight = like("layerNorm.dweight");
    Tensor dbias = like("layerNorm.dbias");
    backend.layerNormBackward(
        x, weight, mean, inverse, operand("layerNorm.dy"), dx, dweight, dbias);
    check("layerNorm.dx", dx);
    check("layerNorm.dweight", dweight);
    check("layerNorm.dbias", dbias);
  }

  @Test
  void rmsNorm() {
    Tensor x = operand("rmsNorm.x");
    Tensor weight = operand("rmsNorm.weight");
    Tensor y = like("rmsNorm.y");
    Tensor inverse = Tensor.zeros(4);
    backend.rmsNorm(x, weight, 1e-5f, y, inverse);
    check("rmsNorm.y", y);
    Tensor dx = like("rmsNorm.dx");
    Tensor dweight = like("rmsNorm.dweight");
    backend.rmsNormBackward(x, weight, inverse, operand("rmsNorm.dy"), dx, dweight);
    check("rmsNorm.dx", dx);
    check("rmsNorm.dweight", dweight);
  }

  @Test
  void softmax() {
    Tensor y = like("softmax.y");
    backend.softmax(operand("softmax.x"), y);
    check("softmax.y", y);
    Tensor dx = like("softmax.dx");
    backend.softmaxBackward(y, operand("softmax.dy"), dx);
    check("softmax.dx", dx);
  }

  @Test
  void embedding() {
    int[] indices = integers("embedding.indices");
    Tensor y = like("embedding.y");
    backend.embedding(operand("embedding.table"), indices, y);
    check("embedding.y", y);
    Tensor dtable = like("embedding.dtable");
    backend.addEmbeddingBackward(indices, operand("embedding.dy"), dtable);
    check("embedding.dtable", dtable);
  }

  @Test
  void fullAttention() {
    attention("fullAttention", Attention.full(2, 3));
  }

  @Test
  void causalAttention() {
    attention("causalAttention", Attention.causal(3, 2));
  }

  private void attention(String name, Attention attention) {
    Tensor q = operand(name + ".q");
    Tensor k = operand(name + ".k");
    Tensor v = operand(name + ".v");
    Tensor y = like(name + ".y");
    backend.attention(q, k, v, attention, y);
    check(name + ".y", y);
    Tensor dq = like(name + ".dq");
    Tensor dk = like(name + ".dk");
    Tensor dv = like(name + ".dv");
    backend.attentionBackward(q, k, v, attention, operand(name + ".dy"), dq, dk, dv);
    check(name + ".dq", dq);
    check(name + ".dk", dk);
    check(name + ".dv", dv);
  }

  @Test
  void argmax() {
    int[] columns = new int[3];
    backend.argmaxColumns(operand("argmax.x"), columns);
    assertArrayEquals(integers("argmax.y"), columns);
  }
}
