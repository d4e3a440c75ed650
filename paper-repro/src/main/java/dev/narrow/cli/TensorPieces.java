package dev.narrow.cli;

import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.TensorFile;
import dev.narrow.quant.files.TensorInfo;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** The elements of a tensor in a file, on all cores. */
final class TensorPieces {
  /** Elements of a piece: enough to be worth a task, few enough to be many. */
  private static final int PIECE = 1 << 20;

  /** Elements that a core's cache holds. */
  private static final int PART = 1 << 16;

  private TensorPieces() {}

  /**
   * What becomes of each piece, in order. No more of the tensor is in memory than cores work on.
   */
  static <T> List<T> map(
      TensorFile file, TensorInfo info, Function<float[], T> work, FileProgress progress) {
    long elements = info.elements();
    return LongStream.range(0, Math.ceilDiv(elements, PIECE))
        .parallel()
        .mapToObj(k -> {
          float[] piece = new float[(int) Math.min(PIECE, elements - k * PIECE)];
          file.read(info.name(), k * PIECE, piece);
          T result = work.apply(piece);
          progress.advance(piece.length);
          return result;
        })
        .toList();
  }

  /**
   * All elements of a tensor, as fp32 on the heap.
   *
   * @throws UsageException if they are 2^31 or more
   */
  static Tensor whole(TensorFile file, TensorInfo info) {
    int[] dims = new int[info.shape().size()];
    if (info.shape().stream().anyMatch(extent -> extent > Integer.MAX_VALUE)
        || info.elements() > Integer.MAX_VALUE - 8) {
      throw new UsageException(
          file.path()
              + ": "
              + info.name()
              + " has shape "
              + info.shape()
              + ", expected fewer than 2^31 elements");
    }
    for (int axis = 0; axis < dims.length; axis++) {
      dims[axis] = Math.toIntExact(info.shape().get(axis));
    }
    float[] values = new float[(int) info.elements()];
    IntStream.range(0, Math.ceilDiv(values.length, PART))
        .parallel()
        .forEach(k -> {
          float[] part = new float[Math.min(PART, values.length - k * PART)];
          file.read(info.name(), (long) k * PART, part);
          System.arraycopy(part, 0, values, k * PART, part.length);
        });
    return Tensor.of(values, dims);
  }

  /** What becomes of each of some things, in order, on all cores. */
  static <S, T> List<T> each(List<S> things, Function<S, T> work) {
    return IntStream.range(0, things.size())
        .parallel()
        .mapToObj(i -> work.apply(things.get(i)))
        .toList();
  }

  /** Whether the elements are numbers that can be read, as those of a C64 tensor cannot. */
  static boolean isReadable(TensorInfo info) {
    return !info.dtype().equals("C64");
  }
}
