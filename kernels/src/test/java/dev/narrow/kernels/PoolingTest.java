package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.quant.Tensor;
import java.util.Arrays;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import org.junit.jupiter.api.function.Executable;

@Tag("scalar")
@Tag("simd")
class PoolingTest {
  private static final Backend ONE = Backend.cpu(1);

  /** Images and windows; the definition over again, as straight loops over padded windows. */
  record Case(Pooling how, int planes, int height, int width) {
    static Case draw(Data data) {
      int windowY = 1 + data.below(4);
      int windowX = 1 + data.below(4);
      Pooling how =
          new Pooling(
              windowY,
              windowX,
              1 + data.below(4),
              1 + data.below(4),
              data.below(windowY / 2 + 1),
              data.below(windowX / 2 + 1),
              data.below(2) == 0);
      return new Case(how, data.below(5), windowY + data.below(7), windowX + data.below(20));
    }

    int oh() {
      return how.outputHeight(height);
    }

    int ow() {
      return how.outputWidth(width);
    }

    int inputs() {
      return planes * height * width;
    }

    int outputs() {
      return planes * oh() * ow();
    }

    Tensor image(float[] values) {
      return Tensor.of(values, 1, planes, height, width);
    }

    Tensor output(float[] values) {
      return Tensor.of(values, 1, planes, oh(), ow());
    }

    /** Something is done with each element of each window: its index, or -1 for padding. */
    interface Visitor {
      void visit(int output, int input);
    }

    void forEach(Visitor visitor) {
      for (int i = 0; i < outputs(); i++) {
        int p = i / (oh() * ow());
        int y = i / ow() % oh() * how.strideY() - how.paddingY();
        int x = i % ow() * how.strideX() - how.paddingX();
        for (int iy = y; iy < y + how.windowY(); iy++) {
          for (int ix = x; ix < x + how.windowX(); ix++) {
            boolean exists = iy >= 0 && iy < height && ix >= 0 && ix < width;
            visitor.visit(i, exists ? (p * height + iy) * width + ix : -1);
          }
        }
      }
    }

    int[] divisors() {
      int[] divisors = new int[outputs()];
      forEach((o, i) -> divisors[o] += i >= 0 || how.paddingCounts() ? 1 : 0);
      return divisors;
    }
  }

  private static void canonicalize(float[] values) {
    for (int i = 0; i < values.length; i++) {
      values[i] = ScalarKernels.canonical(values[i]);
    }
  }

  @Property(tries = 300)
  void maximaAreTheFirstOfTheLargest(@ForAll long seed) {
    Data data = new Data(seed);
    Case drawn = Case.draw(data);
    float[] x = data.mostlyUniform(drawn.inputs(), 4); // many equals, zeros, infinities and NaNs
    int[] expected = new int[drawn.outputs()];
    Arrays.fill(expected, -1);
    drawn.forEach((o, i) -> {
      if (i >= 0
          && (expected[o] < 0
              || x[i] > x[expected[o]]
              || (Float.isNaN(x[i]) && !Float.isNaN(x[expected[o]])))) {
        expected[o] = i;
      }
    });
    float[] maxima = new float[expected.length];
    float[] dx = new float[x.length];
    float[] dy = data.mostlyUniform(expected.length, 50);
    int plane = drawn.height() * drawn.width();
    int[] indices = new int[expected.length];
    for (int o = 0; o < expected.length; o++) {
      maxima[o] = x[expected[o]];
      indices[o] = expected[o] % plane;
      dx[expected[o]] += dy[o];
    }
    canonicalize(dx);
    for (int threads : new int[] {1, 3}) {
      Backend backend = Backend.cpu(threads);
      float[] y = Data.filled(expected.length, 42f);
      int[] argmax = new int[expected.length];
      backend.maxPool(drawn.how(), drawn.image(x), drawn.output(y), argmax);
      assertSameBits(maxima, y, "y");
      assertArrayEquals(indices, argmax);
      float[] gradient = Data.filled(x.length, 42f);
      backend.maxPoolBackward(drawn.output(dy), argmax, drawn.image(gradient));
      assertSameBits(dx, gradient, "dx");
    }
  }

  @Property(tries = 300)
  void averagesAreSumsInOrderDividedOnce(@ForAll long seed) {
    Data data = new Data(seed);
    Case drawn = Case.draw(data);
    float[] x = data.mostlyUniform(drawn.inputs(), 50);
    float[] dy = data.mostlyUniform(drawn.outputs(), 50);
    int[] divisors = drawn.divisors();
    float[] expected = new float[drawn.outputs()];
    float[] dx = new float[drawn.inputs()];
    drawn.forEach((o, i) -> {
      if (i >= 0) {
        expected[o] += x[i];
        dx[i] += dy[o] / divisors[o];
      }
    });
    for (int o = 0; o < expected.length; o++) {
      expected[o] /= divisors[o];
    }
    canonicalize(expected);
    canonicalize(dx);
    for (int threads : new int[] {1, 3}) {
      Backend backend = Backend.cpu(threads);
      float[] y = Data.filled(expected.length, 42f);
      backend.averagePool(drawn.how(), drawn.image(x), drawn.output(y));
      assertSameBits(expected, y, "y");
      float[] gradient = Data.filled(x.length, 42f);
      backend.averagePoolBackward(drawn.how(), drawn.output(dy), drawn.image(gradient));
      assertSameBits(dx, gradient, "dx");
    }
  }

  @Property(tries = 100)
  void averagesOfPlanesAreSumsInSixteenLanes(@ForAll long seed) {
    Data data = new Data(seed);
    int planes = data.below(5);
    int height = 1 + data.below(9);
    int width = 1 + data.below(9);
    int size = height * width;
    float[] x = data.mostlyUniform(planes * size, 100);
    float[] expected = new float[planes];
    float[] dx = new float[x.length];
    float[] dy = data.mostlyUniform(planes, 10);
    for (int p = 0; p < planes; p++) {
      float sum = ScalarKernels.INSTANCE.sum(x, p * size, size);
      expected[p] = ScalarKernels.canonical(sum / size);
      for (int i = 0; i < size; i++) {
        dx[p * size + i] = ScalarKernels.canonical(dy[p] / size);
      }
    }
    float[] y = new float[planes];
    ONE.averagePlanes(Tensor.of(x, planes, 1, height, width), Tensor.of(y, planes, 1));
    assertSameBits(expected, y, "y");
    float[] gradient = new float[x.length];
    ONE.averagePlanesBackward(
        Tensor.of(dy, planes, 1), Tensor.of(gradient, planes, 1, height, width));
    assertSameBits(dx, gradient, "dx");
  }

  /** Two windows share the 9, which is the maximum of both. */
  @Example
  void overlappingWindowsAddTheirGradients() {
    Pooling how = Pooling.window(1, 2).withStride(1, 1);
    float[] y = new float[3];
    int[] argmax = new int[3];
    ONE.maxPool(
        how, Tensor.of(new float[] {1, 9, 2, 3}, 1, 1, 1, 4), Tensor.of(y, 1, 1, 1, 3), argmax);
    assertSameBits(new float[] {9, 9, 3}, y, "y");
    assertArrayEquals(new int[] {1, 1, 3}, argmax);
    float[] dx = new float[4];
    ONE.maxPoolBackward(
        Tensor.of(new float[] {10, 20, 30}, 1, 1, 1, 3), argmax, Tensor.of(dx, 1, 1, 1, 4));
    assertSameBits(new float[] {0, 30, 0, 30}, dx, "dx");
  }

  /** With padding counted, the corner is a quarter of what it is without. */
  @Example
  void paddingCountsIfItIsAskedTo() {
    Tensor x = Tensor.of(new float[] {8, 8, 8, 8}, 1, 1, 2, 2);
    Pooling how = Pooling.window(2, 2);
    float[] y = new float[4];
    ONE.averagePool(how.withPadding(1, 1, true), x, Tensor.of(y, 1, 1, 2, 2));
    assertSameBits(new float[] {2, 2, 2, 2}, y, "counted");
    ONE.averagePool(how.withPadding(1, 1, false), x, Tensor.of(y, 1, 1, 2, 2));
    assertSameBits(new float[] {8, 8, 8, 8}, y, "not counted");
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Example
  void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
    Pooling how = Pooling.window(2, 2);
    Tensor x = Tensor.zeros(1, 2, 4, 4);
    float[] values = Data.filled(8, 42f);
    Tensor y = Tensor.of(values, 1, 2, 2, 2);
    float[] below = Data.filled(32, 42f);
    Tensor dx = Tensor.of(below, 1, 2, 4, 4);
    assertRefused(
        "y has shape [1, 2, 2, 2], expected [1, 2, 3, 2]",
        () -> ONE.maxPool(how.withStride(1, 2), x, y, new int[8]));
    assertRefused(
        "argmax has 7 elements, expected 8, one for each of y of shape [1, 2, 2, 2]",
        () -> ONE.maxPool(how, x, y, new int[7]));
    assertRefused(
        "argmax[3] = 16, expected an index in a plane of 16",
        () -> ONE.maxPoolBackward(y, new int[] {0, 0, 0, 16, 0, 0, 0, 0}, dx));
    assertRefused(
        "argmax[0] = -1, expected an index in a plane of 16",
        () -> ONE.maxPoolBackward(y, new int[] {-1, 0, 0, 0, 0, 0, 0, 0}, dx));
    assertRefused(
        "dy has shape [1, 2, 2, 2], expected [1, 2, 1, 1]",
        () -> ONE.averagePoolBackward(Pooling.window(4, 3), y, dx));
    assertRefused(
        "height = 4, with padding 4, expected at least the kernel's 5",
        () -> ONE.averagePool(Pooling.window(5, 2), x, y));
    assertRefused(
        "x has shape [1, 2, 0, 4], expected at least one row and one column",
        () -> ONE.averagePlanes(Tensor.zeros(1, 2, 0, 4), Tensor.zeros(1, 2)));
    assertRefused("y has shape [2], expected [1, 2]", () -> ONE.averagePlanes(x, Tensor.zeros(2)));
    assertRefused(
        "paddingY = 2, expected 0 to 1, half the window of 3",
        () -> Pooling.window(3, 3).withPadding(2, 0, false));
    assertRefused("windowX = 0, expected 1 or more", () -> Pooling.window(1, 0));
    assertRefused("strideY = 0, expected 1 or more", () -> how.withStride(0, 1));
    assertRefused(
        "y shares memory with x, expected memory of its own",
        () -> ONE.averagePool(Pooling.window(1, 1), x, x));
    assertSameBits(Data.filled(8, 42f), values, "y");
    assertSameBits(Data.filled(32, 42f), below, "dx");
  }

  /** Large enough to be shared out. */
  @Example
  void threadsDoNotChangeTheBits() {
    Data data = new Data(19);
    float[] x = data.uniform(5 * 7 * 260 * 250);
    float[] dy = data.uniform(5 * 7 * 131 * 126);
    float[][] one = allOf(Backend.cpu(1), x, dy);
    for (int threads : new int[] {2, 3, 8}) {
      float[][] several = allOf(Backend.cpu(threads), x, dy);
      for (int i = 0; i < one.length; i++) {
        assertSameBits(one[i], several[i], "result " + i + " by " + threads + " threads");
      }
    }
  }

  private static float[][] allOf(Backend backend, float[] x, float[] dy) {
    Pooling how = Pooling.window(3, 3).withStride(2, 2).withPadding(1, 1, false);
    int height = how.outputHeight(260);
    int width = how.outputWidth(250);
    Tensor image = Tensor.of(x, 5, 7, 260, 250);
    float[] gradients = Arrays.copyOf(dy, 35 * height * width);
    Tensor above = Tensor.of(gradients, 5, 7, height, width);
    float[] maxima = new float[gradients.length];
    float[] averages = new float[gradients.length];
    float[] maximaGradient = new float[x.length];
    float[] averagesGradient = new float[x.length];
    int[] argmax = new int[gradients.length];
    backend.maxPool(how, image, Tensor.of(maxima, 5, 7, height, width), argmax);
    backend.maxPoolBackward(above, argmax, Tensor.of(maximaGradient, 5, 7, 260, 250));
    backend.averagePool(how, image, Tensor.of(averages, 5, 7, height, width));
    backend.averagePoolBackward(how, above, Tensor.of(averagesGradient, 5, 7, 260, 250));
    return new float[][] {maxima, averages, maximaGradient, averagesGradient};
  }
}
