package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Activation;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.kernels.Summation;
import dev.narrow.kernels.cuda.EmulatedDriver.Order;
import dev.narrow.kernels.cuda.ProductCases.Case;
import dev.narrow.kernels.cuda.ProductCases.Layout;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Products on a device, in order and exact, have the bits of the processor. */
class CudaProductsTest {
  private static final List<Accumulator> ACCUMULATORS =
      List.of(Accumulator.fp32(), Accumulator.fp64(), Accumulator.exact());

  /** Pairs whose exact sums are of 64 bits, of 128 bits, and as wide as float32 needs. */
  private static final List<List<NumericFormat>> PAIRS =
      List.of(
          List.of(Formats.FP32, Formats.FP32),
          List.of(Formats.E4M3FN, Formats.E4M3FN),
          List.of(Formats.LNS8, Formats.LNS8),
          List.of(Formats.FP16, Formats.E5M2),
          List.of(Formats.E2M1, Formats.LNS8),
          List.of(Formats.BF16, Formats.E4M3FN));

  @BeforeAll
  static void install() {
    EmulatedDriver.install();
  }

  @AfterAll
  static void forward() {
    EmulatedDriver.order(Order.FORWARD);
  }

  private static void assertSame(CudaDevice device, Accumulator accumulator, Case host) {
    Case expected = host.copy();
    Backend.cpu(1).with(accumulator).matmul(host.how(), host.a(), host.b(), expected.out());
    Case there = host.on(device);
    device.backend().with(accumulator).matmul(there.how(), there.a(), there.b(), there.out());
    Tensor result = device.download(there.out().tensor());
    there.free(device);
    assertArrayEquals(
        expected.out().tensor().toFloats(), result.toFloats(), () -> accumulator + ": " + host);
  }

  private static Layout any(Random random) {
    Layout[] layouts = Layout.values();
    return layouts[random.nextInt(layouts.length)];
  }

  private static Case draw(Random random, List<NumericFormat> pair, int m, int n, int k) {
    Supplier<Float> number =
        random.nextInt(3) == 0 ? ProductCases.adversarial(random) : ProductCases.spread(random);
    int count = random.nextInt(4) == 0 ? 3 : 1;
    Matmul how = Matmul.plain();
    if (random.nextBoolean()) {
      how = how.alpha(0.75f);
    }
    if (random.nextBoolean()) {
      how = how.beta(random.nextBoolean() ? 1f : -0.3f);
    }
    if (random.nextBoolean()) {
      how = how.bias(ProductCases.matrices(Formats.BF16, Layout.ROWS, 1, 1, n, number).tensor());
    }
    Activation[] activations = Activation.values();
    how = how.activation(activations[random.nextInt(activations.length)]);
    boolean isFp16 = random.nextInt(4) == 0;
    NumericFormat outFormat = isFp16 ? Formats.FP16 : Formats.FP32;
    boolean whole = isFp16 || random.nextBoolean();
    return new Case(
        how,
        ProductCases.matrices(
            pair.get(0), any(random), random.nextBoolean() ? count : 1, m, k, number),
        ProductCases.matrices(pair.get(1), any(random), count, k, n, number),
        ProductCases.matrices(
            outFormat,
            whole ? Layout.ROWS : Layout.APART,
            count,
            m,
            n,
            ProductCases.spread(random)));
  }

  static List<Order> orders() {
    return Order.all();
  }

  @ParameterizedTest
  @MethodSource("orders")
  void bitsAreTheProcessors(Order order) {
    Random random = new Random(1);
    int[] extents = {1, 2, 3, 15, 16, 17, 31, 33, 65};
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (List<NumericFormat> pair : PAIRS) {
        for (int i = 0; i < 3; i++) {
          int m = extents[random.nextInt(extents.length)];
          int n = extents[random.nextInt(extents.length)];
          int k = extents[random.nextInt(extents.length)];
          Case host = draw(random, pair, m, n, k);
          for (Accumulator accumulator : ACCUMULATORS) {
            assertSame(device, accumulator, host);
          }
        }
      }
    }
  }

  @Test
  void noExtentIsOdd() {
    extents(19);
  }

  @Test
  @Tag("exhaustive")
  void everyExtent() {
    extents(1);
  }

  private static void extents(int stride) {
    Random random = new Random(2);
    try (CudaDevice device = CudaDevice.open()) {
      for (int extent = 1; extent <= 130; extent += stride) {
        List<NumericFormat> pair = PAIRS.get(random.nextInt(PAIRS.size()));
        for (Accumulator accumulator : ACCUMULATORS) {
          assertSame(device, accumulator, draw(random, pair, extent, 3, 5));
          assertSame(device, accumulator, draw(random, pair, 2, extent, 5));
          assertSame(device, accumulator, draw(random, pair, 2, 3, extent));
        }
      }
    }
  }

  @Test
  void largeTilesHaveTheSameBits() {
    Random random = new Random(3);
    try (CudaDevice device = CudaDevice.open()) {
      int multiprocessors = device.info().multiprocessors();
      Matrices a =
          ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, 3, 20, ProductCases.spread(random));
      Matrices b =
          ProductCases.matrices(
              Formats.FP32,
              Layout.ROWS,
              1,
              20,
              128 * multiprocessors - 7,
              ProductCases.spread(random));
      Matrices out =
          ProductCases.matrices(
              Formats.FP32,
              Layout.ROWS,
              1,
              3,
              128 * multiprocessors - 7,
              ProductCases.spread(random));
      assertSame(device, Accumulator.fp32(), new Case(Matmul.plain().beta(2f), a, b, out));
    }
  }

  @Test
  void emptySumsAreZero() {
    try (CudaDevice device = CudaDevice.open()) {
      for (Accumulator accumulator : ACCUMULATORS) {
        Tensor nothing = device.upload(Tensor.zeros(2, 0));
        Tensor none = device.upload(Tensor.zeros(0, 3));
        Tensor out = device.upload(Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3));
        device.backend().with(accumulator).matmul(nothing, none, out);
        assertArrayEquals(new float[6], device.download(out).toFloats());
      }
    }
  }

  /** Scales of any granularity are part of the numbers whose products are summed. */
  @Test
  void scaledNumbersAreSummedExactly() {
    Random random = new Random(4);
    List<Granularity> granularities =
        List.of(
            new Granularity.PerTensor(),
            new Granularity.PerAxis(0),
            new Granularity.PerAxis(1),
            new Granularity.PerBlock(-1, 8));
    try (CudaDevice device = CudaDevice.open()) {
      for (NumericFormat format : List.of(Formats.LNS8, Formats.E4M3FN, Formats.FP16)) {
        for (Granularity granularity : granularities) {
          for (boolean powers : new boolean[] {true, false}) {
            Shape shape = Shape.of(17, 40);
            byte[] codes = new byte[shape.size() * Tensor.bytesPerCode(format)];
            random.nextBytes(codes);
            Storage storage = Storage.of(MemorySegment.ofArray(codes));
            float[] scales = new float[granularity.scales(shape)];
            for (int i = 0; i < scales.length; i++) {
              float power = Math.scalb(1f, random.nextInt(20) - 10);
              scales[i] = powers ? power : power * (1 + random.nextFloat());
            }
            Tensor a = Tensor.of(storage, shape, format, Scales.of(granularity, scales));
            Matrices out = Matrices.of(Tensor.zeros(17, 17));
            Matrices left = Matrices.of(a);
            Case host = new Case(Matmul.plain(), left, left.transposed(), out);
            assertSame(device, Accumulator.exact(), host);
            assertSame(device, Accumulator.fp32(), host);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("orders")
  void matvecHasTheSixteenLanes(Order order) {
    Random random = new Random(5);
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (int columns : new int[] {0, 1, 2, 15, 16, 17, 255, 256, 257}) {
        for (NumericFormat format : List.of(Formats.FP32, Formats.LNS8)) {
          for (Accumulator accumulator : ACCUMULATORS) {
            Supplier<Float> number = ProductCases.adversarial(random);
            Tensor a =
                ProductCases.matrices(format, Layout.ROWS, 1, 1, 19 * columns, number)
                    .tensor()
                    .reshape(19, columns);
            Tensor x =
                ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, 1, columns, number).tensor();
            Tensor expected = Tensor.zeros(19);
            Backend.cpu(1).with(accumulator).matvec(a, x, expected);
            Tensor y = device.upload(Tensor.zeros(19));
            device.backend().with(accumulator).matvec(device.upload(a), device.upload(x), y);
            assertArrayEquals(expected.toFloats(), device.download(y).toFloats());
          }
        }
      }
    }
  }

  @Test
  void otherAccumulatorsAreTheProcessors() {
    Random random = new Random(6);
    try (CudaDevice device = CudaDevice.open()) {
      Case host = draw(random, PAIRS.getFirst(), 5, 6, 7);
      assertSame(device, Accumulator.rounded(Formats.BF16), host);
      assertSame(device, Accumulator.chunked(4, Accumulator.fp32(), Accumulator.fp32()), host);
    }
  }

  @Test
  void backendsSayHowTheySum() {
    try (CudaDevice device = CudaDevice.open()) {
      Backend backend = device.backend();
      assertEquals(Summation.ORDERED, backend.summation());
      assertEquals(Summation.EXACT, backend.with(Accumulator.exact()).summation());
      assertEquals(
          Summation.ORDERED,
          backend.with(Accumulator.exact()).with(Accumulator.fp32()).summation());
    }
  }

  private static String message(Executable work) {
    return String.valueOf(assertThrows(IllegalArgumentException.class, work).getMessage());
  }

  @Test
  void argumentsAreCheckedAsOnTheProcessor() {
    try (CudaDevice device = CudaDevice.open()) {
      Tensor a = Tensor.zeros(2, 3);
      Tensor b = Tensor.zeros(4, 5);
      Tensor out = Tensor.zeros(2, 5);
      String expected = message(() -> Backend.cpu(1).matmul(a, b, out));
      Tensor da = device.upload(a);
      Tensor db = device.upload(b);
      Tensor dout = device.upload(out);
      Backend backend = device.backend();
      assertEquals(expected, message(() -> backend.matmul(da, db, dout)));
      Tensor square = device.upload(Tensor.zeros(3, 3));
      assertTrue(
          message(() -> backend.matmul(square, square, square))
              .startsWith("out shares memory with a"));
      assertTrue(message(() -> backend.matmul(da, b, dout)).contains("upload"));
      assertThrows(
          IllegalArgumentException.class,
          () -> backend.matvec(da, device.upload(Tensor.zeros(2)), dout));
      device.free(da);
      assertThrows(IllegalStateException.class, () -> backend.matmul(da, db, dout));
    }
  }

  @Test
  void quantizersOfTheOutputProject() {
    Random random = new Random(7);
    Tensor wide = Tensor.of(new float[15], 3, 5);
    Tensor out = Quantizer.of(Formats.LNS8).with(new Granularity.PerAxis(0)).quantize(wide);
    try (CudaDevice device = CudaDevice.open()) {
      Matrices a =
          ProductCases.matrices(Formats.E5M2, Layout.ROWS, 1, 3, 4, ProductCases.spread(random));
      Matrices b =
          ProductCases.matrices(Formats.FP32, Layout.COLUMNS, 1, 4, 5, ProductCases.spread(random));
      Tensor there = device.upload(out);
      device
          .backend()
          .matmul(
              Matmul.plain(),
              a.in(device.upload(a.tensor())),
              b.in(device.upload(b.tensor())),
              Matrices.of(there));
      Backend.cpu(1).matmul(Matmul.plain(), a, b, Matrices.of(out));
      assertArrayEquals(out.toFloats(), device.download(there).toFloats());
    }
  }
}
