package dev.narrow.quant.files;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;

/** Files to read: those that NumPy has written, and those written here byte by byte. */
final class NpyFiles {
  private NpyFiles() {}

  /** A file of npy.txt. */
  record Golden(String name, String hex) {
    private String part(int i) {
      return name.split(",", -1)[i];
    }

    String kind() {
      return part(0);
    }

    ByteOrder order() {
      return name.contains(",big,") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
    }

    boolean fortranOrder() {
      return name.contains(",f,");
    }

    String version() {
      return part(4);
    }

    List<Long> shape() {
      String extents = part(3);
      return extents.equals("scalar")
          ? List.of()
          : Arrays.stream(extents.split("x", -1)).map(Long::valueOf).toList();
    }

    byte[] bytes() {
      return HexFormat.of().parseHex(hex);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static List<Golden> golden() throws IOException {
    try (InputStream in = Objects.requireNonNull(NpyFiles.class.getResourceAsStream("npy.txt"))) {
      return new String(in.readAllBytes(), StandardCharsets.US_ASCII)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> line.split(" ", 2))
          .map(line -> new Golden(line[0], line[1]))
          .toList();
    }
  }

  /** A file of version 1.0 with this dictionary, and so many zero bytes after it. */
  static byte[] of(String dictionary, int bodyBytes) {
    return of(1, dictionary, bodyBytes);
  }

  static byte[] of(int version, String dictionary, int bodyBytes) {
    byte[] text = dictionary.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', (byte) version, 0});
    ByteBuffer length = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    length.putInt(0, text.length);
    out.write(length.array(), 0, version == 1 ? 2 : 4);
    out.writeBytes(text);
    out.writeBytes(new byte[bodyBytes]);
    return out.toByteArray();
  }
}
