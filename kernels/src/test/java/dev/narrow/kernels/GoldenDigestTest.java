package dev.narrow.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.Properties;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The same bits on every machine and at every vector width: the SHA-256 of the results of each
 * kernel over many shapes is that of the committed file, which {@link #main} wrote from the scalar
 * definition.
 */
@Tag("scalar")
@Tag("simd")
class GoldenDigestTest {

  /** Prints the golden file. */
  public static void main(String[] args) {
    digests(ScalarKernels.INSTANCE)
        .forEach((name, digest) -> System.out.println(name + "=" + digest));
  }

  @Test
  void theseKernelsGiveTheGoldenBits() throws IOException {
    assertEquals(golden(), digests(KernelProvider.kernels()));
  }

  @Test
  void theScalarDefinitionGivesTheGoldenBits() throws IOException {
    assertEquals(golden(), digests(ScalarKernels.INSTANCE));
  }

  private static Map<String, String> golden() throws IOException {
    Properties properties = new Properties();
    InputStream in = GoldenDigestTest.class.getResourceAsStream("golden.properties");
    try (Reader reader =
        new InputStreamReader(Objects.requireNonNull(in), StandardCharsets.US_ASCII)) {
      properties.load(reader);
    }
    Map<String, String> golden = new TreeMap<>();
    properties.forEach((name, digest) -> golden.put((String) name, (String) digest));
    return golden;
  }

  /** Runs a kernel on n elements of x and y, and returns what it computed. */
  private interface Run {
    float[] of(float[] x, float[] y, int n);
  }

  private static Map<String, String> digests(Kernels k) {
    Map<String, String> digests = new TreeMap<>();
    digests.put("exp", over((x, y, n) -> inPlace(y, () -> k.exp(x, 0, y, 0, n))));
    digests.put("exp2", over((x, y, n) -> inPlace(y, () -> k.exp2(x, 0, y, 0, n))));
    digests.put("log", over((x, y, n) -> inPlace(y, () -> k.log(x, 0, y, 0, n))));
    digests.put("tanh", over((x, y, n) -> inPlace(y, () -> k.tanh(x, 0, y, 0, n))));
    digests.put("erf", over((x, y, n) -> inPlace(y, () -> k.erf(x, 0, y, 0, n))));
    digests.put(
        "reciprocalSqrt", over((x, y, n) -> inPlace(y, () -> k.reciprocalSqrt(x, 0, y, 0, n))));
    digests.put("sigmoid", over((x, y, n) -> inPlace(y, () -> k.sigmoid(x, 0, y, 0, n))));
    digests.put("gelu", over((x, y, n) -> inPlace(y, () -> k.gelu(x, 0, y, 0, n))));
    digests.put("geluTanh", over((x, y, n) -> inPlace(y, () -> k.geluTanh(x, 0, y, 0, n))));
    digests.put(
        "geluGradient", over((x, y, n) -> inPlace(y, () -> k.geluGradient(x, 0, y, 0, y, 0, n))));
    digests.put(
        "geluTanhGradient",
        over((x, y, n) -> inPlace(y, () -> k.geluTanhGradient(x, 0, y, 0, y, 0, n))));
    digests.put("relu", over((x, y, n) -> inPlace(y, () -> k.relu(x, 0, y, 0, n))));
    digests.put(
        "reluGradient", over((x, y, n) -> inPlace(y, () -> k.reluGradient(x, 0, y, 0, y, 0, n))));
    digests.put("add", over((x, y, n) -> inPlace(y, () -> k.add(x, 0, y, 0, y, 0, n))));
    digests.put("scale", over((x, y, n) -> inPlace(y, () -> k.scale(0.7f, x, 0, y, 0, n))));
    digests.put("addScaled", over((x, y, n) -> inPlace(y, () -> k.addScaled(0.7f, x, 0, y, 0, n))));
    digests.put("divide", over((x, y, n) -> inPlace(y, () -> k.divide(x, 0, 0.7f, y, 0, n))));
    digests.put("sum", over((x, y, n) -> new float[] {k.sum(x, 0, n)}));
    digests.put("sumOfSquares", over((x, y, n) -> new float[] {k.sumOfSquares(x, 0, n)}));
    digests.put("expShifted", over((x, y, n) -> new float[] {k.expShifted(x, 0, 0.7f, y, 0, n)}));
    digests.put("matmul", matmul(k));
    digests.put("softmaxCrossEntropy", softmaxCrossEntropy(k));
    digests.put("sumRows", sumRows(k));
    digests.put("images", images(new CpuBackend(new Cpu(1, k))));
    return digests;
  }

  private static float[] inPlace(float[] y, Runnable kernel) {
    kernel.run();
    return y;
  }

  /** Every length up to 100 and one long one, of ordinary values and of any bits. */
  private static String over(Run kernel) {
    MessageDigest sha = sha256();
    Data data = new Data(2026);
    for (int i = 0; i <= 101; i++) {
      int n = i == 101 ? 5000 : i;
      update(sha, kernel.of(data.uniform(n), data.uniform(n), n));
      update(sha, kernel.of(data.anyBits(n), data.anyBits(n), n));
    }
    return HexFormat.of().formatHex(sha.digest());
  }

  private static String matmul(Kernels k) {
    MessageDigest sha = sha256();
    Data data = new Data(2027);
    for (int i = 0; i < 200; i++) {
      int m = 1 + data.below(70);
      int n = 1 + data.below(70);
      int inner = data.below(70);
      update(sha, MatmulTest.Case.of(data, m, n, inner, i % 2 == 0 ? 1 << 30 : 100).run(k, 1));
    }
    update(sha, MatmulTest.Case.of(data, 131, 301, 523, 1 << 30).run(k, 2));
    return HexFormat.of().formatHex(sha.digest());
  }

  private static String softmaxCrossEntropy(Kernels k) {
    MessageDigest sha = sha256();
    Data data = new Data(2028);
    for (int columns = 1; columns <= 70; columns++) {
      int rows = 1 + data.below(20);
      int[] labels = new int[rows];
      for (int i = 0; i < rows; i++) {
        labels[i] = data.below(columns);
      }
      float[] gradient = new float[rows * columns];
      Matrix x = Matrix.rowMajor(data.uniform(rows * columns), 0, rows, columns, columns);
      Matrix dx = Matrix.rowMajor(gradient, 0, rows, columns, columns);
      update(sha, SoftmaxCrossEntropy.run(k, x, labels, 1024f, dx));
      update(sha, gradient);
    }
    return HexFormat.of().formatHex(sha.digest());
  }

  private static String sumRows(Kernels k) {
    MessageDigest sha = sha256();
    Data data = new Data(2029);
    for (int columns = 0; columns <= 70; columns++) {
      int rows = data.below(30);
      float[] sums = new float[columns];
      k.sumRows(Matrix.rowMajor(data.uniform(rows * columns), 0, rows, columns, columns), sums, 0);
      update(sha, sums);
    }
    return HexFormat.of().formatHex(sha.digest());
  }

  /** Convolutions by products and by planes, a pooling and a batch normalization. */
  private static String images(Backend backend) {
    MessageDigest sha = sha256();
    Data data = new Data(2030);
    for (int groups : new int[] {1, 2, 8}) {
      for (int stride = 1; stride <= 2; stride++) {
        Convolution how =
            Convolution.unit().withStride(stride, 1).withPadding(1, 2).withGroups(groups);
        Tensor x = Tensor.of(data.uniform(3 * 8 * 21 * 19), 3, 8, 21, 19);
        Tensor weight = Tensor.of(data.uniform(8 * 8 / groups * 9), 8, 8 / groups, 3, 3);
        Tensor y = Tensor.zeros(3, 8, how.outputHeight(21, 3), how.outputWidth(19, 3));
        Tensor dx = Tensor.zeros(3, 8, 21, 19);
        Tensor dweight = Tensor.zeros(8, 8 / groups, 3, 3);
        backend.convolve(how, x, weight, y);
        backend.convolveBackwardInput(how, weight, y, dx);
        backend.convolveBackwardWeight(how, x, y, dweight);
        update(sha, y.toFloats());
        update(sha, dx.toFloats());
        update(sha, dweight.toFloats());
      }
    }
    Tensor x = Tensor.of(data.uniform(3 * 8 * 21 * 19), 3, 8, 21, 19);
    Tensor y = Tensor.zeros(3, 8, 10, 9);
    backend.averagePool(Pooling.window(2, 2), x, y);
    update(sha, y.toFloats());
    Tensor mean = Tensor.zeros(8);
    Tensor inverse = Tensor.zeros(8);
    Tensor normalized = Tensor.zeros(3, 8, 21, 19);
    backend.batchMoments(x, mean, inverse);
    backend.inverseDeviation(inverse, 1e-5f, inverse);
    backend.batchNormalize(x, mean, inverse, normalized);
    update(sha, normalized.toFloats());
    Tensor dy = Tensor.of(data.uniform(3 * 8 * 21 * 19), 3, 8, 21, 19);
    backend.batchNormalizeBackward(x, mean, inverse, dy, normalized);
    update(sha, normalized.toFloats());
    return HexFormat.of().formatHex(sha.digest());
  }

  private static void update(MessageDigest sha, float... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Float.BYTES);
    bytes.asFloatBuffer().put(values);
    sha.update(bytes);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new UncheckedIOException(new IOException(e));
    }
  }
}
