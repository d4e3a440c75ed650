package dev.narrow.quant.files;

import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Hadamard;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A .safetensors file, or several, in one of the layouts of quantized tensors: codes and scales are
 * one tensor here, with the name of what was quantized.
 */
final class QuantizedFile implements TensorFile {
  private final TensorFile raw;
  private final Map<String, StoredTensor> stored = new HashMap<>();
  private final Map<String, TensorInfo> infos = new LinkedHashMap<>();
  private final List<TensorInfo> tensors;
  private final Map<NumericFormat, CodeElement> elements = new ConcurrentHashMap<>();
  private volatile @Nullable Latest latest;

  /** The scales that were read last: who reads a tensor does so from one end to the other. */
  private record Latest(String name, Scales scales) {}

  private QuantizedFile(TensorFile raw, List<StoredTensor> found) {
    this.raw = raw;
    Set<String> parts = new HashSet<>();
    Map<String, StoredTensor> byCodes = new HashMap<>();
    for (StoredTensor tensor : found) {
      byCodes.put(tensor.codes(), tensor);
      parts.addAll(tensor.parts());
    }
    for (TensorInfo info : raw.tensors()) {
      StoredTensor tensor = byCodes.get(info.name());
      boolean part = parts.contains(info.name());
      TensorInfo shown = tensor == null ? info : tensor.info();
      if (tensor != null) {
        stored.put(shown.name(), tensor);
      }
      if (part ? tensor != null : infos.put(shown.name(), shown) != null) {
        throw new TensorFileException(
            raw.path(),
            "tensor '"
                + JsonCursor.shown(shown.name())
                + "' is there in two ways, expected one: as codes, as scales or as it is");
      }
    }
    tensors = List.copyOf(infos.values());
  }

  /**
   * The file with its quantized tensors, or as it is if it has none.
   *
   * @param raw closed here if this throws
   * @throws TensorFileException if what the file says about quantized tensors does not agree
   */
  static TensorFile of(TensorFile raw) {
    try {
      List<StoredTensor> found = new ArrayList<>(NarrowReader.read(raw));
      if (found.isEmpty() && !raw.metadata().containsKey(NarrowMetadata.KEY)) {
        found.addAll(CompressedTensorsReader.read(raw));
      }
      return found.isEmpty() ? raw : new QuantizedFile(raw, found);
    } catch (RuntimeException | Error e) {
      raw.close();
      throw e;
    }
  }

  @Override
  public Path path() {
    return raw.path();
  }

  @Override
  public List<TensorInfo> tensors() {
    return tensors;
  }

  /** Without what describes the tensors. */
  @Override
  public Map<String, String> metadata() {
    Map<String, String> others = new LinkedHashMap<>(raw.metadata());
    others.remove(NarrowMetadata.KEY);
    return Collections.unmodifiableMap(others);
  }

  /** Of a quantized tensor the codes. */
  @Override
  public MemorySegment bytes(String name) {
    StoredTensor tensor = find(name);
    return raw.bytes(tensor == null ? name : tensor.codes());
  }

  @Override
  public void read(String name, long from, float[] dst) {
    StoredTensor tensor = find(name);
    if (tensor == null) {
      raw.read(name, from, dst);
      return;
    }
    Objects.checkFromIndexSize(from, dst.length, (long) tensor.shape().size());
    Hadamard rotation = tensor.rotation().orElse(null);
    if (rotation == null || dst.length == 0) {
      readCodes(tensor, from, dst);
    } else {
      readRotated(tensor, rotation, (int) from, dst);
    }
  }

  private void readCodes(StoredTensor tensor, long from, float[] dst) {
    Scales scales = scales(tensor);
    MemorySegment codes = raw.bytes(tensor.codes());
    CodeElement element = element(tensor);
    MappedFile.reading(path(), () -> element.read(codes, ByteOrder.LITTLE_ENDIAN, from, dst));
    if (!scales.isOne()) {
      scale(tensor.shape(), scales, (int) from, dst);
    }
  }

  /** Whole rows are turned back, a part of each of which may be wanted. */
  private void readRotated(StoredTensor tensor, Hadamard rotation, int from, float[] dst) {
    int extent = tensor.shape().dim(tensor.shape().rank() - 1);
    int firstRow = from / extent;
    int rows = Math.ceilDiv(from + dst.length, extent) - firstRow;
    float[] whole = new float[Math.multiplyExact(rows, extent)];
    readCodes(tensor, (long) firstRow * extent, whole);
    float[] values = rotation.rotateBack(Tensor.of(whole, rows, extent)).toFloats();
    System.arraycopy(values, from - firstRow * extent, dst, 0, dst.length);
  }

  @Override
  public Tensor tensor(String name) {
    StoredTensor tensor = find(name);
    if (tensor == null) {
      return raw.tensor(name);
    }
    Scales scales = scales(tensor);
    MemorySegment bytes = raw.bytes(tensor.codes());
    CodeElement element = element(tensor);
    Tensor codes =
        MappedFile.reading(
            path(), () -> element.tensor(bytes, ByteOrder.LITTLE_ENDIAN, tensor.shape()));
    Tensor plain = Tensor.of(codes.storage(), codes.shape(), codes.format(), scales);
    return tensor.rotation().map(plain::rotatedBy).orElse(plain);
  }

  private @Nullable StoredTensor find(String name) {
    if (!infos.containsKey(name)) {
      throw Requests.unknown(path(), name, infos.keySet());
    }
    return stored.get(name);
  }

  private CodeElement element(StoredTensor tensor) {
    return elements.computeIfAbsent(tensor.format(), CodeElement::of);
  }

  private Scales scales(StoredTensor tensor) {
    String name = tensor.info().name();
    Latest known = latest;
    if (known != null && known.name().equals(name)) {
      return known.scales();
    }
    Scales scales;
    try {
      scales = MappedFile.reading(path(), () -> tensor.scales().apply(raw));
    } catch (IllegalArgumentException e) {
      throw new TensorFileException(
          path(), "scales of '" + JsonCursor.shown(name) + "': " + e.getMessage());
    }
    latest = new Latest(name, scales);
    return scales;
  }

  /** Turns decoded codes into values, as {@link Tensor#toFloats} does for all of them. */
  private static void scale(Shape shape, Scales scales, int from, float[] decoded) {
    for (int i = 0; i < decoded.length; ) {
      int scale = scales.granularity().scale(shape, from + i);
      int end =
          (int) Math.min(decoded.length, (long) i + run(scales.granularity(), shape, from + i));
      float factor = scales.get(scale);
      int zeroPoint = scales.zeroPoint(scale);
      for (; i < end; i++) {
        decoded[i] = (decoded[i] - zeroPoint) * factor;
      }
    }
  }

  /** How many elements from one on surely share its scale. */
  private static int run(Granularity granularity, Shape shape, int element) {
    return switch (granularity) {
      case Granularity.PerTensor _ -> Integer.MAX_VALUE;
      case Granularity.PerAxis(int axis) -> left(element, shape.stride(shape.axis(axis)));
      case Granularity.PerBlock(int axis, int size) -> {
        boolean innermost = shape.axis(axis) == shape.rank() - 1;
        int extent = shape.dim(shape.axis(axis));
        yield innermost ? Math.min(left(element, extent), left(element % extent, size)) : 1;
      }
      case Granularity.PerTile(int _, int columns) -> {
        int extent = shape.dim(shape.axis(-1));
        yield Math.min(left(element, extent), left(element % extent, columns));
      }
    };
  }

  private static int left(int element, int size) {
    return size - element % size;
  }

  @Override
  public void close() {
    raw.close();
  }
}
