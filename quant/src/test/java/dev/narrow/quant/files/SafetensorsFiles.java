package dev.narrow.quant.files;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/** Files to read: those that the Python package has written, and those written here. */
final class SafetensorsFiles {
  private SafetensorsFiles() {}

  /**
   * A file of golden-safetensors.txt.
   *
   * @param hex the file
   * @param values of its tensor x as float32, little-endian; empty where it is not about numbers
   */
  record Golden(String name, String hex, String values) {
    byte[] bytes() {
      return HexFormat.of().parseHex(hex);
    }

    float[] floats() {
      FloatBuffer buffer =
          ByteBuffer.wrap(HexFormat.of().parseHex(values))
              .order(ByteOrder.LITTLE_ENDIAN)
              .asFloatBuffer();
      float[] floats = new float[buffer.remaining()];
      buffer.get(floats);
      return floats;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static List<Golden> golden() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(
            SafetensorsFiles.class.getResourceAsStream("golden-safetensors.txt"))) {
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> line.split(" ", 3))
          .map(line -> new Golden(line[0], line[1], line.length > 2 ? line[2] : ""))
          .toList();
    }
  }

  static Golden golden(String name) throws IOException {
    return golden().stream().filter(g -> g.name().equals(name)).findFirst().orElseThrow();
  }

  /** A file with this header, and so many zero bytes after it. */
  static byte[] of(String header, int bodyBytes) {
    return of(header.getBytes(StandardCharsets.UTF_8), bodyBytes);
  }

  static byte[] of(byte[] header, int bodyBytes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    out.writeBytes(length.putLong(0, header.length).array());
    out.writeBytes(header);
    out.writeBytes(new byte[bodyBytes]);
    return out.toByteArray();
  }

  /** One tensor in a header. */
  static String tensor(String name, String dtype, String shape, long begin, long end) {
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
        .formatted(name, dtype, shape, begin, end);
  }
}
