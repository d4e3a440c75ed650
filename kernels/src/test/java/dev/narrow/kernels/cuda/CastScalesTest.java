package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.kernels.cuda.EmulatedDriver.Order;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Scaling;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Scales in the memory of a device: found there, used there, and read when somebody asks. */
@SuppressWarnings("NullAway.Init") // what @BeforeEach sets
class CastScalesTest {
  private static final Backend CPU = Backend.cpu(1);

  private CudaDevice device;
  private final List<Tensor> onDevice = new ArrayList<>();

  @BeforeEach
  void open() {
    EmulatedDriver.install();
    device = CudaDevice.open();
  }

  @AfterEach
  void close() {
    EmulatedDriver.order(Order.FORWARD);
    onDevice.forEach(device::free);
    assertEquals(List.of(), device.usage().open());
    device.close();
    assertEquals(0, device.usage().inUse());
  }

  private Tensor on(Tensor host) {
    Tensor tensor = device.upload(host);
    onDevice.add(tensor);
    return tensor;
  }

  private Tensor quantize(Quantizer quantizer, Tensor x) {
    Tensor codes = device.backend().quantize(quantizer, x, null);
    onDevice.add(codes);
    return codes;
  }

  private static Tensor matrix(int rows, int columns, long seed) {
    Random random = new Random(seed);
    float[] x = new float[rows * columns];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian() * (1 + i % 7);
    }
    return Tensor.of(x, rows, columns);
  }

  // The rules

  /** Each magnitude of a binade's ends and middle, of what is special, and many others. */
  private static float[] magnitudes(int atRandom) {
    List<Float> found =
        new ArrayList<>(List.of(0f, Float.MAX_VALUE, Math.nextDown(Float.MAX_VALUE)));
    for (int exponent = -149; exponent <= 127; exponent++) {
      for (float significand : new float[] {1f, 1.5f, 1.75f}) {
        float x = Math.scalb(significand, exponent);
        found.addAll(List.of(x, Math.nextUp(x), Math.nextDown(x)));
      }
    }
    Random random = new Random(4);
    for (int i = 0; i < atRandom; i++) {
      found.add(Float.intBitsToFloat(random.nextInt(0x7F80_0000)));
    }
    found.removeIf(x -> !Float.isFinite(x) || x < 0);
    float[] magnitudes = new float[found.size()];
    for (int i = 0; i < magnitudes.length; i++) {
      magnitudes[i] = found.get(i);
    }
    return magnitudes;
  }

  static Stream<Quantizer> rules() {
    List<Quantizer> quantizers = new ArrayList<>();
    List<NumericFormat> scales =
        List.of(
            Formats.FP32, Formats.E8M0, Formats.E4M3FN, Formats.E5M2, Formats.FP16, Formats.BF16);
    for (NumericFormat format :
        List.of(Formats.E4M3FN, Formats.E2M1, Formats.LNS8, Formats.FP16, Formats.INT8)) {
      for (ScaleRule rule : ScaleRule.values()) {
        boolean isEven = rule == ScaleRule.POWER_OF_TWO_EVEN;
        if (rule == ScaleRule.ONE
            || rule == ScaleRule.MIN_TO_MAX
            || (isEven && format.equals(Formats.LNS8))) {
          continue;
        }
        for (NumericFormat scale : scales) {
          Scaling scaling = Scaling.of(rule).with(scale, scale.defaultProjection());
          quantizers.add(Quantizer.of(format).with(scaling));
          if (!rule.isPowerOfTwo()) {
            quantizers.add(
                Quantizer.of(format).with(scaling.withOuter(new Granularity.PerTensor())));
          }
        }
        quantizers.add(
            Quantizer.of(format).with(Scaling.e8m0(ScaleRule.AMAX_TO_MAX_FINITE).with(rule)));
        for (Scaling.ZeroScale zero : Scaling.ZeroScale.values()) {
          quantizers.add(
              Quantizer.of(format)
                  .with(
                      Scaling.of(rule)
                          .with(
                              Formats.E4M3FN,
                              Formats.E4M3FN.defaultProjection().with(Rounding.TOWARD_POSITIVE))
                          .with(zero)));
        }
      }
    }
    return quantizers.stream();
  }

  /** A scale for each row, of which one element is not zero. */
  @ParameterizedTest
  @MethodSource("rules")
  void kernelsFindTheScalesOfTheRule(Quantizer perTensor) {
    Quantizer quantizer = perTensor.with(new Granularity.PerAxis(0));
    float[] amax = magnitudes(100);
    for (float most : new float[] {Float.MAX_VALUE, 3000f, 0x1p-130f}) {
      // so that outer scales are not always the largest
      float[] x = new float[amax.length];
      for (int i = 0; i < x.length; i++) {
        x[i] = Math.min(amax[i], most) * (i % 2 == 0 ? 1 : -1);
      }
      Tensor host = Tensor.of(x, x.length, 1);
      Scales expected = quantizer.scales(host);
      Tensor codes = quantize(quantizer, on(host));
      assertTrue(device.castScales().areUnread(codes.scales()));
      for (int i = 0; i < x.length; i++) {
        if (Float.floatToRawIntBits(expected.get(i))
            != Float.floatToRawIntBits(codes.scales().get(i))) {
          assertEquals(expected.get(i), codes.scales().get(i), quantizer + " of " + x[i]);
        }
      }
      assertEquals(expected, codes.scales(), quantizer::toString);
      assertEquals(quantizer.quantize(host), device.download(codes), quantizer::toString);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 10, 37, 255, 256, 1000, 1023, 1024, 1025, 2600})
  void columnsHaveTheirLargestMagnitudes(int columns) {
    Granularity granularity = new Granularity.PerAxis(-1);
    for (int rows : new int[] {1, 7, 8, 9, 40}) {
      float[] numbers = CudaCastsTest.numbers(rows * columns, columns + rows);
      float[] expected = granularity.amax(Tensor.of(numbers, rows, columns));
      Tensor x = on(Tensor.of(numbers, rows, columns));
      for (Order order : Order.all()) {
        EmulatedDriver.order(order);
        assertArrayEquals(expected, device.backend().amax(x, granularity));
      }
    }
    // not where memory is aligned
    float[] numbers = CudaCastsTest.numbers(40 * columns + 1, columns);
    Tensor part = on(Tensor.of(numbers, numbers.length)).slice(1, numbers.length);
    float[] rest = Arrays.copyOfRange(numbers, 1, numbers.length);
    assertArrayEquals(
        granularity.amax(Tensor.of(rest, 40, columns)),
        device.backend().amax(part.reshape(40, columns), granularity));
  }

  // Nobody waits

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mxfp8",
        "mxfp4",
        "nvfp4",
        "lns8/max-finite",
        "e4m3fn/max-finite",
        "lns8-row",
        "fp16/axis=-1/max-finite",
        "e4m3fn/block=32@0",
        "int8/tile=16x16"
      })
  void nothingComesToTheHost(String recipe) {
    Quantizer quantizer = Recipes.parse(recipe);
    Tensor a = matrix(48, 64, 1);
    Tensor b = matrix(64, 80, 2);
    Tensor aOnDevice = on(a);
    Tensor bOnDevice = on(b);
    Tensor values = on(Tensor.zeros(48, 64));
    Tensor out = on(Tensor.zeros(48, 80));
    Tensor outFast = on(Tensor.zeros(48, 80));
    Backend backend = device.backend();
    Backend fast = device.fastBackend();
    Tensor left = aOnDevice;
    Tensor right = bOnDevice;
    long waits = 0;
    long copies = 0;
    for (int turn = 0; turn < 2; turn++) { // tables of formats are copied in the first
      waits = EmulatedDriver.synchronizations();
      copies = EmulatedDriver.calls("cuMemcpyDtoHAsync");
      left = quantize(quantizer, aOnDevice);
      right = quantize(quantizer, bOnDevice);
      backend.decode(left, values);
      backend.matmul(Matmul.plain(), Matrices.of(left), Matrices.of(right), Matrices.of(out));
      fast.matmul(Matmul.plain(), Matrices.of(left), Matrices.of(right), Matrices.of(outFast));
      backend.fakeQuantize(quantizer, aOnDevice, values, null);
    }
    assertEquals(waits, EmulatedDriver.synchronizations());
    assertEquals(copies, EmulatedDriver.calls("cuMemcpyDtoHAsync"));
    device.download(out);
    assertTrue(copies < EmulatedDriver.calls("cuMemcpyDtoHAsync"), "they are counted");

    Tensor expected = Tensor.zeros(48, 80);
    Tensor leftHost = quantizer.quantize(a);
    Tensor rightHost = quantizer.quantize(b);
    CPU.matmul(
        Matmul.plain(), Matrices.of(leftHost), Matrices.of(rightHost), Matrices.of(expected));
    assertEquals(expected, device.download(out));
    float[] exact = expected.toFloats();
    float[] found = device.download(outFast).toFloats();
    float[] leftValues = leftHost.toFloats();
    float[] rightValues = rightHost.toFloats();
    for (int i = 0; i < exact.length; i++) {
      double magnitude = 0;
      for (int k = 0; k < 64; k++) {
        magnitude += Math.abs((double) leftValues[i / 80 * 64 + k] * rightValues[k * 80 + i % 80]);
      }
      assertEquals(exact[i], found[i], 2e-3 * magnitude, recipe);
    }
    assertEquals(leftHost, device.download(left));
    assertEquals(rightHost, device.download(right));
  }

  @Test
  void productsOfExtremeScalesNeitherOverflowNorVanish() {
    Quantizer quantizer = Recipes.parse("e4m3fn/max-finite");
    for (int exponent : new int[] {-110, -60, 60, 100}) {
      Tensor a = matrix(40, 40, 3);
      Tensor b = matrix(40, 40, 4);
      CPU.scale(Math.scalb(1f, exponent), a, a);
      CPU.scale(Math.scalb(1f, -exponent), b, b);
      Tensor left = quantize(quantizer, on(a));
      Tensor right = quantize(quantizer, on(b));
      Tensor out = on(Tensor.zeros(40, 40));
      device
          .fastBackend()
          .matmul(Matmul.plain(), Matrices.of(left), Matrices.of(right), Matrices.of(out));
      Tensor expected = Tensor.zeros(40, 40);
      CPU.matmul(
          Matmul.plain(),
          Matrices.of(quantizer.quantize(a)),
          Matrices.of(quantizer.quantize(b)),
          Matrices.of(expected));
      float[] found = device.download(out).toFloats();
      float largest = new Granularity.PerTensor().amax(expected)[0];
      assertTrue(largest > 100);
      for (int i = 0; i < found.length; i++) {
        assertEquals(expected.toFloats()[i], found[i], 1e-4 * largest);
      }
    }
  }

  @Test
  void factorsAreCopiedOnce() {
    Quantizer quantizer = Recipes.parse("e4m3fn/axis=0");
    Tensor x = on(matrix(32, 16, 5));
    Tensor codes = on(quantizer.quantize(matrix(32, 16, 6)));
    Tensor y = on(Tensor.zeros(32, 16));
    device.backend().decode(codes, y);
    long copies = EmulatedDriver.calls("cuMemcpyHtoDAsync");
    device.backend().decode(codes, y);
    device.backend().quantize(quantizer, x, codes, null);
    assertEquals(copies, EmulatedDriver.calls("cuMemcpyHtoDAsync"));
    // equal scales are not the same
    device
        .backend()
        .decode(codes.withScales(Scales.of(new Granularity.PerAxis(0), new float[32])), y);
    assertTrue(copies < EmulatedDriver.calls("cuMemcpyHtoDAsync"));
  }

  // How long they live

  /** The garbage collector is asked only where there is no other memory left. */
  @Test
  void memoryOfScalesThatNobodyHasIsUsedAgain() {
    Tensor codes = on(Recipes.parse("e4m3fn").quantize(matrix(1024, 2, 5)));
    Tensor y = on(Tensor.zeros(1024, 2));
    device.trim();
    long before = device.usage().inUse();
    decodeUnderOtherScales(codes, y);
    assertEquals(before + 4096, device.usage().inUse());
    device.trim();
    device.limitMemory(device.usage().reserved());
    Tensor other = device.allocate(Formats.FP32, Shape.of(1024), Scales.one());
    onDevice.add(other);
    assertEquals(before + 4096, device.usage().inUse());
    assertThrows(
        CudaOutOfMemoryException.class,
        () -> device.allocate(Formats.FP32, Shape.of(1024), Scales.one()));
    device.limitMemory(1L << 40);
    device
        .backend()
        .fakeQuantize(Recipes.parse("e4m3fn/axis=0"), y, on(Tensor.zeros(1024, 2)), null);
    assertTrue(device.castScales().collect(), "of a result that nobody wanted");
  }

  private void decodeUnderOtherScales(Tensor codes, Tensor y) {
    float[] factors = new float[1024];
    Arrays.fill(factors, 3);
    device.backend().decode(codes.withScales(Scales.of(new Granularity.PerAxis(0), factors)), y);
  }

  @Test
  void scalesAreFreedWithTheirCodes() {
    Quantizer quantizer = Recipes.parse("nvfp4");
    Tensor host = matrix(4, 64, 7);
    Tensor x = on(host);
    Tensor unread = device.backend().quantize(quantizer, x, null);
    Tensor read = device.backend().quantize(quantizer, x, null);
    Tensor downloaded = device.backend().quantize(quantizer, x, null);
    Tensor copy = device.download(downloaded);
    Scales expected = quantizer.scales(host);
    assertEquals(expected, read.scales());
    for (Tensor codes : List.of(unread, read, downloaded)) {
      device.free(codes);
    }
    assertEquals(expected, read.scales());
    assertEquals(quantizer.quantize(host), copy);
    Throwable thrown = assertThrows(IllegalStateException.class, () -> unread.scales().get(0));
    assertEquals("scales is memory that was freed", thrown.getMessage());
    thrown =
        assertThrows(
            IllegalStateException.class, () -> unread.scales().outer().orElseThrow().get(0));
    assertEquals("scales is memory that was freed", thrown.getMessage());
    // what was read can be used for other codes
    Tensor other = on(copy.withScales(read.scales()));
    Tensor values = on(Tensor.zeros(4, 64));
    device.backend().decode(other, values);
    assertArrayEquals(copy.toFloats(), device.download(values).toFloats());
  }

  @Test
  void afterTheDeviceIsClosedNobodyReads() {
    CudaDevice other = CudaDevice.open();
    Tensor x = other.upload(matrix(4, 64, 8));
    Tensor y = other.upload(matrix(4, 64, 8));
    Scales fake = other.backend().fakeQuantize(Recipes.parse("mxfp8"), x, y, null);
    Tensor codes = other.backend().quantize(Recipes.parse("lns8/max-finite"), x, null);
    Scales read = other.backend().fakeQuantize(Recipes.parse("mxfp8"), x, y, null);
    float scale = read.get(0);
    List.of(x, y, codes).forEach(other::free);
    assertEquals(List.of(), other.usage().open(), "scales are the device's own");
    other.close();
    assertEquals(0, other.usage().inUse());
    assertEquals(scale, read.get(0));
    for (Scales unread : List.of(fake, codes.scales())) {
      Throwable thrown = assertThrows(IllegalStateException.class, () -> unread.get(0));
      assertTrue(String.valueOf(thrown.getMessage()).contains("is closed"), thrown::toString);
    }
  }

  @Test
  void scalesMayBeGivenBackBeforeTheGarbageCollectorFindsThem() {
    Tensor x = on(matrix(4, 64, 8));
    Tensor y = on(matrix(4, 64, 8));
    long before = device.usage().inUse();
    Scales read = device.backend().fakeQuantize(Recipes.parse("mxfp8"), x, y, null);
    float scale = read.get(0);
    Scales unread = device.backend().fakeQuantize(Recipes.parse("mxfp8"), x, y, null);
    for (int i = 0; i < 2; i++) {
      device.backend().free(read);
      device.backend().free(unread);
    }
    device.backend().free(Scales.one());
    assertEquals(before, device.usage().inUse());
    assertEquals(scale, read.get(0));
    Throwable thrown = assertThrows(IllegalStateException.class, () -> unread.get(0));
    assertEquals("scales is memory that was freed", thrown.getMessage());
  }

  // Graphs

  @ParameterizedTest
  @ValueSource(
      strings = {
        "mxfp8",
        "nvfp4",
        "lns8/max-finite",
        "lns8-row",
        "fp16/axis=-1/max-finite",
        "nvfp4/block=24"
      })
  void aGraphFindsScalesAnew(String recipe) {
    Quantizer quantizer = Recipes.parse(recipe);
    Tensor x = on(matrix(16, 48, 9));
    Tensor y = on(Tensor.zeros(16, 48));
    Tensor fake = on(Tensor.zeros(16, 48));
    Tensor out = on(Tensor.zeros(16, 16));
    Tensor fastOut = on(Tensor.zeros(16, 16));
    Scales uploaded = Scales.of(new Granularity.PerAxis(0), ramp(16));
    Tensor given = on(Recipes.parse("e4m3fn").allocate(x.shape(), uploaded));
    Tensor[] codes = new Tensor[1];
    Runnable work =
        () -> {
          codes[0] = device.backend().quantize(quantizer, x, null);
          device.backend().decode(codes[0], y);
          device.backend().fakeQuantize(quantizer, x, fake, null);
          device.backend().quantize(Recipes.parse("e4m3fn"), x, given, null);
          Matrices left = Matrices.of(codes[0]);
          device.backend().matmul(Matmul.plain(), left, left.transposed(), Matrices.of(out));
          device
              .fastBackend()
              .matmul(Matmul.plain(), left, left.transposed(), Matrices.of(fastOut));
        };
    work.run(); // tables of formats, and the given scales, are copied
    device.free(codes[0]);
    try (CudaGraph graph = device.capture(work)) {
      Throwable thrown = assertThrows(IllegalStateException.class, () -> codes[0].scales().get(0));
      assertTrue(String.valueOf(thrown.getMessage()).contains("download"), thrown::toString);
      for (int turn = 0; turn < 3; turn++) {
        Tensor now = matrix(16, 48, 20 + turn);
        CPU.scale(Math.scalb(1f, 5 * turn - 7), now, now);
        device.copy(now, x);
        graph.launch();
        Tensor expected = quantizer.quantize(now);
        assertEquals(expected, device.download(codes[0]));
        assertArrayEquals(expected.toFloats(), device.download(y).toFloats());
        assertEquals(device.download(y), device.download(fake));
        assertEquals(Recipes.parse("e4m3fn").quantize(now, uploaded, null), device.download(given));
        Tensor product = Tensor.zeros(16, 16);
        Matrices left = Matrices.of(expected);
        CPU.matmul(Matmul.plain(), left, left.transposed(), Matrices.of(product));
        assertEquals(product, device.download(out));
        float[] fast = device.download(fastOut).toFloats();
        float largest = new Granularity.PerTensor().amax(product)[0];
        for (int i = 0; i < fast.length; i++) {
          assertEquals(product.toFloats()[i], fast[i], 2e-3 * largest);
        }
      }
    }
    device.free(codes[0]);
  }

  private static float[] ramp(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = 1 + i * 0.25f;
    }
    return x;
  }

  /**
   * A graph's kernels read the scales that they were given, whether somebody still has them or not.
   */
  @Test
  void aGraphKeepsTheScalesOfItsTensors() {
    Tensor x = on(matrix(16, 8, 10));
    Tensor y = on(Tensor.zeros(16, 8));
    Quantizer quantizer = Recipes.parse("e4m3fn");
    Tensor[] given = {
      on(quantizer.allocate(x.shape(), Scales.of(new Granularity.PerAxis(0), ramp(16))))
    };
    Tensor expected = quantizer.quantize(device.download(x), given[0].scales(), null);
    Runnable work =
        () -> {
          device.backend().quantize(quantizer, x, given[0], null);
          device.backend().decode(given[0], y);
        };
    work.run();
    try (CudaGraph graph = device.capture(work)) {
      given[0] = given[0].withScales(Scales.one());
      onDevice.remove(onDevice.size() - 1);
      onDevice.add(given[0]);
      device.castScales().collect();
      Tensor other = device.upload(Tensor.of(new float[16], 16)); // where there is memory again
      graph.launch();
      assertArrayEquals(expected.toFloats(), device.download(y).toFloats());
      device.free(other);
    }
  }

  @Test
  void exactSumsWithinAGraphAskNobody() {
    Quantizer quantizer = Recipes.parse("e4m3fn/max-finite");
    Tensor x = on(matrix(4, 8, 11));
    Tensor out = on(Tensor.zeros(4, 4));
    Backend exact = device.backend().with(Accumulator.exact());
    Tensor[] codes = new Tensor[1];
    try (CudaGraph graph =
        device.capture(() -> {
          codes[0] = device.backend().quantize(quantizer, x, null);
          Matrices left = Matrices.of(codes[0]);
          exact.matmul(Matmul.plain(), left, left.transposed(), Matrices.of(out));
        })) {
      for (int turn = 0; turn < 2; turn++) {
        Tensor now = matrix(4, 8, 30 + turn);
        CPU.scale(turn == 0 ? 1f : 0x1p-40f, now, now);
        device.copy(now, x);
        graph.launch();
        Tensor expected = Tensor.zeros(4, 4);
        Matrices left = Matrices.of(quantizer.quantize(now));
        CPU.with(Accumulator.exact())
            .matmul(Matmul.plain(), left, left.transposed(), Matrices.of(expected));
        assertEquals(expected, device.download(out));
      }
    }
    device.free(codes[0]);
  }

  /** LNS8 weights in place: their scale is read once. */
  @Test
  void optimizersReadTheScaleOfAParameterOnce() {
    Quantizer quantizer = Recipes.parse("lns8/max-finite");
    Tensor weights = quantize(quantizer, on(matrix(8, 8, 12)));
    Tensor gradient = quantize(quantizer, on(matrix(8, 8, 13)));
    Tensor velocity = on(Tensor.zeros(8, 8));
    Tensor weightsHost = quantizer.quantize(matrix(8, 8, 12));
    Tensor gradientHost = quantizer.quantize(matrix(8, 8, 13));
    Tensor velocityHost = Tensor.zeros(8, 8);
    for (int step = 0; step < 3; step++) {
      device.backend().sgd(0.1f, 0.9f, 0, false, gradient, velocity, weights);
      CPU.sgd(0.1f, 0.9f, 0, false, gradientHost, velocityHost, weightsHost);
    }
    assertTrue(device.castScales().areUnread(gradient.scales()));
    long waits = EmulatedDriver.synchronizations();
    device.backend().sgd(0.1f, 0.9f, 0, false, gradient, velocity, weights);
    CPU.sgd(0.1f, 0.9f, 0, false, gradientHost, velocityHost, weightsHost);
    assertEquals(waits, EmulatedDriver.synchronizations());
    assertEquals(weightsHost, device.download(weights));
    assertEquals(velocityHost, device.download(velocity));
  }
}
