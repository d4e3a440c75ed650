package dev.narrow.quant;

import java.util.Arrays;

/** The extents of a tensor, outermost first; elements are laid out in row-major order. */
public final class Shape {
  private final int[] dims;
  private final int size;

  private Shape(int[] dims) {
    long product = 1;
    for (int axis = 0; axis < dims.length; axis++) {
      if (dims[axis] < 0) {
        throw new IllegalArgumentException(
            "dims[" + axis + "] = " + dims[axis] + ", expected 0 or more");
      }
      product *= dims[axis];
      if (product > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            "shape " + Arrays.toString(dims) + " has more than 2^31 - 1 elements");
      }
    }
    this.dims = dims;
    this.size = (int) product;
  }

  /**
   * The shape with these extents; none at all is the shape of a scalar.
   *
   * @throws IllegalArgumentException if an extent is negative or the product exceeds 2^31 - 1
   */
  public static Shape of(int... dims) {
    return new Shape(dims.clone());
  }

  /** The number of axes. */
  public int rank() {
    return dims.length;
  }

  /** The extent of one axis, 0 being the outermost. */
  public int dim(int axis) {
    checkAxis(axis);
    return dims[axis];
  }

  /** The number of elements. */
  public int size() {
    return size;
  }

  /**
   * How many consecutive elements share one index of this axis: the product of the inner extents.
   */
  public int stride(int axis) {
    checkAxis(axis);
    int stride = 1;
    for (int i = axis + 1; i < dims.length; i++) {
      stride *= dims[i];
    }
    return stride;
  }

  private void checkAxis(int axis) {
    if (axis < 0 || axis >= dims.length) {
      throw new IllegalArgumentException(
          "axis = " + axis + ", expected 0 to " + (dims.length - 1) + " for shape " + this);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /** For example {@code [64, 10]}. */
  @Override
  public String toString() {
    return Arrays.toString(dims);
  }
}
