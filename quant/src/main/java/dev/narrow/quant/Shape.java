package dev.narrow.quant;

import java.util.Arrays;

/** The extents of a tensor, outermost first; elements are laid out in row-major order. */
public final class Shape {
  private final int[] dims;
  private final int size;

  private Shape(int[] dims) {
    long product = 1; // of the extents other than 0, so that strides fit as well
    boolean empty = false;
    for (int axis = 0; axis < dims.length; axis++) {
      if (dims[axis] < 0) {
        throw new IllegalArgumentException(
            "dims[" + axis + "] = " + dims[axis] + ", expected 0 or more");
      }
      empty |= dims[axis] == 0;
      product *= Math.max(1, dims[axis]);
      if (product > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            "shape " + Arrays.toString(dims) + " has more than 2^31 - 1 elements");
      }
    }
    this.dims = dims;
    this.size = empty ? 0 : (int) product;
  }

  /**
   * The shape with these extents; none at all is the shape of a scalar.
   *
   * @throws IllegalArgumentException if an extent is negative or the product, of those that are not
   *     0, exceeds 2^31 - 1
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

  /**
   * The axis that a number means, which counts from the end if it is negative: -1 is the innermost.
   *
   * @return 0 to rank - 1
   * @throws IllegalArgumentException if there is no such axis
   */
  public int axis(int index) {
    int axis = index < 0 ? index + dims.length : index;
    if (axis < 0 || axis >= dims.length) {
      throw new IllegalArgumentException(
          dims.length == 0
              ? "axis = " + index + ", expected a shape with axes, not " + this
              : "axis = "
                  + index
                  + ", expected "
                  + -dims.length
                  + " to "
                  + (dims.length - 1)
                  + " for shape "
                  + this);
    }
    return axis;
  }

  /** The same with another extent on one axis. */
  Shape with(int axis, int extent) {
    int[] other = dims.clone();
    other[axis] = extent;
    return new Shape(other);
  }

  /** The shape of the blocks of so many indices of an axis. */
  Shape divided(int axis, int size) {
    return with(axis, Math.ceilDiv(dims[axis], size));
  }

  /** The extents, in an array of their own. */
  public int[] dims() {
    return dims.clone();
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
