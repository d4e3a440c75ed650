package dev.narrow.amp.inspect;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class EventFileTest {
  private static final double WALL = 1700000000.25;

  private static byte[] ours() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (EventFile events = new EventFile(out, WALL)) {
      events.scalar(WALL, 0, "flushed/fc1/weight", 0);
      events.scalar(WALL, 300, "sqnr-db/fc2/activation-gradient", 57.25f);
      events.octaves(
          WALL,
          1L << 40,
          "log2-magnitude/schicht-ä/weight-gradient",
          new TreeMap<>(Map.of(-3, 5L, -1, 300L, 0, 7L)));
    }
    return out.toByteArray();
  }

  @Test
  void theBytesAreThoseOfTensorBoardItself() throws IOException {
    assertArrayEquals(golden(), ours());
  }

  private static byte[] golden() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(EventFileTest.class.getResourceAsStream("tensorboard-events.txt"))) {
      String text = new String(in.readAllBytes(), UTF_8);
      return Base64.getMimeDecoder().decode(text.substring(text.indexOf('\n')));
    }
  }

  /** A reader that shares nothing with the writer: CRC-32C bit by bit, fields as they come. */
  @Test
  void recordsAreFramedAndChecked() throws IOException {
    ByteBuffer file = ByteBuffer.wrap(ours()).order(ByteOrder.LITTLE_ENDIAN);
    List<byte[]> records = new ArrayList<>();
    while (file.hasRemaining()) {
      byte[] length = new byte[8];
      file.get(length);
      assertEquals(masked(length), file.getInt());
      byte[] bytes = new byte[(int) ByteBuffer.wrap(length).order(file.order()).getLong()];
      file.get(bytes);
      assertEquals(masked(bytes), file.getInt());
      records.add(bytes);
    }
    assertEquals(4, records.size());
    assertEquals("brain.Event:2", new String(field(records.get(0), 3), UTF_8));
    byte[] value = field(field(records.get(2), 5), 1);
    assertEquals("sqnr-db/fc2/activation-gradient", new String(field(value, 1), UTF_8));
    assertEquals(57.25f, ByteBuffer.wrap(field(value, 2)).order(file.order()).getFloat());
    byte[] histogram = field(field(field(records.get(3), 5), 1), 5);
    ByteBuffer counts = ByteBuffer.wrap(field(histogram, 7)).order(file.order());
    assertEquals(List.of(5.0, 0.0, 300.0, 7.0), doubles(counts));
    ByteBuffer limits = ByteBuffer.wrap(field(histogram, 6)).order(file.order());
    assertEquals(List.of(-2.0, -1.0, 0.0, 1.0), doubles(limits));
  }

  private static List<Double> doubles(ByteBuffer buffer) {
    List<Double> all = new ArrayList<>();
    while (buffer.hasRemaining()) {
      all.add(buffer.getDouble());
    }
    return all;
  }

  /** The bytes of a field; a number's are those of its encoding. */
  private static byte[] field(byte[] message, int wanted) {
    ByteBuffer in = ByteBuffer.wrap(message);
    while (in.hasRemaining()) {
      long tag = varint(in);
      int start = in.position();
      int size =
          switch ((int) (tag & 7)) {
            case 0 -> {
              varint(in);
              yield in.position() - start;
            }
            case 1 -> 8;
            case 2 -> {
              int length = (int) varint(in);
              start = in.position();
              yield length;
            }
            default -> 4;
          };
      byte[] bytes = new byte[size];
      in.position(start).get(bytes);
      if (tag >> 3 == wanted) {
        return bytes;
      }
    }
    throw new AssertionError("no field " + wanted);
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = in.get();
      value |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return value;
      }
    }
  }

  /** RFC 3720, appendix B.4, and TFRecord's mask. */
  private static int masked(byte[] bytes) {
    int crc = -1;
    for (byte b : bytes) {
      crc ^= b & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc >>> 1) ^ ((crc & 1) == 1 ? 0x82f63b78 : 0);
      }
    }
    crc = ~crc;
    return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
  }
}
