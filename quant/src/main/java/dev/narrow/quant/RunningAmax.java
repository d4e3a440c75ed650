package dev.narrow.quant;

/**
 * Static calibration over many batches: an exponential moving average of amax, for each scale. The
 * first observation initialises it, each further one of amax a makes it fl32(r + (1 - momentum) (a
 * - r)), in float64 before the rounding, as PyTorch's MovingAverageMinMaxObserver has it with
 * averaging_constant = 1 - momentum.
 *
 * <p>Unlike there, one average of magnitudes is kept rather than two of minimum and maximum, and an
 * observation without finite elements other than zero changes nothing.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class RunningAmax {
  private final StepScales steps;
  private final double momentum;
  private float[] average; // 0 where nothing was seen yet

  private RunningAmax(StepScales steps, double momentum) {
    this.steps = steps;
    this.momentum = momentum;
    this.average = new float[steps.count()];
  }

  /**
   * One that has seen nothing yet.
   *
   * @param quantizer whose rule turns the average into a scale, per tensor or per axis
   * @param shape of the tensors to come, of which only the number of scales matters
   * @param momentum how much of the average stays, 0 up to but without 1; 0.99 in PyTorch
   * @throws IllegalArgumentException if the quantizer's scales are not fp32 of one level that amax
   *     decides, or the momentum is out of range
   */
  public static RunningAmax of(Quantizer quantizer, Shape shape, double momentum) {
    if (!(momentum >= 0 && momentum < 1)) {
      throw new IllegalArgumentException(
          "momentum = " + momentum + ", expected 0 up to but without 1");
    }
    return new RunningAmax(new StepScales(quantizer, shape), momentum);
  }

  /**
   * Lets the finite elements of a tensor enter the average.
   *
   * @throws IllegalArgumentException if it is not fp32 or has another number of scales
   */
  public void observe(Tensor values) {
    float[] amax = steps.amax(values);
    for (int i = 0; i < amax.length; i++) {
      if (amax[i] > 0) {
        average[i] =
            average[i] == 0
                ? amax[i]
                : (float) (average[i] + (1 - momentum) * ((double) amax[i] - average[i]));
      }
    }
  }

  /** The scales of the averages; 1 where nothing was seen yet. */
  public Scales scales() {
    return scales(average);
  }

  private Scales scales(float[] amax) {
    float[] scales = new float[amax.length];
    for (int i = 0; i < scales.length; i++) {
      scales[i] = steps.scale(amax[i]);
    }
    return steps.of(scales);
  }

  /** The averages, 0 where nothing was seen yet, in an fp32 tensor of shape [1, scales]. */
  public Tensor snapshot() {
    return Tensor.of(average.clone(), 1, average.length);
  }

  /**
   * Goes on from a snapshot.
   *
   * @throws IllegalArgumentException if it has another shape or impossible values; nothing has
   *     changed then
   */
  public void restore(Tensor snapshot) {
    float[] restored = steps.restored(snapshot, 1);
    scales(restored); // throws if one is infinite
    average = restored;
  }
}
