package dev.narrow.kernels.cuda;

import dev.narrow.quant.Granularity;
import dev.narrow.quant.Shape;
import java.lang.foreign.MemorySegment;

/**
 * Which element has which scale, for kernels: the structure Grid of casts.cu. The tensor is a row
 * of matrices; in each, so many rows and columns share a scale.
 *
 * @param width columns of a matrix
 * @param height rows of a matrix
 * @param rows that share a scale
 * @param columns that share a scale
 * @param matrixStep scales from a matrix to the next
 * @param rowStep scales from one to that of the rows after it
 * @param columnStep scales from one to that of the columns after it
 */
record CastGrid(
    int width, int height, int rows, int columns, int matrixStep, int rowStep, int columnStep) {

  static CastGrid of(Granularity granularity, Shape shape) {
    int size = Math.max(1, shape.size());
    return switch (granularity) {
      case Granularity.PerTensor _ -> new CastGrid(size, 1, 1, 1, 0, 0, 0);
      case Granularity.PerAxis(int axis) -> {
        int extent = extent(shape, axis);
        yield new CastGrid(run(shape, axis), extent, 1, 1, 0, 1, 0);
      }
      case Granularity.PerBlock(int axis, int block) -> {
        int extent = extent(shape, axis);
        int run = run(shape, axis);
        int blocks = Math.ceilDiv(extent, block);
        yield run == 1
            ? new CastGrid(extent, 1, 1, block, blocks, 0, 1)
            : new CastGrid(run, extent, block, 1, blocks * run, run, 1);
      }
      case Granularity.PerTile(int tileRows, int tileColumns) -> {
        int height = extent(shape, -2);
        int width = extent(shape, -1);
        int across = Math.ceilDiv(width, tileColumns);
        int down = Math.ceilDiv(height, tileRows);
        yield new CastGrid(width, height, tileRows, tileColumns, down * across, across, 1);
      }
    };
  }

  private static int extent(Shape shape, int axis) {
    return Math.max(1, shape.dim(shape.axis(axis)));
  }

  private static int run(Shape shape, int axis) {
    return Math.max(1, shape.stride(shape.axis(axis)));
  }

  /** The structure without scales, for those who find what belongs to each. */
  MemorySegment struct() {
    return struct(0, 0, 1);
  }

  /**
   * The structure.
   *
   * @param scales on the device; 0 if all elements have the same
   * @param outer on the device: a factor of all of them; 0 if there is none
   * @param one the scale that all elements have then
   */
  MemorySegment struct(long scales, long outer, float one) {
    KernelStruct struct = new KernelStruct();
    struct.add(scales).add(outer).add(one).add(matrixStep, rowStep, columnStep);
    for (int divisor : new int[] {width, height, rows, columns}) {
      int shift = Integer.SIZE - 1 + Integer.SIZE - Integer.numberOfLeadingZeros(divisor - 1);
      long multiplier = Math.ceilDiv(1L << shift, (long) divisor);
      struct.add(divisor, (int) multiplier, shift);
    }
    return struct.segment();
  }
}
