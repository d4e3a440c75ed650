package dev.narrow.quant.files;

import java.util.List;

/**
 * What a file says about one of its tensors.
 *
 * @param name unique in the file
 * @param dtype the file format's own word for what an element is, such as {@code BF16}; for
 *     quantized tensors with scales of their own format and granularity, such as {@code
 *     e2m1/block=16}
 * @param shape the extents, outermost first, each 0 or more; none at all for a scalar
 * @param bytes that the tensor takes in the file, scales included
 */
public record TensorInfo(String name, String dtype, List<Long> shape, long bytes) {

  /** Copies the shape. */
  public TensorInfo {
    shape = List.copyOf(shape);
  }

  /** The product of the extents. */
  public long elements() {
    return shape.contains(0L) ? 0 : shape.stream().reduce(1L, Math::multiplyExact);
  }
}
