package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A .gguf file, versions 2 and 3, little-endian. All of its tensors are listed; {@link GgufType}
 * tells which types can be read.
 *
 * <p>Opening it takes memory in proportion to the number of keys and tensors, not to the length of
 * values: the metadata shows the first 4 elements of an array and the first 16 KiB of a string.
 */
public final class GgufFile implements TensorFile {
  private final MappedFile file;
  private final GgufHeader header;
  private final Map<String, String> metadata;

  private GgufFile(MappedFile file) {
    this.file = file;
    header = file.reading(() -> GgufHeader.read(file.path(), file.bytes()));
    Map<String, String> texts = new LinkedHashMap<>();
    header.fields().forEach((key, field) -> texts.put(key, field.text()));
    metadata = Collections.unmodifiableMap(texts);
  }

  /**
   * Opens a file and checks all that it says about itself.
   *
   * @param file a regular file
   * @return the file, to be closed
   * @throws TensorFileException if there is no such file, or anything in its header is wrong
   */
  public static GgufFile open(Path file) {
    MappedFile mapped = MappedFile.open(file);
    try {
      return new GgufFile(mapped);
    } catch (RuntimeException | Error e) {
      mapped.close();
      throw e;
    }
  }

  @Override
  public Path path() {
    return file.path();
  }

  @Override
  public List<TensorInfo> tensors() {
    return header.tensors().values().stream().map(GgufTensor::info).toList();
  }

  /**
   * The metadata by key, in the order of the file, numbers in decimal. Of an array the first 4
   * elements are shown, its strings in quotation marks, and how many there are; of a string the
   * first 16 KiB. What is not UTF-8 in a string is shown as U+FFFD.
   */
  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public MemorySegment bytes(String name) {
    GgufTensor tensor = find(name);
    return file.bytes().asSlice(tensor.at(), tensor.info().bytes());
  }

  /**
   * {@inheritDoc}
   *
   * @throws TensorFileException if the tensor's type cannot be read
   */
  @Override
  public void read(String name, long from, float[] dst) {
    GgufTensor tensor = find(name);
    Objects.checkFromIndexSize(from, dst.length, tensor.info().elements());
    GgufType type = tensor.type();
    if (type == null || !type.canDecode()) {
      throw new TensorFileException(
          path(),
          "tensor "
              + GgufHeader.quoted(name)
              + " is "
              + tensor.info().dtype()
              + ", expected one of "
              + GgufType.names(GgufType::canDecode));
    }
    file.reading(() -> {
      type.decode(bytes(name), from, dst);
      return dst;
    });
  }

  /**
   * {@inheritDoc} F32, F16, BF16, I8 and I16 are such, where the machine is little-endian.
   *
   * @throws TensorFileException if the tensor's type cannot be read, or it has 2^31 elements or
   *     more
   */
  @Override
  public Tensor tensor(String name) {
    GgufTensor tensor = find(name);
    Shape shape = Requests.shape(path(), tensor.info());
    NumericFormat format = tensor.type() == null ? null : format(tensor.type());
    if (format != null && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
      return Tensor.of(Storage.of(bytes(name)), shape, format, Scales.one());
    }
    float[] values = new float[shape.size()];
    read(name, 0, values);
    return Element.fp32(values, shape);
  }

  private static @Nullable NumericFormat format(GgufType type) {
    return switch (type) {
      case F32 -> Formats.FP32;
      case F16 -> Formats.FP16;
      case BF16 -> Formats.BF16;
      case I8 -> Formats.INT8;
      case I16 -> Formats.INT16;
      default -> null;
    };
  }

  /** The whole file and what is in it, for {@link GgufWriter}. */
  MemorySegment bytes() {
    return file.bytes();
  }

  GgufHeader header() {
    return header;
  }

  GgufTensor find(String name) {
    GgufTensor tensor = header.tensors().get(name);
    if (tensor == null) {
      throw Requests.unknown(path(), name, header.tensors().keySet());
    }
    return tensor;
  }

  @Override
  public void close() {
    file.close();
  }
}
