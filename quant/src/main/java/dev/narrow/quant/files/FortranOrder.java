package dev.narrow.quant.files;

import java.util.List;

/**
 * Walks through an array in Fortran order, the first axis fastest, and tells at each step which
 * element this is in C order, the last axis fastest.
 */
public final class FortranOrder {
  private final long[] extents;
  private final long[] strides; // of C order
  private final long[] indices;
  private long index;

  /**
   * Stands at the first element.
   *
   * @param shape the extents
   */
  public FortranOrder(List<Long> shape) {
    this(shape, 0);
  }

  /**
   * Stands at a later element.
   *
   * @param shape the extents
   * @param steps that lie behind it, fewer than there are elements
   */
  FortranOrder(List<Long> shape, long steps) {
    extents = shape.stream().mapToLong(Long::longValue).toArray();
    strides = new long[extents.length];
    indices = new long[extents.length];
    long stride = 1;
    for (int axis = extents.length - 1; axis >= 0; axis--) {
      strides[axis] = stride;
      stride *= extents[axis];
    }
    long rest = steps;
    for (int axis = 0; axis < extents.length && rest > 0; axis++) {
      indices[axis] = rest % extents[axis];
      index += indices[axis] * strides[axis];
      rest /= extents[axis];
    }
  }

  /** The index in C order of the element where the walk stands; then goes on to the next one. */
  public long next() {
    long here = index;
    for (int axis = 0; axis < extents.length; axis++) {
      index += strides[axis];
      if (++indices[axis] < extents[axis]) {
        break;
      }
      index -= strides[axis] * extents[axis];
      indices[axis] = 0;
    }
    return here;
  }
}
