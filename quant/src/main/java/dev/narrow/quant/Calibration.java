package dev.narrow.quant;

/**
 * What counts as the largest magnitude (amax) of elements that share a scale. Those beyond it
 * saturate as the quantizer's projection says.
 *
 * <p>In each, only finite elements count. If they are all zero, or there are none, amax is zero.
 * Where scales have two levels, the outer ones are found from the largest magnitudes all the same.
 */
public sealed interface Calibration {

  /** The largest finite magnitude. */
  record Amax() implements Calibration {
    @Override
    public String toString() {
      return "amax";
    }
  }

  /**
   * A percentile of the magnitudes: of n in ascending order the one at (n - 1) percent / 100,
   * counted from 0, between two of them by linear interpolation (NumPy's default), in float64 and
   * then rounded to float32. Where that is zero, but not all elements are, it is the largest one.
   *
   * @param percent above 0, up to 100; 100 is amax
   */
  record Percentile(double percent) implements Calibration {
    /**
     * Checks the percentage.
     *
     * @throws IllegalArgumentException if it is not above 0 and up to 100
     */
    public Percentile {
      if (!(percent > 0 && percent <= 100)) {
        throw new IllegalArgumentException(
            "percent = " + percent + ", expected above 0, up to 100");
      }
    }

    @Override
    public String toString() {
      return "percentile " + percent;
    }
  }

  /**
   * The candidate under whose scale the elements, quantized by the quantizer at hand, have the
   * least squared error: amax itself, amax times 2^(k/8) for k from 8 down to -48, and then the
   * best of these times 2^(k/64) for k from 7 down to -7. Of equals amax is taken, or else the one
   * tried first. Candidates above amax are there for formats with uneven steps: four bits of E2M1
   * may do better with amax on 4 than on 6.
   *
   * <p>A quantizer that rounds stochastically is tried with nearest-even.
   */
  record MinError() implements Calibration {
    @Override
    public String toString() {
      return "least squared error";
    }
  }

  /**
   * Entropy calibration (S. Migacz, "8-bit inference with TensorRT", GTC 2017): of all thresholds
   * that end a bin of the magnitudes' histogram, the one with the least Kullback-Leibler divergence
   * of the clipped distribution, whose last bin has what lies beyond it, from its quantized
   * version, in which the counts of all bins with the same code are spread evenly over those of
   * them that are not empty. The smallest threshold has as many bins below it as the format has
   * codes of one sign, 128 with INT8. Of equals the largest threshold is taken.
   *
   * <p>What the slides leave to the reader: codes are those of the bins' centres in the quantizer
   * at hand under the threshold's scale, with nearest-even if it rounds stochastically, where the
   * slides divide the bins into 128 equal runs; the threshold is the upper end of the last bin, so
   * that amax is a candidate; and where a bin has mass only from beyond it, the divergence is
   * infinite. A histogram needs many more elements than bins: blocks of 32 it serves badly.
   *
   * @param bins of the histogram, 2 to 65536; the slides have 2048
   */
  record KlDivergence(int bins) implements Calibration {
    /**
     * Checks the number of bins.
     *
     * @throws IllegalArgumentException if it is out of range
     */
    public KlDivergence {
      if (bins < 2 || bins > 1 << 16) {
        throw new IllegalArgumentException("bins = " + bins + ", expected 2 to 65536");
      }
    }

    @Override
    public String toString() {
      return "least KL divergence in " + bins + " bins";
    }
  }
}
