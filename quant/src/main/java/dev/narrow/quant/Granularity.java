package dev.narrow.quant;

/** Which elements of a tensor share a scale. */
public sealed interface Granularity {

  /** One scale for all elements. */
  record PerTensor() implements Granularity {}

  /**
   * One scale for each index of an axis.
   *
   * @param axis the axis, 0 being the outermost
   */
  record PerAxis(int axis) implements Granularity {}

  /** How many scales a tensor of this shape has. */
  default int scales(Shape shape) {
    return switch (this) {
      case PerTensor _ -> 1;
      case PerAxis(int axis) -> shape.dim(axis);
    };
  }

  /** How many consecutive elements share a scale. */
  default int run(Shape shape) {
    return switch (this) {
      case PerTensor _ -> Math.max(1, shape.size());
      case PerAxis(int axis) -> Math.max(1, shape.stride(axis));
    };
  }
}
