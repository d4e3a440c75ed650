package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.quant.Tensor;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What {@link ElementaryTest} does not ask of every function alike. */
@Tag("scalar")
@Tag("simd")
class ActivationsTest {

  @Test
  void specialValuesAreTheDocumentedOnes() {
    float infinity = Float.POSITIVE_INFINITY;
    for (int nan : new int[] {0x7fc00000, 0x7f800001, 0xffffffff}) {
      float x = Float.intBitsToFloat(nan);
      assertSameBits(Float.NaN, Activations.sigmoid(x), "sigmoid");
      assertSameBits(Float.NaN, Activations.gelu(x), "gelu");
      assertSameBits(Float.NaN, Activations.geluTanh(x), "geluTanh");
      assertSameBits(Float.NaN, Activations.geluGradient(x), "geluGradient");
      assertSameBits(Float.NaN, Activations.geluTanhGradient(x), "geluTanhGradient");
    }
    assertSameBits(1f, Activations.sigmoid(infinity), "sigmoid(inf)");
    assertSameBits(0f, Activations.sigmoid(-infinity), "sigmoid(-inf)");
    for (float zero : new float[] {0f, -0f}) {
      assertSameBits(0.5f, Activations.sigmoid(zero), "sigmoid(0)");
      assertSameBits(zero, Activations.gelu(zero), "gelu(0)");
      assertSameBits(zero, Activations.geluTanh(zero), "geluTanh(0)");
      assertSameBits(0.5f, Activations.geluGradient(zero), "geluGradient(0)");
      assertSameBits(0.5f, Activations.geluTanhGradient(zero), "geluTanhGradient(0)");
    }
    for (float large : new float[] {6f, 100f, 0x1p64f, Float.MAX_VALUE, infinity}) {
      assertSameBits(large, Activations.gelu(large), "gelu");
      assertSameBits(large, Activations.geluTanh(large), "geluTanh");
      assertSameBits(-0f, Activations.gelu(-large), "gelu");
    }
    for (float large : new float[] {15f, 100f, 0x1p64f, Float.MAX_VALUE, infinity}) {
      assertSameBits(-0f, Activations.geluTanh(-large), "geluTanh");
      assertSameBits(1f, Activations.geluGradient(large), "geluGradient");
      assertSameBits(1f, Activations.geluTanhGradient(large), "geluTanhGradient");
      assertSameBits(0f, Activations.geluGradient(-large), "geluGradient");
      assertSameBits(0f, Activations.geluTanhGradient(-large), "geluTanhGradient");
    }
  }

  /** The nearest floats to what mpmath gives. */
  @Test
  void knownPointsAreMet() {
    assertEquals(0x1.764d5p-1f, Activations.sigmoid(1f), 0x1p-24f);
    assertEquals(0x1.136562p-2f, Activations.sigmoid(-1f), 0x1p-25f);
    assertEquals(0x1.1d85p-130f, Activations.sigmoid(-90f), Float.MIN_VALUE);
    assertEquals(0x1.aec4bep-1f, Activations.gelu(1f), 0x1p-23f);
    assertEquals(-0x1.44ed0cp-3f, Activations.gelu(-1f), 0x1p-23f);
    assertEquals(-0x1.096698p-8f, Activations.gelu(-3f), 0x1p-22f);
    assertEquals(0x1.aeb0b8p-1f, Activations.geluTanh(1f), 0x1p-23f);
    assertEquals(-0x1.dcc2ap-9f, Activations.geluTanh(-3f), 0x1p-22f);
    assertEquals(0x1.15542ap0f, Activations.geluGradient(1f), 0x1p-22f);
    assertEquals(-0x1.876f5ap-7f, Activations.geluGradient(-3f), 0x1p-22f);
    assertEquals(0x1.153d22p0f, Activations.geluTanhGradient(1f), 0x1p-22f);
    assertEquals(-0x1.7b9708p-7f, Activations.geluTanhGradient(-3f), 0x1p-22f);
  }

  /**
   * Over every length up to a few vectors and one of several passes, at offsets, in place of dy.
   */
  @Test
  void backwardFormsMultiplyByTheDerivative() {
    Kernels kernels = KernelProvider.kernels();
    Data data = new Data(12);
    int longest = 3 * kernels.bits() / Float.SIZE + 1;
    for (int length = 0; length <= longest + 1; length++) {
      int n = length > longest ? 1111 : length;
      float[] x = data.anyBits(n + 3);
      float[] dy = data.anyBits(n + 2);
      float[] gelu = dy.clone();
      float[] geluTanh = dy.clone();
      kernels.geluGradient(x, 3, gelu, 2, gelu, 2, n);
      kernels.geluTanhGradient(x, 3, geluTanh, 2, geluTanh, 2, n);
      for (int i = 0; i < n; i++) {
        float by = dy[2 + i];
        float at = x[3 + i];
        float expected = ScalarKernels.canonical(Activations.geluGradient(at) * by);
        assertSameBits(expected, gelu[2 + i], "geluGradient");
        expected = ScalarKernels.canonical(Activations.geluTanhGradient(at) * by);
        assertSameBits(expected, geluTanh[2 + i], "geluTanhGradient");
      }
    }
  }

  @Test
  void theBackendGivesTheFunctionsOfTheirNames() {
    Backend backend = Backend.cpu(1);
    Tensor dy = Tensor.of(Data.filled(6, 3f), 2, 3);
    assertComputes(Elementary::tanh, backend::tanh);
    assertComputes(Elementary::erf, backend::erf);
    assertComputes(Elementary::reciprocalSqrt, backend::reciprocalSqrt);
    assertComputes(Activations::sigmoid, backend::sigmoid);
    assertComputes(Activations::gelu, backend::gelu);
    assertComputes(Activations::geluTanh, backend::geluTanh);
    assertComputes(
        x -> 3f * Activations.geluGradient(x), (x, dx) -> backend.geluBackward(x, dy, dx));
    assertComputes(
        x -> 3f * Activations.geluTanhGradient(x), (x, dx) -> backend.geluTanhBackward(x, dy, dx));
  }

  private static void assertComputes(
      ElementaryTest.FloatFunction function, BiConsumer<Tensor, Tensor> operation) {
    float[] x = {-2f, -0.5f, 0f, 0.25f, 1f, 4f};
    float[] expected = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      expected[i] = function.apply(x[i]);
    }
    Tensor inPlace = Tensor.of(x, 2, 3);
    operation.accept(inPlace, inPlace);
    assertSameBits(expected, x, "in place");
  }

  @Test
  void theGradientOfAnotherShapeIsRefusedByName() {
    Backend backend = Backend.cpu(1);
    Tensor x = Tensor.zeros(2, 2);
    var thrown =
        assertThrows(
            IllegalArgumentException.class, () -> backend.geluBackward(x, Tensor.zeros(4), x));
    assertEquals("dy has shape [4], expected [2, 2]", thrown.getMessage());
  }
}
