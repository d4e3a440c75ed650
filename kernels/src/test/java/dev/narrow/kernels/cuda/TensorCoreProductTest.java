package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Products on tensor cores, as the emulator has them: exact where all partial sums are numbers of
 * float32, and within the bound of their definition elsewhere.
 */
class TensorCoreProductTest {
  /** Those whose numbers are products with: bf16 with itself, all others in any pairing. */
  private static final List<List<NumericFormat>> PAIRS =
      List.of(
          List.of(Formats.FP16, Formats.FP16),
          List.of(Formats.BF16, Formats.BF16),
          List.of(Formats.LNS8, Formats.LNS8),
          List.of(Formats.E4M3FN, Formats.E5M2),
          List.of(Formats.FP16, Formats.LNS8),
          List.of(Formats.LNS8, Formats.E4M3FN));

  /** Of the large matrix where the other one has few rows or columns. */
  private static final List<NumericFormat> SKINNY =
      List.of(Formats.FP16, Formats.E4M3FN, Formats.E5M2, Formats.LNS8);

  private static final List<Layout> NEIGHBOURS = List.of(Layout.ROWS, Layout.COLUMNS, Layout.APART);

  /** Of fp16 next to a logarithm of LNS8. */
  private static final double LNS8_ERROR = 2.9e-4;

  @BeforeAll
  static void install() {
    EmulatedDriver.install();
  }

  @AfterAll
  static void forward() {
    EmulatedDriver.order(Order.FORWARD);
  }

  static List<Order> orders() {
    return Order.all();
  }

  /** Numbers that all formats have, of which thousands of products have an exact sum. */
  private static Supplier<Float> exact(Random random) {
    return () ->
        random.nextInt(5) == 0
            ? 0f
            : Math.copySign(Math.scalb(1f, random.nextInt(5) - 2), random.nextFloat() - 0.5f);
  }

  private static Layout any(Random random) {
    Layout[] layouts = Layout.values();
    return layouts[random.nextInt(layouts.length)];
  }

  /** Two matrices at least: few rows or columns of a single one are another kernel's. */
  private static Case draw(
      Random random, List<NumericFormat> pair, int m, int n, int k, Supplier<Float> number) {
    return new Case(
        Matmul.plain(),
        ProductCases.matrices(pair.get(0), any(random), random.nextBoolean() ? 2 : 1, m, k, number),
        ProductCases.matrices(pair.get(1), any(random), 2, k, n, number),
        ProductCases.matrices(
            Formats.FP32, random.nextBoolean() ? Layout.ROWS : Layout.APART, 2, m, n, number));
  }

  /** A single matrix that has neighbours for neighbours, and one of few columns. */
  private static Case skinny(
      Random random, NumericFormat format, int outer, int few, int k, Supplier<Float> number) {
    Layout layout = NEIGHBOURS.get(random.nextInt(NEIGHBOURS.size()));
    Matrices large = ProductCases.matrices(format, layout, 1, outer, k, number);
    NumericFormat other = random.nextBoolean() ? Formats.FP16 : Formats.LNS8;
    boolean isLeft = outer > few || (outer == few && random.nextBoolean());
    Matrices small =
        ProductCases.matrices(other, any(random), 1, isLeft ? k : few, isLeft ? few : k, number);
    Matmul how = Matmul.plain().alpha(0.5f).beta(1).activation(Activation.RELU);
    return isLeft
        ? new Case(how, large, small, plain(outer, few, number))
        : new Case(how, small, large.transposed(), plain(few, outer, number));
  }

  private static Matrices plain(int rows, int columns, Supplier<Float> number) {
    return ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, rows, columns, number);
  }

  /** Multiplies on tensor cores: there is no other product behind it. */
  private static Tensor multiply(CudaDevice device, Case host) {
    Case there = host.on(device);
    Gpu gpu = new Gpu(device).fast();
    assertTrue(TensorCoreProduct.multiply(gpu, there.how(), there.a(), there.b(), there.out()));
    Tensor result = device.download(there.out().tensor());
    there.free(device);
    return result;
  }

  private static void assertExact(CudaDevice device, Case host) {
    Case expected = host.copy();
    Backend.cpu(1).matmul(host.how(), host.a(), host.b(), expected.out());
    Tensor result = multiply(device, host);
    assertArrayEquals(expected.out().tensor().toFloats(), result.toFloats(), host::toString);
  }

  /** |C - C*| <= (K 2^-23 + what the operands lost to fp16) times the sum of magnitudes. */
  private static void assertNear(CudaDevice device, Case host) {
    double lost =
        (host.a().tensor().format().equals(Formats.LNS8) ? LNS8_ERROR : 0)
            + (host.b().tensor().format().equals(Formats.LNS8) ? LNS8_ERROR * (1 + LNS8_ERROR) : 0);
    ProductCases.assertNear(
        host, host.a().columns() * 0x1p-23 + lost, multiply(device, host).toFloats());
  }

  @Test
  void codesBecomeTheNearestFp16() {
    byte[] all = new byte[4 * 256 + 3];
    for (int i = 0; i < all.length; i++) {
      all[i] = (byte) (i + i / 256); // each code in each byte of a word, among others
    }
    try (CudaDevice device = CudaDevice.open()) {
      for (var kind :
          List.of(
              new Unpacked("unpack_lns8", Formats.LNS8, 2),
              new Unpacked("unpack_e4m3", Formats.E4M3FN, 0x1p-8f),
              new Unpacked("unpack_e5m2", Formats.E5M2, 1))) {
        for (int start = 0; start < 2; start++) { // aligned, and one by one
          int n = all.length - start;
          short[] halves = new short[n];
          try (DeviceScratch from = device.scratch(all.length);
              DeviceScratch to = device.scratch(2L * n)) {
            device.copyToDevice(MemorySegment.ofArray(all), from.pointer());
            Kernel kernel = device.kernel("gemm", kind.kernel);
            kernel.launch(
                2,
                32,
                0,
                kernel.arguments().add(from.pointer() + start).add(to.pointer()).add((long) n));
            device.copyToHost(to.pointer(), MemorySegment.ofArray(halves));
          }
          for (int i = 0; i < n; i++) {
            int code = all[i + start] & 0xff;
            float value = kind.format.decode(code) * kind.factor;
            if (Float.isNaN(value)) {
              assertTrue(Float.isNaN(Float.float16ToFloat(halves[i])), kind + " " + code);
            } else {
              assertEquals(
                  Integer.toHexString(Float.floatToFloat16(value)),
                  Integer.toHexString(halves[i]),
                  kind + " " + code);
            }
          }
        }
      }
    }
  }

  private record Unpacked(String kernel, NumericFormat format, float factor) {}

  /** Rounding the decoded float32 to fp16 is rounding the power of two itself. */
  @Test
  void fp16OfTheDecodedNumberIsThatOfTheRealOne() {
    double worst = 0;
    for (int m = 1; m < 128; m++) {
      double real = Math.pow(2, (m - 64) / 8.0);
      float half = Float.float16ToFloat(Float.floatToFloat16(Formats.LNS8.decode(m)));
      double error = Math.abs(half - real);
      assertTrue(
          error <= Math.abs(Float.float16ToFloat((short) (Float.floatToFloat16(half) + 1)) - real));
      assertTrue(
          error <= Math.abs(Float.float16ToFloat((short) (Float.floatToFloat16(half) - 1)) - real));
      worst = Math.max(worst, error / real);
    }
    assertTrue(worst < LNS8_ERROR, "relative error " + worst);
  }

  @ParameterizedTest
  @MethodSource("orders")
  void exactSumsAreExact(Order order) {
    Random random = new Random(1);
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (List<NumericFormat> pair : PAIRS) {
        assertExact(device, draw(random, pair, 5, 19, 70, exact(random)));
        assertExact(device, draw(random, pair, 130, 9, 33, exact(random)));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("orders")
  void randomSumsAreWithinTheBound(Order order) {
    Random random = new Random(2);
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (List<NumericFormat> pair : PAIRS) {
        assertNear(device, draw(random, pair, 20, 33, 100, ProductCases.spread(random)));
      }
    }
  }

  /** Rows and columns at multiples of 16 bytes, in each arrangement. */
  @ParameterizedTest
  @MethodSource("orders")
  void alignedOperandsAreLoadedAtOnce(Order order) {
    Random random = new Random(11);
    Layout[] layouts = {Layout.ROWS, Layout.COLUMNS};
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (List<NumericFormat> pair : PAIRS) {
        for (Layout left : layouts) {
          for (Layout right : layouts) {
            Supplier<Float> number = exact(random);
            assertExact(
                device,
                new Case(
                    Matmul.plain(),
                    ProductCases.matrices(pair.get(0), left, 1, 80, 48, number),
                    ProductCases.matrices(pair.get(1), right, 1, 48, 144, number),
                    plain(80, 144, number)));
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
    Random random = new Random(3);
    try (CudaDevice device = CudaDevice.open()) {
      for (int extent = 1; extent <= 130; extent += stride) {
        for (List<NumericFormat> pair : PAIRS) {
          assertExact(device, draw(random, pair, extent, 3, 5, exact(random)));
          assertExact(device, draw(random, pair, 2, extent, 5, exact(random)));
          assertExact(device, draw(random, pair, 2, 3, extent, exact(random)));
        }
        for (NumericFormat format : SKINNY) {
          assertExact(device, skinny(random, format, extent, 1, 5, exact(random)));
          assertExact(device, skinny(random, format, 3, extent, 5, exact(random)));
          assertExact(device, skinny(random, format, 3, 2, extent, exact(random)));
        }
      }
    }
  }

  @Test
  void anyExtentsTogether() {
    triples(36);
  }

  @Test
  @Tag("exhaustive")
  void fiveHundredTriples() {
    triples(500);
  }

  private static void triples(int n) {
    Random random = new Random(4);
    try (CudaDevice device = CudaDevice.open()) {
      for (int i = 0; i < n; i++) {
        List<NumericFormat> pair = PAIRS.get(i % PAIRS.size());
        int rows = 1 + random.nextInt(200);
        int columns = 1 + random.nextInt(200);
        int terms = 1 + random.nextInt(100);
        if (i % 2 == 0) {
          assertExact(device, draw(random, pair, rows, columns, terms, exact(random)));
        } else {
          assertNear(device, draw(random, pair, rows, columns, terms, ProductCases.spread(random)));
        }
      }
    }
  }

  /** With exact sums, all that is done to them has the bits of the processor. */
  @Test
  void epiloguesAreTheProcessors() {
    Random random = new Random(5);
    try (CudaDevice device = CudaDevice.open()) {
      for (NumericFormat format :
          List.of(
              Formats.FP32,
              Formats.FP16,
              Formats.BF16,
              Formats.E4M3FN,
              Formats.E5M2,
              Formats.LNS8,
              Formats.E2M1)) {
        for (Activation activation : Activation.values()) {
          Matmul how =
              Matmul.plain()
                  .alpha(0.75f)
                  .beta(activation == Activation.GELU ? 0 : -1.5f)
                  .bias(
                      ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, 1, 7, exact(random))
                          .tensor())
                  .activation(activation);
          Case plain = draw(random, PAIRS.get(2), 9, 7, 20, exact(random));
          Tensor old = Tensor.of(new float[2 * 9 * 7], 2, 9, 7);
          Tensor out = format.equals(Formats.FP32) ? old : Quantizer.of(format).quantize(old);
          out = format.equals(Formats.FP32) ? out : out.withScales(Scales.of(0.3f));
          Case host =
              new Case(
                  how,
                  plain.a().get(0),
                  ProductCases.matrices(Formats.E4M3FN, Layout.COLUMNS, 1, 20, 7, exact(random)),
                  Matrices.of(out));
          Case there = host.on(device);
          device
              .fastBackend()
              .matmul(
                  how.bias(there.how().bias().orElseThrow()), there.a(), there.b(), there.out());
          Backend.cpu(1).matmul(how, host.a(), host.b(), host.out());
          assertArrayEquals(
              out.toFloats(),
              device.download(there.out().tensor()).toFloats(),
              format + " " + activation);
        }
      }
    }
  }

  @Test
  void scalesAreFactors() {
    Random random = new Random(6);
    List<Granularity> granularities =
        List.of(
            new Granularity.PerTensor(),
            new Granularity.PerAxis(0),
            new Granularity.PerAxis(1),
            new Granularity.PerBlock(-1, 8));
    try (CudaDevice device = CudaDevice.open()) {
      for (NumericFormat format : List.of(Formats.LNS8, Formats.E4M3FN, Formats.FP16)) {
        for (Granularity granularity : granularities) {
          Tensor a = scaled(random, format, granularity, Shape.of(13, 40));
          Tensor b = scaled(random, format, granularity, Shape.of(40, 11));
          Matrices out = Matrices.of(Tensor.zeros(13, 11));
          assertExact(device, new Case(Matmul.plain(), Matrices.of(a), Matrices.of(b), out));
          assertExact(
              device,
              new Case(
                  Matmul.plain(),
                  Matrices.of(b).transposed(),
                  Matrices.of(a).transposed(),
                  Matrices.of(Tensor.zeros(11, 13))));
        }
      }
    }
  }

  private static Tensor scaled(
      Random random, NumericFormat format, Granularity granularity, Shape shape) {
    Supplier<Float> number = exact(random);
    Tensor plain = ProductCases.matrices(format, Layout.ROWS, 1, 1, shape.size(), number).tensor();
    float[] scales = new float[granularity.scales(shape)];
    for (int i = 0; i < scales.length; i++) {
      scales[i] = Math.scalb(1f, random.nextInt(6) - 3);
    }
    return plain.reshape(shape.dims()).withScales(Scales.of(granularity, scales));
  }

  /** Few rows or columns, along k, and parts of sums that are added up afterwards. */
  @ParameterizedTest
  @MethodSource("orders")
  void skinnyProductsAreRight(Order order) {
    Random random = new Random(9);
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (NumericFormat format : SKINNY) {
        for (int few : new int[] {1, 3, 9, 16, 64}) {
          int outer = 65 + random.nextInt(100);
          int terms = few < 4 ? 1100 + random.nextInt(40) : 1 + random.nextInt(300);
          assertExact(device, skinny(random, format, outer, few, terms, exact(random)));
        }
        for (int i = 0; i < 3; i++) { // whole loads
          assertExact(device, skinny(random, format, 144, 8, 256, exact(random)));
        }
      }
      Supplier<Float> number = ProductCases.spread(random);
      Matrices large = ProductCases.matrices(Formats.LNS8, Layout.ROWS, 1, 150, 700, number);
      Matrices small = ProductCases.matrices(Formats.LNS8, Layout.ROWS, 1, 3, 700, number);
      assertNear(
          device, new Case(Matmul.plain(), small, large.transposed(), plain(3, 150, number)));
    }
  }

  /** Parts of sums are whole loads, and few enough; the device has no say in it. */
  @Test
  void partsOfSumsFollowFromTheExtents() {
    assertEquals(8192 / 16, TensorCoreProduct.partLength(8192, 1, 8192));
    assertEquals(2048, TensorCoreProduct.partLength(8192, 64, 8192));
    assertEquals(128, TensorCoreProduct.partLength(1, 1, 1));
    assertEquals(16384 / 2, TensorCoreProduct.partLength(65536, 1, 16384));
  }

  @Test
  void matricesTimesVectorsAreSkinny() {
    Random random = new Random(10);
    try (CudaDevice device = CudaDevice.open()) {
      Supplier<Float> number = exact(random);
      Tensor a =
          ProductCases.matrices(Formats.LNS8, Layout.ROWS, 1, 1, 70 * 600, number)
              .tensor()
              .reshape(70, 600);
      Tensor x = ProductCases.matrices(Formats.FP16, Layout.ROWS, 1, 1, 600, number).tensor();
      Tensor expected = Tensor.zeros(70);
      Backend.cpu(1).matvec(a, x, expected);
      Tensor y = device.upload(Tensor.zeros(70));
      device.fastBackend().matvec(device.upload(a), device.upload(x), y);
      assertArrayEquals(expected.toFloats(), device.download(y).toFloats());
    }
  }

  @Test
  void nanAndInfinityComeThrough() {
    try (CudaDevice device = CudaDevice.open()) {
      for (NumericFormat format :
          List.of(Formats.LNS8, Formats.E4M3FN, Formats.E5M2, Formats.FP16)) {
        Tensor a = Quantizer.of(format).quantize(Tensor.of(new float[] {1, Float.NaN, 2, 3}, 2, 2));
        Tensor b = Quantizer.of(format).quantize(Tensor.of(new float[] {1, 0, 0, 1}, 2, 2));
        Tensor out = Tensor.zeros(2, 2);
        float[] result =
            multiply(
                    device,
                    new Case(Matmul.plain(), Matrices.of(a), Matrices.of(b), Matrices.of(out)))
                .toFloats();
        assertEquals(0x7fc00000, Float.floatToRawIntBits(result[0]), format::name);
        assertEquals(0x7fc00000, Float.floatToRawIntBits(result[1]), format::name);
        assertEquals(2f, result[2]);
      }
    }
  }

  /** Large products decode codes beforehand. */
  @Test
  void largeProductsAreUnpacked() {
    Random random = new Random(7);
    try (CudaDevice device = CudaDevice.open()) {
      Matrices a = ProductCases.matrices(Formats.LNS8, Layout.ROWS, 1, 512, 3, exact(random));
      Matrices b = ProductCases.matrices(Formats.E4M3FN, Layout.COLUMNS, 1, 3, 512, exact(random));
      Matrices out = ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, 512, 512, exact(random));
      assertExact(device, new Case(Matmul.plain(), a, b, out));
    }
  }

  /** What tensor cores do not take has the bits of the processor. */
  @Test
  void whatTheyDoNotTakeIsInOrder() {
    Random random = new Random(8);
    try (CudaDevice device = CudaDevice.open()) {
      for (List<NumericFormat> pair :
          List.<List<NumericFormat>>of(
              List.of(Formats.FP32, Formats.FP32),
              List.of(Formats.BF16, Formats.FP16),
              List.of(Formats.E2M1, Formats.LNS8))) {
        Case host = draw(random, pair, 5, 6, 50, ProductCases.spread(random));
        Case expected = host.copy();
        Backend.cpu(1).matmul(host.how(), host.a(), host.b(), expected.out());
        Case there = host.on(device);
        device.fastBackend().matmul(there.how(), there.a(), there.b(), there.out());
        assertArrayEquals(
            expected.out().tensor().toFloats(), device.download(there.out().tensor()).toFloats());
        there.free(device);
      }
    }
  }

  @Test
  void backendsSayThatTheyAreFast() {
    try (CudaDevice device = CudaDevice.open()) {
      Backend fast = device.fastBackend();
      assertEquals(Summation.FAST, fast.summation());
      assertEquals(Summation.ORDERED, device.backend().summation());
      assertTrue(fast.describe().contains("FAST"), fast.describe());
      assertEquals(Summation.EXACT, fast.with(Accumulator.exact()).summation());
      assertEquals(Summation.FAST, fast.with(Accumulator.fp32()).summation());
    }
  }
}
