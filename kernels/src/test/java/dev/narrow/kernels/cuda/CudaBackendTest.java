package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Casts;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.kernels.Summation;
import dev.narrow.kernels.cuda.OperationCases.Case;
import dev.narrow.kernels.cuda.OperationCases.Draw;
import dev.narrow.kernels.cuda.OperationCases.Numbers;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every operation of a backend gives the bits of the processor on a device, in any thread order.
 */
class CudaBackendTest {
  private static final Backend CPU = Backend.cpu(1);

  @SuppressWarnings("NullAway.Init") // opened before all tests
  private static CudaDevice device;

  @BeforeAll
  static void open() {
    EmulatedDriver.install();
    device = CudaDevice.open();
  }

  @AfterAll
  static void close() {
    device.close();
  }

  static Stream<Method> operations() {
    return OperationCases.operations().stream();
  }

  /** All but the casts: those of the processor are quant's, which calls its arguments otherwise. */
  static Stream<Method> computations() {
    return operations().filter(method -> method.getDeclaringClass() != Casts.class);
  }

  // What arguments become on their way to a backend

  /** Copies arguments; one tensor that comes up twice stays one. */
  private static final class Copies {
    private final IdentityHashMap<Object, Object> made = new IdentityHashMap<>();
    private final UnaryOperator<Tensor> tensors;

    Copies(UnaryOperator<Tensor> tensors) {
      this.tensors = tensors;
    }

    private Tensor tensor(Tensor x) {
      return (Tensor) made.computeIfAbsent(x, key -> tensors.apply((Tensor) key));
    }

    private @Nullable Object of(@Nullable Object argument) {
      return switch (argument) {
        case Tensor x -> tensor(x);
        case Matrices m ->
            new Matrices(
                tensor(m.tensor()),
                m.offset(),
                m.count(),
                m.step(),
                m.rows(),
                m.columns(),
                m.rowStride(),
                m.columnStride());
        case Matmul how -> how.bias().map(bias -> how.bias(tensor(bias))).orElse(how);
        case int[] indices -> indices.clone();
        case List<?> list -> list.stream().map(x -> tensor((Tensor) x)).toList();
        case null, default -> argument;
      };
    }

    @Nullable Object[] all(@Nullable Object[] arguments) {
      @Nullable Object[] copies = new Object[arguments.length];
      for (int i = 0; i < copies.length; i++) {
        copies[i] = of(arguments[i]);
      }
      return copies;
    }

    /** All tensors that were copied, and what they have become. */
    IdentityHashMap<Tensor, Tensor> made() {
      IdentityHashMap<Tensor, Tensor> tensorsMade = new IdentityHashMap<>();
      made.forEach((from, to) -> tensorsMade.put((Tensor) from, (Tensor) to));
      return tensorsMade;
    }
  }

  private static Tensor onHost(Tensor x) {
    Tensor copy = device.upload(x);
    try {
      return device.download(copy);
    } finally {
      device.free(copy);
    }
  }

  /** Where 16 bytes cannot be loaded at a time: one code after a border. */
  private static final class Misaligned {
    private final List<Tensor> whole = new ArrayList<>();

    Tensor of(Tensor x) {
      int bytes = Tensor.bytesPerCode(x.format());
      int size = x.shape().size();
      Tensor memory = device.allocate(x.format(), Shape.of(size + 1), Scales.one());
      whole.add(memory);
      Tensor view = x.withStorage(memory.storage().slice(bytes, (long) size * bytes));
      device.copy(x, view);
      return view;
    }

    void free() {
      whole.forEach(device::free);
    }
  }

  /** The result of a call, or the exception that it has thrown. */
  private static @Nullable Object call(
      Method method, Backend backend, @Nullable Object[] arguments) {
    try {
      return method.invoke(backend, arguments);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof IllegalArgumentException refused) {
        return refused.getMessage();
      }
      throw new AssertionError(method + " " + Arrays.toString(arguments), e.getCause());
    } catch (IllegalAccessException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] bytes(Tensor x) {
    return x.storage().segment().toArray(ValueLayout.JAVA_BYTE);
  }

  private static @Nullable Object comparable(@Nullable Object result) {
    return switch (result) {
      case Float f -> Float.floatToRawIntBits(f);
      case float[] floats -> Arrays.toString(floats);
      case Tensor x -> {
        Tensor host = x;
        if (x.storage() instanceof DeviceStorage) {
          host = device.download(x);
          device.free(x);
        }
        yield x + " " + x.scales() + " " + Arrays.toString(bytes(host));
      }
      case null, default -> result;
    };
  }

  /** Calls both, and compares the results and all that they may have written. */
  private static void compare(
      Method method, @Nullable Object[] arguments, boolean misaligned, String what) {
    Copies onCpu = new Copies(CudaBackendTest::onHost);
    @Nullable Object[] cpuArguments = onCpu.all(arguments);
    Object expected = comparable(call(method, CPU, cpuArguments));

    Misaligned views = new Misaligned();
    Copies onDevice = new Copies(misaligned ? views::of : device::upload);
    @Nullable Object[] deviceArguments = onDevice.all(arguments);
    Object actual = comparable(call(method, device.backend(), deviceArguments));
    if (!Objects.equals(expected, actual)) {
      fail(what + ": expected " + expected + ", got " + actual);
    }
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i] instanceof int[]) {
        assertArrayEquals((int[]) cpuArguments[i], (int[]) deviceArguments[i], what);
      }
    }
    onDevice
        .made()
        .forEach((given, x) -> {
          byte[] codes = bytes(Objects.requireNonNull(onCpu.made().get(given)));
          byte[] got = bytes(device.download(x));
          int at = Arrays.mismatch(codes, got);
          if (at >= 0) {
            int size = Tensor.bytesPerCode(given.format());
            int i = at / size;
            fail(
                what
                    + ": element %d of %s: expected %s, got %s"
                        .formatted(
                            i, argument(arguments, given), hex(codes, i, size), hex(got, i, size)));
          }
          if (!misaligned) {
            device.free(x);
          }
        });
    views.free();
  }

  private static String argument(@Nullable Object[] arguments, Tensor given) {
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i] instanceof Tensor x && x.storage().sameAs(given.storage())) {
        return "argument " + i + ", " + given;
      }
    }
    return given.toString();
  }

  private static String hex(byte[] codes, int i, int size) {
    StringBuilder text = new StringBuilder();
    for (int j = size - 1; j >= 0; j--) {
      text.append("%02x".formatted(codes[i * size + j]));
    }
    return text.toString();
  }

  // Every operation

  @ParameterizedTest
  @MethodSource("operations")
  void operationsGiveTheBitsOfTheProcessor(Method method) {
    Case all = OperationCases.of(method);
    long seed = 0;
    for (int n : all.sizes()) {
      for (Numbers numbers : Numbers.values()) {
        @Nullable Object[] arguments = all.arguments().of(new Draw(seed++, numbers, null), n);
        for (EmulatedDriver.Order order : EmulatedDriver.Order.all()) {
          EmulatedDriver.order(order);
          compare(method, arguments, false, "n = " + n + ", " + numbers + ", " + order);
        }
        EmulatedDriver.order(EmulatedDriver.Order.FORWARD);
        compare(method, arguments, true, "n = " + n + ", " + numbers + ", misaligned");
      }
    }
  }

  @ParameterizedTest
  @MethodSource("operations")
  void operandsMayHaveAnyFormat(Method method) {
    Case all = OperationCases.of(method);
    boolean isCast =
        List.of("quantize", "fakeQuantize", "scales", "decode").contains(method.getName());
    int most = all.sizes().getLast();
    OperationCases.formats()
        .forEach((name, quantizer) -> {
          EmulatedDriver.order(EmulatedDriver.Order.random(most));
          Draw few = new Draw(9, Numbers.FINITE, isCast ? null : quantizer);
          compare(method, all.arguments().of(few, Math.min(most, 16)), false, name + ", finite");
          Draw more = new Draw(10, Numbers.SPECIAL, isCast ? null : quantizer);
          @Nullable Object[] arguments = all.arguments().of(more, Math.min(most, 257));
          compare(method, arguments, false, name + ", special");
          compare(method, arguments, true, name + ", misaligned");
        });
  }

  /** Each tensor in turn takes the place of another: in place if that is allowed, else refused. */
  @ParameterizedTest
  @MethodSource("computations")
  void operandsMayBeTheSame(Method method) {
    Case all = OperationCases.of(method);
    int n = all.sizes().get(all.sizes().size() / 2);
    @Nullable Object[] arguments = all.arguments().of(new Draw(1, Numbers.FINITE, null), n);
    for (int i = 0; i < arguments.length; i++) {
      for (int j = 0; j < arguments.length; j++) {
        boolean both = arguments[i] instanceof Tensor && arguments[j] instanceof Tensor;
        if (i != j && both) {
          @Nullable Object[] same = arguments.clone();
          same[i] = arguments[j];
          compare(method, same, false, "argument " + i + " is argument " + j);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("computations")
  void shapesThatDoNotFitAreRefusedInTheSameWords(Method method) {
    Case all = OperationCases.of(method);
    int n = all.sizes().get(all.sizes().size() / 2);
    @Nullable Object[] arguments = all.arguments().of(new Draw(2, Numbers.FINITE, null), n);
    for (int i = 0; i < arguments.length; i++) {
      if (arguments[i] instanceof Tensor) {
        for (Tensor other : List.of(Tensor.zeros(7, 3, 11), Tensor.zeros())) {
          @Nullable Object[] wrong = arguments.clone();
          wrong[i] = other;
          compare(method, wrong, false, "argument " + i + " is " + other);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("operations")
  void tensorsOfTheHostStayThere(Method method) {
    Case all = OperationCases.of(method);
    int n = all.sizes().get(all.sizes().size() / 2);
    @Nullable Object[] arguments = all.arguments().of(new Draw(3, Numbers.FINITE, null), n);
    Copies ours = new Copies(CudaBackendTest::onHost);
    Copies theirs = new Copies(CudaBackendTest::onHost);
    long launches = EmulatedDriver.launches();
    @Nullable Object[] ourArguments = ours.all(arguments);
    Object expected = comparable(call(method, CPU, ourArguments));
    Object actual = comparable(call(method, device.backend(), theirs.all(arguments)));
    assertEquals(expected, actual);
    ours.made()
        .forEach((given, x) ->
            assertArrayEquals(bytes(x), bytes(Objects.requireNonNull(theirs.made().get(given)))));
    assertEquals(launches, EmulatedDriver.launches());
  }

  @ParameterizedTest
  @MethodSource("operations")
  void whatLiesElsewhereIsNamed(Method method) {
    Case all = OperationCases.of(method);
    int n = all.sizes().get(all.sizes().size() / 2);
    @Nullable Object[] arguments = all.arguments().of(new Draw(4, Numbers.FINITE, null), n);
    long tensors = Arrays.stream(arguments).filter(Tensor.class::isInstance).count();
    for (int i = 0; i < arguments.length && tensors > 1; i++) {
      if (arguments[i] instanceof Tensor x) {
        Copies copies = new Copies(y -> y.storage().sameAs(x.storage()) ? y : device.upload(y));
        Object message = call(method, device.backend(), copies.all(arguments));
        assertTrue(
            message instanceof String text
                && text.contains(" lies in host memory, expected memory of CUDA device 0")
                && text.contains("upload"),
            () -> String.valueOf(message));
        copies.made().values().stream()
            .filter(y -> y.storage() instanceof DeviceStorage)
            .forEach(device::free);
      }
    }
  }

  /** Whose result is an array of the host. */
  private static final List<String> GIVE_INDICES = List.of("argmaxColumns", "maxPool", "unscale");

  /**
   * Operands are not copied to the host, whatever their format, and nothing waits for the device.
   */
  @ParameterizedTest
  @MethodSource("computations")
  void operandsStayOnTheDevice(Method method) {
    boolean isNumber =
        method.getReturnType() != void.class || GIVE_INDICES.contains(method.getName());
    Case all = OperationCases.of(method);
    int n = all.sizes().get(all.sizes().size() / 2);
    for (Quantizer quantizer : Arrays.asList(null, Quantizer.of(Formats.LNS8))) {
      @Nullable Object[] arguments = all.arguments().of(new Draw(5, Numbers.FINITE, quantizer), n);
      Copies copies = new Copies(device::upload);
      @Nullable Object[] there = copies.all(arguments);
      call(method, device.backend(), there); // which brings tables of formats to the device
      device.synchronize();
      long downloads = EmulatedDriver.calls("cuMemcpyDtoHAsync_v2");
      long waits = EmulatedDriver.synchronizations();
      call(method, device.backend(), there);
      long copied = EmulatedDriver.calls("cuMemcpyDtoHAsync_v2") - downloads;
      if (isNumber) {
        assertTrue(copied <= 2, () -> copied + " copies");
      } else {
        assertEquals(0, copied);
        assertEquals(waits, EmulatedDriver.synchronizations());
      }
      copies.made().values().forEach(device::free);
    }
  }

  // In particular

  @Test
  void fiveHundredGradientsAreUnscaledInOneLaunch() {
    Random random = new Random(5);
    List<Tensor> gradients = new ArrayList<>();
    for (int i = 0; i < 520; i++) {
      int n = i % 10 == 0 ? random.nextInt(20_000) : random.nextInt(100);
      float[] values = new float[n];
      for (int j = 0; j < n; j++) {
        values[j] = (random.nextFloat() - 0.5f) * 0x1p100f;
      }
      if (n > 0 && i % 3 == 0) {
        values[random.nextInt(n)] = 0x1p120f; // finite before, not after
        values[n - 1] = Float.NaN;
      }
      gradients.add(Tensor.of(values, n));
    }
    List<Tensor> onDevice = gradients.stream().map(device::upload).toList();
    int[] expected = new int[gradients.size()];
    int[] first = new int[gradients.size()];
    device.synchronize();
    for (EmulatedDriver.Order order : EmulatedDriver.Order.all()) {
      EmulatedDriver.order(order);
      CPU.unscale(0x1p10f, gradients, expected);
      long launches = EmulatedDriver.launches();
      device.backend().unscale(0x1p10f, onDevice, first);
      assertEquals(launches + 1, EmulatedDriver.launches());
      assertArrayEquals(expected, first);
    }
    for (int i = 0; i < first.length; i++) {
      assertArrayEquals(bytes(gradients.get(i)), bytes(device.download(onDevice.get(i))));
      device.free(onDevice.get(i));
    }
  }

  /** What is decoded beforehand and encoded afterwards would take more launches. */
  @Test
  void codesAreUpdatedInOnePass() {
    for (String name : List.of("fp16", "bf16", "e4m3fn", "e5m2", "lns8", "lns8 scaled")) {
      Quantizer quantizer = Objects.requireNonNull(OperationCases.formats().get(name));
      Draw draw = new Draw(6, Numbers.FINITE, quantizer);
      Tensor w = device.upload(draw.tensor(1000));
      Tensor g = device.upload(new Draw(7, Numbers.FINITE, null).tensor(1000));
      Tensor m = device.upload(draw.tensor(1000));
      Tensor v = device.upload(draw.moment(1000));
      device.synchronize();
      long launches = EmulatedDriver.launches();
      device.backend().adamW(0.01f, 0.9f, 0.99f, 1e-8f, 0f, 1, g, m, v, w);
      device.backend().lnsMadam(0.125f, 10f, 100f, 1, g, v, w);
      device.synchronize();
      assertEquals(launches + 2, EmulatedDriver.launches(), name);
      List.of(w, g, m, v).forEach(device::free);
    }
  }

  @Test
  @Tag("exhaustive") // on the emulator it takes ten seconds
  void longTensorsAreSummedInChunksOfChunks() {
    int n = 4096 * 4096 + 4097;
    float[] values = new float[n];
    Random random = new Random(8);
    for (int i = 0; i < n; i++) {
      values[i] = random.nextFloat() - 0.25f;
    }
    Tensor x = Tensor.of(values, n);
    Tensor onDevice = device.upload(x);
    assertEquals(CPU.sum(x), device.backend().sum(onDevice));
    assertEquals(CPU.sumOfSquares(x), device.backend().sumOfSquares(onDevice));
    assertEquals(CPU.scan(x), device.backend().scan(onDevice));
    device.free(onDevice);
  }

  @Test
  void onlyWhatReturnsANumberWaits() {
    Tensor x = device.upload(Tensor.zeros(1000));
    Tensor v = device.upload(Tensor.zeros(1000));
    Tensor w = device.upload(Tensor.zeros(1000));
    long waits = EmulatedDriver.synchronizations();
    device.backend().exp(x, x);
    device.backend().softmax(x, x);
    device.backend().sgd(0.1f, 0f, 0f, false, x, v, w);
    assertEquals(waits, EmulatedDriver.synchronizations());
    assertEquals(1f, device.backend().sum(x), 1e-3f);
    assertTrue(EmulatedDriver.synchronizations() > waits);
    List.of(x, v, w).forEach(device::free);
  }

  @Test
  void aBackendSaysWhatComputes() {
    Backend backend = device.backend();
    assertEquals(Summation.ORDERED, backend.summation());
    String text = backend.describe();
    assertTrue(text.startsWith("cuda, ORDERED, "), text);
    assertFalse(text.contains("cpu"), text);
    String rounded = backend.with(Accumulator.rounded(Formats.BF16)).describe();
    assertTrue(rounded.contains("products on cpu, ORDERED, sums in bf16"), rounded);
    assertFalse(text.contains("none"), text);
    Backend exact = backend.with(Accumulator.exact());
    assertEquals(Summation.EXACT, exact.summation());
    Tensor a = device.upload(Tensor.of(new float[] {0x1p60f, 1f, -0x1p60f}, 1, 3));
    Tensor b = device.upload(Tensor.of(new float[] {1f, 1f, 1f}, 3, 1));
    Tensor c = device.upload(Tensor.zeros(1, 1));
    exact.matmul(a, b, c);
    assertArrayEquals(new float[] {1f}, device.download(c).toFloats());
    List.of(a, b, c).forEach(device::free);
  }

  @Test
  void nothingIsLeftBehind() {
    List<String> open = device.usage().open();
    Tensor x =
        device.upload(Quantizer.of(Formats.LNS8).quantize(Tensor.of(new float[] {1f, 2f}, 2)));
    Tensor y = device.upload(Tensor.zeros(3));
    assertThrows(IllegalArgumentException.class, () -> device.backend().exp(x, y));
    device.backend().exp(x, x);
    device.free(x);
    device.free(y);
    assertEquals(open, device.usage().open());
  }
}
