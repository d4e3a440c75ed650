package dev.narrow.cli;

import dev.narrow.formats.Codec;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.files.NpyReader;
import dev.narrow.quant.files.NpyType;
import dev.narrow.quant.files.NpyWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteOrder;
import java.nio.file.Path;

/** Codes of an .npy file to float32, block by block in the order in which they lie there. */
final class NpyDecoder {
  private static final int BLOCK = 1 << 16;
  private static final NpyType FLOAT32 = new NpyType(NpyType.Kind.F4, ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final NpyReader reader;
  private final NumericFormat format;
  private final FileProgress progress;

  NpyDecoder(Path file, NpyReader reader, NumericFormat format, FileProgress progress) {
    this.file = file;
    this.reader = reader;
    this.format = format;
    this.progress = progress;
  }

  void writeTo(OutputStream out) throws IOException {
    NpyWriter writer = new NpyWriter(out, reader.header().with(FLOAT32));
    Codec codec = Codec.of(format, format.defaultProjection());
    int[] codes = new int[(int) Math.min(BLOCK, reader.header().elements())];
    float[] values = new float[codes.length];
    for (int n; (n = reader.read(codes)) > 0; progress.advance(n)) {
      requireWidth(codes, n);
      codec.decode(codes, 0, values, 0, n);
      writer.write(values, n);
    }
    writer.finish();
  }

  private void requireWidth(int[] codes, int n) {
    if (format.width() == Integer.SIZE) {
      return;
    }
    for (int i = 0; i < n; i++) {
      if (codes[i] >>> format.width() != 0) {
        long place = reader.position() - n + i;
        throw new UsageException(
            "%s: code at byte %d, index %s, is 0x%X, expected 0 to 0x%X: %s has %d bits"
                .formatted(
                    file,
                    reader.byteOffset(place),
                    reader.header().indices(place),
                    codes[i],
                    (1L << format.width()) - 1,
                    format.name(),
                    format.width()));
      }
    }
  }
}
