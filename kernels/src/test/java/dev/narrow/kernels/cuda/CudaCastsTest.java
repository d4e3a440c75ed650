package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.cuda.EmulatedDriver.Order;
import dev.narrow.quant.Division;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Hadamard;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Scaling;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Casts on a device against the processor's: the same bits, in whatever order threads run. */
class CudaCastsTest {
  private static final Backend CPU = Backend.cpu(1);
  private static final RandomBits RANDOM = new RandomBits(3, 5);

  private static final int[] LENGTHS = {
    0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097, 9001
  };

  private static final CudaCasts CASTS = CudaCastsTest::device;

  private static @Nullable CudaDevice opened;

  /** On the device, to be freed after a test. */
  private static final List<Tensor> UPLOADED = new ArrayList<>();

  @BeforeAll
  static void open() {
    EmulatedDriver.install();
    opened = CudaDevice.open();
  }

  @AfterEach
  void free() {
    EmulatedDriver.order(Order.FORWARD);
    UPLOADED.forEach(device()::free);
    UPLOADED.clear();
    assertEquals(List.of(), device().usage().open(), "what an operation has left behind");
  }

  @AfterAll
  static void close() {
    if (opened != null) {
      opened.close();
      assertEquals(0, opened.usage().inUse());
    }
  }

  private static CudaDevice device() {
    return Objects.requireNonNull(opened);
  }

  /** Numbers of all magnitudes, more of them around one, and what is special. */
  static float[] numbers(int n, long seed) {
    float[] special = {
      0f,
      -0f,
      Float.MIN_VALUE,
      -Float.MIN_VALUE,
      Float.MIN_NORMAL,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.NaN,
      Float.intBitsToFloat(0xFFC0_1234),
      Float.intBitsToFloat(0x7F80_0001),
      448f,
      464f,
      65504f,
      65520f,
      0x1p-9f,
      0x1p-10f,
      2.5f,
      0.25f
    };
    Random random = new Random(seed);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] =
          switch (random.nextInt(8)) {
            case 0 -> special[random.nextInt(special.length)];
            case 1 -> Float.intBitsToFloat(random.nextInt());
            case 2 -> random.nextInt(-20, 20) * 0.125f; // ties
            case 3 -> (float) random.nextGaussian() * Math.scalb(1f, random.nextInt(-140, 120));
            default -> (float) random.nextGaussian();
          };
    }
    for (int i = 0; i + 64 <= n; i += 640) { // blocks of zeros, and of nothing finite
      for (int j = i; j < i + 64; j++) {
        x[j] = i % 1280 == 0 ? 0f : Float.NEGATIVE_INFINITY;
      }
    }
    return x;
  }

  static Tensor on(Tensor host) {
    Tensor onDevice = device().upload(host);
    UPLOADED.add(onDevice);
    return onDevice;
  }

  /** On the device, so many elements behind where memory is aligned. */
  static Tensor onAt(float[] x, int offset, Shape shape) {
    float[] padded = new float[x.length + offset + 1];
    System.arraycopy(x, 0, padded, offset, x.length);
    Storage all = on(Tensor.of(padded, padded.length)).storage();
    Storage part = ((DeviceStorage) all).slice(4L * offset, 4L * x.length);
    return Tensor.of(part, shape, Formats.FP32, Scales.one());
  }

  static int[] bits(Tensor values) {
    Tensor host = values.storage() instanceof DeviceStorage ? device().download(values) : values;
    float[] floats = host.toFloats();
    int[] bits = new int[floats.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(floats[i]);
    }
    return bits;
  }

  static Stream<Quantizer> quantizers() {
    return Stream.concat(
        Stream.of(
                "fp16",
                "bf16",
                "e4m3fn",
                "e5m2",
                "e2m1",
                "lns8",
                "e4m3fn/unscaled",
                "e4m3fn/unscaled/saturate=ml-dtypes",
                "e5m2/unscaled/saturate=ocp-nonsat",
                "e2m1/unscaled/saturate=ml-dtypes",
                "lns8/unscaled",
                "lns8/underflow=clamp",
                "lns8/linear",
                "fp16/round=toward-zero",
                "bf16/round=nearest-away",
                "e4m3fn/round=to-odd",
                "e4m3fnuz",
                "binary8p4se",
                "posit16",
                "posit8",
                "int8",
                "uint8",
                "int16",
                "nf4",
                "lns4",
                "lns8-madam/max-finite",
                "lns:b16g512",
                "float:e3m4,subnormals=no",
                "float:e4m3,zero=no",
                "fp16/axis=0",
                "fp16/axis=-1",
                "e4m3fn/axis=0",
                "e5m2/axis=-1",
                "lns8-row",
                "e4m3fn/block=7",
                "e2m1/block=4@0",
                "int8/tile=3x5",
                "fp8-128x128",
                "mxfp8",
                "mxfp8-e5m2",
                "mxfp6",
                "mxfp6-e3m2",
                "mxfp4",
                "mxint8",
                "mxfp8/ceil",
                "mxfp8/even",
                "mxfp8/round-up",
                "lns8-block",
                "lns8/block=4",
                "e4m3fn/block=128",
                "fp8-1x128",
                "nvfp4",
                "nvfp4-one-level",
                "vsq4",
                "nvfp4/amax",
                "mxfp8/scale=e4m3fn",
                "e4m3fn/percentile=99.5",
                "e4m3fn/mse",
                "fp16/round=stochastic:16",
                "bf16/round=stochastic:16",
                "e4m3fn/round=stochastic:8",
                "e5m2/round=stochastic-a:3",
                "e2m1/round=stochastic-b:5",
                "lns8/round=stochastic:8",
                "lns8/round=stochastic:32",
                "lns8-madam/round=stochastic-a:4/max-finite",
                "mxfp8/round=stochastic:12",
                "nvfp4/round=stochastic:8",
                "lns8-block/round=stochastic:8",
                "int8/round=stochastic:8",
                "mxint8/round=stochastic:16",
                "posit8/round=stochastic:4",
                "posit16/round=stochastic:20",
                "float:e4m3,subnormals=no/round=stochastic:9",
                // what the processor does
                "int8-asymmetric",
                "nf4/round=stochastic:8",
                "lns8/round=stochastic:8/linear",
                "posit32",
                "fp32")
            .map(Recipes::parse),
        Stream.of(
            Recipes.parse("e4m3fn").with(Division.RECIPROCAL),
            zero(Recipes.parse("nvfp4"), Scaling.ZeroScale.ZERO),
            zero(Recipes.parse("nvfp4-one-level"), Scaling.ZeroScale.SMALLEST),
            zero(Recipes.parse("mxfp8/amax/scale=e4m3fn"), Scaling.ZeroScale.ZERO),
            Recipes.parse("mxfp8")
                .with(Recipes.parse("mxfp8").scaling().with(Scaling.NonFinite.NAN_SCALE))));
  }

  private static Quantizer zero(Quantizer quantizer, Scaling.ZeroScale zero) {
    return quantizer.with(quantizer.scaling().with(zero));
  }

  /** Every operation in every order of threads. */
  @ParameterizedTest
  @MethodSource("quantizers")
  void castsAsTheProcessor(Quantizer quantizer) {
    List<Shape> shapes =
        List.of(
            Shape.of(24, 256),
            Shape.of(3, 5, 128),
            Shape.of(10, 37),
            Shape.of(5, 1),
            Shape.of(7, 2), // in four elements the same scale comes twice
            Shape.of(5, 3),
            Shape.of(2, 0));
    int offset = 0;
    for (Shape shape : shapes) {
      for (Order order : Order.all()) {
        EmulatedDriver.order(order);
        check(quantizer, shape, offset++ % 4);
      }
    }
  }

  private static void check(Quantizer quantizer, Shape shape, int offset) {
    float[] numbers = numbers(shape.size(), 17 * shape.size() + offset);
    Tensor x = Tensor.of(numbers, shape.dims());
    Tensor onDevice = onAt(numbers, offset, shape);
    RandomBits random = quantizer.projection().rounding().isStochastic() ? RANDOM : null;

    Tensor expected = CPU.quantize(quantizer, x, random);
    Tensor codes = CASTS.quantize(quantizer, onDevice, random);
    UPLOADED.add(codes);
    assertCodes(quantizer, expected, codes);

    Tensor again = on(expected.withScales(expected.scales()));
    CASTS.quantize(quantizer, onDevice, again, random);
    Tensor againExpected = quantizer.allocate(shape, expected.scales());
    CPU.quantize(quantizer, x, againExpected, random);
    assertCodes(quantizer, againExpected, again);

    Tensor fake = Tensor.zeros(shape.dims());
    Tensor fakeOnDevice = onAt(new float[shape.size()], (offset + 1) % 4, shape);
    Scales scales = CPU.fakeQuantize(quantizer, x, fake, random);
    assertEquals(scales, CASTS.fakeQuantize(quantizer, onDevice, fakeOnDevice, random));
    assertValues(quantizer, "fake", fake, fakeOnDevice, numbers);
    device().copy(onDevice, fakeOnDevice);
    assertEquals(scales, CASTS.scales(quantizer, fakeOnDevice));
    assertEquals(scales, CASTS.fakeQuantize(quantizer, fakeOnDevice, fakeOnDevice, random));
    assertValues(quantizer, "fake in place", fake, fakeOnDevice, numbers);

    Tensor decoded = Tensor.zeros(shape.dims());
    CPU.decode(expected, decoded);
    CASTS.decode(codes, fakeOnDevice);
    assertValues(quantizer, "decoded", decoded, fakeOnDevice, numbers);

    assertEquals(CPU.moments(x, expected), CASTS.moments(onDevice, codes));
    assertEquals(CPU.moments(x, decoded), CASTS.moments(onDevice, fakeOnDevice));
    assertArrayEquals(
        CPU.amax(expected, quantizer.granularity()), CASTS.amax(codes, quantizer.granularity()));
  }

  private static void assertCodes(Quantizer quantizer, Tensor expected, Tensor onDevice) {
    assertEquals(expected.scales(), onDevice.scales(), quantizer::toString);
    assertEquals(expected, device().download(onDevice), quantizer::toString);
    assertEquals(expected.quantizer().isPresent(), onDevice.quantizer().isPresent());
  }

  private static void assertValues(
      Quantizer quantizer, String what, Tensor expected, Tensor onDevice, float[] x) {
    int[] expectedBits = bits(expected);
    int[] bits = bits(onDevice);
    for (int i = 0; i < bits.length; i++) {
      if (expectedBits[i] != bits[i]) {
        assertEquals(
            Integer.toHexString(expectedBits[i]),
            Integer.toHexString(bits[i]),
            quantizer + ", " + what + ", element " + i + " = " + x[i]);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"fp16", "e4m3fn", "e2m1", "lns8", "posit8", "bf16/round=stochastic:16", "int16"})
  void lengthsAndOffsets(String name) {
    Quantizer quantizer = Recipes.parse(name);
    for (int n : LENGTHS) {
      for (int offset = 0; offset < 4; offset++) {
        check(quantizer, Shape.of(n), offset);
      }
    }
  }

  @Test
  void amaxOfAnyGranularity() {
    List<Granularity> granularities = new ArrayList<>();
    for (String name :
        List.of(
            "tensor",
            "axis=0",
            "axis=1",
            "axis=2",
            "block=32",
            "block=8@0",
            "block=3@1",
            "tile=3x50")) {
      granularities.add(Granularity.parse(name));
    }
    float[] numbers = numbers(7 * 9 * 130, 1);
    Tensor x = Tensor.of(numbers, 7, 9, 130);
    Tensor onDevice = on(x);
    for (Order order : Order.all()) {
      EmulatedDriver.order(order);
      for (Granularity granularity : granularities) {
        assertArrayEquals(
            CPU.amax(x, granularity), CASTS.amax(onDevice, granularity), granularity::toString);
      }
    }
  }

  @Test
  void amaxIsTheLargestFiniteMagnitude() {
    Tensor x = on(Tensor.of(new float[] {1, -3, Float.NaN, Float.NEGATIVE_INFINITY, 2, 0}, 2, 3));
    assertArrayEquals(new float[] {3, 2}, CASTS.amax(x, new Granularity.PerAxis(0)));
  }

  @Test
  void momentsAreThoseOfTheReport() {
    float[] numbers = numbers(3 * 4096 + 100, 9);
    Tensor x = Tensor.of(numbers, numbers.length);
    Tensor codes = Recipes.parse("mxfp8").quantize(Tensor.of(numbers, 1, numbers.length));
    Tensor fake = Tensor.of(codes.toFloats(), numbers.length);
    QuantizationError report = QuantizationError.measure(x, fake);
    Tensor before = on(x);
    Tensor after = on(fake);
    for (Order order : Order.all()) {
      EmulatedDriver.order(order);
      var moments = CASTS.moments(before, after);
      assertEquals(report.moments(), moments);
      assertEquals(report.signal(), moments.signal());
      assertEquals(report.noise(), moments.noise());
      assertEquals(report.sqnrDb(), moments.sqnrDb());
      assertEquals(report.cosine(), moments.cosine());
      assertEquals(report.lost(), moments.lost());
      assertTrue(moments.finiteBefore() < moments.count());
    }
  }

  @Test
  void codesUnderScalesOfZeroAndNan() {
    Scales scales = Scales.of(Granularity.parse("axis=0"), 0f, Float.NaN, 0.75f, 0x1p-127f);
    float[] numbers = numbers(4 * 300, 21);
    Tensor x = Tensor.of(numbers, 4, 300);
    Tensor onDevice = on(x);
    for (String name : List.of("e4m3fn", "fp16", "e2m1", "lns8", "int8", "e4m3fnuz")) {
      Quantizer quantizer = Recipes.parse(name);
      Tensor expected = quantizer.allocate(x.shape(), scales);
      Tensor codes = on(expected);
      CPU.quantize(quantizer, x, expected, null);
      CASTS.quantize(quantizer, onDevice, codes, null);
      assertCodes(quantizer, expected, codes);
      Tensor values = Tensor.zeros(4, 300);
      CPU.decode(expected, values);
      Tensor valuesOnDevice = on(values);
      CASTS.decode(codes, valuesOnDevice);
      assertValues(quantizer, "decoded", values, valuesOnDevice, numbers);
    }
  }

  @Test
  void rotatedTensorsGoThroughTheProcessor() {
    float[] numbers = new float[64];
    for (int i = 0; i < 64; i++) {
      numbers[i] = i % 13 - 6;
    }
    Tensor x = Tensor.of(numbers, 4, 16);
    Tensor codes = Recipes.parse("e4m3fn").quantize(x).rotatedBy(new Hadamard(16, 1));
    Tensor y = Tensor.zeros(4, 16);
    CPU.decode(codes, y);
    Tensor codesOnDevice = on(codes);
    Tensor onDevice = on(x);
    assertEquals(CPU.moments(x, codes), CASTS.moments(onDevice, codesOnDevice));
    CASTS.decode(codesOnDevice, onDevice);
    assertArrayEquals(bits(y), bits(onDevice));
  }

  @Test
  void writingUnderGivenScalesDoesNotWait() {
    Quantizer quantizer = Recipes.parse("e4m3fn");
    Tensor x = on(Tensor.of(numbers(5000, 2), 5000));
    Tensor codes = on(quantizer.allocate(x.shape(), Scales.of(0.5f)));
    Tensor y = on(Tensor.zeros(5000));
    CASTS.quantize(quantizer, x, codes, null);
    long waits = EmulatedDriver.synchronizations();
    CASTS.quantize(quantizer, x, codes, null);
    CASTS.decode(codes, y);
    CASTS.fakeQuantize(Recipes.parse("fp16"), x, y, null);
    assertEquals(waits, EmulatedDriver.synchronizations());
  }

  @Test
  void hostTensorsAreTheProcessors() {
    Tensor x = Tensor.of(numbers(100, 3), 100);
    Quantizer quantizer = Recipes.parse("lns8");
    assertEquals(CPU.quantize(quantizer, x, null), CASTS.quantize(quantizer, x, null));
  }

  private static void assertRefuses(String message, Runnable call) {
    Throwable thrown = assertThrows(IllegalArgumentException.class, call::run);
    assertTrue(String.valueOf(thrown.getMessage()).contains(message), thrown::toString);
  }

  @Test
  void namesWhatDoesNotFit() {
    Quantizer e4m3 = Recipes.parse("e4m3fn");
    Tensor host = Tensor.of(numbers(6, 4), 2, 3);
    Tensor x = on(host);
    Tensor codes = on(e4m3.quantize(host));
    assertRefuses(
        "codes lies in host memory", () -> CASTS.quantize(e4m3, x, e4m3.quantize(host), null));
    assertRefuses("x lies in host memory", () -> CASTS.quantize(e4m3, host, codes, null));
    assertRefuses("upload", () -> CASTS.decode(codes, host));
    Tensor four = on(Tensor.zeros(4));
    assertRefuses(
        "y shares memory with x",
        () -> CASTS.fakeQuantize(e4m3, four.slice(0, 2), four.slice(1, 3), null));
    assertRefuses("x = e4m3fn[2, 3]", () -> CASTS.quantize(e4m3, codes, null));
    assertRefuses(
        "codes = e4m3fn[2, 3], expected e5m2[2, 3]",
        () -> CASTS.quantize(Recipes.parse("e5m2"), x, codes, null));
    assertRefuses(
        "random = null", () -> CASTS.quantize(e4m3.with(Rounding.stochastic(8)), x, null));
    assertRefuses(
        "zero points",
        () ->
            CASTS.quantize(
                Recipes.parse("int8-asymmetric"),
                x,
                on(Recipes.parse("int8").quantize(host)),
                null));
    assertRefuses(
        "y has shape [3, 2], expected [2, 3]", () -> CASTS.decode(codes, x.reshape(3, 2)));
  }
}
