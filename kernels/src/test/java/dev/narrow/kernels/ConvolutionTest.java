package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Consumer;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.function.Executable;

@Tag("scalar")
@Tag("simd")
class ConvolutionTest {
  private static final Backend ONE = Backend.cpu(1);
  private static final Convolution UNIT = Convolution.unit();

  /** A convolution and its operands. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Case(StraightConvolution straight, float[] x, float[] weight, float[] bias, float[] dy) {

    static Case of(StraightConvolution straight, Data data, int specialPeriod) {
      return new Case(
          straight,
          data.mostlyUniform(straight.inputSize(), specialPeriod),
          data.mostlyUniform(straight.weightSize(), specialPeriod),
          data.mostlyUniform(straight.outputs(), specialPeriod),
          data.mostlyUniform(straight.outputSize(), specialPeriod));
    }

    private Tensor image(float[] values) {
      return Tensor.of(
          values, straight.samples(), straight.channels(), straight.height(), straight.width());
    }

    private Tensor kernel(float[] values) {
      return Tensor.of(
          values,
          straight.outputs(),
          straight.channels() / straight.how().groups(),
          straight.kh(),
          straight.kw());
    }

    private Tensor output(float[] values) {
      return Tensor.of(
          values, straight.samples(), straight.outputs(), straight.oh(), straight.ow());
    }

    private static float[] written(int n, Consumer<float[]> operation) {
      float[] out = Data.filled(n, 42f);
      operation.accept(out);
      return out;
    }

    float[] forward(Backend backend) {
      return written(
          straight.outputSize(),
          y -> backend.convolve(straight.how(), image(x), kernel(weight), output(y)));
    }

    float[] forwardWithBias(Backend backend) {
      Tensor addend = Tensor.of(bias, bias.length);
      return written(
          straight.outputSize(),
          y -> backend.convolve(straight.how(), image(x), kernel(weight), addend, output(y)));
    }

    float[] backwardInput(Backend backend) {
      return written(
          straight.inputSize(),
          dx ->
              backend.convolveBackwardInput(straight.how(), kernel(weight), output(dy), image(dx)));
    }

    float[] backwardWeight(Backend backend) {
      return written(
          straight.weightSize(),
          dw -> backend.convolveBackwardWeight(straight.how(), image(x), output(dy), kernel(dw)));
    }

    float[] backwardBias(Backend backend) {
      return written(
          straight.outputs(),
          db -> backend.convolveBackwardBias(output(dy), Tensor.of(db, straight.outputs())));
    }

    void assertDefinition(Backend backend) {
      String what = straight.toString();
      assertSameBits(
          straight.forward(x, weight, new float[0]), forward(backend), "forward " + what);
      assertSameBits(
          straight.forward(x, weight, bias), forwardWithBias(backend), "with bias " + what);
      assertSameBits(
          straight.backwardInput(weight, dy), backwardInput(backend), "backward input " + what);
      assertSameBits(
          straight.backwardWeight(x, dy), backwardWeight(backend), "backward weight " + what);
      assertSameBits(straight.backwardBias(dy), backwardBias(backend), "backward bias " + what);
    }
  }

  /** Any small convolution; the image is at least as large as the kernel, padding included. */
  private static StraightConvolution draw(Data data) {
    int groups = 1 + data.below(3);
    int kh = 1 + data.below(4);
    int kw = 1 + data.below(4);
    Convolution how =
        UNIT.withStride(1 + data.below(3), 1 + data.below(3))
            .withPadding(data.below(4), data.below(4))
            .withDilation(1 + data.below(3), 1 + data.below(3))
            .withGroups(groups);
    int least = Math.max(0, how.dilationY() * (kh - 1) + 1 - 2 * how.paddingY());
    int leastWidth = Math.max(0, how.dilationX() * (kw - 1) + 1 - 2 * how.paddingX());
    return new StraightConvolution(
        how,
        data.below(4),
        groups * (1 + data.below(5)),
        least + data.below(7),
        leastWidth + data.below(20),
        groups * (1 + data.below(6)),
        kh,
        kw);
  }

  @Property(tries = 250)
  void bitsAreThoseOfTheDefinition(
      @ForAll long seed, @ForAll @IntRange(min = 20, max = 2000) int specialPeriod) {
    Data data = new Data(seed);
    Case.of(draw(data), data, specialPeriod).assertDefinition(ONE);
  }

  @Example
  void everyCombinationOfSmallStridePaddingDilationAndKernel() {
    Data data = new Data(11);
    for (int kernel = 1; kernel <= 3; kernel++) {
      for (int stride = 1; stride <= 3; stride++) {
        for (int padding = 0; padding <= 2; padding++) {
          for (int dilation = 1; dilation <= 2; dilation++) {
            for (int groups : new int[] {1, 2, 4}) {
              Convolution how =
                  UNIT.withStride(stride, 4 - stride)
                      .withPadding(padding, 2 - padding)
                      .withDilation(dilation, 3 - dilation)
                      .withGroups(groups);
              StraightConvolution straight =
                  new StraightConvolution(how, 2, 4, 6, 7, 4, kernel, 4 - kernel);
              Case.of(straight, data, 1 << 30).assertDefinition(ONE);
            }
          }
        }
      }
    }
  }

  /** More patches than a block holds, more channels than a block of the weight gradient. */
  @Example
  void blocksLeaveNoTrace() {
    Data data = new Data(12);
    Convolution same = UNIT.withPadding(1, 1);
    StraightConvolution[] cases = {
      new StraightConvolution(same, 1, 130, 27, 29, 4, 3, 3),
      new StraightConvolution(same, 20, 130, 5, 7, 5, 3, 3), // blocks of several small planes
      new StraightConvolution(same.withStride(2, 2), 3, 3, 40, 50, 7, 3, 3),
      new StraightConvolution(UNIT, 2, 6, 33, 34, 9, 1, 1), // 1 × 1: no patches
      new StraightConvolution(UNIT, 5, 70, 4, 4, 30, 1, 1),
      new StraightConvolution(same.withGroups(12), 3, 12, 30, 31, 12, 3, 3), // depthwise
      new StraightConvolution(same.withGroups(12).withStride(2, 2), 3, 12, 30, 31, 12, 3, 3),
      new StraightConvolution(same.withGroups(4), 2, 4, 30, 31, 12, 3, 3),
    };
    for (StraightConvolution straight : cases) {
      Case.of(straight, data, 1 << 30).assertDefinition(ONE);
    }
  }

  @Property(tries = 40)
  void threadsDoNotChangeTheBits(@ForAll long seed) {
    Data data = new Data(seed);
    assertSameByThreads(Case.of(draw(data), data, 100));
  }

  /** Large enough to be shared out, in parts that do not end with samples. */
  @Example
  void threadsShareLargeConvolutions() {
    Data data = new Data(13);
    Convolution same = UNIT.withPadding(1, 1);
    StraightConvolution[] cases = {
      new StraightConvolution(same, 3, 8, 26, 26, 16, 3, 3),
      new StraightConvolution(same, 1, 16, 20, 20, 40, 3, 3),
      new StraightConvolution(same.withStride(2, 2), 9, 32, 7, 7, 60, 3, 3),
      new StraightConvolution(UNIT, 1, 500, 3, 3, 500, 1, 1),
      new StraightConvolution(same.withGroups(60), 3, 60, 40, 40, 60, 3, 3),
    };
    for (StraightConvolution straight : cases) {
      assertSameByThreads(Case.of(straight, data, 1 << 30));
    }
  }

  private static void assertSameByThreads(Case drawn) {
    float[] y = drawn.forwardWithBias(ONE);
    float[] dx = drawn.backwardInput(ONE);
    float[] dweight = drawn.backwardWeight(ONE);
    float[] dbias = drawn.backwardBias(ONE);
    for (int threads : new int[] {2, 3, 8}) {
      Backend backend = Backend.cpu(threads);
      String what = backend.describe() + ", " + drawn.straight();
      assertSameBits(y, drawn.forwardWithBias(backend), what);
      assertSameBits(dx, drawn.backwardInput(backend), what);
      assertSameBits(dweight, drawn.backwardWeight(backend), what);
      assertSameBits(dbias, drawn.backwardBias(backend), what);
    }
  }

  /**
   * Convolution is linear in x and in the weight, and its gradients are the adjoint maps: (conv(x,
   * w), dy) = (x, backwardInput(w, dy)) = (w, backwardWeight(x, dy)). Values are below 1, so a sum
   * of k terms is off by less than k² 2^-24, and there are as many of them as elements.
   */
  @Property(tries = 150)
  void gradientsAreAdjoint(@ForAll long seed) {
    Data data = new Data(seed);
    Case drawn = Case.of(draw(data), data, Integer.MAX_VALUE);
    StraightConvolution straight = drawn.straight();
    double forward = dot(drawn.forward(ONE), drawn.dy());
    int terms = straight.kh() * straight.kw() * straight.channels() / straight.how().groups();
    double bound = straight.outputSize() * (double) (terms * terms) * 0x1p-24;
    assertEquals(forward, dot(drawn.x(), drawn.backwardInput(ONE)), 4 * bound + 1e-4);
    double positions = straight.samples() * straight.oh() * straight.ow();
    double weightBound = straight.weightSize() * positions * positions * 0x1p-24;
    assertEquals(
        forward, dot(drawn.weight(), drawn.backwardWeight(ONE)), bound + weightBound + 1e-4);
  }

  private static double dot(float[] x, float[] y) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += (double) x[i] * y[i];
    }
    return sum;
  }

  /** Zero padding is x = +0 like any other: an infinite weight times it is NaN. */
  @Example
  void anInfiniteWeightMeetsPadding() {
    float[] weight = {0f, 0f, Float.POSITIVE_INFINITY};
    float[] y = new float[3];
    Tensor x = Tensor.of(new float[] {1, 2, 3}, 1, 1, 1, 3);
    Convolution how = UNIT.withPadding(0, 1);
    ONE.convolve(how, x, Tensor.of(weight, 1, 1, 1, 3), Tensor.of(y, 1, 1, 1, 3));
    float infinity = Float.POSITIVE_INFINITY;
    assertSameBits(new float[] {infinity, infinity, Float.NaN}, y, "y");
  }

  /** The accumulator takes channel, ky, kx in this order: in any other the sum would not be 1. */
  @Example
  void termsAreAddedInOrder() {
    for (int kernel = 0; kernel < 3; kernel++) {
      int[] extents = {1, 1, 1, 1};
      extents[1 + kernel] = 3;
      float[] y = new float[1];
      ONE.convolve(
          UNIT,
          Tensor.of(new float[] {0x1p60f, -0x1p60f, 1f}, extents),
          Tensor.of(new float[] {1f, 1f, 1f}, extents),
          Tensor.of(y, 1, 1, 1, 1));
      assertEquals(1f, y[0]);
    }
  }

  @Example
  void nothingInNothingOut() {
    Tensor empty = Tensor.zeros(0, 2, 5, 5);
    Tensor weight = Tensor.zeros(3, 2, 3, 3);
    ONE.convolve(UNIT, empty, weight, Tensor.zeros(0, 3, 3, 3));
    ONE.convolveBackwardInput(UNIT, weight, Tensor.zeros(0, 3, 3, 3), empty);
    float[] dweight = Data.filled(54, 42f);
    ONE.convolveBackwardWeight(
        UNIT, empty, Tensor.zeros(0, 3, 3, 3), Tensor.of(dweight, 3, 2, 3, 3));
    assertSameBits(new float[54], dweight, "the sum of nothing");
    float[] dbias = Data.filled(3, 42f);
    ONE.convolveBackwardBias(Tensor.zeros(0, 3, 3, 3), Tensor.of(dbias, 3));
    assertSameBits(new float[3], dbias, "the sum of nothing");
    float[] y = Data.filled(18, 42f);
    ONE.convolve(
        UNIT,
        Tensor.zeros(2, 0, 5, 5),
        Tensor.zeros(1, 0, 3, 3),
        Tensor.of(new float[] {7f}, 1),
        Tensor.of(y, 2, 1, 3, 3));
    assertSameBits(Data.filled(18, 7f), y, "no channels, only bias");
  }

  /** Padding far beyond the image fits into no workspace as a whole. */
  @Example
  void paddingMayBeFarLargerThanTheImage() {
    Convolution how = UNIT.withPadding(1 << 30, 1 << 30).withStride(1 << 30, 1 << 30);
    Tensor x = Tensor.of(new float[] {2f}, 1, 1, 1, 1);
    assertEquals(3, how.outputHeight(1, 1));
    float[] all = new float[9];
    ONE.convolve(how, x, Tensor.of(new float[] {3f}, 1, 1, 1, 1), Tensor.of(all, 1, 1, 3, 3));
    assertSameBits(new float[] {0, 0, 0, 0, 6, 0, 0, 0, 0}, all, "y");
    float[] dx = new float[1];
    ONE.convolveBackwardInput(
        how,
        Tensor.of(new float[] {3f}, 1, 1, 1, 1),
        Tensor.of(new float[] {1, 1, 1, 1, 5, 1, 1, 1, 1}, 1, 1, 3, 3),
        Tensor.of(dx, 1, 1, 1, 1));
    assertEquals(15f, dx[0]);
  }

  @Example
  void memoryAndFormatsOfOperandsAreFree() {
    Data data = new Data(14);
    Tensor x = Quantizer.of(Formats.E4M3FN).quantize(Tensor.of(data.uniform(120), 2, 3, 4, 5));
    Tensor weight = Quantizer.of(Formats.FP16).quantize(Tensor.of(data.uniform(108), 4, 3, 3, 3));
    float[] expected = new float[48];
    ONE.convolve(UNIT, x.toFp32(), weight.toFp32(), Tensor.of(expected, 2, 4, 2, 3));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment y = arena.allocate(48 * 4, 4);
      ONE.convolve(UNIT, x, weight, Tensor.of(y, 2, 4, 2, 3));
      assertSameBits(expected, y.toArray(ValueLayout.JAVA_FLOAT), "y");
    }
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Example
  void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
    Tensor x = Tensor.zeros(1, 4, 5, 5);
    Tensor weight = Tensor.zeros(6, 2, 3, 3);
    float[] values = Data.filled(54, 42f);
    Tensor y = Tensor.of(values, 1, 6, 3, 3);
    assertRefused(
        "x has shape [1, 4, 5, 5], expected 2 channels in each of 1 groups of weight of shape [6,"
            + " 2, 3, 3]",
        () -> ONE.convolve(UNIT, x, weight, y));
    Convolution two = UNIT.withGroups(2);
    assertRefused(
        "weight has shape [6, 2, 3, 3], expected a multiple of 4 output channels, one part for each"
            + " group",
        () -> ONE.convolve(UNIT.withGroups(4), x, weight, y));
    assertRefused(
        "y has shape [1, 6, 3, 3], expected [1, 6, 5, 5]",
        () -> ONE.convolve(two.withPadding(1, 1), x, weight, y));
    assertRefused(
        "height = 5, with padding 5, expected at least the kernel's 7",
        () -> ONE.convolve(two.withDilation(3, 1), x, weight, y));
    assertRefused(
        "bias has shape [5], expected [6]", () -> ONE.convolve(two, x, weight, Tensor.zeros(5), y));
    assertRefused(
        "x has shape [100], expected 4 axes", () -> ONE.convolve(two, x.reshape(100), weight, y));
    assertRefused(
        "the kernel's width = 0, expected 1 or more",
        () -> ONE.convolve(two, x, Tensor.zeros(6, 2, 3, 0), y));
    assertRefused(
        "y has shape [1, 6, 3, 3], expected [1, 6, 1000003, 1000003]",
        () -> ONE.convolve(two.withPadding(500_000, 500_000), x, weight, y));
    assertRefused(
        "dy has shape [1, 6, 3, 3], expected [1, 6, 2, 3]",
        () -> ONE.convolveBackwardInput(two.withStride(2, 1), weight, y, x));
    assertRefused(
        "y shares memory with x, expected memory of its own",
        () -> ONE.convolve(two.withPadding(1, 1), x, Tensor.zeros(4, 2, 3, 3), x));
    assertRefused(
        "dweight shares memory with dy, expected memory of its own",
        () -> ONE.convolveBackwardWeight(UNIT, Tensor.zeros(1, 1, 1, 1), oneOf(y), oneOf(y)));
    assertRefused("strideY = 0, expected 1 or more", () -> UNIT.withStride(0, 1));
    assertRefused("paddingX = -1, expected 0 or more", () -> UNIT.withPadding(0, -1));
    assertRefused("dilationX = 0, expected 1 or more", () -> UNIT.withDilation(1, 0));
    assertRefused("groups = 0, expected 1 or more", () -> UNIT.withGroups(0));
    assertSameBits(Data.filled(54, 42f), values, "y");
  }

  private static Tensor oneOf(Tensor tensor) {
    return Tensor.of(tensor.storage().segment().asSlice(0, 4), 1, 1, 1, 1);
  }
}
