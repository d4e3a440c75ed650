package dev.narrow.quant.files;

import dev.narrow.formats.CodeLayout;
import dev.narrow.formats.Codec;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PackedCodes;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;

/**
 * The bytes of tensors that are to be written, in a temporary file until it is known in which order
 * they lie. The system removes it when it is closed or the program ends, in whatever way.
 */
final class Spool implements Closeable {
  private final Path file;
  private final FileChannel channel;
  private final OutputStream out;
  private final Map<TensorInfo, Long> places = new LinkedHashMap<>();
  private long end;

  private Spool(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
    this.out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
  }

  /** What writes the bytes of one tensor. */
  private interface Body {
    void writeTo(TensorSink sink) throws IOException;
  }

  /**
   * Makes an empty one in the directory of a file, which is created.
   *
   * @throws IOException if it cannot, as from {@link AtomicFiles#write} for that file
   */
  static Spool beside(Path file) throws IOException {
    Path temporary = file.toAbsolutePath().resolveSibling(".narrow-" + UUID.randomUUID() + ".tmp");
    try {
      Files.createDirectories(Objects.requireNonNull(temporary.getParent()));
      FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      return new Spool(file, channel);
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(file, e);
    }
  }

  /** Adds the codes of a tensor, without its scales. */
  void putCodes(TensorInfo info, Tensor tensor) throws IOException {
    int width = tensor.format().width();
    if (width >= Byte.SIZE) {
      put(info, sink -> sink.write(tensor));
      return;
    }
    byte[] codes = tensor.storage().segment().toArray(ValueLayout.JAVA_BYTE);
    byte[] packed = new byte[(int) CodeLayout.PACKED.byteSize(width, codes.length)];
    PackedCodes.pack(codes, 0, MemorySegment.ofArray(packed), width, codes.length);
    put(info, sink -> sink.write(MemorySegment.ofArray(packed)));
  }

  /** Adds scales, those of one level, as codes of a format, each in whole bytes. */
  void putScales(TensorInfo info, NumericFormat format, Scales scales) throws IOException {
    float[] values = new float[scales.count()];
    for (int i = 0; i < values.length; i++) {
      values[i] = scales.scale(i);
    }
    Storage codes = Storage.of(values);
    if (!format.equals(Formats.FP32)) {
      codes = Storage.of(new byte[Math.multiplyExact(values.length, Tensor.bytesPerCode(format))]);
      Codec.of(format, format.defaultProjection())
          .encode(MemorySegment.ofArray(values), codes.segment(), values.length);
    }
    Tensor tensor = Tensor.of(codes, Shape.of(values.length), format, Scales.one());
    put(info, sink -> sink.write(tensor));
  }

  /** Adds zero points, as I32. */
  void putZeroPoints(TensorInfo info, Scales scales) throws IOException {
    ByteBuffer points =
        ByteBuffer.allocate(Math.multiplyExact(scales.count(), Integer.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < scales.count(); i++) {
      points.putInt(scales.zeroPoint(i));
    }
    put(info, sink -> sink.write(MemorySegment.ofArray(points.array())));
  }

  private void put(TensorInfo info, Body body) throws IOException {
    if (places.put(info, end) != null) {
      throw new IllegalArgumentException(
          QuantizedWriter.described(info) + " would be written twice, expected another name");
    }
    end += info.bytes();
    TensorSink sink = new TensorSink(out, info);
    try {
      body.writeTo(sink);
    } catch (IOException e) {
      throw AtomicFiles.cannotWrite(file, e);
    }
    sink.finish();
  }

  /** What is there. */
  Set<TensorInfo> tensors() {
    return places.keySet();
  }

  /** Writes a tensor that is there to where it belongs. */
  void writeTo(TensorInfo info, TensorSink sink) throws IOException {
    Long at = places.get(info);
    if (at == null) {
      throw new IllegalStateException(info + " is not there");
    }
    if (info.bytes() == 0) {
      return;
    }
    out.flush();
    try (Arena arena = Arena.ofConfined()) {
      sink.write(channel.map(FileChannel.MapMode.READ_ONLY, at, info.bytes(), arena));
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
