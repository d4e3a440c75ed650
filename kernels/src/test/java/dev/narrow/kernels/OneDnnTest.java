package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Products by oneDNN keep the bound of {@link Summation#FAST}; without it they are Java's. */
class OneDnnTest {
  private static final double U = 0x1p-24;

  private final Backend fast = Backend.oneDnn(1);

  @BeforeAll
  static void isThere() {
    NativeLibrary library = NativeLibrary.oneDnn();
    assumeTrue(library.available(), "no oneDNN: " + library.detail());
  }

  /** What a product can be: its operands' format, their transposition, what is done to it. */
  @SuppressWarnings("ImmutableEnumChecker") // Matmul is, as long as there is no bias
  enum Product {
    FP32(false, false, false, Matmul.plain()),
    FP32_TRANSPOSED_A(false, true, false, Matmul.plain().beta(1f)),
    FP32_TRANSPOSED_B(false, false, true, Matmul.plain().alpha(-3f).activation(Activation.RELU)),
    FP32_TRANSPOSED_BOTH(false, true, true, Matmul.plain().beta(-0.7f)),
    BF16(true, false, false, Matmul.plain().alpha(0.3f)),
    BF16_TRANSPOSED_A(true, true, false, Matmul.plain()),
    BF16_TRANSPOSED_B(true, false, true, Matmul.plain().activation(Activation.RELU)),
    BF16_TRANSPOSED_BOTH(true, true, true, Matmul.plain().beta(1f));

    final boolean isBf16;
    final boolean aTransposed;
    final boolean bTransposed;
    final Matmul how;

    Product(boolean isBf16, boolean aTransposed, boolean bTransposed, Matmul how) {
      this.isBf16 = isBf16;
      this.aTransposed = aTransposed;
      this.bTransposed = bTransposed;
      this.how = how;
    }
  }

  /** A tensor of these values, which become those that the format has. */
  private static Tensor tensor(float[] values, boolean isBf16, int... dims) {
    if (!isBf16) {
      return Tensor.of(values, dims);
    }
    short[] codes = new short[values.length];
    for (int i = 0; i < codes.length; i++) {
      codes[i] = (short) (Float.floatToRawIntBits(values[i]) >>> 16);
      values[i] = Float.intBitsToFloat(codes[i] << 16);
    }
    return Tensor.of(Storage.of(codes), Shape.of(dims), Formats.BF16, Scales.one());
  }

  /** A view of values in the format: element (i, j) is values[i * columns + j] or its opposite. */
  private static Matrices view(
      float[] values, int rows, int columns, boolean isBf16, boolean transposed) {
    return transposed
        ? Matrices.of(tensor(values, isBf16, columns, rows)).transposed()
        : Matrices.of(tensor(values, isBf16, rows, columns));
  }

  private void check(Product product, int m, int k, int n, float[] a, float[] b, Data data) {
    Matrices left = view(a, m, k, product.isBf16, product.aTransposed);
    Matrices right = view(b, k, n, product.isBf16, product.bTransposed);
    float[] c = data.uniform(m * n);
    float[] old = c.clone();
    float[] bias = data.below(2) == 0 ? data.uniform(n) : new float[n];
    Matmul how = product.how.bias(Tensor.of(bias, n));
    fast.matmul(how, left, right, Matrices.of(Tensor.of(c, m, n)));
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < n; j++) {
        Element element = new Element(how, bias[j], old[i * n + j]);
        for (int p = 0; p < k; p++) {
          element.add(at(a, left, i, p), at(b, right, p, j));
        }
        element.check(c[i * n + j], product + " " + m + "x" + k + "x" + n + " at " + i + ", " + j);
      }
    }
  }

  private static float at(float[] values, Matrices view, int i, int j) {
    return values[view.offset() + i * view.rowStride() + j * view.columnStride()];
  }

  /**
   * The exact element of a product, and how far off one may be. A product of two floats is exact in
   * double, and their sum in double is off by 2^-53 where that in float may be off by 2^-24: the
   * slack of the bound. Terms of a subnormal may be missing.
   */
  private static final class Element {
    private final Matmul how;
    private double sum;
    private double magnitude;
    private double subnormal;
    private int terms = 3; // the factor, the bias, the old output

    Element(Matmul how, float bias, float old) {
      this.how = how;
      sum = bias + (double) how.beta() * old;
      magnitude = Math.abs(bias) + Math.abs((double) how.beta() * old);
    }

    void add(float x, float y) {
      double term = (double) how.alpha() * x * y;
      sum += term;
      magnitude += Math.abs(term);
      if (Math.abs(x) < Float.MIN_NORMAL || Math.abs(y) < Float.MIN_NORMAL) {
        subnormal += Math.abs(term);
      }
      terms++;
    }

    void check(float actual, String what) {
      double expected = how.activation() == Activation.RELU ? Math.max(sum, 0) : sum;
      double gamma = terms * U / (1 - terms * U) * (1 + 0x1p-20);
      double bound = gamma * magnitude + subnormal + terms * (double) Float.MIN_NORMAL;
      if (!(Math.abs(actual - expected) <= bound)) {
        fail(what + " is " + actual + ", expected " + expected + " within " + bound);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void errorsKeepTheBound(Product product) {
    Data data = new Data(product.name().hashCode());
    for (int round = 0; round < 25; round++) {
      int m = 1 + data.below(70);
      int k = 1 + data.below(90);
      int n = 1 + data.below(70);
      check(product, m, k, n, data.uniform(m * k), data.uniform(k * n), data);
    }
  }

  /** Terms of all magnitudes, each with its opposite somewhere: nothing is left but the errors. */
  @ParameterizedTest
  @EnumSource
  void errorsKeepTheBoundWhereTermsCancel(Product product) {
    Data data = new Data(31 + product.name().hashCode());
    for (int round = 0; round < 10; round++) {
      int m = 1 + data.below(20);
      int k = 2 * (1 + data.below(150));
      int n = 1 + data.below(20);
      float[] a = data.uniform(m * k);
      float[] b = data.uniform(k * n);
      for (int p = 0; p < k; p++) {
        float scale = (float) Math.scalb(1.0, data.below(81) - 40);
        for (int i = 0; i < m; i++) {
          a[product.aTransposed ? p * m + i : i * k + p] *= scale;
        }
      }
      for (int p = 0; p < k / 2; p++) {
        int opposite = k - 1 - p;
        for (int i = 0; i < m; i++) {
          a[product.aTransposed ? opposite * m + i : i * k + opposite] =
              a[product.aTransposed ? p * m + i : i * k + p];
        }
        for (int j = 0; j < n; j++) {
          b[product.bTransposed ? j * k + opposite : opposite * n + j] =
              -b[product.bTransposed ? j * k + p : p * n + j];
        }
      }
      check(product, m, k, n, a, b, data);
    }
  }

  @ParameterizedTest
  @EnumSource
  void subnormalsMayCountAsZeroAndNoLess(Product product) {
    Data data = new Data(77);
    float[] a = data.uniform(5 * 40);
    float[] b = data.uniform(40 * 7);
    for (int i = 0; i < a.length; i += 3) {
      a[i] = (a[i] < 0 ? -1 : 1) * 0x1p-130f;
    }
    for (int i = 0; i < b.length; i++) {
      b[i] *= 0x1p100f;
    }
    check(product, 5, 40, 7, a, b, data);
  }

  /** Each is computed in parts: of the rows, of the columns, of both. */
  @ParameterizedTest
  @CsvSource({
    "FP32, 2700, 900, 900",
    "FP32, 900, 900, 2700",
    "FP32_TRANSPOSED_A, 2200, 1000, 2100",
    "FP32_TRANSPOSED_B, 900, 900, 2700",
    "BF16_TRANSPOSED_A, 2700, 900, 900",
    "BF16_TRANSPOSED_B, 2100, 1000, 2200",
  })
  void largeProductsAreWhole(Product product, int m, int k, int n) {
    Data data = new Data(m);
    float[] a = data.uniform(m * k);
    float[] b = data.uniform(k * n);
    Matrices left = view(a, m, k, product.isBf16, product.aTransposed);
    Matrices right = view(b, k, n, product.isBf16, product.bTransposed);
    float[] c = Data.filled(m * n, Float.NaN);
    fast.matmul(Matmul.plain(), left, right, Matrices.of(Tensor.of(c, m, n)));
    for (int sample = 0; sample < 2000; sample++) {
      int i = data.below(m);
      int j = data.below(n);
      Element element = new Element(Matmul.plain(), 0, 0);
      for (int p = 0; p < k; p++) {
        element.add(at(a, left, i, p), at(b, right, p, j));
      }
      element.check(c[i * n + j], product + " at " + i + ", " + j);
    }
  }

  /** Small integers: every order of summation is exact, so that which elements is all there is. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void batchesAndViewsAreThoseOfJava(boolean isBf16) {
    Data data = new Data(3);
    float[] integers = new float[6 * 20 * 24];
    for (int i = 0; i < integers.length; i++) {
      integers[i] = data.below(15) - 7;
    }
    Tensor x = tensor(integers.clone(), isBf16, 6, 20, 24);
    Tensor y = tensor(Arrays.copyOf(integers, 480), isBf16, 20, 24);
    Tensor bias = Tensor.of(Arrays.copyOf(integers, 20), 20);
    Matrices heads = new Matrices(y, 0, 3, 8, 20, 8, 24, 1);
    Matrices line = new Matrices(y, 5, 2, 7, 1, 9, 0, 1); // rows that are only one
    Matrices everySecond = new Matrices(y, 1, 1, 0, 5, 10, 48, 2); // neither rows nor columns
    for (Backend backend : List.of(fast, Backend.oneDnn(2))) {
      same(backend, Matmul.plain(), Matrices.of(x), Matrices.of(x).transposed());
      same(backend, Matmul.plain(), Matrices.of(x), Matrices.of(y).transposed());
      same(backend, Matmul.plain().bias(bias), heads, heads.transposed());
      same(backend, Matmul.plain().beta(2f), heads.transposed(), heads);
      same(backend, Matmul.plain(), line, line.transposed());
      same(backend, Matmul.plain(), line.transposed(), line);
      same(backend, Matmul.plain(), everySecond, everySecond.transposed());
    }
  }

  private static void same(Backend backend, Matmul how, Matrices a, Matrices b) {
    int size = a.count() * a.rows() * b.columns();
    float[] expected = Data.filled(size, 3f);
    float[] actual = expected.clone();
    Backend.cpu(1)
        .matmul(how, a, b, Matrices.of(Tensor.of(expected, a.count(), a.rows(), b.columns())));
    backend.matmul(how, a, b, Matrices.of(Tensor.of(actual, a.count(), a.rows(), b.columns())));
    assertSameBits(expected, actual, a + " times " + b);
  }

  @Test
  void whatIsNotANumberIsNotLost() {
    float[] a = {Float.POSITIVE_INFINITY, 1, Float.NaN, 1, 2, 3};
    float[] b = {0, 1, 1, 1};
    for (boolean isBf16 : new boolean[] {false, true}) {
      float[] out = new float[6];
      fast.matmul(
          tensor(a.clone(), isBf16, 3, 2), tensor(b.clone(), isBf16, 2, 2), Tensor.of(out, 3, 2));
      assertSameBits(
          new float[] {
            Float.NaN, Float.POSITIVE_INFINITY, Float.NaN, Float.NaN, 3, 5,
          },
          canonical(out),
          "bf16 " + isBf16);
    }
  }

  private static float[] canonical(float[] values) {
    float[] canonical = values.clone();
    for (int i = 0; i < canonical.length; i++) {
      canonical[i] = Float.intBitsToFloat(Float.floatToIntBits(canonical[i]));
    }
    return canonical;
  }

  /** Small integers: every order of summation is exact, so that memory is all that can differ. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void memoryAnywhereGivesTheSame(boolean isBf16) {
    float[] a = {1, 2, 3, 4, 5, 6};
    float[] b = {1, 0, 2, 1, 0, 3};
    float[] expected = {5, 11, 14, 23};
    Tensor left = tensor(a, isBf16, 2, 3);
    Tensor right = tensor(b, isBf16, 3, 2);
    MemorySegment x = left.storage().segment();
    MemorySegment y = right.storage().segment();
    try (Arena arena = Arena.ofConfined()) {
      for (int shift : new int[] {0, 1, 2, 4}) { // an odd address is left to Java
        MemorySegment memory = arena.allocate(200, 64);
        MemorySegment array = MemorySegment.ofArray(new byte[200]);
        for (MemorySegment place : List.of(memory, array)) {
          MemorySegment p = place.asSlice(shift, x.byteSize());
          MemorySegment q = place.asSlice(64 + shift, y.byteSize());
          MemorySegment out = place.asSlice(128 + shift, 16);
          p.copyFrom(x);
          q.copyFrom(y);
          fast.matmul(
              Tensor.of(Storage.of(p.asReadOnly()), left.shape(), left.format(), Scales.one()),
              Tensor.of(Storage.of(q.asReadOnly()), right.shape(), right.format(), Scales.one()),
              Tensor.of(out, 2, 2));
          assertSameBits(expected, Tensor.of(out, 4).toFloats(), place + " + " + shift);
        }
      }
    }
  }

  @Test
  void operandsThatDoNotFitAreRefusedBeforeAnythingIsWritten() {
    float[] values = Data.filled(4, 42f);
    Tensor out = Tensor.of(values, 2, 2);
    Tensor a = tensor(new float[6], true, 2, 3);
    assertThrows(IllegalArgumentException.class, () -> fast.matmul(a, a, out));
    assertThrows(IllegalArgumentException.class, () -> fast.matmul(out, out, a));
    assertThrows(IllegalArgumentException.class, () -> fast.matmul(out, out, out));
    Tensor readOnly = Tensor.of(MemorySegment.ofArray(values).asReadOnly(), 2, 2);
    Tensor b = tensor(new float[6], true, 3, 2);
    assertThrows(IllegalArgumentException.class, () -> fast.matmul(a, b, readOnly));
    OneDnn library = OneDnn.attempt().library();
    assertNotNull(library);
    assertThrows(
        IllegalArgumentException.class,
        () -> library.multiply(1, Matrices.of(a), Matrices.of(a), 0, Matrices.of(out), 1),
        "the last door before C");
    assertSameBits(Data.filled(4, 42f), values, "out");
  }

  @Test
  void emptyProductsAreLeftToJava() {
    float[] values = Data.filled(4, 42f);
    fast.matmul(Tensor.zeros(2, 0), Tensor.zeros(0, 2), Tensor.of(values, 2, 2));
    assertSameBits(new float[4], values, "no terms");
    fast.matmul(Tensor.zeros(0, 3), Tensor.zeros(3, 2), Tensor.zeros(0, 2));
  }

  @Test
  void saysThatItDelegates() {
    assertEquals(Summation.FAST, fast.summation());
    String described = Backend.oneDnn(3).describe();
    assertTrue(
        described.matches(
            "oneDNN \\d+\\.\\d+\\.\\d+ \\S+, FAST \\(delegated: products of fp32 and of bf16\\);"
                + " else cpu, ORDERED, (vector \\d+ bits|scalar), 3 threads"),
        described);
    assertThrows(IllegalArgumentException.class, () -> Backend.oneDnn(0));
  }

  /** The threads of OpenMP inherit the name of the thread that asks for them. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void asManyThreadsWorkAsAreAllowed(int threads) throws Exception {
    String name = "narrow-omp-" + threads;
    List<Long> counted = new ArrayList<>();
    Thread thread =
        new Thread(
            () -> {
              Tensor x = Tensor.of(new Data(1).uniform(400 * 400), 400, 400);
              Backend.oneDnn(threads).matmul(x, x, Tensor.zeros(400, 400));
              counted.add(threadsNamed(name));
            },
            name);
    thread.start();
    thread.join();
    assertEquals(List.of((long) threads), counted);
  }

  private static long threadsNamed(String name) {
    try (var tasks = Files.list(Path.of("/proc/self/task"))) {
      return tasks.filter(task -> name.equals(nameOf(task))).count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String nameOf(Path task) {
    try {
      return Files.readString(task.resolve("comm")).strip();
    } catch (IOException e) {
      return ""; // it has ended meanwhile
    }
  }
}
