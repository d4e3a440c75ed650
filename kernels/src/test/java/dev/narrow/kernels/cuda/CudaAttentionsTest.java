package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Attention;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.cuda.EmulatedDriver.Order;
import dev.narrow.kernels.cuda.OperationCases.Attended;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Attention on a device, in order and exact, has the bits of the processor. */
class CudaAttentionsTest {
  private static final List<NumericFormat> FORMATS =
      List.of(Formats.FP32, Formats.E4M3FN, Formats.LNS8);

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

  /** The operands q, k, v and dy, and the results y, dq, dk and dv. */
  private record Operands(Attended a, List<Tensor> tensors) {
    static Operands draw(Attended a, NumericFormat format, Supplier<Float> number) {
      return new Operands(
          a,
          List.of(
              tensor(format, number, a.q()),
              tensor(format, number, a.k()),
              tensor(format, number, a.k()),
              tensor(Formats.FP32, number, a.q()),
              Tensor.zeros(a.q()),
              Tensor.zeros(a.q()),
              Tensor.zeros(a.k()),
              Tensor.zeros(a.k())));
    }

    Operands on(CudaDevice device) {
      return new Operands(a, tensors.stream().map(device::upload).toList());
    }

    private Tensor get(int i) {
      return tensors.get(i);
    }

    void attend(Backend backend) {
      backend.attention(get(0), get(1), get(2), a.how(), get(4));
      backend.attentionBackward(get(0), get(1), get(2), a.how(), get(3), get(5), get(6), get(7));
    }

    /** The same on a device, so many scores at a time. */
    void attend(Gpu gpu, long most) {
      List<DeviceValues> values = new ArrayList<>();
      Stream.of(0, 1, 2, 3).forEach(i -> values.add(DeviceValues.read(gpu, get(i), "operand")));
      Stream.of(4, 5, 6, 7).forEach(i -> values.add(DeviceValues.write(gpu, get(i), "result")));
      HeadProducts products = new HeadProducts(gpu, a.how(), get(0).shape(), get(1).shape(), most);
      products.forward(values.get(0), values.get(1), values.get(2), values.get(4));
      products.backward(
          values.get(0),
          values.get(1),
          values.get(2),
          values.get(3),
          values.get(5),
          values.get(6),
          values.get(7));
      values.forEach(DeviceValues::close);
    }
  }

  private static void assertSame(
      CudaDevice device, Operands expected, Operands actual, String what) {
    List<String> names = List.of("q", "k", "v", "dy", "y", "dq", "dk", "dv");
    for (int i = 4; i < names.size(); i++) {
      String name = names.get(i);
      assertArrayEquals(
          expected.get(i).toFloats(),
          device.download(actual.get(i)).toFloats(),
          () -> name + " of " + expected.a() + ", " + what);
    }
    actual.tensors().forEach(device::free);
  }

  @ParameterizedTest
  @MethodSource("orders")
  void everyAccumulatorHasTheBitsOfTheProcessor(Order order) {
    Random random = new Random(order.kind());
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(order);
      for (Accumulator accumulator :
          List.of(Accumulator.fp32(), Accumulator.fp64(), Accumulator.exact())) {
        for (NumericFormat format : FORMATS) {
          int length = 1 + random.nextInt(35);
          Attention how = new Attention(1 + random.nextInt(3), 1 + random.nextInt(9), true, 0.37f);
          Attention full = Attention.full(how.heads(), how.dim());
          int keys = 1 + random.nextInt(30);
          for (Attended a :
              List.of(new Attended(how, 2, length, length), new Attended(full, 1, length, keys))) {
            Supplier<Float> number =
                random.nextBoolean()
                    ? ProductCases.adversarial(random)
                    : ProductCases.spread(random);
            Operands expected = Operands.draw(a, format, number);
            Operands actual = expected.on(device);
            expected.attend(Backend.cpu(1).with(accumulator));
            actual.attend(device.backend().with(accumulator));
            assertSame(device, expected, actual, format + ", " + accumulator);
          }
        }
      }
    }
  }

  /** A few heads at a time, or a few queries of one. */
  @Test
  void workSpaceChangesNoBit() {
    Random random = new Random(7);
    Attended causal = new Attended(Attention.causal(2, 5), 2, 19, 19);
    Attended full = new Attended(Attention.full(2, 3), 2, 7, 18);
    try (CudaDevice device = CudaDevice.open()) {
      for (Attended a : List.of(causal, full)) {
        Operands host = Operands.draw(a, Formats.FP32, ProductCases.adversarial(random));
        host.attend(Backend.cpu(1));
        for (long most : new long[] {1, 50, 361, 800}) {
          Operands again = host.on(device);
          again.attend(new Gpu(device), most);
          assertSame(device, host, again, most + " scores at a time");
        }
      }
    }
  }

  /** Enough tiles for those that are large, and rows that end in the midst of one. */
  @Test
  void largeTilesHaveTheSameBits() {
    Random random = new Random(8);
    Attended a = new Attended(Attention.causal(2, 20), 1, 150, 150);
    try (CudaDevice device = CudaDevice.open()) {
      EmulatedDriver.order(Order.random(4));
      Operands expected = Operands.draw(a, Formats.FP32, ProductCases.adversarial(random));
      Operands actual = expected.on(device);
      expected.attend(Backend.cpu(1));
      actual.attend(device.backend());
      assertSame(device, expected, actual, "large tiles");
    }
  }

  @Test
  void otherAccumulatorsAreTheProcessors() {
    Random random = new Random(9);
    Attended a = new Attended(Attention.causal(2, 3), 1, 6, 6);
    Accumulator accumulator = Accumulator.rounded(Formats.BF16);
    try (CudaDevice device = CudaDevice.open()) {
      Operands expected = Operands.draw(a, Formats.FP32, ProductCases.spread(random));
      Operands actual = expected.on(device);
      expected.attend(Backend.cpu(1).with(accumulator));
      actual.attend(device.backend().with(accumulator));
      assertSame(device, expected, actual, "on the processor");
    }
  }
}
