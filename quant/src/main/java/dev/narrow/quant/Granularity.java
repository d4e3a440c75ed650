package dev.narrow.quant;

import dev.narrow.formats.Names;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which elements of a tensor share a scale. Scales lie in the row-major order of their grid. */
public sealed interface Granularity {

  /** What {@link #parse} understands. */
  Pattern NAME =
      Pattern.compile(
          "tensor|axis=(?<axis>-?\\d{1,2})|block=(?<block>\\d{1,9})(@(?<along>-?\\d{1,2}))?"
              + "|tile=(?<rows>\\d{1,9})x(?<columns>\\d{1,9})");

  /** One scale for all elements. */
  record PerTensor() implements Granularity {
    @Override
    public String toString() {
      return "per tensor";
    }
  }

  /**
   * One scale for each index of an axis.
   *
   * @param axis the axis, 0 being the outermost and -1 the innermost
   */
  record PerAxis(int axis) implements Granularity {
    @Override
    public String toString() {
      return "per axis " + axis;
    }
  }

  /**
   * One scale for so many consecutive indices of an axis, and each index of the others. The last
   * block of a row may be shorter.
   *
   * @param axis the axis, 0 being the outermost and -1 the innermost
   * @param size elements of a block, 1 or more
   */
  record PerBlock(int axis, int size) implements Granularity {
    /**
     * Checks the size.
     *
     * @throws IllegalArgumentException if it is not positive
     */
    public PerBlock {
      requirePositive("size", size);
    }

    @Override
    public String toString() {
      return "per block of " + size + (axis == -1 ? "" : " along axis " + axis);
    }
  }

  /**
   * One scale for each tile of the two innermost axes. Tiles at the ends may be smaller.
   *
   * @param rows of a tile, 1 or more
   * @param columns of a tile, 1 or more
   */
  record PerTile(int rows, int columns) implements Granularity {
    /**
     * Checks the extents.
     *
     * @throws IllegalArgumentException if one is not positive
     */
    public PerTile {
      requirePositive("rows", rows);
      requirePositive("columns", columns);
    }

    @Override
    public String toString() {
      return "per tile of " + rows + "x" + columns;
    }
  }

  /**
   * The granularity with this name: {@code tensor}, {@code axis=0}, {@code block=32} (along the
   * innermost axis), {@code block=32@0} (along axis 0), {@code tile=128x128}.
   *
   * @throws IllegalArgumentException if it has none
   */
  static Granularity parse(String name) {
    Matcher matcher = NAME.matcher(name);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "granularity = \""
              + Names.shown(name)
              + "\", expected tensor, axis=N, block=N, block=N@AXIS or tile=ROWSxCOLUMNS");
    }
    if (matcher.group("axis") != null) {
      return new PerAxis(Integer.parseInt(matcher.group("axis")));
    }
    if (matcher.group("block") != null) {
      String along = matcher.group("along");
      return new PerBlock(
          along == null ? -1 : Integer.parseInt(along), Integer.parseInt(matcher.group("block")));
    }
    return matcher.group("rows") == null
        ? new PerTensor()
        : new PerTile(
            Integer.parseInt(matcher.group("rows")), Integer.parseInt(matcher.group("columns")));
  }

  /** The name that {@link #parse} understands. */
  default String spec() {
    return switch (this) {
      case PerTensor _ -> "tensor";
      case PerAxis(int axis) -> "axis=" + axis;
      case PerBlock(int axis, int size) -> "block=" + size + (axis == -1 ? "" : "@" + axis);
      case PerTile(int rows, int columns) -> "tile=" + rows + "x" + columns;
    };
  }

  /** Takes consecutive elements and where their scales are. */
  @FunctionalInterface
  interface Visitor {
    /**
     * Element from + i has the scale first + i / block, for i below length.
     *
     * @param from the first element
     * @param length how many elements
     * @param first index of the first scale
     * @param block how many of these elements share a scale
     */
    void visit(int from, int length, int first, int block);
  }

  /**
   * The grid of the scales: its extents in the order of the tensor's axes.
   *
   * @throws IllegalArgumentException if the shape has too few axes
   */
  default Shape grid(Shape shape) {
    return switch (this) {
      case PerTensor _ -> Shape.of();
      case PerAxis(int axis) -> Shape.of(shape.dim(shape.axis(axis)));
      case PerBlock(int axis, int size) -> shape.divided(shape.axis(axis), size);
      case PerTile(int rows, int columns) ->
          shape.divided(shape.axis(-2), rows).divided(shape.axis(-1), columns);
    };
  }

  /**
   * How many scales a tensor of this shape has.
   *
   * @throws IllegalArgumentException if the shape has too few axes
   */
  default int scales(Shape shape) {
    return grid(shape).size();
  }

  /**
   * The largest finite magnitude of the elements of each scale, 0 where there is none, in the order
   * of the grid.
   *
   * @throws IllegalArgumentException if the tensor is not fp32, or has too few axes
   * @throws UnsupportedOperationException if its storage is not memory of the host
   */
  default float[] amax(Tensor values) {
    return ScaleSearch.amax(Floats.of(values, "values"), values.shape(), this);
  }

  /**
   * How many indices of the outermost axis share each row of the grid: 0 if all of them do.
   *
   * @throws IllegalArgumentException if the shape has too few axes
   */
  default int rows(Shape shape) {
    return switch (this) {
      case PerTensor _ -> 0;
      case PerAxis(int axis) -> shape.axis(axis) == 0 ? 1 : 0;
      case PerBlock(int axis, int size) -> shape.axis(axis) == 0 ? size : 1;
      case PerTile(int rows, int _) -> shape.axis(-2) == 0 ? rows : 1;
    };
  }

  /**
   * The index of the scale of one element.
   *
   * @throws IllegalArgumentException if the shape has too few axes
   */
  default int scale(Shape shape, int element) {
    return switch (this) {
      case PerTensor _ -> 0;
      case PerAxis(int axis) ->
          element / shape.stride(shape.axis(axis)) % shape.dim(shape.axis(axis));
      case PerBlock(int axis, int size) -> block(shape, shape.axis(axis), size, element);
      case PerTile(int rows, int columns) -> {
        int row = element / shape.dim(shape.axis(-1));
        Shape tall = shape.divided(shape.axis(-1), columns);
        int width = tall.dim(tall.axis(-1));
        int column = element % shape.dim(shape.axis(-1)) / columns;
        yield block(tall, tall.axis(-2), rows, row * width + column);
      }
    };
  }

  private static int block(Shape shape, int axis, int size, int element) {
    int extent = shape.dim(axis);
    int run = shape.stride(axis);
    int outer = element / run / extent;
    int index = element / run % extent;
    return (outer * Math.ceilDiv(extent, size) + index / size) * run + element % run;
  }

  /** The same after the rows and columns of a matrix of this shape are exchanged. */
  default Granularity transpose(Shape shape) {
    return switch (this) {
      case PerTensor tensor -> tensor;
      case PerAxis(int axis) -> new PerAxis(1 - shape.axis(axis));
      case PerBlock(int axis, int size) -> new PerBlock(shape.axis(axis) == 0 ? -1 : 0, size);
      case PerTile(int rows, int columns) -> new PerTile(columns, rows);
    };
  }

  /**
   * Walks over all elements of a tensor, in their order.
   *
   * @throws IllegalArgumentException if the shape has too few axes
   */
  default void forEach(Shape shape, Visitor visitor) {
    forEach(shape, 0, shape.size(), visitor);
  }

  /**
   * Walks over n elements of a tensor from one on, in their order.
   *
   * @param from the first element, in row-major order
   * @throws IllegalArgumentException if the shape has too few axes
   */
  default void forEach(Shape shape, int from, int n, Visitor visitor) {
    if (n == 0) {
      return;
    }
    switch (this) {
      case PerTensor _ -> visitor.visit(from, n, 0, n);
      case PerAxis(int axis) -> walkAxis(shape, shape.axis(axis), from, n, visitor);
      case PerBlock(int axis, int size) ->
          walkBlocks(shape, shape.axis(axis), size, from, n, visitor);
      case PerTile(int rows, int columns) -> walkTiles(shape, rows, columns, from, n, visitor);
    }
  }

  private static void walkAxis(Shape shape, int axis, int from, int n, Visitor visitor) {
    int extent = shape.dim(axis);
    int run = shape.stride(axis);
    int row = run == 1 ? extent : run; // elements that follow one another
    for (int i = from, left = n; left > 0; ) {
      int length = Math.min(row - i % row, left);
      if (run == 1) {
        visitor.visit(i, length, i % extent, 1);
      } else {
        visitor.visit(i, length, i / run % extent, length);
      }
      i += length;
      left -= length;
    }
  }

  private static void walkBlocks(
      Shape shape, int axis, int size, int from, int n, Visitor visitor) {
    int extent = shape.dim(axis);
    int run = shape.stride(axis);
    int blocks = Math.ceilDiv(extent, size);
    if (run > 1) {
      for (int i = from, left = n; left > 0; ) {
        int length = Math.min(run - i % run, left);
        visitor.visit(i, length, block(shape, axis, size, i), 1);
        i += length;
        left -= length;
      }
    } else if (extent % size == 0) {
      walkRow(from, n, 0, from, size, visitor); // no block is shorter: as one row
    } else {
      for (int i = from, left = n; left > 0; ) {
        int length = Math.min(extent - i % extent, left);
        walkRow(i, length, i / extent * blocks, i % extent, size, visitor);
        i += length;
        left -= length;
      }
    }
  }

  private static void walkTiles(
      Shape shape, int rows, int columns, int from, int n, Visitor visitor) {
    int height = shape.dim(shape.axis(-2));
    int width = shape.dim(shape.axis(-1));
    int down = Math.ceilDiv(height, rows);
    int across = Math.ceilDiv(width, columns);
    for (int i = from, left = n; left > 0; ) {
      int length = Math.min(width - i % width, left);
      int row = i / width;
      int first = (row / height * down + row % height / rows) * across;
      walkRow(i, length, first, i % width, columns, visitor);
      i += length;
      left -= length;
    }
  }

  /** Part of a row of blocks: its first block may be begun already at this position. */
  private static void walkRow(int from, int n, int first, int position, int size, Visitor visitor) {
    int begun = position % size;
    int head = begun == 0 ? 0 : Math.min(size - begun, n);
    if (head > 0) {
      visitor.visit(from, head, first + position / size, head);
    }
    if (n > head) {
      visitor.visit(from + head, n - head, first + (position + head) / size, size);
    }
  }

  private static void requirePositive(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " = " + value + ", expected 1 or more");
    }
  }
}
