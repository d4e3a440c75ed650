package dev.narrow.bench.gpu;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Random numbers of LNS8 from 1/2 to 2 in magnitude, and those of other formats nearest to them:
 * sums of thousands of their products stay below the largest number of fp16.
 *
 * @param rows how many
 * @param columns of each, next to each other in memory
 * @param seed of the random words
 */
record CodeMatrix(int rows, int columns, long seed) {
  private static final int CHUNK = 1 << 14;
  private static final int ONE = 0x40;
  private static final int BINADE = 8;

  /** The numbers nearest to those of LNS8. */
  Tensor in(NumericFormat format) {
    Shape shape = Shape.of(rows, columns);
    int[] table = table(format);
    if (Tensor.bytesPerCode(format) == 1) {
      byte[] codes = new byte[shape.size()];
      fill((i, code) -> codes[i] = (byte) table[code]);
      return Tensor.of(Storage.of(codes), shape, format, Scales.one());
    }
    short[] codes = new short[shape.size()];
    fill((i, code) -> codes[i] = (short) table[code]);
    return Tensor.of(Storage.of(codes), shape, format, Scales.one());
  }

  /** The code of LNS8 at a place. */
  int code(int row, int column) {
    return code(new RandomBits(seed, 0).word((long) row * columns + column));
  }

  /** The format's number for each code of LNS8. */
  static float[] numbers(NumericFormat format) {
    int[] table = table(format);
    float[] numbers = new float[table.length];
    for (int code = 0; code < numbers.length; code++) {
      numbers[code] = format.decode(table[code]);
    }
    return numbers;
  }

  /** The format's code for each of LNS8. */
  private static int[] table(NumericFormat format) {
    int[] table = new int[256];
    if (format.equals(Formats.LNS8)) {
      Arrays.setAll(table, code -> code);
      return table;
    }
    float[] numbers = new float[256];
    for (int code = 0; code < numbers.length; code++) {
      numbers[code] = Formats.LNS8.decode(code);
    }
    Storage codes = Quantizer.of(format).quantize(Tensor.of(numbers, 256)).storage();
    for (int code = 0; code < table.length; code++) {
      table[code] =
          codes.byteSize() == 256
              ? codes.segment().get(ValueLayout.JAVA_BYTE, code) & 0xff
              : codes.segment().getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, code) & 0xffff;
    }
    return table;
  }

  private static int code(int word) {
    return (word & 0x80) | (ONE - BINADE + (word >>> 8) % (2 * BINADE + 1));
  }

  /** Takes the code of LNS8 of an element. */
  @FunctionalInterface
  private interface Taker {
    void take(int index, int code);
  }

  private void fill(Taker taker) {
    int n = rows * columns;
    RandomBits bits = new RandomBits(seed, 0);
    IntStream.range(0, Math.ceilDiv(n, CHUNK))
        .parallel()
        .forEach(chunk -> {
          int from = chunk * CHUNK;
          int[] words = new int[Math.min(CHUNK, n - from)];
          bits.words(from, words, words.length);
          for (int i = 0; i < words.length; i++) {
            taker.take(from + i, code(words[i]));
          }
        });
  }
}
