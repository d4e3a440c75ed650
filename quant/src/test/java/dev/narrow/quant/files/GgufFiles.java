package dev.narrow.quant.files;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/** Files to read: the one that the Python package has written, and those put together here. */
final class GgufFiles {
  private final List<byte[]> fields = new ArrayList<>();
  private final List<byte[]> infos = new ArrayList<>();

  /** The lines of gguf_golden.txt that begin with this word, each in words. */
  static List<String[]> golden(String verb) {
    try (InputStream in =
        Objects.requireNonNull(GgufFiles.class.getResourceAsStream("gguf_golden.txt"))) {
      String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
      return text.lines().map(line -> line.split(" ", -1)).filter(l -> l[0].equals(verb)).toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** The file that the Python package has written. */
  static byte[] fromPackage() {
    return HexFormat.of().parseHex(golden("file").getFirst()[1]);
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Arrays.stream(parts).forEach(out::writeBytes);
    return out.toByteArray();
  }

  /** Adds a key with a value of this type. */
  GgufFiles field(String key, GgufValueType type, byte[] value) {
    byte[] start = new GgufBytes().string(utf8(key)).int32(type.id()).toArray();
    fields.add(concat(start, value));
    return this;
  }

  /** An array as a value, or as an element of one. */
  static byte[] array(GgufValueType type, byte[]... elements) {
    byte[] start = new GgufBytes().int32(type.id()).int64(elements.length).toArray();
    return concat(start, concat(elements));
  }

  static byte[] int32(int value) {
    return new GgufBytes().int32(value).toArray();
  }

  static byte[] string(String value) {
    return new GgufBytes().string(utf8(value)).toArray();
  }

  /** Adds a tensor with these extents, innermost first. */
  GgufFiles tensor(String name, int type, long offset, long... extents) {
    GgufBytes info = new GgufBytes().string(utf8(name)).int32(extents.length);
    Arrays.stream(extents).forEach(info::int64);
    infos.add(info.int32(type).int64(offset).toArray());
    return this;
  }

  /** The file up to where its tensors begin. */
  byte[] header() {
    GgufBytes start = new GgufBytes().int32(GgufHeader.MAGIC).int32(3);
    start.int64(infos.size()).int64(fields.size());
    byte[] header =
        concat(
            start.toArray(),
            concat(fields.toArray(byte[][]::new)),
            concat(infos.toArray(byte[][]::new)));
    return Arrays.copyOf(header, Math.ceilDiv(header.length, 32) * 32);
  }

  /** The file with so many bytes 0, 1, 2 ... for its tensors. */
  byte[] with(int bytes) {
    byte[] data = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      data[i] = (byte) i;
    }
    return concat(header(), data);
  }
}
