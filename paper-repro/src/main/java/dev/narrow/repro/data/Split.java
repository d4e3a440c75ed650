package dev.narrow.repro.data;

/** Labelled examples, one row of features each. The arrays are handed over, never copied. */
public final class Split {
  private final float[] x;
  private final int[] y;
  private final int features;

  /**
   * The examples in these arrays.
   *
   * @param x the features, row-major, {@code y.length} × {@code features}
   * @param y the labels, 0 or more
   * @param features the features of one example, 1 or more
   * @throws IllegalArgumentException if the lengths do not agree or there is no example
   */
  public Split(float[] x, int[] y, int features) {
    if (features < 1) {
      throw new IllegalArgumentException("features = " + features + ", expected 1 or more");
    }
    if (y.length == 0 || x.length != (long) y.length * features) {
      throw new IllegalArgumentException(
          String.format(
              "x.length = %d, expected labels (%d, at least 1) times features (%d)",
              x.length, y.length, features));
    }
    this.x = x;
    this.y = y;
    this.features = features;
  }

  /**
   * The features.
   *
   * @return the array itself, row-major, {@link #size()} × {@link #features()}
   */
  public float[] x() {
    return x;
  }

  /**
   * The labels.
   *
   * @return the array itself, {@link #size()} long
   */
  public int[] y() {
    return y;
  }

  /**
   * The features of one example.
   *
   * @return 1 or more
   */
  public int features() {
    return features;
  }

  /**
   * The number of examples.
   *
   * @return 1 or more
   */
  public int size() {
    return y.length;
  }
}
