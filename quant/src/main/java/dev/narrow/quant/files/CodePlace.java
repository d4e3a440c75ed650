package dev.narrow.quant.files;

import dev.narrow.formats.CodeLayout;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Where the codes of one tensor lie in a .safetensors file.
 *
 * @param type the dtype that they have there
 * @param shape that they have there: one dimension of bytes where they are packed
 * @param packed whether codes of fewer than 8 bits lie in U8 without gaps
 */
record CodePlace(SafetensorsType type, List<Long> shape, boolean packed) {

  /** The place of codes of elements: the format's own dtype, else packed, else integers. */
  static CodePlace of(NumericFormat format, Shape shape) {
    Optional<SafetensorsType> own = SafetensorsType.of(format);
    int width = format.width();
    if (own.isPresent() && (long) shape.size() * width % Byte.SIZE == 0) {
      return new CodePlace(own.get(), extents(shape), false);
    }
    return width < Byte.SIZE
        ? new CodePlace(
            SafetensorsType.U8, List.of(CodeLayout.PACKED.byteSize(width, shape.size())), true)
        : new CodePlace(unsigned(format), extents(shape), false);
  }

  /** The place of scales: as for elements, but never packed. */
  static CodePlace ofScales(NumericFormat format, Shape grid) {
    SafetensorsType type =
        SafetensorsType.of(format)
            .filter(own -> own.bits() >= Byte.SIZE)
            .orElseGet(() -> unsigned(format));
    return new CodePlace(type, extents(grid), false);
  }

  private static SafetensorsType unsigned(NumericFormat format) {
    return switch (Tensor.bytesPerCode(format)) {
      case 1 -> SafetensorsType.U8;
      case 2 -> SafetensorsType.U16;
      default -> SafetensorsType.U32;
    };
  }

  /** Extents as files have them. */
  static List<Long> extents(Shape shape) {
    return Arrays.stream(shape.dims()).mapToObj(extent -> (long) extent).toList();
  }

  /** What the file says about the codes. */
  TensorInfo info(String name) {
    return type.info(name, shape);
  }
}
