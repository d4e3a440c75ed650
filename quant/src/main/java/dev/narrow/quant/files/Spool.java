package dev.narrow.quant.files;

import dev.narrow.formats.CodeLayout;
import dev.narrow.formats.Codec;
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
import java.util.Set;
import java.util.UUID;

/**
 * The bytes of tensors that are to be written, in a temporary file until it is known in which order
 * they lie. The system removes it when it is closed or the program ends, in whatever way.
 */
final class Spool implements Closeable {
  private final FileChannel channel;
  private final OutputStream out;
  private final Map<TensorInfo, Long> places = new LinkedHashMap<>();
  private long end;

  private Spool(FileChannel channel) {
    this.channel = channel;
    this.out = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
  }

  /** Makes an empty one in the directory of a file, which is created. */
  static Spool beside(Path file) throws IOException {
    Path sibling = file.toAbsolutePath().resolveSibling(".narrow-" + UUID.randomUUID() + ".tmp");
    Path directory = sibling.getParent();
    if (directory != null) {
      Files.createDirectories(directory);
    }
    return new Spool(
        FileChannel.open(
            sibling,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE));
  }

  /** Adds the codes of a tensor, without its scales. */
  void putCodes(TensorInfo info, Tensor tensor) throws IOException {
    TensorSink sink = begin(info);
    int width = tensor.format().width();
    if (width < Byte.SIZE) {
      byte[] codes = tensor.storage().segment().toArray(ValueLayout.JAVA_BYTE);
      byte[] packed = new byte[(int) CodeLayout.PACKED.byteSize(width, codes.length)];
      PackedCodes.pack(codes, 0, MemorySegment.ofArray(packed), width, codes.length);
      sink.write(MemorySegment.ofArray(packed));
    } else {
      sink.write(tensor);
    }
    sink.finish();
  }

  /** Adds scales, those of one level, as codes of a format, each in whole bytes. */
  void putScales(TensorInfo info, NumericFormat format, Scales scales) throws IOException {
    float[] values = new float[scales.count()];
    for (int i = 0; i < values.length; i++) {
      values[i] = scales.scale(i);
    }
    MemorySegment codes =
        MemorySegment.ofArray(new byte[values.length * Tensor.bytesPerCode(format)]);
    Codec.of(format, format.defaultProjection())
        .encode(MemorySegment.ofArray(values), codes, values.length);
    TensorSink sink = begin(info);
    sink.write(Tensor.of(Storage.of(codes), Shape.of(values.length), format, Scales.one()));
    sink.finish();
  }

  /** Adds zero points, as I32. */
  void putZeroPoints(TensorInfo info, Scales scales) throws IOException {
    ByteBuffer points =
        ByteBuffer.allocate(scales.count() * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < scales.count(); i++) {
      points.putInt(scales.zeroPoint(i));
    }
    TensorSink sink = begin(info);
    sink.write(MemorySegment.ofArray(points.array()));
    sink.finish();
  }

  private TensorSink begin(TensorInfo info) {
    places.put(info, end);
    end += info.bytes();
    return new TensorSink(out, info);
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
