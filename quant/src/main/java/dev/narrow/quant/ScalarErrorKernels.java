package dev.narrow.quant;

/** The definition, one element after the other. */
final class ScalarErrorKernels implements ErrorKernels {
  private static final int FRACTION_BITS = 23;

  @Override
  public void binades(float[] values, int n, int shift, int lowest, float[] ulps) {
    binades(values, 0, n, shift, lowest, ulps);
  }

  static void binades(float[] values, int from, int to, int shift, int lowest, float[] ulps) {
    for (int i = from; i < to; i++) {
      int field = Math.max(field(values[i]), lowest) - shift;
      ulps[i] =
          Float.intBitsToFloat(
              field > 0 ? field << FRACTION_BITS : 1 << (FRACTION_BITS - 1 + field));
    }
  }

  static int field(float x) {
    return Float.floatToRawIntBits(x) >>> FRACTION_BITS & 0xFF;
  }

  @Override
  public void octaves(ErrorChunk chunk, int n) {
    octaves(chunk, 0, n);
  }

  static void octaves(ErrorChunk chunk, int from, int to) {
    for (int i = from; i < to; i++) {
      float x = chunk.before[i];
      float y = chunk.after[i];
      int direction = field(y) - field(x) + SAME;
      if (x == 0 || direction < DOWN || direction > UP) {
        direction = FAR;
      }
      if (y == 0) {
        direction = ZERO;
      }
      if (!Float.isFinite(x) || !Float.isFinite(y)) {
        direction = FAR;
      }
      chunk.someFar |= direction == FAR;
      chunk.octaves[i] = direction << 8 | (x == 0 ? ZERO_FIELD : field(x));
    }
  }

  @Override
  public void moments(ErrorChunk chunk, int n) {
    moments(chunk, 0, n);
  }

  static void moments(ErrorChunk chunk, int from, int to) {
    double[] lanes = chunk.lanes;
    for (int i = from; i < to; i++) {
      double x = chunk.before[i];
      double y = chunk.after[i];
      int lane = i % ErrorChunk.LANES;
      lanes[ErrorChunk.SIGNAL + lane] += x * x;
      lanes[ErrorChunk.ENERGY + lane] += y * y;
      lanes[ErrorChunk.PRODUCT + lane] += x * y;
      lanes[ErrorChunk.NOISE + lane] += (x - y) * (x - y);
    }
  }

  @Override
  public void ratios(ErrorChunk chunk, int n) {
    ratios(chunk, 0, n);
    sum(chunk, 0, n);
  }

  static void ratios(ErrorChunk chunk, int from, int to) {
    for (int i = from; i < to; i++) {
      float x = chunk.before[i];
      float y = chunk.after[i];
      float quotient = chunk.quotients[i];
      float decoded = chunk.decoded[i];
      boolean inside = quotient < chunk.high && quotient > chunk.low;
      boolean counts = inside && x != 0 && y != 0;
      float magnitude = Math.abs(decoded);
      chunk.subnormal += magnitude > 0 && magnitude < chunk.minNormal ? 1 : 0;
      chunk.relativeCount += counts ? 1 : 0;
      chunk.ulpCount += inside ? 1 : 0;
      float relative = counts ? ratio(x - y, x) : 0;
      float ulps = inside ? ratio(quotient - decoded, chunk.ulps[i]) : 0;
      chunk.maxRelative = Math.max(chunk.maxRelative, relative);
      chunk.maxUlps = Math.max(chunk.maxUlps, ulps);
      chunk.quotients[i] = relative;
      chunk.ulps[i] = ulps;
    }
  }

  private static float ratio(float a, float b) {
    return Math.min(Math.abs(a / b), Float.MAX_VALUE);
  }

  /** Adds what {@link #ratios} has left behind. */
  static void sum(ErrorChunk chunk, int from, int to) {
    for (int i = from; i < to; i++) {
      int lane = i % ErrorChunk.LANES;
      chunk.lanes[ErrorChunk.RELATIVE + lane] += chunk.quotients[i];
      chunk.lanes[ErrorChunk.ULPS + lane] += chunk.ulps[i];
    }
  }
}
