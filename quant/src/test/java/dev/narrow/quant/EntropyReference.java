package dev.narrow.quant;

import dev.narrow.formats.NumericFormat;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** The divergences of entropy calibration, as the slides write them down, bin by bin. */
final class EntropyReference {
  private EntropyReference() {}

  /** For thresholds of i bins; infinite below the first candidate. */
  static double[] divergences(float[] values, int bins, NumericFormat format) {
    double amax = 0;
    for (float x : values) {
      amax = Math.max(amax, Math.abs(x));
    }
    double[] bin = new double[bins];
    for (float x : values) {
      bin[Math.min(bins - 1, (int) (Math.abs(x) / (amax / bins)))]++;
    }
    double[] divergences = new double[bins + 1];
    Arrays.fill(divergences, Double.POSITIVE_INFINITY);
    for (int i = 1 << (format.width() - 1); i <= bins; i++) {
      double[] p = Arrays.copyOf(bin, i);
      p[i - 1] += Arrays.stream(bin, i, bins).sum();
      double[] q = expanded(bin, i, amax / bins, format);
      divergences[i] = divergence(p, q);
    }
    return divergences;
  }

  /** Each bin that is not empty gets the mean of those with its code. */
  private static double[] expanded(double[] bin, int n, double width, NumericFormat format) {
    Map<Integer, double[]> levels = new HashMap<>(); // sum and count
    int[] codes = new int[n];
    float scale = ScaleRule.AMAX_TO_MAX_FINITE.scale((float) (n * width), format);
    for (int j = 0; j < n; j++) {
      float quotient = (float) ((j + 0.5) * width) / scale;
      codes[j] = format.encode(quotient, format.defaultProjection());
      if (bin[j] > 0) {
        double[] level = levels.computeIfAbsent(codes[j], _ -> new double[2]);
        level[0] += bin[j];
        level[1]++;
      }
    }
    double[] q = new double[n];
    for (int j = 0; j < n; j++) {
      double[] level = levels.get(codes[j]);
      q[j] = bin[j] == 0 || level == null ? 0 : level[0] / level[1];
    }
    return q;
  }

  private static double divergence(double[] p, double[] q) {
    double sumP = Arrays.stream(p).sum();
    double sumQ = Arrays.stream(q).sum();
    double divergence = 0;
    for (int j = 0; j < p.length; j++) {
      if (p[j] > 0) {
        divergence += p[j] / sumP * Math.log((p[j] / sumP) / (q[j] / sumQ));
      }
    }
    return divergence;
  }
}
