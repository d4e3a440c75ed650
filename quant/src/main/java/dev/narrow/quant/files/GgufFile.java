package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Names;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
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
  private final Path path;
  private final Arena arena;
  private final MemorySegment bytes;
  private final GgufHeader header;
  private final Map<String, String> metadata;

  private GgufFile(Path path, Arena arena, MemorySegment bytes) {
    this.path = path;
    this.arena = arena;
    this.bytes = bytes;
    header = GgufHeader.read(path, bytes);
    Map<String, String> texts = new LinkedHashMap<>();
    header.fields().forEach((key, field) -> texts.put(key, field.text()));
    metadata = Collections.unmodifiableMap(texts);
  }

  /**
   * Opens a file and checks all that it says about itself.
   *
   * @param path a regular file
   * @return the file, to be closed
   * @throws TensorFileException if there is no such file, or anything in its header is wrong
   */
  @SuppressWarnings("MustBeClosedChecker") // close() ends it
  public static GgufFile open(Path path) {
    if (Files.exists(path) && !Files.isRegularFile(path)) {
      throw new TensorFileException(
          path, "is " + (Files.isDirectory(path) ? "a directory" : "no regular file"));
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path)) {
      var bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new GgufFile(path, arena, bytes);
    } catch (IOException e) {
      arena.close();
      throw new TensorFileException(path, cause(e));
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static String cause(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "there is no such file";
      case AccessDeniedException _ -> "permission denied";
      default -> "cannot be read: " + e.getMessage();
    };
  }

  @Override
  public Path path() {
    return path;
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
    return bytes.asSlice(tensor.at(), tensor.info().bytes());
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
          path,
          "tensor "
              + GgufHeader.quoted(name)
              + " is "
              + tensor.info().dtype()
              + ", expected one of "
              + GgufType.names(GgufType::canDecode));
    }
    type.decode(bytes.asSlice(tensor.at(), tensor.info().bytes()), from, dst);
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
    Shape shape = shape(tensor.info());
    NumericFormat format = tensor.type() == null ? null : format(tensor.type());
    if (format != null && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN) {
      return Tensor.of(Storage.of(bytes(name)), shape, format, Scales.one());
    }
    float[] values = new float[shape.size()];
    read(name, 0, values);
    return Tensor.of(Storage.of(values), shape, Formats.FP32, Scales.one());
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

  private Shape shape(TensorInfo info) {
    try {
      return Shape.of(info.shape().stream().mapToInt(Math::toIntExact).toArray());
    } catch (ArithmeticException | IllegalArgumentException e) {
      throw new TensorFileException(
          path,
          "tensor "
              + GgufHeader.quoted(info.name())
              + " has shape "
              + info.shape()
              + ", expected fewer than 2^31 elements");
    }
  }

  /** The file's mapped bytes and what they are, for {@link GgufWriter}. */
  MemorySegment bytes() {
    return bytes;
  }

  GgufHeader header() {
    return header;
  }

  GgufTensor find(String name) {
    GgufTensor tensor = header.tensors().get(name);
    if (tensor == null) {
      List<String> some = header.tensors().keySet().stream().limit(1000).toList();
      throw new IllegalArgumentException(
          path
              + " has no tensor "
              + GgufHeader.quoted(name)
              + (some.isEmpty() ? "" : "; the nearest: " + Names.nearest(name, some)));
    }
    return tensor;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
