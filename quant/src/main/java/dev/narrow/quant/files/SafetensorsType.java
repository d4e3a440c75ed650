package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Names;
import dev.narrow.formats.NumericFormat;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The dtypes of safetensors 0.8, in the order of the reference implementation, by which tensors are
 * sorted in a file ({@code Dtype} in tensor.rs).
 */
public enum SafetensorsType {
  /** A byte, 0 or 1. */
  BOOL(PlainElement.BOOL),
  /** OCP E2M1, two in a byte, the first in its lower half. */
  F4(CodeElement.of(Formats.E2M1)),
  /** OCP FP6 E2M3, four in three bytes, from the lowest bit on. */
  F6_E2M3(CodeElement.of(Formats.E2M3)),
  /** OCP FP6 E3M2, four in three bytes, from the lowest bit on. */
  F6_E3M2(CodeElement.of(Formats.E3M2)),
  /** An unsigned byte. */
  U8(CodeElement.of(Formats.UINT8)),
  /** A byte, two's complement. */
  I8(CodeElement.of(Formats.INT8)),
  /** OCP FP8 E5M2. */
  F8_E5M2(CodeElement.of(Formats.E5M2)),
  /** OCP FP8 E4M3, finite but for NaN: e4m3fn. */
  F8_E4M3(CodeElement.of(Formats.E4M3FN)),
  /** The scale of OCP MX: e8m0. */
  F8_E8M0(CodeElement.of(Formats.E8M0)),
  /** FP8 with one NaN and no negative zero, bias 8. */
  F8_E4M3FNUZ(CodeElement.of(Formats.E4M3FNUZ)),
  /** FP8 with one NaN and no negative zero, bias 16. */
  F8_E5M2FNUZ(CodeElement.of(Formats.E5M2FNUZ)),
  /** 16 bits, two's complement. */
  I16(CodeElement.of(Formats.INT16)),
  /** 16 bits, unsigned. */
  U16(CodeElement.of(Formats.UINT16)),
  /** IEEE 754 binary16. */
  F16(CodeElement.of(Formats.FP16)),
  /** bfloat16. */
  BF16(CodeElement.of(Formats.BF16)),
  /** 32 bits, two's complement. */
  I32(PlainElement.I32),
  /** 32 bits, unsigned. */
  U32(PlainElement.U32),
  /** IEEE 754 binary32. */
  F32(CodeElement.of(Formats.FP32)),
  /**
   * A complex number of two binary32, which is no number to be quantized: only its bytes are read.
   */
  C64(null),
  /** IEEE 754 binary64. */
  F64(PlainElement.F64),
  /** 64 bits, two's complement. */
  I64(PlainElement.I64),
  /** 64 bits, unsigned. */
  U64(PlainElement.U64);

  private static final int COMPLEX_BITS = 64;

  private static final Map<String, SafetensorsType> BY_NAME =
      Arrays.stream(values())
          .collect(Collectors.toMap(Enum::name, type -> type, (a, _) -> a, TreeMap::new));

  @SuppressWarnings("ImmutableEnumChecker") // formats and codecs are immutable
  private final @Nullable Element element;

  SafetensorsType(@Nullable Element element) {
    this.element = element;
  }

  /** Bits of an element: 4, 6, 8, 16, 32 or 64. */
  public int bits() {
    return element == null ? COMPLEX_BITS : element.width();
  }

  /** The format of which an element is a code, if it is one. */
  public Optional<NumericFormat> format() {
    return element instanceof CodeElement code ? Optional.of(code.format()) : Optional.empty();
  }

  /** How an element becomes float32, if it does. */
  Optional<Element> element() {
    return Optional.ofNullable(element);
  }

  /** The dtype whose elements are codes of this format, if there is one. */
  public static Optional<SafetensorsType> of(NumericFormat format) {
    return Arrays.stream(values())
        .filter(type -> type.format().filter(format::equals).isPresent())
        .findFirst();
  }

  /**
   * The dtype of this name.
   *
   * @throws IllegalArgumentException if there is none; the message has the nearest ones
   */
  static SafetensorsType parse(String dtype) {
    SafetensorsType type = BY_NAME.get(dtype);
    if (type != null) {
      return type;
    }
    List<String> names =
        BY_NAME.keySet().stream().map(name -> name.toLowerCase(Locale.ROOT)).toList();
    throw new IllegalArgumentException(
        "is '"
            + JsonCursor.shown(dtype)
            + "', which is no dtype; the nearest: "
            + Names.nearest(dtype, names).toUpperCase(Locale.ROOT));
  }

  /**
   * What a file says about a tensor of this dtype.
   *
   * @param name of the tensor
   * @param shape the extents, outermost first
   * @throws IllegalArgumentException if an extent is negative, there are 2^63 bits or more, or they
   *     do not fill whole bytes
   */
  public TensorInfo info(String name, List<Long> shape) {
    for (int axis = 0; axis < shape.size(); axis++) {
      if (shape.get(axis) < 0) {
        throw new IllegalArgumentException(
            "has extent " + shape.get(axis) + " on axis " + axis + ", expected 0 or more");
      }
    }
    long bits = shape.contains(0L) ? 0 : bits(); // whatever the other extents are
    for (long extent : shape) {
      if (bits != 0 && extent > Long.MAX_VALUE / bits) {
        throw new IllegalArgumentException(
            "is " + shape + " of " + this + ", expected fewer than 2^63 bits in all");
      }
      bits *= extent;
    }
    if (bits % Byte.SIZE != 0) {
      throw new IllegalArgumentException(
          "is " + shape + " of " + this + ", " + bits + " bits, expected whole bytes");
    }
    return new TensorInfo(name, name(), shape, bits / Byte.SIZE);
  }
}
