package dev.narrow.cli;

import dev.narrow.formats.CodeLayout;
import dev.narrow.formats.Codec;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.files.FortranOrder;
import dev.narrow.quant.files.NpyReader;
import dev.narrow.quant.files.NpyType;
import dev.narrow.quant.files.NpyWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

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
    byte[] codes = new byte[block * type.kind().bytes()];
    MemorySegment target = MemorySegment.ofArray(codes);
    boolean permuted =
        reader.header().fortranOrder() && codec.projection().rounding().isStochastic();
    FortranOrder order = new FortranOrder(reader.header().shape());
    boolean doubles = reader.header().type().kind() == NpyType.Kind.F8;
    double[] wide = new double[doubles ? block : 0];
    float[] narrow = new float[doubles ? 0 : block];
    MemorySegment numbers = doubles ? MemorySegment.ofArray(wide) : MemorySegment.ofArray(narrow);
    ValueLayout layout = doubles ? ValueLayout.JAVA_DOUBLE : ValueLayout.JAVA_FLOAT;
    for (int n; (n = doubles ? reader.read(wide) : reader.read(narrow)) > 0; progress.advance(n)) {
      // In Fortran order the next element in the file is not the next in C order.
      int run = permuted ? 1 : n;
      for (int i = 0; i < n; i += run) {
        codec
            .with(random, permuted ? order.next() : reader.position() - n)
            .encode(
                numbers.asSlice(i * layout.byteSize()),
                layout,
                target.asSlice((long) i * type.kind().bytes()),
                CodeLayout.LITTLE_ENDIAN,
                run);
      }
      writer.write(codes, n);
    }
    writer.finish();
  }
}
