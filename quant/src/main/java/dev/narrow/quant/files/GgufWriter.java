package dev.narrow.quant.files;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a .gguf file, version 3, little-endian, with tensors at multiples of 32 bytes. What is
 * added is only noted; {@link #write} fetches the elements piece by piece, so memory stays small
 * however large they are.
 *
 * <p>A file for ggml also wants {@code general.architecture} and what that architecture asks for;
 * {@link #metadata} takes it over from a file that has it.
 */
public final class GgufWriter {
  private static final int ALIGNMENT = GgufHeader.DEFAULT_ALIGNMENT;

  /** GGML_MAX_NAME less the zero byte at the end. */
  private static final int MOST_NAME_BYTES = 63;

  /** Of the blocks of integers; ggml refuses a file of another version. */
  private static final int QUANTIZATION_VERSION = 2;

  private static final String QUANTIZATION_KEY = "general.quantization_version";
  private static final int PIECE = 1 << 14; // elements, or bytes: a multiple of every block

  private final Map<String, MemorySegment> fields = new LinkedHashMap<>();
  private final Map<String, Part> parts = new LinkedHashMap<>();

  /** A writer of a file without metadata and tensors. */
  public GgufWriter() {}

  /** Where the elements of a tensor come from. */
  @FunctionalInterface
  public interface Source {
    /**
     * Some elements in row-major order.
     *
     * @param from the first element
     * @param dst takes {@code dst.length} elements
     */
    void read(long from, float[] dst);
  }

  private record Part(List<Long> shape, int typeId, long bytes, Body body) {}

  @FunctionalInterface
  private interface Body {
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Sets a string of the metadata.
   *
   * @param key 1 to 65,535 bytes in UTF-8
   * @param value any text
   * @return this
   * @throws IllegalArgumentException if the key is empty or too long, or is {@code
   *     general.alignment}
   */
  public GgufWriter string(String key, String value) {
    byte[] text = value.getBytes(StandardCharsets.UTF_8);
    GgufBytes out = new GgufBytes().int32(GgufValueType.STRING.id()).string(text);
    return set(key, out);
  }

  /**
   * Sets an unsigned integer of the metadata.
   *
   * @param key as for {@link #string}
   * @param value 0 to 2^32 - 1
   * @return this
   * @throws IllegalArgumentException as {@link #string}, and if the value is out of range
   */
  public GgufWriter uint32(String key, long value) {
    if (value != Integer.toUnsignedLong((int) value)) {
      throw new IllegalArgumentException("value = " + value + ", expected 0 to 2^32 - 1");
    }
    return set(key, new GgufBytes().int32(GgufValueType.UINT32.id()).int32((int) value));
  }

  private GgufWriter set(String key, GgufBytes value) {
    int length = key.getBytes(StandardCharsets.UTF_8).length;
    if (length == 0 || length > GgufCursor.MOST_NAME_BYTES) {
      throw new IllegalArgumentException(
          "key has " + length + " bytes, expected 1 to " + GgufCursor.MOST_NAME_BYTES);
    }
    if (key.equals(GgufHeader.ALIGNMENT_KEY)) {
      throw new IllegalArgumentException("key = " + key + ", which is always " + ALIGNMENT);
    }
    fields.put(key, MemorySegment.ofArray(value.toArray()));
    return this;
  }

  /**
   * Takes over the metadata of another file, all types of values and arrays as they are, but for
   * {@code general.alignment}. Keys that have been set keep their value; those set later replace.
   *
   * @param from stays open until this is written
   * @return this
   */
  public GgufWriter metadata(GgufFile from) {
    from.header()
        .fields()
        .forEach((key, field) -> {
          if (!key.equals(GgufHeader.ALIGNMENT_KEY)) {
            fields.putIfAbsent(key, from.bytes().asSlice(field.at(), field.bytes()));
          }
        });
    return this;
  }

  /**
   * Adds a tensor whose elements are encoded as {@link GgufType#encode} does.
   *
   * @param name 1 to 63 bytes in UTF-8, unique
   * @param type one that can be encoded
   * @param shape at most four extents, outermost first; rows of whole blocks
   * @param source of all elements, in order
   * @return this
   * @throws IllegalArgumentException if one of these is not so
   */
  public GgufWriter tensor(String name, GgufType type, List<Long> shape, Source source) {
    if (!type.canEncode()) {
      throw new IllegalArgumentException(
          "type = " + type + ", expected one of " + GgufType.names(GgufType::canEncode));
    }
    long row = shape.isEmpty() ? 1 : shape.getLast();
    if (shape.size() > GgufTensors.MAX_RANK
        || shape.stream().anyMatch(extent -> extent < 0)
        || row % type.blockElements() != 0) {
      throw new IllegalArgumentException(
          "shape = "
              + shape
              + ", expected at most "
              + GgufTensors.MAX_RANK
              + " extents, each 0 or more, the last a multiple of "
              + type.blockElements()
              + " for "
              + type);
    }
    TensorInfo info = new TensorInfo(name, type.name(), shape, 0);
    long bytes = bytes(info, type);
    Body body = out -> encode(type, info.elements(), source, out);
    return add(name, new Part(info.shape(), type.id(), bytes, body));
  }

  private static long bytes(TensorInfo info, GgufType type) {
    try {
      return Math.multiplyExact(info.elements() / type.blockElements(), type.blockBytes());
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException(
          "shape = " + info.shape() + ", expected fewer than 2^63 bytes", e);
    }
  }

  /**
   * Adds a tensor of another file as it is, of whatever type.
   *
   * @param from stays open until this is written
   * @param name of the tensor there and here
   * @return this
   * @throws IllegalArgumentException if the file has no such tensor, or this has one already
   */
  public GgufWriter copy(GgufFile from, String name) {
    GgufTensor tensor = from.find(name);
    MemorySegment bytes = from.bytes(name);
    Body body = out -> copy(bytes, out);
    return add(name, new Part(tensor.info().shape(), tensor.typeId(), bytes.byteSize(), body));
  }

  private GgufWriter add(String name, Part part) {
    int length = name.getBytes(StandardCharsets.UTF_8).length;
    if (length == 0 || length > MOST_NAME_BYTES) {
      throw new IllegalArgumentException(
          "name = "
              + GgufHeader.quoted(name)
              + " has "
              + length
              + " bytes, expected 1 to "
              + MOST_NAME_BYTES
              + ", the limit of ggml");
    }
    if (parts.putIfAbsent(name, part) != null) {
      throw new IllegalArgumentException(
          "name = " + GgufHeader.quoted(name) + ", expected another: that one is there");
    }
    return this;
  }

  /**
   * Writes or replaces the file, whole or not at all.
   *
   * @param file the file; may be one that metadata and tensors come from
   * @throws IOException if the file cannot be written
   */
  public void write(Path file) throws IOException {
    if (parts.values().stream().anyMatch(GgufWriter::isQuantized)) {
      GgufBytes version = new GgufBytes().int32(GgufValueType.UINT32.id());
      byte[] value = version.int32(QUANTIZATION_VERSION).toArray();
      fields.putIfAbsent(QUANTIZATION_KEY, MemorySegment.ofArray(value));
    }
    AtomicFiles.write(file, this::writeTo);
  }

  private static boolean isQuantized(Part part) {
    GgufType type = GgufType.of(part.typeId);
    return type == null || type.blockElements() > 1;
  }

  private void writeTo(OutputStream out) throws IOException {
    GgufBytes start = new GgufBytes().int32(GgufHeader.MAGIC).int32(3);
    out.write(start.int64(parts.size()).int64(fields.size()).toArray());
    long at = 24;
    for (var field : fields.entrySet()) {
      byte[] key = new GgufBytes().string(utf8(field.getKey())).toArray();
      out.write(key);
      copy(field.getValue(), out);
      at += key.length + field.getValue().byteSize();
    }
    GgufBytes infos = new GgufBytes();
    long offset = 0;
    for (var entry : parts.entrySet()) {
      Part part = entry.getValue();
      infos.string(utf8(entry.getKey())).int32(part.shape.size());
      part.shape.reversed().forEach(infos::int64); // innermost first
      infos.int32(part.typeId).int64(offset);
      offset = Math.addExact(offset, part.bytes + padding(part.bytes));
    }
    byte[] described = infos.toArray();
    out.write(described);
    out.write(new byte[padding(at + described.length)]);
    for (Part part : parts.values()) {
      part.body.writeTo(out);
      out.write(new byte[padding(part.bytes)]);
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Bytes from here to the next multiple of the alignment. */
  private static int padding(long bytes) {
    return (int) Math.floorMod(-bytes, (long) ALIGNMENT);
  }

  private static void copy(MemorySegment bytes, OutputStream out) throws IOException {
    byte[] piece = new byte[(int) Math.min(PIECE, bytes.byteSize())];
    for (long at = 0; at < bytes.byteSize(); at += piece.length) {
      int n = (int) Math.min(piece.length, bytes.byteSize() - at);
      MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, at, piece, 0, n);
      out.write(piece, 0, n);
    }
  }

  private static void encode(GgufType type, long elements, Source source, OutputStream out)
      throws IOException {
    float[] values = new float[(int) Math.min(PIECE, elements)];
    byte[] blocks = new byte[values.length / type.blockElements() * type.blockBytes()];
    for (long from = 0; from < elements; from += values.length) {
      if (elements - from < values.length) {
        values = new float[(int) (elements - from)];
      }
      source.read(from, values);
      type.encode(values, MemorySegment.ofArray(blocks));
      out.write(blocks, 0, values.length / type.blockElements() * type.blockBytes());
    }
  }
}
