package dev.narrow.kernels;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * What the operations of the processor share: kernels, threads and the accumulator of products.
 * Each group of operations is an interface of default methods over one of these, and {@link
 * CpuOperations} is all of them together.
 *
 * @param threads how many share large work, 1 or more
 * @param accumulator what products are summed up in
 */
record Cpu(int threads, Kernels kernels, Accumulator accumulator) {
  /** Multiply-adds below which a product takes less time than sharing it out. */
  private static final long PARALLEL_FROM = 1L << 21;

  /** Rows and columns of a product that are summed up at a time in what is not float32. */
  private static final int BLOCK = 1024;

  /** Codes of an operand that are decoded for it, unless a row or a column has more. */
  private static final int BLOCK_CODES = 1 << 22;

  /** Those in use: what they keep from one product to the next is not made again for each. */
  private static final Map<Cpu, AccumulatorMatmul> MATMULS = new ConcurrentHashMap<>();

  /** What a thread computes is whole register blocks: rows of 8, columns of 48. */
  private static final int ROW_UNIT = 8;

  private static final int COLUMN_UNIT = 48;

  Cpu {
    if (threads < 1) {
      throw new IllegalArgumentException("threads = " + threads + ", expected 1 or more");
    }
  }

  /** The same with another accumulator of products. */
  Cpu with(Accumulator other) {
    return new Cpu(threads, kernels, other);
  }

  Cpu(int threads, Kernels kernels) {
    this(threads, kernels, Accumulator.fp32());
  }

  /** The order of sums, and of what else than fp32 they are made. */
  Summation summation() {
    return accumulator instanceof Accumulator.Exact ? Summation.EXACT : Summation.ORDERED;
  }

  /** See {@link Backend#describe}. */
  String describe() {
    boolean named =
        accumulator instanceof Accumulator.Fp32 || accumulator instanceof Accumulator.Exact;
    return "cpu, %s, %s%s, %d %s"
        .formatted(
            summation(),
            named ? "" : "sums in " + accumulator.name() + ", ",
            kernels.name(),
            threads,
            threads == 1 ? "thread" : "threads");
  }

  /**
   * Checks that products of floats can be made.
   *
   * @throws IllegalArgumentException if the accumulator takes codes
   */
  void requireFloats() {
    if (accumulator instanceof Accumulator.LogBins) {
      throw new IllegalArgumentException(
          "accumulator = "
              + accumulator
              + ", expected another one here: it takes products of matrices of codes");
    }
  }

  /** A part of some work. */
  @FunctionalInterface
  interface Part {
    /** Does what belongs to the indices from, up to but without to. */
    void run(int from, int to);
  }

  /**
   * Does work for indices 0 to n - 1 in up to {@link #threads} parts, each a multiple of the unit
   * except the last. No result may depend on how the work is divided.
   *
   * @param cost about how many operations an index takes; little work is not shared out
   */
  void share(int n, int unit, long cost, Part part) {
    int parts = cost * n < PARALLEL_FROM ? 1 : threads;
    long size = (long) Math.ceilDiv(Math.ceilDiv(n, parts), unit) * unit;
    if (n <= size) {
      part.run(0, n);
      return;
    }
    together(
        (int) Math.ceilDiv(n, size),
        i -> part.run((int) (i * size), (int) Math.min(n, (i + 1) * size)));
  }

  /**
   * Does all parts before it throws what one of them has thrown: none may still be at work on
   * memory that the caller gives back.
   */
  private static void together(int parts, IntConsumer work) {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    IntStream.range(0, parts)
        .parallel()
        .forEach(i -> {
          try {
            work.accept(i);
          } catch (RuntimeException | Error e) {
            thrown.compareAndSet(null, e);
          }
        });
    switch (thrown.get()) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case null, default -> {}
    }
  }

  /**
   * What each of so many parts has for itself: one thread, unless some would have nothing to do.
   */
  Cpu within(int parts) {
    return parts < threads || threads == 1 ? this : new Cpu(1, kernels, accumulator);
  }

  /** c = a b, or with accumulate a b + c, shared among the threads. */
  void multiply(Matrix a, Matrix b, Matrix c, boolean accumulate) {
    Epilogue epilogue = accumulate ? Epilogue.ADD : Epilogue.NONE;
    multiply(Operand.of(a), Operand.of(b), c, epilogue);
  }

  /**
   * See {@link Kernels#matmul}, but summed up in the accumulator; shared among the threads if it is
   * large.
   *
   * @throws IllegalArgumentException if the accumulator does not take such operands; nothing has
   *     been written then
   */
  void multiply(Operand a, Operand b, Matrix c, Epilogue epilogue) {
    if (accumulator instanceof Accumulator.LogBins bins) {
      LogBinsProduct.check(bins, a, b);
    }
    if (threads == 1 || (long) a.columns() * c.columns() * c.rows() < PARALLEL_FROM) {
      multiplyPart(a, b, c, epilogue);
    } else {
      multiplyShared(a, b, c, epilogue);
    }
  }

  /** The same by the calling thread alone, and without a check. */
  private void multiplyPart(Operand a, Operand b, Matrix c, Epilogue epilogue) {
    if (accumulator instanceof Accumulator.Fp32) {
      kernels.matmul(a, b, c, epilogue);
      return;
    }
    int most = Math.clamp(BLOCK_CODES / Math.max(1, a.columns()), 1, BLOCK);
    int height = Math.min(c.rows(), a.array() == null ? most : BLOCK);
    int width = Math.min(c.columns(), b.array() == null ? most : BLOCK);
    for (int j = 0; j < c.columns(); j += width) {
      Operand right = b.columnRange(j, Math.min(c.columns(), j + width));
      for (int i = 0; i < c.rows(); i += height) {
        Operand left = a.rowRange(i, Math.min(c.rows(), i + height));
        multiplyBlock(left, right, c, i, j, epilogue);
      }
    }
  }

  /** Sums are written into scratch memory, and go through the epilogue into c, from (i, j) on. */
  private void multiplyBlock(Operand a, Operand b, Matrix c, int i, int j, Epilogue epilogue) {
    int rows = a.rows();
    int columns = b.columns();
    float[] scratch = Scratch.take(rows * columns);
    Matrix sums = Matrix.rowMajor(scratch, 0, rows, columns, columns);
    if (accumulator instanceof Accumulator.LogBins bins) {
      LogBinsProduct.multiply(bins, a, b, sums);
    } else {
      float[] left = Scratch.take(a.array() == null ? rows * a.columns() : 0);
      float[] right = Scratch.take(b.array() == null ? b.rows() * columns : 0);
      MATMULS
          .computeIfAbsent(this, cpu -> cpu.kernels.matmulIn(cpu.accumulator))
          .multiply(a.decoded(left), b.decoded(right), sums);
      Scratch.give(right);
      Scratch.give(left);
    }
    for (int r = 0; r < rows; r++) {
      int to = c.offset() + (i + r) * c.rowStride() + j;
      for (int s = 0; s < columns; s++) {
        c.array()[to + s] = epilogue.apply(scratch[r * columns + s], j + s, c.array()[to + s]);
      }
    }
    Scratch.give(scratch);
  }

  /**
   * Each thread computes a rectangle of c, of whole register blocks where it does not end with c.
   * No sum is divided, so the bits do not depend on how many there are.
   */
  void multiplyShared(Operand a, Operand b, Matrix c, Epilogue epilogue) {
    // Of all divisions into rows × columns parts, the one that reads the least.
    int across = 1;
    double least = Double.POSITIVE_INFINITY;
    for (int parts = 1; parts <= threads; parts++) {
      double reads =
          (double) Math.ceilDiv(c.rows(), threads / parts) + Math.ceilDiv(c.columns(), parts);
      if (reads < least && threads / parts * parts == threads) {
        least = reads;
        across = parts;
      }
    }
    int down = threads / across;
    int height = Math.ceilDiv(Math.ceilDiv(c.rows(), down), ROW_UNIT) * ROW_UNIT;
    int width = Math.ceilDiv(Math.ceilDiv(c.columns(), across), COLUMN_UNIT) * COLUMN_UNIT;
    int columnParts = Math.ceilDiv(c.columns(), width);
    together(
        Math.ceilDiv(c.rows(), height) * columnParts,
        part -> {
          int top = part / columnParts * height;
          int bottom = Math.min(c.rows(), top + height);
          int left = part % columnParts * width;
          int right = Math.min(c.columns(), left + width);
          multiplyPart(
              a.rowRange(top, bottom),
              b.columnRange(left, right),
              c.rowRange(top, bottom).columnRange(left, right),
              epilogue.from(left));
        });
  }
}
