package dev.narrow.quant.files;

import java.util.List;
import java.util.regex.Pattern;

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
  private static final Pattern NO_FLOATS = Pattern.compile("BOOL|C64|[IU]\\d+|[<>|=]?[iub]\\d+");

  /** Copies the shape. */
  public TensorInfo {
    shape = List.copyOf(shape);
  }

  /** The product of the extents. */
  public long elements() {
    return shape.contains(0L) ? 0 : shape.stream().reduce(1L, Math::multiplyExact);
  }

  /**
   * Whether the elements are numbers to be quantized, in whatever format: not integers, truth
   * values or complex numbers of .safetensors, .npy or .gguf.
   */
  public boolean hasFloats() {
    return !NO_FLOATS.matcher(dtype).matches();
  }
}
