package dev.narrow.kernels;

/**
 * How a pooling window moves over images, along the height (y) and the width (x) of each.
 *
 * @param windowY rows of the window, 1 or more
 * @param windowX columns of the window, 1 or more
 * @param strideY rows from one position to the next, 1 or more
 * @param strideX columns from one position to the next, 1 or more
 * @param paddingY rows of padding above and as many below, at most half the window's
 * @param paddingX columns of padding on either side, at most half the window's
 * @param paddingCounts whether an average is over all of the window, padding being zeros, or over
 *     the elements in it only; a maximum never sees padding
 */
public record Pooling(
    int windowY,
    int windowX,
    int strideY,
    int strideX,
    int paddingY,
    int paddingX,
    boolean paddingCounts) {
  /**
   * Checks the components.
   *
   * @throws IllegalArgumentException if one of them is out of its range
   */
  public Pooling {
    TapAxis.require("windowY", windowY, 1);
    TapAxis.require("windowX", windowX, 1);
    TapAxis.require("strideY", strideY, 1);
    TapAxis.require("strideX", strideX, 1);
    requirePadding("paddingY", paddingY, windowY);
    requirePadding("paddingX", paddingX, windowX);
  }

  private static void requirePadding(String name, int padding, int window) {
    if (padding < 0 || padding > window / 2) {
      throw new IllegalArgumentException(
          "%s = %d, expected 0 to %d, half the window of %d"
              .formatted(name, padding, window / 2, window));
    }
  }

  /**
   * Windows side by side, without padding.
   *
   * @throws IllegalArgumentException if an extent is below 1
   */
  public static Pooling window(int y, int x) {
    return new Pooling(y, x, y, x, 0, 0, false);
  }

  /**
   * The same with these strides.
   *
   * @throws IllegalArgumentException if one is below 1
   */
  public Pooling withStride(int y, int x) {
    return new Pooling(windowY, windowX, y, x, paddingY, paddingX, paddingCounts);
  }

  /**
   * The same with so much padding.
   *
   * @param counts see {@link #paddingCounts}
   * @throws IllegalArgumentException if one is negative, or more than half the window
   */
  public Pooling withPadding(int y, int x, boolean counts) {
    return new Pooling(windowY, windowX, strideY, strideX, y, x, counts);
  }

  /**
   * The height of the output: ⌊(height + 2 paddingY - windowY) / strideY⌋ + 1.
   *
   * @throws IllegalArgumentException if the window is higher than the padded input
   */
  public int outputHeight(int height) {
    return TapAxis.positions("height", height, windowY, strideY, paddingY, 1);
  }

  /**
   * The width of the output: ⌊(width + 2 paddingX - windowX) / strideX⌋ + 1.
   *
   * @throws IllegalArgumentException if the window is wider than the padded input
   */
  public int outputWidth(int width) {
    return TapAxis.positions("width", width, windowX, strideX, paddingX, 1);
  }
}
