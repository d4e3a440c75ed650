package dev.narrow.examples;

import static dev.narrow.amp.Gradients.view;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.GradScaler;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.Ops;
import dev.narrow.amp.StepResult.Applied;
import dev.narrow.amp.StepResult.Collapsed;
import dev.narrow.amp.StepResult.Skipped;
import dev.narrow.quant.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A loop as its author has written it, and the same loop in mixed precision. */
class SideBySideTest {
  private static final int N = 64;
  private static final int IN = 16;
  private static final int HIDDEN = 24;
  private static final int CLASSES = 4;

  private final float[] w1 = random(IN * HIDDEN, 0.35f);
  private final float[] b1 = new float[HIDDEN];
  private final float[] w2 = random(HIDDEN * CLASSES, 0.3f);
  private final float[] b2 = new float[CLASSES];
  private final float[] dw1 = new float[w1.length];
  private final float[] db1 = new float[b1.length];
  private final float[] dw2 = new float[w2.length];
  private final float[] db2 = new float[b2.length];
  private final float[] x = random(N * IN, 1);
  private final int[] labels = labels();

  private static float[] random(int n, float deviation) {
    Random random = new Random(n);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }

  private int[] labels() {
    int[] result = new int[N];
    for (int i = 0; i < N; i++) {
      result[i] = (x[i * IN] > 0 ? 1 : 0) + (x[i * IN + 1] + x[i * IN + 2] > 0 ? 2 : 0);
    }
    return result;
  }

  /** The author's own layers. */
  private static float[] linear(float[] x, float[] w, float[] b, int n, int in, int out) {
    float[] y = new float[n * out];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < out; j++) {
        float sum = b[j];
        for (int k = 0; k < in; k++) {
          sum += x[i * in + k] * w[k * out + j];
        }
        y[i * out + j] = sum;
      }
    }
    return y;
  }

  private static float[] linearBackward(
      float[] x, float[] w, float[] dy, float[] dw, float[] db, int n, int in, int out) {
    float[] dx = new float[n * in];
    Arrays.fill(dw, 0);
    Arrays.fill(db, 0);
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < out; j++) {
        float d = dy[i * out + j];
        db[j] += d;
        for (int k = 0; k < in; k++) {
          dw[k * out + j] += x[i * in + k] * d;
          dx[i * in + k] += w[k * out + j] * d;
        }
      }
    }
    return dx;
  }

  private static float[] relu(float[] x) {
    float[] y = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = Math.max(x[i], 0);
    }
    return y;
  }

  private static float[] reluBackward(float[] y, float[] dy) {
    float[] dx = new float[y.length];
    for (int i = 0; i < y.length; i++) {
      dx[i] = y[i] > 0 ? dy[i] : 0;
    }
    return dx;
  }

  private static float crossEntropy(float[] z, int[] labels, float[] dz) {
    float loss = 0;
    for (int i = 0; i < labels.length; i++) {
      float sum = 0;
      for (int j = 0; j < CLASSES; j++) {
        sum += (float) Math.exp(z[i * CLASSES + j]);
      }
      for (int j = 0; j < CLASSES; j++) {
        float p = (float) Math.exp(z[i * CLASSES + j]) / sum;
        dz[i * CLASSES + j] = (p - (j == labels[i] ? 1 : 0)) / labels.length;
      }
      loss += (float) (Math.log(sum) - z[i * CLASSES + labels[i]]);
    }
    return loss / labels.length;
  }

  private void update() {
    descend(w1, dw1);
    descend(b1, db1);
    descend(w2, dw2);
    descend(b2, db2);
  }

  private static void descend(float[] w, float[] dw) {
    for (int i = 0; i < w.length; i++) {
      w[i] -= 0.5f * dw[i];
    }
  }

  private float plain(int steps) {
    float last = 0;
    // README: plain
    for (int step = 0; step < steps; step++) {
      float[] h = relu(linear(x, w1, b1, N, IN, HIDDEN));
      float[] z = linear(h, w2, b2, N, HIDDEN, CLASSES);
      float[] dz = new float[z.length];
      float loss = crossEntropy(z, labels, dz);
      float[] dh = linearBackward(h, w2, dz, dw2, db2, N, HIDDEN, CLASSES);
      linearBackward(x, w1, reluBackward(h, dh), dw1, db1, N, IN, HIDDEN);
      update();
      last = loss;
    }
    // end
    return last;
  }

  private float wrapped(AmpPolicy policy, int steps) {
    Tensor xt = Tensor.of(x, N, IN); // wrapped, not copied
    Tensor w1t = Tensor.of(w1, IN, HIDDEN);
    Tensor b1t = Tensor.of(b1, HIDDEN);
    Tensor w2t = Tensor.of(w2, HIDDEN, CLASSES);
    Tensor b2t = Tensor.of(b2, CLASSES);
    Tensor dw1t = Tensor.of(dw1, IN, HIDDEN);
    Tensor db1t = Tensor.of(db1, HIDDEN);
    Tensor dw2t = Tensor.of(dw2, HIDDEN, CLASSES);
    Tensor db2t = Tensor.of(db2, CLASSES);
    float last = 0;
    // README: side by side
    Autocast amp = Autocast.with(policy); // AmpPolicy.fp16(), bf16(), lns8(), load(path)
    GradScaler scaler = GradScaler.of(policy);
    Gradients gradients =
        Gradients.of(
            view("fc1.weight", dw1), view("fc1.bias", db1),
            view("fc2.weight", dw2), view("fc2.bias", db2));
    for (int step = 0; step < steps; step++) {
      float loss =
          amp.call(() -> {
            Tensor h = Ops.relu(Ops.linear("fc1", xt, w1t, b1t));
            Tensor z = Ops.linear("fc2", h, w2t, b2t);
            Ops.Loss l = Ops.softmaxCrossEntropy(z, labels, scaler.lossScale());
            Tensor dh = Ops.linearBackward("fc2", h, w2t, l.gradient(), dw2t, db2t);
            Ops.linearBackwardFirst("fc1", xt, Ops.reluBackward(h, dh), dw1t, db1t);
            return l.value();
          });
      switch (scaler.step(gradients, this::update)) {
        case Applied _ -> last = loss;
        case Skipped s -> System.out.println(s);
        case Collapsed c -> throw new AmpException(c);
      }
    }
    // end
    return last;
  }

  @Test
  void inFp32ItIsTheSameLoop() {
    float plain = new SideBySideTest().plain(50);
    assertEquals(plain, new SideBySideTest().wrapped(AmpPolicy.fp32(), 50), 1e-5f);
    assertTrue(plain < 0.5f, "loss " + plain);
  }

  @Test
  void inFewBitsItLearnsAsWell() {
    float plain = new SideBySideTest().plain(80);
    for (AmpPolicy policy :
        new AmpPolicy[] {AmpPolicy.bf16(), AmpPolicy.fp16(), AmpPolicy.lns8()}) {
      assertEquals(plain, new SideBySideTest().wrapped(policy, 80), 0.03f, policy.name());
    }
  }
}
