package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Activation;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.kernels.cuda.EmulatedDriver.Order;
import dev.narrow.kernels.cuda.ProductCases.Case;
import dev.narrow.kernels.cuda.ProductCases.Layout;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Products of compute capability 9.0, as the emulator has them: it reads the same addresses and
 * descriptors as the GPU would.
 */
class HopperGemmTest {
  private static final String MAPS = "cuTensorMapEncodeTiled";

  @BeforeAll
  static void install() {
    EmulatedDriver.install();
  }

  @BeforeEach
  void reset() {
    EmulatedDriver.reset();
  }

  @AfterAll
  static void forward() {
    EmulatedDriver.reset();
  }

  static List<Order> orders() {
    return Order.all();
  }

  /** Small integers, of which thousands of products have an exact sum. */
  private static Supplier<Float> integers(Random random) {
    return () -> (float) (random.nextInt(17) - 8);
  }

  /**
   * Matrices whose rows or columns begin at multiples of 16 bytes. Between them is what must not be
   * read: NaN.
   */
  private static Matrices padded(
      NumericFormat format,
      boolean isAlongRows,
      int count,
      int rows,
      int columns,
      Supplier<Float> number) {
    int inner = isAlongRows ? columns : rows;
    int outer = isAlongRows ? rows : columns;
    int unit = 16 / Tensor.bytesPerCode(format);
    int stride = (inner + unit - 1) / unit * unit;
    float[] values = new float[unit + count * outer * stride];
    for (int i = 0; i < values.length; i++) {
      boolean isPadding = i < unit || (i - unit) % stride >= inner;
      values[i] = isPadding ? Float.NaN : number.get();
    }
    Tensor tensor = Quantizer.of(format).quantize(Tensor.of(values, values.length));
    return new Matrices(
        tensor,
        unit,
        count,
        outer * stride,
        rows,
        columns,
        isAlongRows ? stride : 1,
        isAlongRows ? 1 : stride);
  }

  private static Case draw(
      Random random, NumericFormat format, int m, int n, int k, Supplier<Float> number) {
    int count = 1 + random.nextInt(2);
    boolean isShared = random.nextInt(4) == 0; // one b for all
    return new Case(
        Matmul.plain(),
        padded(format, random.nextBoolean(), count, m, k, number),
        shared(
            isShared,
            count,
            padded(format, random.nextBoolean(), isShared ? 1 : count, k, n, number)),
        ProductCases.matrices(
            Formats.FP32, random.nextBoolean() ? Layout.ROWS : Layout.APART, count, m, n, number));
  }

  private static Matrices shared(boolean isShared, int count, Matrices one) {
    return isShared
        ? new Matrices(
            one.tensor(),
            one.offset(),
            count,
            0,
            one.rows(),
            one.columns(),
            one.rowStride(),
            one.columnStride())
        : one;
  }

  /** Multiplies there, whatever the extents are. */
  private static float[] multiply(CudaDevice device, Case host) {
    Case there = host.on(device);
    KernelStruct product = new KernelStruct();
    CudaProducts.addView(
        product, device.pointer(there.out().tensor(), "out"), there.out(), Float.BYTES);
    product.add(1f).add(0);
    FloatProduct.addExtents(product, there.a(), there.out());
    product.add(0L).add(0L).add(1f).add(0);
    CudaProducts.addEpilogue(product, there.how(), null);
    assertTrue(
        device
            .hopperGemm()
            .multiply(
                operand(device, there.a(), "a"),
                operand(device, there.b(), "b"),
                there.out(),
                product),
        () -> device.hopperGemm().fault().orElse("it does not fit"));
    float[] result = device.download(there.out().tensor()).toFloats();
    there.free(device);
    return result;
  }

  private static HopperGemm.Operand operand(CudaDevice device, Matrices matrices, String name) {
    Tensor tensor = matrices.tensor();
    return new HopperGemm.Operand(matrices, tensor.format(), device.pointer(tensor, name));
  }

  private static void assertExact(CudaDevice device, Case host) {
    Case expected = host.copy();
    Backend.cpu(1).matmul(host.how(), host.a(), host.b(), expected.out());
    assertArrayEquals(expected.out().tensor().toFloats(), multiply(device, host), host::toString);
  }

  /** |C - C*| <= K 2^-23 times the sum of magnitudes, or what fastBackend says of FP8. */
  private static void assertNear(CudaDevice device, Case host) {
    int terms = host.a().columns();
    boolean isFp8 = Tensor.bytesPerCode(host.a().tensor().format()) == 1;
    double bound = isFp8 ? 0.017 + terms * 0x1p-30 : terms * 0x1p-23;
    ProductCases.assertNear(host, bound, multiply(device, host));
  }

  /** Each arrangement in memory, in each order of threads, blocks and copies. */
  @ParameterizedTest
  @MethodSource("orders")
  void exactSumsAreExact(Order order) {
    Random random = new Random(1);
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (NumericFormat format : List.of(Formats.FP16, Formats.BF16)) {
        for (int arrangement = 0; arrangement < 4; arrangement++) {
          boolean isBf16 = format.equals(Formats.BF16);
          Supplier<Float> number = integers(random);
          int terms = isBf16 ? 65 : 330; // more slices than there are places for
          assertExact(
              device,
              new Case(
                  Matmul.plain(),
                  padded(format, (arrangement & 1) == 0, 1, 67, terms, number),
                  padded(format, (arrangement & 2) == 0, 1, terms, 40, number),
                  ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, 67, 40, number)));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("orders")
  void randomSumsAreWithinTheBound(Order order) {
    Random random = new Random(2);
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (NumericFormat format : List.of(Formats.FP16, Formats.BF16)) {
        assertNear(device, draw(random, format, 70, 90, 100, ProductCases.spread(random)));
      }
    }
  }

  @Test
  void extentsAtTheEdgesOfTiles() {
    Random random = new Random(3);
    try (CudaDevice device = CudaDevice.open()) {
      for (int extent : new int[] {1, 7, 63, 64, 65, 127, 128, 129, 130, 255, 256, 257}) {
        assertExact(device, draw(random, Formats.FP16, extent, 3, 5, integers(random)));
        assertExact(device, draw(random, Formats.FP16, 2, extent, 5, integers(random)));
        assertExact(device, draw(random, Formats.FP16, 2, 3, extent, integers(random)));
      }
    }
  }

  @Test
  @Tag("exhaustive")
  void everyExtent() {
    Random random = new Random(3);
    try (CudaDevice device = CudaDevice.open()) {
      for (int extent = 1; extent <= 130; extent++) {
        for (NumericFormat format : List.of(Formats.FP16, Formats.BF16)) {
          assertExact(device, draw(random, format, extent, 3, 5, integers(random)));
          assertExact(device, draw(random, format, 2, extent, 5, integers(random)));
          assertExact(device, draw(random, format, 2, 3, extent, integers(random)));
        }
      }
    }
  }

  @Test
  void anyExtentsTogether() {
    triples(24);
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
        NumericFormat format = i % 3 == 2 ? Formats.BF16 : Formats.FP16;
        int rows = 1 + random.nextInt(300);
        int columns = 1 + random.nextInt(300);
        int terms = 1 + random.nextInt(150);
        if (i % 2 == 0) {
          assertExact(device, draw(random, format, rows, columns, terms, integers(random)));
        } else {
          assertNear(
              device, draw(random, format, rows, columns, terms, ProductCases.spread(random)));
        }
      }
    }
  }

  /** Through the backend, which must have chosen this kernel. */
  private static void assertBackend(CudaDevice device, Case host, boolean isHopper) {
    long maps = EmulatedDriver.calls(MAPS);
    Case there = host.on(device);
    device.fastBackend().matmul(there.how(), there.a(), there.b(), there.out());
    float[] result = device.download(there.out().tensor()).toFloats();
    there.free(device);
    assertEquals(isHopper, EmulatedDriver.calls(MAPS) > maps, host::toString);
    Backend.cpu(1).matmul(host.how(), host.a(), host.b(), host.out());
    assertArrayEquals(host.out().tensor().toFloats(), result, host::toString);
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
              Formats.LNS8)) {
        for (Activation activation : Activation.values()) {
          Matmul how =
              Matmul.plain()
                  .alpha(0.75f)
                  .beta(activation == Activation.RELU ? -1.5f : 0)
                  .bias(
                      ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, 1, 140, integers(random))
                          .tensor())
                  .activation(activation);
          Tensor out = Tensor.of(new float[136 * 140], 136, 140);
          if (!format.equals(Formats.FP32)) {
            out = Quantizer.of(format).quantize(out);
            out = activation == Activation.NONE ? out : out.withScales(Scales.of(0.3f));
          }
          assertBackend(
              device,
              new Case(
                  how,
                  padded(Formats.FP16, true, 1, 136, 70, integers(random)),
                  padded(Formats.FP16, false, 1, 70, 140, integers(random)),
                  Matrices.of(out)),
              true);
        }
      }
    }
  }

  /** LNS8 is decoded beforehand; scales of the tensor, of rows and of columns are factors. */
  @Test
  void codesAreDecodedBeforehand() {
    Random random = new Random(6);
    Supplier<Float> number =
        () -> Math.copySign(Math.scalb(1f, random.nextInt(3)), random.nextFloat() - 0.5f);
    try (CudaDevice device = CudaDevice.open()) {
      Tensor a =
          ProductCases.matrices(Formats.LNS8, Layout.ROWS, 1, 1, 512 * 64, number)
              .tensor()
              .reshape(512, 64);
      Tensor b =
          ProductCases.matrices(Formats.E4M3FN, Layout.ROWS, 1, 1, 512 * 64, number)
              .tensor()
              .reshape(64, 512);
      float[] scales = new float[512];
      for (int i = 0; i < scales.length; i++) {
        scales[i] = Math.scalb(1f, i % 5 - 2);
      }
      assertBackend(
          device,
          new Case(
              Matmul.plain(),
              Matrices.of(a.withScales(Scales.of(new Granularity.PerAxis(0), scales))),
              Matrices.of(b.withScales(Scales.of(new Granularity.PerAxis(1), scales))),
              Matrices.of(Tensor.zeros(512, 512))),
          true);
    }
  }

  /** What boxes cannot have, or what is too small, is the portable kernel's. */
  @Test
  void whatDoesNotFitIsThePortableKernels() {
    Random random = new Random(7);
    Supplier<Float> number = integers(random);
    try (CudaDevice device = CudaDevice.open()) {
      Matrices right = padded(Formats.FP16, true, 1, 70, 130, number);
      Matrices out = ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, 130, 130, number);
      for (Layout layout : Layout.values()) { // rows of 140 bytes
        Matrices left = ProductCases.matrices(Formats.FP16, layout, 1, 130, 70, number);
        assertBackend(device, new Case(Matmul.plain(), left, right, out), false);
      }
      assertBackend(
          device,
          new Case(
              Matmul.plain(),
              padded(Formats.FP16, true, 1, 20, 70, number),
              right,
              ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, 20, 130, number)),
          false);
    }
  }

  private static Case plain(Random random) {
    return new Case(
        Matmul.plain(),
        padded(Formats.FP16, true, 1, 130, 70, integers(random)),
        padded(Formats.FP16, true, 1, 70, 130, integers(random)),
        ProductCases.matrices(Formats.FP32, Layout.ROWS, 1, 130, 130, integers(random)));
  }

  /** A kernel that cannot be had is named, and products are the portable kernel's. */
  @Test
  void aKernelThatFailsIsNotUsed() {
    Random random = new Random(9);
    try (CudaDevice device = CudaDevice.open()) {
      assertFalse(device.fastBackend().describe().contains("not used"));
      EmulatedDriver.fail("cuFuncSetAttribute", 1, 0);
      assertBackend(device, plain(random), false);
      String description = device.fastBackend().describe();
      assertTrue(
          description.contains("not used: hopper_fp16_km: cuFuncSetAttribute failed"), description);
      assertBackend(device, plain(random), false);
      EmulatedDriver.fail("cuFuncSetAttribute", 0, 0);
    }
  }

  /** Nobody looks at a kernel while a graph is captured: that would have to wait. */
  @Test
  void aFirstProductInAGraphIsThePortableKernels() {
    Random random = new Random(10);
    try (CudaDevice device = CudaDevice.open()) {
      for (boolean isKnown : new boolean[] {false, true}) {
        Case host = plain(random);
        Case there = host.on(device);
        long maps = EmulatedDriver.calls(MAPS);
        try (CudaGraph graph =
            device.capture(() ->
                device.fastBackend().matmul(there.how(), there.a(), there.b(), there.out()))) {
          assertEquals(isKnown, EmulatedDriver.calls(MAPS) > maps);
          graph.launch();
          float[] result = device.download(there.out().tensor()).toFloats();
          Backend.cpu(1).matmul(host.how(), host.a(), host.b(), host.out());
          assertArrayEquals(host.out().tensor().toFloats(), result);
        }
        there.free(device);
        assertBackend(device, plain(random), true);
      }
    }
  }

  private static final List<NumericFormat> FP8 = List.of(Formats.E4M3FN, Formats.E5M2);

  /** Powers of two from 1/2 to 2, of which hundreds of products have a sum of 12 bits. */
  private static Supplier<Float> powers(Random random) {
    return () ->
        random.nextInt(5) == 0
            ? 0f
            : Math.copySign(Math.scalb(1f, random.nextInt(3) - 1), random.nextFloat() - 0.5f);
  }

  private static Case fp8(
      Random random,
      NumericFormat a,
      NumericFormat b,
      int m,
      int n,
      int k,
      Supplier<Float> number) {
    int count = 1 + random.nextInt(2);
    return new Case(
        Matmul.plain(),
        padded(a, true, count, m, k, number),
        padded(b, false, count, k, n, number),
        ProductCases.matrices(Formats.FP32, Layout.ROWS, count, m, n, number));
  }

  @ParameterizedTest
  @MethodSource("orders")
  void productsOfFp8AreExactWhereFewBitsAreEnough(Order order) {
    Random random = new Random(12);
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (NumericFormat a : FP8) {
        for (NumericFormat b : FP8) {
          assertExact(device, fp8(random, a, b, 67, 33, 300, powers(random)));
          assertNear(device, fp8(random, a, b, 9, 130, 140, ProductCases.spread(random)));
        }
      }
    }
  }

  @Test
  void extentsOfFp8() {
    extentsOfFp8(43);
  }

  @Test
  @Tag("exhaustive")
  void everyExtentOfFp8() {
    extentsOfFp8(1);
  }

  private static void extentsOfFp8(int stride) {
    Random random = new Random(13);
    try (CudaDevice device = CudaDevice.open()) {
      for (int extent = 1; extent <= 130; extent += stride) {
        for (NumericFormat b : FP8) {
          assertExact(device, fp8(random, Formats.E4M3FN, b, extent, 3, 5, powers(random)));
          assertExact(device, fp8(random, Formats.E4M3FN, b, 2, extent, 5, powers(random)));
          assertExact(device, fp8(random, Formats.E4M3FN, b, 2, 3, extent, powers(random)));
        }
      }
    }
  }

  /** Chosen by the backend, without the powers of two that decoding leaves in. */
  @Test
  void productsOfFp8HaveTheirScales() {
    Random random = new Random(14);
    try (CudaDevice device = CudaDevice.open()) {
      Case plain = fp8(random, Formats.E4M3FN, Formats.E5M2, 130, 140, 80, powers(random));
      Matrices a = plain.a().in(plain.a().tensor().withScales(Scales.of(0.5f)));
      assertBackend(device, new Case(plain.how(), a, plain.b(), plain.out()), true);
    }
  }

  /** Several tiles for each block: the ring goes on from one to the next. */
  @Test
  void blocksStayForManyTiles() {
    Random random = new Random(11);
    try (CudaDevice device = CudaDevice.open()) {
      Supplier<Float> number = integers(random);
      int count = device.info().multiprocessors() + 3;
      List<Matrices> operands = new ArrayList<>();
      operands.add(padded(Formats.FP16, true, count, 5, 130, number));
      operands.add(padded(Formats.FP16, true, count, 130, 9, number));
      assertExact(
          device,
          new Case(
              Matmul.plain(),
              operands.get(0),
              operands.get(1),
              ProductCases.matrices(Formats.FP32, Layout.ROWS, count, 5, 9, number)));
    }
  }
}
