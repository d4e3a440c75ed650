package dev.narrow.quant;

/** The amax with the least squared error: {@link Calibration.MinError}. */
final class ErrorSearch implements Groups.Choice {
  private final Trial trial;

  private float best;
  private int bestStep; // in 64ths of an octave above amax
  private double leastError;
  private float lastFactor;

  ErrorSearch(Trial trial) {
    this.trial = trial;
  }

  @Override
  public float amax(float[] values, int from, int to, int scale) {
    float amax = Groups.amax(values, from, to);
    if (amax == 0) {
      return 0;
    }
    best = amax;
    bestStep = 0;
    leastError = Double.POSITIVE_INFINITY;
    lastFactor = Float.NaN;
    consider(amax, 0, values, from, to, scale);
    for (int step = 64; step >= -384; step -= 8) {
      consider(amax, step, values, from, to, scale);
    }
    int center = bestStep;
    for (int step = center + 7; step >= center - 7; step--) {
      consider(amax, step, values, from, to, scale);
    }
    return best;
  }

  private void consider(float amax, int step, float[] values, int from, int to, int scale) {
    float candidate = step == 0 ? amax : (float) (amax * StrictMath.pow(2, step / 64.0));
    if (candidate == 0 || candidate == Float.POSITIVE_INFINITY) {
      return;
    }
    float factor = trial.factor(scale, candidate);
    if (factor == lastFactor) {
      return;
    }
    lastFactor = factor;
    double error = 0;
    for (int at = from; at < to && error < leastError; at += Encoding.CHUNK) {
      int n = Math.min(Encoding.CHUNK, to - at);
      float[] quantized = trial.quantized(values, at, n, scale);
      for (int i = 0; i < n; i++) {
        double difference = (double) values[at + i] - quantized[i];
        error += difference * difference;
      }
    }
    if (error < leastError) { // never where something became NaN
      leastError = error;
      best = candidate;
      bestStep = step;
    }
  }
}
