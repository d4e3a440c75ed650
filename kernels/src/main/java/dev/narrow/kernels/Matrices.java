package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import java.util.Objects;

/**
 * Matrices in a tensor, equally far apart: element (i, j) of matrix m is the tensor's element
 * {@code offset + m step + i rowStride + j columnStride} in row-major order. Nothing is copied: a
 * transposition exchanges strides. The heads of attention, side by side in the columns of {@code x
 * [rows, heads × dim]}, are
 *
 * <pre>  new Matrices(x, 0, heads, dim, rows, dim, heads * dim, 1)</pre>
 *
 * @param tensor in any format
 * @param offset of the first element
 * @param count how many matrices
 * @param step from a matrix to the next; 0 repeats one
 * @param rows of each matrix
 * @param columns of each matrix
 * @param rowStride from a row to the next
 * @param columnStride from a column to the next
 */
public record Matrices(
    Tensor tensor,
    int offset,
    int count,
    int step,
    int rows,
    int columns,
    int rowStride,
    int columnStride) {

  /**
   * Checks that all elements lie in the tensor.
   *
   * @throws IllegalArgumentException if an extent or a stride is negative
   * @throws IndexOutOfBoundsException if an element lies outside the tensor
   */
  public Matrices {
    requireNotNegative("count", count);
    requireNotNegative("step", step);
    requireNotNegative("rows", rows);
    requireNotNegative("columns", columns);
    requireNotNegative("rowStride", rowStride);
    requireNotNegative("columnStride", columnStride);
    if (count > 0 && rows > 0 && columns > 0) {
      long last =
          (count - 1L) * step + (rows - 1L) * rowStride + (columns - 1L) * columnStride + offset;
      Objects.checkIndex(offset, tensor.shape().size());
      Objects.checkIndex(last, (long) tensor.shape().size());
    }
  }

  private static void requireNotNegative(String name, int value) {
    if (value < 0) {
      throw new IllegalArgumentException(name + " = " + value + ", expected 0 or more");
    }
  }

  /**
   * The matrices of the two innermost axes, one for each index of the outer ones.
   *
   * @throws IllegalArgumentException if the tensor has fewer than two axes
   */
  public static Matrices of(Tensor tensor) {
    int rank = tensor.shape().rank();
    if (rank < 2) {
      throw new IllegalArgumentException(
          "tensor has shape " + tensor.shape() + ", expected two axes or more");
    }
    int rows = tensor.shape().dim(rank - 2);
    int columns = tensor.shape().dim(rank - 1);
    int count = 1;
    for (int axis = 0; axis < rank - 2; axis++) {
      count *= tensor.shape().dim(axis);
    }
    return new Matrices(tensor, 0, count, rows * columns, rows, columns, columns, 1);
  }

  /**
   * Matrices that lie in another tensor as these do in theirs.
   *
   * @throws IndexOutOfBoundsException if an element lies outside of it
   */
  public Matrices in(Tensor other) {
    return new Matrices(other, offset, count, step, rows, columns, rowStride, columnStride);
  }

  /** Rows and columns exchanged. */
  public Matrices transposed() {
    return new Matrices(tensor, offset, count, step, columns, rows, columnStride, rowStride);
  }

  /**
   * One of the matrices.
   *
   * @throws IndexOutOfBoundsException if there is no such matrix
   */
  public Matrices get(int index) {
    Objects.checkIndex(index, count);
    return new Matrices(
        tensor, offset + index * step, 1, 0, rows, columns, rowStride, columnStride);
  }

  /** Whether no element is another one too, and elements of a row follow one another. */
  boolean isTarget() {
    long row = columns;
    boolean one =
        (rows <= 1 || rowStride >= row) && (count <= 1 || step >= (rows - 1L) * rowStride + row);
    boolean interleaved =
        (count <= 1 || step >= row) && (rows <= 1 || rowStride >= (count - 1L) * step + row);
    return (columnStride == 1 || columns <= 1) && (one || interleaved);
  }

  long size() {
    return (long) count * rows * columns;
  }

  /** For example {@code 8 x [256, 64] of fp32[256, 512]}. */
  @Override
  public String toString() {
    return (count == 1 ? "" : count + " x ") + "[" + rows + ", " + columns + "] of " + tensor;
  }
}
