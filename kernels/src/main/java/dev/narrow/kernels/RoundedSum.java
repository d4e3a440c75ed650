package dev.narrow.kernels;

import dev.narrow.formats.Arithmetic;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;

/** {@link Accumulator.Rounded}. */
final class RoundedSum implements RunningSum {
  private final NumericFormat format;
  private final Arithmetic arithmetic;
  private float sum;

  RoundedSum(Accumulator.Rounded accumulator) {
    format = accumulator.format();
    arithmetic = Arithmetic.of(Formats.FP32, format, accumulator.projection());
  }

  @Override
  public void clear() {
    sum = 0;
  }

  @Override
  public void add(float a, float b) {
    int code =
        arithmetic.fma(
            Float.floatToRawIntBits(a), Float.floatToRawIntBits(b), Float.floatToRawIntBits(sum));
    sum = format.decode(code);
  }

  @Override
  public float result() {
    return sum;
  }
}
