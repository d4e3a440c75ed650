package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.kernels.Pooling;
import dev.narrow.quant.Tensor;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Gradients of operations that no network of ours has: differences of the sum of y². */
class OpsTest {
  private static final float[] VALUES = {0.3f, -0.7f, 1.1f, 0.2f, -0.4f, 0.9f, 0.6f, -1.2f};

  private static void assertGradient(
      String what, int[] dims, Function<Tensor, Tensor> forward, Function<Tensor, Tensor> dx) {
    float[] gradient = dx.apply(Tensor.of(VALUES.clone(), dims)).toFloats();
    for (int i = 0; i < VALUES.length; i++) {
      double[] sums = new double[2];
      for (int side = 0; side < 2; side++) {
        float[] moved = VALUES.clone();
        moved[i] += side == 0 ? 0.01f : -0.01f;
        for (float y : forward.apply(Tensor.of(moved, dims)).toFloats()) {
          sums[side] += (double) y * y / 2;
        }
      }
      assertEquals((sums[0] - sums[1]) / 0.02, gradient[i], 2e-3, what + ", element " + i);
    }
  }

  @Test
  void gradientsAreThoseOfTheOperations() {
    int[] dims = {2, 4};
    assertGradient(
        "sigmoid", dims, Ops::sigmoid, x -> Ops.sigmoidBackward(Ops.sigmoid(x), Ops.sigmoid(x)));
    assertGradient("tanh", dims, Ops::tanh, x -> Ops.tanhBackward(Ops.tanh(x), Ops.tanh(x)));
    Tensor b = Tensor.of(new float[] {1, 2, -1, 0.5f, 0.3f, 1, 2, -2}, 4, 2);
    assertGradient(
        "matmul",
        dims,
        x -> Ops.matmul("m", x, b),
        x -> Ops.matmulBackward("m", x, b, Ops.matmul("m", x, b)).da());
    Tensor weight = Tensor.of(new float[] {1, 0.5f, 2, -1}, 4);
    assertGradient(
        "rmsNorm",
        dims,
        x -> SequenceOps.rmsNorm(x, weight, 0).y(),
        x -> {
          SequenceOps.Normalized rows = SequenceOps.rmsNorm(x, weight, 0);
          return SequenceOps.rmsNormBackward(x, rows, weight, rows.y(), Tensor.zeros(4));
        });
    Pooling window = Pooling.window(2, 2);
    assertGradient(
        "averagePool",
        new int[] {1, 1, 2, 4},
        x -> ImageOps.averagePool(window, x),
        x -> ImageOps.averagePoolBackward(window, ImageOps.averagePool(window, x), x.shape()));
  }

  @Test
  void theSquaredErrorIsAMean() {
    Tensor x = Tensor.of(new float[] {1, 2}, 2);
    Ops.Loss loss = Ops.squaredError(x, Tensor.of(new float[] {0, 4}, 2), 8);
    assertEquals(2.5f, loss.value());
    assertEquals(8f, loss.gradient().toFloats()[0]);
    assertEquals(-16f, loss.gradient().toFloats()[1]);
  }
}
