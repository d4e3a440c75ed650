package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Shape;
import dev.narrow.quant.files.QuantizedType.ScaleType;
import java.util.Optional;

/** The names and recipes of {@link Layout#COMPRESSED_TENSORS}. */
final class CompressedTensors {
  static final String WEIGHT = ".weight";
  static final String PACKED = ".weight_packed";
  static final String SCALE = ".weight_scale";
  static final String GLOBAL_SCALE = ".weight_global_scale";

  /** Columns that share a scale in NVFP4. */
  static final int GROUP = 16;

  /** Rows, and columns, that share a scale in FP8 by blocks. */
  static final int BLOCK = 128;

  /** How the weights of a module are quantized. */
  enum Scheme {
    /** E4M3 with one scale. */
    FP8_TENSOR,
    /** E4M3 with a scale for each row. */
    FP8_CHANNEL,
    /** E4M3 with a scale for each block of 128 x 128. */
    FP8_BLOCK,
    /** E2M1 with a scale in E4M3 for each 16 columns, and one for all. */
    NVFP4;

    /** The {@code format} of the convention. */
    String format() {
      return this == NVFP4 ? "nvfp4-pack-quantized" : "float-quantized";
    }

    /** The {@code strategy} of the convention. */
    String strategy() {
      return switch (this) {
        case FP8_TENSOR -> "tensor";
        case FP8_CHANNEL -> "channel";
        case FP8_BLOCK -> "block";
        case NVFP4 -> "tensor_group";
      };
    }

    /** Which elements share a scale. */
    Granularity granularity() {
      return switch (this) {
        case FP8_TENSOR -> new Granularity.PerTensor();
        case FP8_CHANNEL -> new Granularity.PerAxis(0);
        case FP8_BLOCK -> new Granularity.PerTile(BLOCK, BLOCK);
        case NVFP4 -> new Granularity.PerBlock(-1, GROUP);
      };
    }
  }

  private CompressedTensors() {}

  /**
   * The scheme of a quantized tensor.
   *
   * @throws IllegalArgumentException if the convention has none; the message says what is expected
   */
  static Scheme scheme(TensorInfo info, QuantizedType type) {
    if (!info.name().endsWith(WEIGHT) || info.shape().size() != 2) {
      throw new IllegalArgumentException(
          QuantizedWriter.described(info)
              + " has shape "
              + info.shape()
              + ", expected a matrix whose name ends in .weight for layout "
              + Layout.COMPRESSED_TENSORS);
    }
    Shape shape = Shape.of(info.shape().stream().mapToInt(Math::toIntExact).toArray());
    for (Scheme scheme : Scheme.values()) {
      if (is(scheme, type, shape)) {
        return scheme;
      }
    }
    throw new IllegalArgumentException(
        QuantizedWriter.described(info)
            + " as "
            + type
            + type.scales().map(CompressedTensors::described).orElse("")
            + ", expected e4m3fn with fp32 scales per tensor, per axis 0 or per tile of 128x128, or"
            + " e2m1 with e4m3fn scales per block of 16 under one of the tensor, and columns in"
            + " multiples of 16, for layout "
            + Layout.COMPRESSED_TENSORS);
  }

  private static boolean is(Scheme scheme, QuantizedType type, Shape shape) {
    ScaleType scales =
        type.scales()
            .orElseGet(() ->
                new ScaleType(new Granularity.PerTensor(), Formats.FP32, Optional.empty(), false));
    if (type.rotation().isPresent()
        || scales.zeroPoints()
        || !same(scales.granularity(), scheme.granularity(), shape)) {
      return false;
    }
    if (scheme == Scheme.NVFP4) {
      return type.format().equals(Formats.E2M1)
          && scales.format().equals(Formats.E4M3FN)
          && scales.outer().stream().allMatch(outer -> outer instanceof Granularity.PerTensor)
          && shape.dim(1) % GROUP == 0;
    }
    return type.format().equals(Formats.E4M3FN)
        && scales.format().equals(Formats.FP32)
        && scales.outer().isEmpty();
  }

  /** The same elements share a scale, however the axes are counted. */
  private static boolean same(Granularity a, Granularity b, Shape shape) {
    return switch (a) {
      case Granularity.PerAxis(int axis) ->
          b instanceof Granularity.PerAxis(int other) && shape.axis(axis) == shape.axis(other);
      case Granularity.PerBlock(int axis, int size) ->
          b instanceof Granularity.PerBlock(int other, int as)
              && shape.axis(axis) == shape.axis(other)
              && size == as;
      default -> a.equals(b);
    };
  }

  private static String described(ScaleType scales) {
    return " with "
        + scales.format().name()
        + " scales"
        + scales.outer().map(outer -> " under one " + outer).orElse("")
        + (scales.zeroPoints() ? " and zero points" : "");
  }

  /** The name of a module, whose weight has this name with an ending. */
  static String module(String name, String ending) {
    return name.substring(0, name.length() - ending.length());
  }
}
