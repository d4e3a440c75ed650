package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.QuantizedType.ScaleType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Writes {@link Layout#NARROW}. */
final class NarrowWriter implements LayoutWriter {
  private final NarrowMetadata.Builder metadata = new NarrowMetadata.Builder();

  @Override
  public List<String> names(TensorInfo tensor, QuantizedType type) {
    String name = tensor.name();
    NarrowMetadata.requireNamed(type);
    List<String> names = new ArrayList<>(List.of(name));
    type.scales()
        .ifPresent(scales -> {
          names.add(name + NarrowMetadata.SCALE);
          if (scales.outer().isPresent()) {
            names.add(name + NarrowMetadata.OUTER);
          }
          if (scales.zeroPoints()) {
            names.add(name + NarrowMetadata.ZERO_POINT);
          }
        });
    return names;
  }

  @Override
  public void put(TensorInfo info, Tensor tensor, String made, Spool spool) throws IOException {
    String name = info.name();
    QuantizedType type = QuantizedType.of(tensor);
    NarrowMetadata.requireNamed(type);
    CodePlace place = CodePlace.of(type.format(), tensor.shape());
    spool.putCodes(place.info(name), tensor);
    if (type.scales().isPresent()) {
      putScales(name, tensor, type.scales().get(), spool);
    }
    metadata.add(name, type, made, tensor.shape(), place.packed());
  }

  private static void putScales(String name, Tensor tensor, ScaleType type, Spool spool)
      throws IOException {
    Scales scales = tensor.scales();
    CodePlace place = CodePlace.ofScales(type.format(), type.granularity().grid(tensor.shape()));
    spool.putScales(place.info(name + NarrowMetadata.SCALE), type.format(), scales);
    if (scales.outer().isPresent()) {
      Scales outer = scales.outer().get();
      CodePlace above = CodePlace.ofScales(Formats.FP32, outer.granularity().grid(tensor.shape()));
      spool.putScales(above.info(name + NarrowMetadata.OUTER), Formats.FP32, outer);
    }
    if (scales.hasZeroPoints()) {
      spool.putZeroPoints(
          SafetensorsType.I32.info(name + NarrowMetadata.ZERO_POINT, place.shape()), scales);
    }
  }

  @Override
  public void keep(TensorInfo info) {}

  @Override
  public Map<String, String> metadata() {
    return Map.of(NarrowMetadata.KEY, metadata.json());
  }

  @Override
  public void finish() {}
}
