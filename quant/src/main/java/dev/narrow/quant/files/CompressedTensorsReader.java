package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds the quantized tensors of a file in {@link Layout#COMPRESSED_TENSORS}, by their names.
 *
 * <p>Of FP8, scales of groups of columns, [rows, columns / group], are read too, and scales in F16
 * and BF16, which are taken as the numbers that they are.
 */
final class CompressedTensorsReader {
  private final Path path;
  private final Map<String, TensorInfo> there;

  private CompressedTensorsReader(TensorFile file) {
    path = file.path();
    there =
        file.tensors().stream()
            .collect(Collectors.toMap(TensorInfo::name, Function.identity(), (a, _) -> a));
  }

  /**
   * The quantized tensors, none if there are no such names.
   *
   * @throws TensorFileException if sizes do not agree
   */
  static List<StoredTensor> read(TensorFile file) {
    List<TensorInfo> codes =
        file.tensors().stream().filter(info -> isPacked(info) || isFp8(info)).toList();
    if (codes.isEmpty()) {
      return List.of();
    }
    CompressedTensorsReader reader = new CompressedTensorsReader(file);
    List<StoredTensor> tensors = new ArrayList<>();
    for (TensorInfo info : codes) {
      StoredTensor tensor = isPacked(info) ? reader.nvfp4(info) : reader.fp8(info);
      if (tensor != null) {
        tensors.add(tensor);
      }
    }
    return tensors;
  }

  private static boolean isPacked(TensorInfo info) {
    return info.name().endsWith(CompressedTensors.PACKED) && is(info, SafetensorsType.U8);
  }

  private static boolean isFp8(TensorInfo info) {
    return info.name().endsWith(CompressedTensors.WEIGHT) && is(info, SafetensorsType.F8_E4M3);
  }

  private static boolean is(TensorInfo info, SafetensorsType type) {
    return info.dtype().equals(type.name());
  }

  private @Nullable StoredTensor nvfp4(TensorInfo packed) {
    String module = CompressedTensors.module(packed.name(), CompressedTensors.PACKED);
    TensorInfo scale = there.get(module + CompressedTensors.SCALE);
    TensorInfo global = there.get(module + CompressedTensors.GLOBAL_SCALE);
    if (scale == null || global == null) {
      return null; // some other 4-bit convention
    }
    requireMatrix(packed);
    long rows = packed.shape().get(0);
    long columns = Math.multiplyExact(2L, packed.shape().get(1)); // of a file's bytes
    require(
        columns % CompressedTensors.GROUP == 0,
        packed,
        "a multiple of " + CompressedTensors.GROUP / 2 + " columns");
    List<Long> grid = List.of(rows, columns / CompressedTensors.GROUP);
    require(
        is(scale, SafetensorsType.F8_E4M3) && scale.shape().equals(grid), scale, "F8_E4M3 " + grid);
    require(is(global, SafetensorsType.F32) && global.elements() == 1, global, "F32 [1]");
    return stored(
        module,
        packed,
        List.of(rows, columns),
        new QuantizedType(Formats.E2M1, CompressedTensors.Scheme.NVFP4.granularity(), Formats.FP32),
        List.of(scale, global),
        file -> {
          float divisor = StoredScales.values(Formats.FP32, file.bytes(global.name()))[0];
          float[] factors = StoredScales.values(Formats.E4M3FN, file.bytes(scale.name()));
          for (int i = 0; i < factors.length; i++) {
            factors[i] /= divisor;
          }
          return factors;
        });
  }

  private @Nullable StoredTensor fp8(TensorInfo weight) {
    String module = CompressedTensors.module(weight.name(), CompressedTensors.WEIGHT);
    TensorInfo scale = there.get(module + CompressedTensors.SCALE);
    if (scale == null) {
      return null; // unscaled
    }
    requireMatrix(weight);
    NumericFormat format =
        Stream.of(SafetensorsType.F32, SafetensorsType.BF16, SafetensorsType.F16)
            .filter(type -> is(scale, type))
            .findFirst()
            .flatMap(SafetensorsType::format)
            .orElseThrow(() -> wrong(scale, "F32, BF16 or F16"));
    return stored(
        module,
        weight,
        weight.shape(),
        new QuantizedType(Formats.E4M3FN, granularity(weight, scale), format),
        List.of(scale),
        file -> StoredScales.values(format, file.bytes(scale.name())));
  }

  /** Which elements share a scale, by the shapes of both. */
  private Granularity granularity(TensorInfo weight, TensorInfo scale) {
    List<Long> grid = scale.shape();
    long rows = weight.shape().get(0);
    long columns = weight.shape().get(1);
    if (scale.elements() == 1) {
      return new Granularity.PerTensor();
    }
    if (grid.equals(List.of(rows, 1L))) {
      return new Granularity.PerAxis(0);
    }
    int block = CompressedTensors.BLOCK;
    if (grid.equals(
        List.of(Math.ceilDiv(rows, (long) block), Math.ceilDiv(columns, (long) block)))) {
      return new Granularity.PerTile(block, block);
    }
    boolean groups =
        grid.size() == 2 && grid.get(0) == rows && grid.get(1) > 0 && columns % grid.get(1) == 0;
    require(
        groups && columns > 0,
        scale,
        "[1], [" + rows + ", 1], or one for each 128 x 128 or some columns of " + weight.shape());
    return new Granularity.PerBlock(-1, Math.toIntExact(columns / grid.get(1)));
  }

  private StoredTensor stored(
      String module,
      TensorInfo codes,
      List<Long> extents,
      QuantizedType type,
      List<TensorInfo> parts,
      Function<TensorFile, float[]> factors) {
    long bytes = codes.bytes() + parts.stream().mapToLong(TensorInfo::bytes).sum();
    TensorInfo info =
        new TensorInfo(module + CompressedTensors.WEIGHT, type.toString(), extents, bytes);
    Shape shape = Requests.shape(path, info);
    QuantizedType.ScaleType scales = type.scales().orElseThrow();
    return new StoredTensor(
        info,
        shape,
        type.format(),
        codes.name(),
        parts.stream().map(TensorInfo::name).toList(),
        Optional.empty(),
        file -> Scales.of(scales.granularity(), scales.format(), factors.apply(file)));
  }

  private void requireMatrix(TensorInfo info) {
    require(info.shape().size() == 2, info, "a matrix");
  }

  private void require(boolean good, TensorInfo info, String expected) {
    if (!good) {
      throw wrong(info, expected);
    }
  }

  private TensorFileException wrong(TensorInfo info, String expected) {
    return new TensorFileException(
        path,
        QuantizedWriter.described(info)
            + " is "
            + info.dtype()
            + " "
            + info.shape()
            + ", expected "
            + expected
            + " as compressed-tensors has it");
  }
}
