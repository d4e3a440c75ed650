package dev.narrow.amp;

import static dev.narrow.amp.Gradients.view;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.kernels.Backend;
import org.junit.jupiter.api.Test;

class PerLayerScaleTest {
  private static final LossScaling RULE = new LossScaling(0x1p10f, 2, 0.5, 1, 0x1p-20f, 0x1p40f);

  /** Grows seldom enough to be at its place most of the time. */
  private static final LossScaling SLOW = new LossScaling(0x1p10f, 2, 0.5, 10, 0x1p-20f, 0x1p40f);

  private static GradScaler scaler(String... layers) {
    return GradScaler.perLayer(RULE, Backend.cpu(1), layers);
  }

  @Test
  void eachLayerIsUnscaledByItsOwn() {
    GradScaler scaler = scaler("head");
    float[] body = {0x1p10f};
    float[] head = {Float.NaN};
    Gradients gradients = Gradients.of(view("body.weight", body), view("head.weight", head));
    Overflow overflow =
        assertInstanceOf(StepResult.Skipped.class, scaler.step(gradients, () -> {})).overflow();
    assertEquals("head", overflow.layer());
    assertEquals(0x1p9f, scaler.lossScale("head"), "the culprit's backs off");
    assertEquals(0x1p11f, scaler.lossScale("body"), "that of finite gradients grows");
    assertEquals(0x1p11f, scaler.lossScale());

    body[0] = 3 * scaler.lossScale("body");
    head[0] = 5 * scaler.lossScale("head");
    assertInstanceOf(StepResult.Applied.class, scaler.step(gradients, () -> {}));
    assertArrayEquals(new float[] {3}, body);
    assertArrayEquals(new float[] {5}, head);
  }

  /** The backward pass carries what is not finite into the layers before. */
  @Test
  void layersBeforeTheCulpritAreNotBlamed() {
    GradScaler scaler = scaler("fc1", "fc2", "fc3");
    Gradients gradients =
        Gradients.of(
            view("fc1.weight", new float[] {Float.NaN}),
            view("fc2.weight", new float[] {Float.POSITIVE_INFINITY}),
            view("fc3.weight", new float[] {1}));
    scaler.step(gradients, () -> {});
    assertEquals(0x1p10f, scaler.lossScale("fc1"));
    assertEquals(0x1p9f, scaler.lossScale("fc2"));
    assertEquals(0x1p11f, scaler.lossScale("fc3"));
  }

  @Test
  void aNameStandsForAllWithinAndTheLongestCounts() {
    GradScaler scaler = scaler("encoder", "encoder.3");
    Gradients gradients =
        Gradients.of(
            view("encoder.3.fc.weight", new float[] {Float.NaN}),
            view("encoder.12.bias", new float[] {1}),
            view("encoders.weight", new float[] {1}));
    scaler.step(gradients, () -> {});
    assertEquals(0x1p9f, scaler.lossScale("encoder.3.fc"));
    assertEquals(0x1p9f, scaler.lossScale("encoder.3"));
    assertEquals(0x1p11f, scaler.lossScale("encoder.12"));
    assertEquals(0x1p11f, scaler.lossScale("encoder"));
    assertEquals(0x1p11f, scaler.lossScale("encoders"));
  }

  /**
   * Two layers, y = w2 (w1 x), of which the gradients of the first are 2^45 times those of the
   * second, in a format of 2^40: no one scale serves both.
   */
  @Test
  void layersWhoseGradientsAreFarApartBothTrain() {
    GradScaler together = GradScaler.perLayer(SLOW, Backend.cpu(1));
    GradScaler apart = GradScaler.perLayer(SLOW, Backend.cpu(1), "fc1", "fc2");
    int togetherBoth = 0;
    int apartBoth = 0;
    for (int step = 0; step < 400; step++) {
      togetherBoth += bothSeen(together) ? 1 : 0;
      apartBoth += bothSeen(apart) ? 1 : 0;
    }
    assertEquals(0, togetherBoth);
    assertTrue(apartBoth > 300, apartBoth + " of 400 steps");
  }

  private static boolean bothSeen(GradScaler scaler) {
    float second = fp16(0x1p-30f * scaler.lossScale("fc2"));
    float first = fp16(0x1p15f * scaler.lossScale("fc1"));
    float[] g1 = {first};
    float[] g2 = {second};
    Gradients gradients = Gradients.of(view("fc1.weight", g1), view("fc2.weight", g2));
    return scaler.step(gradients, () -> {}) instanceof StepResult.Applied
        && g1[0] == 0x1p15f
        && g2[0] == 0x1p-30f;
  }

  private static float fp16(float value) {
    return Float.float16ToFloat(Float.floatToFloat16(value));
  }

  @Test
  void namesGivenTwiceOrEmptyAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> scaler("a", "a"));
    assertThrows(IllegalArgumentException.class, () -> scaler(""));
  }
}
