package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Convolution;
import dev.narrow.kernels.cuda.EmulatedDriver.Order;
import dev.narrow.kernels.cuda.OperationCases.Convolved;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
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
 * Convolutions on a device, in order and exact, have the bits of the processor; CudaBackendTest has
 * those that all operations are tested for.
 */
class CudaConvolutionsTest {
  /** Pairs whose exact sums are of 64 bits, of 128 bits, and as wide as float32 needs. */
  private static final List<List<NumericFormat>> PAIRS =
      List.of(
          List.of(Formats.FP32, Formats.FP32),
          List.of(Formats.E4M3FN, Formats.E2M1),
          List.of(Formats.LNS8, Formats.LNS8),
          List.of(Formats.FP16, Formats.E5M2));

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

  private static Tensor tensor(NumericFormat format, Supplier<Float> number, int... dims) {
    float[] values = new float[Shape.of(dims).size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = number.get();
    }
    Tensor x = Tensor.of(values, dims);
    return format.equals(Formats.FP32) ? x : Quantizer.of(format).quantize(x);
  }

  /** Of x, weight, bias and dy: y, dx and dweight. */
  private static void all(Backend backend, Convolution how, List<Tensor> t) {
    backend.convolve(how, t.get(0), t.get(1), t.get(2), t.get(4));
    backend.convolveBackwardInput(how, t.get(1), t.get(3), t.get(5));
    backend.convolveBackwardWeight(how, t.get(0), t.get(3), t.get(6));
  }

  private static void assertSame(
      CudaDevice device,
      Accumulator accumulator,
      Convolved c,
      List<NumericFormat> pair,
      Supplier<Float> number) {
    List<Tensor> here =
        List.of(
            tensor(pair.get(0), number, c.x()),
            tensor(pair.get(1), number, c.weight()),
            tensor(Formats.BF16, number, c.o()),
            tensor(pair.get(0), number, c.y()),
            Tensor.zeros(c.y()),
            Tensor.zeros(c.x()),
            Tensor.zeros(c.weight()));
    List<Tensor> there = here.stream().map(device::upload).toList();
    all(Backend.cpu(1).with(accumulator), c.how(), here);
    all(device.backend().with(accumulator), c.how(), there);
    List<String> names = List.of("x", "weight", "bias", "dy", "y", "dx", "dweight");
    for (int i = 4; i < names.size(); i++) {
      String what = names.get(i) + " of " + c + ", " + pair + ", " + accumulator;
      assertArrayEquals(
          here.get(i).toFloats(), device.download(there.get(i)).toFloats(), () -> what);
    }
    there.forEach(device::free);
  }

  private static Convolved draw(Random random) {
    while (true) {
      int groups = random.nextInt(3) == 0 ? 1 + random.nextInt(3) : 1;
      Convolution how =
          new Convolution(
              1 + random.nextInt(4),
              1 + random.nextInt(4),
              random.nextInt(4),
              random.nextInt(4),
              1 + random.nextInt(3),
              1 + random.nextInt(3),
              groups);
      int h = 1 + random.nextInt(12);
      int w = 1 + random.nextInt(12);
      int kh = 1 + random.nextInt(4);
      int kw = 1 + random.nextInt(4);
      boolean fits =
          how.dilationY() * (kh - 1) < h + 2 * how.paddingY()
              && how.dilationX() * (kw - 1) < w + 2 * how.paddingX();
      if (fits) {
        return new Convolved(
            how,
            1 + random.nextInt(3),
            groups * (1 + random.nextInt(5)),
            h,
            w,
            groups * (1 + random.nextInt(6)),
            kh,
            kw);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("orders")
  void anyGeometryHasTheBitsOfTheProcessor(Order order) {
    geometries(order, 12);
  }

  @Test
  @Tag("exhaustive")
  void thousandGeometries() {
    geometries(Order.random(2), 1000);
  }

  private static void geometries(Order order, int count) {
    Random random = new Random(1 + order.kind());
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (int i = 0; i < count; i++) {
        Convolved c = draw(random);
        Supplier<Float> number =
            i % 3 == 0 ? ProductCases.adversarial(random) : ProductCases.spread(random);
        assertSame(device, Accumulator.fp32(), c, PAIRS.get(i % PAIRS.size()), number);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("orders")
  void everyAccumulatorHasTheBitsOfTheProcessor(Order order) {
    Random random = new Random(5 + order.kind());
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (List<NumericFormat> pair : PAIRS) {
        for (Accumulator accumulator : List.of(Accumulator.fp64(), Accumulator.exact())) {
          assertSame(device, accumulator, draw(random), pair, ProductCases.adversarial(random));
          assertSame(device, accumulator, draw(random), pair, ProductCases.spread(random));
        }
      }
      Convolved c = draw(random);
      Accumulator onHost = Accumulator.rounded(Formats.BF16);
      assertSame(device, onHost, c, PAIRS.getFirst(), ProductCases.spread(random));
    }
  }

  /** So many tiles that those of little products are not taken. */
  @Test
  void largeTilesHaveTheSameBits() {
    Random random = new Random(9);
    Convolution how = Convolution.unit().withPadding(1, 1);
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(Order.random(3));
      for (int channels : new int[] {5, 31, 70}) {
        Convolved c = new Convolved(how, 4, channels, 11, 13, channels + 1, 2, 3);
        Supplier<Float> number = ProductCases.spread(random);
        assertSame(device, Accumulator.fp32(), c, PAIRS.getFirst(), number);
      }
    }
  }

  /** Of whose sums some are made at a time. */
  @Test
  void runsAreAddedInTurn() {
    Random random = new Random(10);
    Supplier<Float> number = ProductCases.adversarial(random);
    Convolution how = Convolution.unit();
    Tensor x = tensor(Formats.FP32, number, 5, 2, 30, 31);
    Tensor dy = tensor(Formats.FP32, number, 5, 3, 29, 30);
    Tensor expected = Tensor.zeros(3, 2, 2, 2);
    Backend.cpu(1).convolveBackwardWeight(how, x, dy, expected);
    try (CudaDevice device = CudaDevice.open()) {
      Gpu gpu = new Gpu(device);
      Tensor dweight = device.upload(Tensor.zeros(3, 2, 2, 2));
      ImplicitProduct product = new ImplicitProduct(how, x.shape(), expected.shape(), dy.shape());
      for (long runs = 1; runs <= 6; runs++) {
        try (DeviceValues in = DeviceValues.read(gpu, device.upload(x), "x");
            DeviceValues above = DeviceValues.read(gpu, device.upload(dy), "dy");
            DeviceValues out = DeviceValues.write(gpu, dweight, "dweight")) {
          product.backwardWeight(gpu, in, above, out, runs * expected.shape().size());
        }
        assertArrayEquals(expected.toFloats(), device.download(dweight).toFloats());
      }
    }
  }

  /** Places of padding far away are no places in memory. */
  @Test
  void stridesAndPaddingMayBeHuge() {
    Random random = new Random(11);
    try (CudaDevice device = CudaDevice.open()) {
      int most = Integer.MAX_VALUE;
      for (Convolution how :
          List.of(
              new Convolution(most, most, most, most, 1, 1, 1),
              new Convolution(most, 1, 0, 0, most, 1, 1),
              new Convolution(1 << 30, most, most, 1 << 30, 3, 5, 1))) {
        Convolved c = new Convolved(how, 2, 1, 3, 2, 2, 1, 1);
        Supplier<Float> number = ProductCases.spread(random);
        assertSame(device, Accumulator.fp32(), c, PAIRS.getFirst(), number);
      }
    }
  }

  @Test
  void emptyBatchesGiveNoGradient() {
    try (CudaDevice device = CudaDevice.open()) {
      Convolution how = Convolution.unit();
      Tensor x = device.upload(Tensor.zeros(0, 2, 3, 3));
      Tensor dy = device.upload(Tensor.zeros(0, 1, 2, 2));
      Tensor dweight = device.upload(Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7, 8}, 1, 2, 2, 2));
      device.backend().convolveBackwardWeight(how, x, dy, dweight);
      assertArrayEquals(new float[8], device.download(dweight).toFloats());
    }
  }
}
