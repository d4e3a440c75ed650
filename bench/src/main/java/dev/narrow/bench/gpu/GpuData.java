package dev.narrow.bench.gpu;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.util.stream.IntStream;

/**
 * Numbers for the GPU check, the same for the same seed.
 *
 * @param rows of matrices
 * @param columns of matrices
 * @param kind what numbers they are
 * @param seed of the random words
 */
record GpuData(int rows, int columns, Kind kind, long seed) {

  /** What numbers there are. */
  enum Kind {
    /** About one in magnitude, finite and none zero: for bandwidth. */
    USUAL,
    /** Of all binades, one in sixteen a zero, an infinity, a NaN or a number at an edge. */
    ADVERSARIAL
  }

  private static final int CHUNK = 1 << 14;

  private static final float[] EDGES = {
    0f,
    -0f,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.NaN,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    Float.MIN_NORMAL,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    448f,
    464f,
    57344f,
    65504f,
    65520f,
    1f,
    -1f,
    0x1.000002p0f
  };

  int size() {
    return rows * columns;
  }

  /**
   * A matrix of numbers.
   *
   * @param stream tells the operands of an operation apart
   */
  Tensor matrix(int stream) {
    return Tensor.of(numbers(stream, size()), rows, columns);
  }

  /** A vector of as many numbers as a row has. */
  Tensor row(int stream) {
    return Tensor.of(numbers(stream, columns), columns);
  }

  /** A vector with an element for each row, to be written. */
  Tensor column() {
    return Tensor.zeros(rows);
  }

  /** A matrix to be written. */
  Tensor target() {
    return Tensor.zeros(rows, columns);
  }

  /** Numbers that are not negative, such as a second moment. */
  Tensor magnitudes(int stream) {
    float[] numbers = numbers(stream, size());
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = Math.abs(numbers[i]);
    }
    return Tensor.of(numbers, rows, columns);
  }

  /** A matrix of codes, all of them zero bits, under a scale of one. */
  Tensor codes(NumericFormat format) {
    return Quantizer.of(format).allocate(Shape.of(rows, columns), Scales.one());
  }

  /** A matrix of random codes. */
  Tensor randomCodes(NumericFormat format, int stream) {
    int mask = -1 >>> (Integer.SIZE - format.width());
    Storage storage;
    if (Tensor.bytesPerCode(format) == 1) {
      byte[] codes = new byte[size()];
      words(stream, size(), (i, word) -> codes[i] = (byte) (word & mask));
      storage = Storage.of(codes);
    } else {
      short[] codes = new short[size()];
      words(stream, size(), (i, word) -> codes[i] = (short) (word & mask));
      storage = Storage.of(codes);
    }
    return Tensor.of(storage, Shape.of(rows, columns), format, Scales.of(0.75f));
  }

  private float[] numbers(int stream, int n) {
    float[] numbers = new float[n];
    words(
        stream,
        n,
        kind == Kind.USUAL
            ? (i, word) -> numbers[i] = usual(word)
            : (i, word) -> numbers[i] = adversarial(word, i));
    return numbers;
  }

  /** Takes a random word for an element. */
  @FunctionalInterface
  private interface Taker {
    void take(int index, int word);
  }

  /** On all cores, since the device waits. */
  private void words(int stream, int n, Taker taker) {
    RandomBits bits = new RandomBits(seed, stream);
    IntStream.range(0, Math.ceilDiv(n, CHUNK))
        .parallel()
        .forEach(chunk -> {
          int from = chunk * CHUNK;
          int[] words = new int[Math.min(CHUNK, n - from)];
          bits.words(from, words, words.length);
          for (int i = 0; i < words.length; i++) {
            taker.take(from + i, words[i]);
          }
        });
  }

  /** Sign and fraction are random; the exponent is that of 1/2, 1, 2 or 4. */
  private static float usual(int word) {
    return Float.intBitsToFloat((word & 0x807f_ffff) | (126 + (word >>> 23 & 3)) << 23);
  }

  private static float adversarial(int word, int i) {
    if ((word & 15) == 0) {
      return EDGES[(word >>> 4 & 0xffff) % EDGES.length];
    }
    // Half of them any number at all, the others where most formats have theirs.
    return i % 2 == 0
        ? Float.intBitsToFloat(word)
        : Math.scalb(usual(word), (word >>> 8 & 31) - 16);
  }

  /** What formats are tried. */
  static NumericFormat[] formats() {
    return new NumericFormat[] {
      Formats.FP16, Formats.BF16, Formats.E4M3FN, Formats.E5M2, Formats.E2M1, Formats.LNS8
    };
  }
}
