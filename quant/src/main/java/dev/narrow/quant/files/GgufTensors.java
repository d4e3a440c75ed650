package dev.narrow.quant.files;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads what a GGUF file says about its tensors, and checks that they can lie where it says. */
final class GgufTensors {
  /** Length of the name, number of extents, type, offset. */
  static final int LEAST_BYTES = Long.BYTES + Integer.BYTES + Integer.BYTES + Long.BYTES;

  /** GGML_MAX_DIMS. */
  static final int MAX_RANK = 4;

  private final GgufCursor in;
  private final long alignment;

  private GgufTensors(GgufCursor in, long alignment) {
    this.in = in;
    this.alignment = alignment;
  }

  /** What the file says about one, not yet whether that can be. */
  private record Entry(
      String name, List<Long> shape, long elements, int typeId, long offset, long offsetAt) {}

  static Map<String, GgufTensor> read(GgufCursor in, long count, long alignment) {
    return new GgufTensors(in, alignment).read(count);
  }

  private Map<String, GgufTensor> read(long count) {
    List<Entry> entries = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (long i = 0; i < count; i++) {
      long start = in.at();
      Entry entry = entry("tensor " + i);
      if (!names.add(entry.name)) {
        throw in.error("tensor " + GgufHeader.quoted(entry.name), start, "is there twice");
      }
      entries.add(entry);
    }
    long dataAt = (in.at() + alignment - 1) / alignment * alignment;
    long dataBytes = Math.max(0, in.at() + in.remaining() - dataAt);
    entries.sort(Comparator.comparingLong(Entry::offset));
    Map<String, GgufTensor> tensors = new LinkedHashMap<>();
    long end = 0;
    String last = "";
    for (int i = 0; i < entries.size(); i++) {
      Entry entry = entries.get(i);
      long next = i + 1 < entries.size() ? entries.get(i + 1).offset : dataBytes;
      GgufTensor tensor = placed(entry, dataAt, dataBytes, next);
      if (tensor.info().bytes() > 0) {
        if (entry.offset < end) {
          throw wrong(
              entry,
              "offset",
              "is " + entry.offset + ", expected at least " + end + ", the end of " + last);
        }
        end = entry.offset + tensor.info().bytes();
        last = GgufHeader.quoted(entry.name);
      }
      tensors.put(entry.name, tensor);
    }
    return Collections.unmodifiableMap(tensors);
  }

  private TensorFileException wrong(Entry entry, String what, String problem) {
    String field = what + " of tensor " + GgufHeader.quoted(entry.name);
    return in.error(field, entry.offsetAt, problem);
  }

  private Entry entry(String ordinal) {
    String name = in.name("name of " + ordinal);
    String of = " of tensor " + GgufHeader.quoted(name);
    long start = in.at();
    int rank = in.int32("number of extents" + of);
    if (rank < 0 || rank > MAX_RANK) {
      throw in.error(
          "number of extents" + of,
          start,
          "is " + Integer.toUnsignedString(rank) + ", expected at most " + MAX_RANK);
    }
    List<Long> innermostFirst = new ArrayList<>(rank);
    for (int axis = 0; axis < rank; axis++) {
      long extentAt = in.at();
      long extent = in.int64("extent" + of);
      if (extent < 0) {
        throw in.error(
            "extent" + of,
            extentAt,
            "is " + Long.toUnsignedString(extent) + ", expected less than 2^63");
      }
      innermostFirst.add(extent);
    }
    List<Long> shape = innermostFirst.reversed();
    long elements = elements(shape, "extents" + of, start + Integer.BYTES);
    int typeId = in.int32("type" + of);
    long offsetAt = in.at();
    return new Entry(name, shape, elements, typeId, in.int64("offset" + of), offsetAt);
  }

  private long elements(List<Long> shape, String field, long at) {
    if (shape.contains(0L)) {
      return 0;
    }
    long product = 1;
    for (long extent : shape) {
      if (extent > Long.MAX_VALUE / product) {
        throw in.error(field, at, "are " + shape + ", expected fewer than 2^63 elements");
      }
      product *= extent;
    }
    return product;
  }

  /**
   * The tensor in its place. One of an unknown type has the bytes up to the next tensor: it can be
   * listed and copied though not read.
   */
  private GgufTensor placed(Entry entry, long dataAt, long dataBytes, long next) {
    long offset = entry.offset;
    if (offset < 0 || offset > dataBytes) {
      throw wrong(
          entry,
          "offset",
          "is "
              + Long.toUnsignedString(offset)
              + ", expected at most "
              + dataBytes
              + ", the bytes after the header");
    }
    if (offset % alignment != 0) {
      throw wrong(entry, "offset", "is " + offset + ", expected a multiple of " + alignment);
    }
    GgufType type = GgufType.of(entry.typeId);
    String dtype = type == null ? "type " + Integer.toUnsignedString(entry.typeId) : type.name();
    long bytes = type == null ? next - offset : bytes(entry, type, dataBytes - offset);
    TensorInfo info = new TensorInfo(entry.name, dtype, entry.shape, bytes);
    return new GgufTensor(info, entry.typeId, type, dataAt + offset);
  }

  private long bytes(Entry entry, GgufType type, long most) {
    long row = entry.shape.isEmpty() ? 1 : entry.shape.getLast();
    if (row % type.blockElements() != 0) {
      throw wrong(
          entry,
          "shape",
          "is "
              + entry.shape
              + ", expected rows of a multiple of "
              + type.blockElements()
              + " elements for "
              + type);
    }
    long blocks = entry.elements / type.blockElements();
    if (blocks > most / type.blockBytes()) {
      throw wrong(
          entry,
          "shape",
          "is " + entry.shape + " of " + type + ", expected at most " + most + " bytes");
    }
    return blocks * type.blockBytes();
  }
}
