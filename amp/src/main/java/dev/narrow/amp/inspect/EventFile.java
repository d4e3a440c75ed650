package dev.narrow.amp.inspect;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.SortedMap;
import java.util.zip.CRC32C;

/**
 * The event file of TensorBoard: records, each the length of its bytes (u64), their CRC, the bytes,
 * their CRC, little-endian (tensorflow/core/lib/io/record_writer.h); the bytes are a message {@code
 * Event} (tensorflow/core/util/event.proto, framework/summary.proto and histogram.proto), of which
 * here is what scalars and histograms need. As proto3 has it, zeros are not written.
 */
final class EventFile implements AutoCloseable {
  private static final int CRC_MASK = 0xa282ead8;

  private final OutputStream out;

  /** Begins a file: its first record says which version it is. */
  EventFile(OutputStream out, double wallTime) throws IOException {
    this.out = out;
    record(event(wallTime, 0).bytes(3, "brain.Event:2".getBytes(StandardCharsets.US_ASCII)));
  }

  /** A number at a step; wall times are seconds since 1970. */
  void scalar(double wallTime, long step, String tag, float value) throws IOException {
    summary(wallTime, step, value(tag).float32(2, value));
  }

  /**
   * How many numbers there are in each octave, as a histogram of log2 of their magnitudes: an axis
   * in powers of two is what TensorBoard itself does not have.
   */
  void octaves(double wallTime, long step, String tag, SortedMap<Integer, Long> octaves)
      throws IOException {
    double num = 0;
    double sum = 0;
    double squares = 0;
    byte[] limits = new byte[8 * (octaves.lastKey() - octaves.firstKey() + 1)];
    byte[] counts = new byte[limits.length];
    ByteBuffer toLimits = ByteBuffer.wrap(limits).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer toCounts = ByteBuffer.wrap(counts).order(ByteOrder.LITTLE_ENDIAN);
    for (int octave = octaves.firstKey(); octave <= octaves.lastKey(); octave++) {
      double count = octaves.getOrDefault(octave, 0L);
      double middle = octave + 0.5;
      num += count;
      sum += count * middle;
      squares += count * middle * middle;
      toLimits.putDouble(octave + 1);
      toCounts.putDouble(count);
    }
    Message histogram =
        new Message()
            .float64(1, octaves.firstKey())
            .float64(2, octaves.lastKey() + 1)
            .float64(3, num)
            .float64(4, sum)
            .float64(5, squares)
            .bytes(6, limits)
            .bytes(7, counts);
    summary(wallTime, step, value(tag).bytes(5, histogram.bytes()));
  }

  private static Message value(String tag) {
    return new Message().bytes(1, tag.getBytes(StandardCharsets.UTF_8));
  }

  private void summary(double wallTime, long step, Message value) throws IOException {
    record(event(wallTime, step).bytes(5, new Message().bytes(1, value.bytes()).bytes()));
  }

  private static Message event(double wallTime, long step) {
    return new Message().float64(1, wallTime).varint(2, step);
  }

  private void record(Message event) throws IOException {
    byte[] bytes = event.bytes();
    byte[] length = little(8).putLong(bytes.length).array();
    out.write(length);
    out.write(little(4).putInt(crc(length)).array());
    out.write(bytes);
    out.write(little(4).putInt(crc(bytes)).array());
  }

  private static int crc(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return Integer.rotateRight((int) crc.getValue(), 15) + CRC_MASK;
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  void flush() throws IOException {
    out.flush();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }

  /** A message of Protocol Buffers: fields in ascending order, each a tag and a value. */
  private static final class Message {
    private static final int VARINT = 0;
    private static final int FIXED_64 = 1;
    private static final int LENGTH = 2;
    private static final int FIXED_32 = 5;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Message varint(int field, long value) {
      if (value != 0) {
        number((long) field << 3 | VARINT);
        number(value);
      }
      return this;
    }

    Message float64(int field, double value) {
      if (Double.doubleToRawLongBits(value) != 0) {
        number((long) field << 3 | FIXED_64);
        out.writeBytes(little(8).putDouble(value).array());
      }
      return this;
    }

    /** Always written: it is one of several that a value may have. */
    Message float32(int field, float value) {
      number((long) field << 3 | FIXED_32);
      out.writeBytes(little(4).putFloat(value).array());
      return this;
    }

    Message bytes(int field, byte[] value) {
      number((long) field << 3 | LENGTH);
      number(value.length);
      out.writeBytes(value);
      return this;
    }

    byte[] bytes() {
      return out.toByteArray();
    }

    private void number(long value) {
      long rest = value;
      for (; (rest & ~0x7fL) != 0; rest >>>= 7) {
        out.write((int) ((rest & 0x7f) | 0x80));
      }
      out.write((int) rest);
    }
  }
}
