package dev.narrow.quant;

/** What calibrations over steps have in common: scales of a quantizer from amax that is given. */
final class StepScales {
  private final Quantizer quantizer;
  private final int count;

  /**
   * Checks the quantizer.
   *
   * @throws IllegalArgumentException if scales are not fp32 of one level, per tensor or per axis,
   *     that amax decides
   */
  StepScales(Quantizer quantizer, Shape shape) {
    Scaling scaling = quantizer.scaling();
    if (!scaling.equals(Scaling.of(scaling.rule()))
        || scaling.rule() == ScaleRule.ONE
        || scaling.rule() == ScaleRule.MIN_TO_MAX) {
      throw new IllegalArgumentException(
          "scaling = " + scaling + ", expected fp32 scales of one level that amax decides");
    }
    switch (quantizer.granularity()) {
      case Granularity.PerTensor _, Granularity.PerAxis _ -> {}
      case Granularity.PerBlock _, Granularity.PerTile _ ->
          throw new IllegalArgumentException(
              "granularity = " + quantizer.granularity() + ", expected per tensor or per axis");
    }
    this.quantizer = quantizer;
    this.count = quantizer.granularity().scales(shape);
  }

  int count() {
    return count;
  }

  /** The largest finite magnitudes of a tensor's elements. */
  float[] amax(Tensor values) {
    int scales = quantizer.granularity().scales(values.shape());
    if (scales != count) {
      throw new IllegalArgumentException(
          "values = "
              + values
              + " with "
              + scales
              + " scales "
              + quantizer.granularity()
              + ", expected "
              + count);
    }
    return ScaleSearch.amax(Floats.of(values, "values"), values.shape(), quantizer.granularity());
  }

  /** The scale for elements of this amax; 1 where it is zero. */
  float scale(float amax) {
    return quantizer.scaleRule().scale(amax, quantizer.format());
  }

  Scales of(float[] scales) {
    return Scales.of(quantizer.granularity(), scales);
  }

  /** A copy of the values of a snapshot of so many rows. */
  float[] restored(Tensor snapshot, int rows) {
    Shape expected = Shape.of(rows, count);
    if (!snapshot.shape().equals(expected)) {
      throw new IllegalArgumentException("snapshot = " + snapshot + ", expected shape " + expected);
    }
    float[] values = Floats.of(snapshot, "snapshot").copy(rows * count);
    for (int i = 0; i < values.length; i++) {
      if (Float.isNaN(values[i]) || values[i] < 0) {
        throw new IllegalArgumentException(
            "snapshot[" + i + "] = " + values[i] + ", expected 0 or more");
      }
    }
    return values;
  }
}
