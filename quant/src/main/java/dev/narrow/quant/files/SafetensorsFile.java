package dev.narrow.quant.files;

import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.SafetensorsHeader.Entry;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A .safetensors file, mapped into memory. All dtypes of version 0.8 of the format are known;
 * numbers can be read of all but C64, of which only {@link #bytes} can.
 */
public final class SafetensorsFile implements TensorFile {
  private final MappedFile file;
  private final Map<String, String> metadata;
  private final List<TensorInfo> tensors;
  private final Map<String, Entry> entries;

  private SafetensorsFile(MappedFile file) {
    this.file = file;
    SafetensorsHeader header =
        file.reading(() -> SafetensorsHeader.read(file.path(), file.bytes()));
    metadata = header.metadata();
    tensors = header.sorted().stream().map(Entry::info).toList();
    entries = header.entries();
  }

  /**
   * Opens a file and checks all that its header says.
   *
   * @param file a regular file
   * @return the file, to be closed
   * @throws TensorFileException if there is no such file, or anything is wrong with it
   */
  public static SafetensorsFile open(Path file) {
    MappedFile mapped = MappedFile.open(file);
    try {
      return new SafetensorsFile(mapped);
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
    return tensors;
  }

  /** The texts under {@code __metadata__}. */
  @Override
  public Map<String, String> metadata() {
    return metadata;
  }

  @Override
  public MemorySegment bytes(String name) {
    Entry entry = entry(name);
    return file.bytes().asSlice(entry.at(), entry.info().bytes());
  }

  @Override
  public void read(String name, long from, float[] dst) {
    Entry entry = entry(name);
    Objects.checkFromIndexSize(from, dst.length, entry.info().elements());
    Element element = element(entry);
    file.reading(() -> element.read(bytes(name), ByteOrder.LITTLE_ENDIAN, from, dst));
  }

  @Override
  public Tensor tensor(String name) {
    Entry entry = entry(name);
    Element element = element(entry);
    Shape shape = Requests.shape(path(), entry.info());
    return file.reading(() -> element.tensor(bytes(name), ByteOrder.LITTLE_ENDIAN, shape));
  }

  private Entry entry(String name) {
    Entry entry = entries.get(name);
    if (entry == null) {
      throw Requests.unknown(path(), name, entries.keySet());
    }
    return entry;
  }

  private Element element(Entry entry) {
    return entry
        .type()
        .element()
        .orElseThrow(() ->
            new TensorFileException(
                path(),
                "tensor '"
                    + JsonCursor.shown(entry.info().name())
                    + "' is of "
                    + entry.type()
                    + ", complex numbers, expected real ones"));
  }

  @Override
  public void close() {
    file.close();
  }
}
