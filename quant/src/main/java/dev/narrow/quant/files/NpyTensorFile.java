package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * An .npy file, mapped into memory: one tensor, whose name is that of the file without .npy.
 * Unsigned integers are numbers here; in either byte order and order of the axes.
 */
public final class NpyTensorFile implements TensorFile {
  private static final String SUFFIX = ".npy";

  /** Elements that are gathered at a time where the file has the axes the other way round. */
  private static final int BLOCK = 1024;

  private final MappedFile file;
  private final NpyHeader header;
  private final MemorySegment body;
  private final TensorInfo info;
  private final Element element;

  private NpyTensorFile(MappedFile file, NpyHeader header, long bodyAt) {
    this.file = file;
    this.header = header;
    if (file.bytes().byteSize() != bodyAt + header.bodyBytes()) {
      throw new TensorFileException(file.path(), "changes while it is opened");
    }
    body = file.bytes().asSlice(bodyAt);
    info =
        new TensorInfo(
            name(file.path()), header.type().toString(), header.shape(), body.byteSize());
    element =
        switch (header.type().kind()) {
          case F2 -> CodeElement.of(Formats.FP16);
          case F4 -> CodeElement.of(Formats.FP32);
          case F8 -> PlainElement.F64;
          case U1 -> CodeElement.of(Formats.UINT8);
          case U2 -> CodeElement.of(Formats.UINT16);
          case U4 -> PlainElement.U32;
        };
  }

  private static String name(Path file) {
    String name = String.valueOf(file.getFileName());
    boolean named = name.endsWith(SUFFIX) && name.length() > SUFFIX.length();
    return named ? name.substring(0, name.length() - SUFFIX.length()) : "array";
  }

  /**
   * Opens a file and checks its header.
   *
   * @param file a regular file that {@link NpyReader} reads
   * @return the file, to be closed
   * @throws TensorFileException if there is no such file, or anything is wrong with it
   */
  public static NpyTensorFile open(Path file) {
    NpyHeader header;
    long bodyAt;
    try (NpyReader reader = NpyReader.open(file)) {
      header = reader.header();
      bodyAt = reader.byteOffset(0);
    } catch (IOException e) {
      throw RegularFile.unreadable(file, e);
    }
    MappedFile mapped = MappedFile.open(file);
    try {
      return new NpyTensorFile(mapped, header, bodyAt);
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
    return List.of(info);
  }

  /** None: the format has no place for it. */
  @Override
  public Map<String, String> metadata() {
    return Map.of();
  }

  @Override
  public MemorySegment bytes(String name) {
    require(name);
    return body;
  }

  @Override
  public void read(String name, long from, float[] dst) {
    require(name);
    Objects.checkFromIndexSize(from, dst.length, info.elements());
    file.reading(
        () -> isTransposed() ? transpose(from, dst) : element.read(body, order(), from, dst));
  }

  private float[] transpose(long from, float[] dst) {
    // The axes the other way round: what is Fortran order there is row-major order here.
    FortranOrder rowMajor = new FortranOrder(header.shape().reversed(), from);
    int size = header.type().kind().bytes();
    MemorySegment block = MemorySegment.ofArray(new byte[Math.min(BLOCK, dst.length) * size]);
    for (int at = 0; at < dst.length; at += BLOCK) {
      int n = Math.min(BLOCK, dst.length - at);
      for (int i = 0; i < n; i++) {
        MemorySegment.copy(body, rowMajor.next() * size, block, (long) i * size, size);
      }
      System.arraycopy(element.read(block, order(), 0, new float[n]), 0, dst, at, n);
    }
    return dst;
  }

  @Override
  public Tensor tensor(String name) {
    require(name);
    Shape shape = Requests.shape(path(), info);
    return file.reading(() ->
        isTransposed()
            ? Element.fp32(transpose(0, new float[shape.size()]), shape)
            : element.tensor(body, order(), shape));
  }

  private void require(String name) {
    if (!name.equals(info.name())) {
      throw Requests.unknown(path(), name, List.of(info.name()));
    }
  }

  private boolean isTransposed() {
    return header.fortranOrder() && header.shape().size() > 1;
  }

  private ByteOrder order() {
    return header.type().order();
  }

  @Override
  public void close() {
    file.close();
  }
}
