package dev.narrow.examples;

import static dev.narrow.amp.Gradients.view;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.GradScaler;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.StepResult.Applied;
import dev.narrow.amp.StepResult.Collapsed;
import dev.narrow.amp.StepResult.Skipped;
import dev.narrow.formats.Codec;
import dev.narrow.formats.Formats;
import org.junit.jupiter.api.Test;

/** The README's example of wrapping a loop, word for word, around a loop as its author wrote it. */
class WrappedLoopTest {
  private final float[] w = {0, 0};
  private final float[] dW = new float[2];
  private final float[] b = {0};
  private final float[] db = new float[1];
  private final Codec fp16 = Codec.of(Formats.FP16, Formats.FP16.defaultProjection());
  private int skipped;
  private int applied;

  /** Least squares of y = 2 x0 - x1 + 0.5, gradients in fp16. */
  private void backward(int step, float lossScale) {
    float x0 = (step % 7 - 3) / 3f;
    float x1 = (step % 5 - 2) / 2f;
    float error = w[0] * x0 + w[1] * x1 + b[0] - (2 * x0 - x1 + 0.5f);
    dW[0] = error * x0 * lossScale;
    dW[1] = error * x1 * lossScale;
    db[0] = error * lossScale;
    fp16.quantize(dW, 0, 2, 1);
    fp16.quantize(db, 0, 1, 1);
  }

  private void update() {
    w[0] -= 0.2f * dW[0];
    w[1] -= 0.2f * dW[1];
    b[0] -= 0.2f * db[0];
  }

  @Test
  void wrapping() {
    int steps = 500;
    // README: wrapping
    GradScaler scaler = GradScaler.of(AmpPolicy.fp16());
    Gradients gradients = Gradients.of(view("w", dW), view("b", db)); // no copies

    for (int step = 0; step < steps; step++) {
      backward(step, scaler.lossScale()); //              the loop's own, its seed gradient scaled
      switch (scaler.step(gradients, this::update)) { //  unscale, check, update: one call
        case Applied _ -> applied++;
        case Skipped s -> skipped++; //                   s.overflow(): which gradient, where, what
        case Collapsed c -> throw new AmpException(c);
      }
    }
    // end

    assertEquals(2, w[0], 1e-3f);
    assertEquals(-1, w[1], 1e-3f);
    assertEquals(0.5f, b[0], 1e-3f);
    assertTrue(skipped > 0, "at 65536 the first gradients overflow in fp16");
    assertEquals(steps, skipped + applied);
  }
}
