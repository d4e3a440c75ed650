package dev.narrow.cli;

import dev.narrow.formats.Codec;
import dev.narrow.formats.CodeLayout;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.FortranOrder;
import dev.narrow.quant.NpyReader;
import dev.narrow.quant.NpyType;
import dev.narrow.quant.NpyWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Floats of an .npy file to codes, block by block in the order in which they lie there. The random
 * word of an element is that of its index in C order, so that the order of the file does not matter
 * to its code.
 */
final class NpyEncoder {
  private static final int BLOCK = 1 << 16;

  private final NpyReader reader;
  private final Codec codec;
  private final RandomBits random;
  private final FileProgress progress;

  NpyEncoder(NpyReader reader, Codec codec, RandomBits random, FileProgress progress) {
    this.reader = reader;
    this.codec = codec;
    this.random = random;
    this.progress = progress;
  }

  void writeTo(OutputStream out) throws IOException {
    NpyType type = NpyType.ofCodes(codec.format().width());
    NpyWriter writer = new NpyWriter(out, reader.header().with(type));
    int block = (int) Math.min(BLOCK, reader.header().elements());
    boolean doubles = reader.header().type().kind() == NpyType.Kind.F8;
    double[] wide = new double[doubles ? block : 0];
    float[] narrow = new float[doubles ? 0 : block];
    int[] codes = new int[block];
    boolean permuted =
        reader.header().fortranOrder() && codec.projection().rounding().isStochastic();
    FortranOrder order = new FortranOrder(reader.header().shape());
    for (int n; (n = doubles ? reader.read(wide) : reader.read(narrow)) > 0; progress.advance(n)) {
      // Where C order is another one, each element has a random word of its own.
      int run = permuted ? 1 : n;
      for (int i = 0; i < n; i += run) {
        Codec here = codec.with(random, permuted ? order.next() : reader.position() - n);
        if (doubles) {
          encode(here, wide, i, codes, run);
        } else {
          here.encode(narrow, i, codes, i, run);
        }
      }
      writer.write(codes, n);
    }
    writer.finish();
  }

  private static void encode(Codec codec, double[] src, int from, int[] codes, int n) {
    CodeLayout layout = CodeLayout.of(ByteOrder.nativeOrder());
    ByteBuffer bytes = ByteBuffer.allocate((int) layout.byteSize(codec.format().width(), n));
    codec.encode(
        MemorySegment.ofArray(src).asSlice((long) Double.BYTES * from),
        ValueLayout.JAVA_DOUBLE_UNALIGNED,
        MemorySegment.ofBuffer(bytes),
        layout,
        n);
    bytes.order(ByteOrder.nativeOrder());
    for (int i = 0; i < n; i++) {
      codes[from + i] =
          switch (bytes.capacity() / n) {
            case 1 -> Byte.toUnsignedInt(bytes.get());
            case 2 -> Short.toUnsignedInt(bytes.getShort());
            default -> bytes.getInt();
          };
    }
  }
}
