package dev.narrow.quant;

import java.util.Arrays;

/**
 * The factors that turn decoded codes into the values of a tensor: value = scale × decode(code),
 * rounded to float32.
 */
public final class Scales {
  private static final Scales ONE = new Scales(new Granularity.PerTensor(), new float[] {1f});

  private final Granularity granularity;
  private final float[] values;

  private Scales(Granularity granularity, float[] values) {
    this.granularity = granularity;
    this.values = values;
  }

  /** No scaling: the factor 1 for the whole tensor. */
  public static Scales one() {
    return ONE;
  }

  /** One factor for the whole tensor. */
  public static Scales of(float value) {
    return of(new Granularity.PerTensor(), value);
  }

  /**
   * The factors in the order of their index.
   *
   * @throws IllegalArgumentException if one is not positive and finite
   */
  public static Scales of(Granularity granularity, float... values) {
    for (int i = 0; i < values.length; i++) {
      if (!(values[i] > 0) || values[i] == Float.POSITIVE_INFINITY) {
        throw new IllegalArgumentException(
            "scales[" + i + "] = " + values[i] + ", expected a positive finite number");
      }
    }
    return new Scales(granularity, values.clone());
  }

  /** Which elements share a factor. */
  public Granularity granularity() {
    return granularity;
  }

  /** How many factors there are. */
  public int count() {
    return values.length;
  }

  /** One factor. */
  public float get(int index) {
    return values[index];
  }

  /** Whether values are the decoded codes themselves. */
  public boolean isOne() {
    for (float value : values) {
      if (value != 1f) {
        return false;
      }
    }
    return true;
  }

  @Override
  public String toString() {
    return values.length == 1 ? Float.toString(values[0]) : Arrays.toString(values);
  }
}
