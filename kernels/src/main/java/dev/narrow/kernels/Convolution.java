package dev.narrow.kernels;

/**
 * How a kernel moves over images, along the height (y) and the width (x) of each.
 *
 * @param strideY rows from one position to the next, 1 or more
 * @param strideX columns from one position to the next, 1 or more
 * @param paddingY rows of zeros above and as many below, 0 or more
 * @param paddingX columns of zeros on the left and as many on the right, 0 or more
 * @param dilationY rows from one row of the kernel to the next, 1 or more
 * @param dilationX columns from one column of the kernel to the next, 1 or more
 * @param groups into how many parts the channels are divided: each part of the output sees its part
 *     of the input only; 1 or more
 */
public record Convolution(
    int strideY,
    int strideX,
    int paddingY,
    int paddingX,
    int dilationY,
    int dilationX,
    int groups) {
  private static final Convolution UNIT = new Convolution(1, 1, 0, 0, 1, 1, 1);

  /**
   * Checks the components.
   *
   * @throws IllegalArgumentException if one of them is out of its range
   */
  public Convolution {
    TapAxis.require("strideY", strideY, 1);
    TapAxis.require("strideX", strideX, 1);
    TapAxis.require("paddingY", paddingY, 0);
    TapAxis.require("paddingX", paddingX, 0);
    TapAxis.require("dilationY", dilationY, 1);
    TapAxis.require("dilationX", dilationX, 1);
    TapAxis.require("groups", groups, 1);
  }

  /** Strides and dilations of 1, no padding, one group. */
  public static Convolution unit() {
    return UNIT;
  }

  /**
   * The same with these strides.
   *
   * @throws IllegalArgumentException if one is below 1
   */
  public Convolution withStride(int y, int x) {
    return new Convolution(y, x, paddingY, paddingX, dilationY, dilationX, groups);
  }

  /**
   * The same with so much padding.
   *
   * @throws IllegalArgumentException if one is negative
   */
  public Convolution withPadding(int y, int x) {
    return new Convolution(strideY, strideX, y, x, dilationY, dilationX, groups);
  }

  /**
   * The same with these dilations.
   *
   * @throws IllegalArgumentException if one is below 1
   */
  public Convolution withDilation(int y, int x) {
    return new Convolution(strideY, strideX, paddingY, paddingX, y, x, groups);
  }

  /**
   * The same with so many groups.
   *
   * @throws IllegalArgumentException if there are fewer than 1
   */
  public Convolution withGroups(int count) {
    return new Convolution(strideY, strideX, paddingY, paddingX, dilationY, dilationX, count);
  }

  /**
   * The height of the output: ⌊(height + 2 paddingY - dilationY (kernelHeight - 1) - 1) / strideY⌋
   * + 1.
   *
   * @throws IllegalArgumentException if an extent is out of its range, or the kernel is higher than
   *     the padded input
   */
  public int outputHeight(int height, int kernelHeight) {
    return TapAxis.positions("height", height, kernelHeight, strideY, paddingY, dilationY);
  }

  /**
   * The width of the output: ⌊(width + 2 paddingX - dilationX (kernelWidth - 1) - 1) / strideX⌋ +
   * 1.
   *
   * @throws IllegalArgumentException if an extent is out of its range, or the kernel is wider than
   *     the padded input
   */
  public int outputWidth(int width, int kernelWidth) {
    return TapAxis.positions("width", width, kernelWidth, strideX, paddingX, dilationX);
  }
}
