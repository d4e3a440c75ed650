package dev.narrow.kernels;

import java.util.Arrays;

/**
 * Attention of one head in one sequence: see {@link Attentions}. Scores are made for a block of
 * queries, and in the backward pass once more for a block of keys, unless there are so few that
 * those of all queries are kept.
 *
 * <p>In a causal block, what is beyond a query's last key is a factor +0 in the products of
 * matrices. Such a term leaves a sum as it is, but for the sign of a zero, which is +0 in the end
 * anyway, and unless its other factor is not finite: then each row is a product of its own.
 *
 * @param q queries × dim, columnStride 1
 * @param k keys × dim, likewise
 * @param v keys × dim, likewise
 */
record AttentionHead(Cpu cpu, Attention attention, Matrix q, Matrix k, Matrix v) {
  /** The most queries, or keys, of a block. */
  private static final int BLOCK = 64;

  /** The most scores of a block of more than one query. */
  private static final int SCORES = 1 << 22;

  /** The most scores that are kept from the blocks of queries to those of keys. */
  private static final int KEPT = 1 << 20;

  /** Writes y, queries × dim. */
  void forward(Matrix y) {
    Kernels kernels = cpu.kernels();
    int block = block();
    float[] scores = Scratch.take(block * k.rows());
    for (int i = 0; i < q.rows(); i += block) {
      int rows = Math.min(block, q.rows() - i);
      int keys = keysOf(i + rows);
      Matrix p = Matrix.rowMajor(scores, 0, rows, keys, keys);
      cpu.multiply(q.rowRange(i, i + rows), k.rowRange(0, keys).transposed(), p, false);
      for (int r = 0; r < rows; r++) {
        int at = r * keys;
        int n = keysOf(i + r + 1);
        kernels.scale(attention.scale(), scores, at, scores, at, n);
        Softmax.row(kernels, scores, at, scores, at, n);
        Arrays.fill(scores, at + n, at + keys, 0f);
      }
      sumOverKeys(p, v.rowRange(0, keys), y.rowRange(i, i + rows), i);
    }
    Scratch.give(scores);
  }

  /** Writes dq, queries × dim, and dk and dv, keys × dim. */
  void backward(Matrix dy, Matrix dq, Matrix dk, Matrix dv) {
    int block = block();
    boolean kept = (long) q.rows() * k.rows() <= KEPT;
    int size = kept ? q.rows() * k.rows() : block * Math.max(q.rows(), k.rows());
    float[] p = Scratch.take(size);
    float[] ds = Scratch.take(size);
    float[] shifts = Scratch.take(q.rows());
    float[] sums = Scratch.take(q.rows());
    float[] dots = Scratch.take(q.rows());

    for (int i = 0; i < q.rows(); i += block) {
      int rows = Math.min(block, q.rows() - i);
      int keys = keysOf(i + rows);
      int from = kept ? i * k.rows() : 0;
      int stride = kept ? k.rows() : keys;
      Matrix scores = Matrix.rowMajor(p, from, rows, keys, stride);
      Matrix gradients = Matrix.rowMajor(ds, from, rows, keys, stride);
      cpu.multiply(q.rowRange(i, i + rows), k.rowRange(0, keys).transposed(), scores, false);
      cpu.multiply(dy.rowRange(i, i + rows), v.rowRange(0, keys).transposed(), gradients, false);
      for (int r = 0; r < rows; r++) {
        int at = from + r * stride;
        int n = keysOf(i + r + 1);
        cpu.kernels().scale(attention.scale(), p, at, p, at, n);
        shifts[i + r] = Softmax.shift(cpu.kernels(), p, at, n);
        sums[i + r] = cpu.kernels().expShifted(p, at, shifts[i + r], p, at, n);
        Softmax.divide(cpu.kernels(), sums[i + r], p, at, n);
        dots[i + r] = cpu.kernels().dot(ds, at, p, at, n);
        scoreGradients(dots[i + r], p, ds, at, n, keys);
      }
      sumOverKeys(gradients, k.rowRange(0, keys), dq.rowRange(i, i + rows), i);
    }

    for (int j = 0; j < k.rows(); j += block) {
      int keys = Math.min(block, k.rows() - j);
      int first = attention.causal() ? j : 0;
      Matrix queries = q.rowRange(first, q.rows());
      Matrix above = dy.rowRange(first, q.rows());
      int from = kept ? first * k.rows() + j : 0;
      int stride = kept ? k.rows() : keys;
      Matrix probabilities = Matrix.rowMajor(p, from, queries.rows(), keys, stride);
      Matrix gradients = Matrix.rowMajor(ds, from, queries.rows(), keys, stride);
      if (!kept) {
        cpu.multiply(queries, k.rowRange(j, j + keys).transposed(), probabilities, false);
        cpu.multiply(above, v.rowRange(j, j + keys).transposed(), gradients, false);
        for (int r = 0; r < queries.rows(); r++) {
          int i = first + r;
          int at = r * keys;
          int n = Math.min(keys, keysOf(i + 1) - j);
          cpu.kernels().scale(attention.scale(), p, at, p, at, n);
          cpu.kernels().expShifted(p, at, shifts[i], p, at, n);
          Softmax.divide(cpu.kernels(), sums[i], p, at, n);
          scoreGradients(dots[i], p, ds, at, n, keys);
        }
      }
      sumOverQueries(gradients, queries, dk.rowRange(j, j + keys));
      sumOverQueries(probabilities, above, dv.rowRange(j, j + keys));
    }
    Scratch.give(dots);
    Scratch.give(sums);
    Scratch.give(shifts);
    Scratch.give(ds);
    Scratch.give(p);
  }

  /** How many keys the first so many queries see. */
  private int keysOf(int queries) {
    return attention.causal() ? queries : k.rows();
  }

  private int block() {
    return Math.clamp(SCORES / Math.max(1, Math.max(q.rows(), k.rows())), 1, BLOCK);
  }

  /** From dp to ds in a row of n keys that are seen; those after them, up to the last, get +0. */
  private void scoreGradients(float dot, float[] p, float[] ds, int at, int n, int keys) {
    cpu.kernels().softmaxGradient(dot, p, at, ds, at, ds, at, n);
    cpu.kernels().scale(attention.scale(), ds, at, ds, at, n);
    Arrays.fill(p, at + n, at + keys, 0f);
    Arrays.fill(ds, at + n, at + keys, 0f);
  }

  /** c = a b + 0, where, in causal attention, row r of a has nothing after column i + r. */
  private void sumOverKeys(Matrix a, Matrix b, Matrix c, int i) {
    clear(c);
    if (!attention.causal() || (!isChunked() && isFinite(b.rowRange(i, b.rows())))) {
      cpu.multiply(a, b, c, true);
      return;
    }
    for (int r = 0; r < a.rows(); r++) {
      int n = i + r + 1;
      Matrix row = a.rowRange(r, r + 1).columnRange(0, n);
      cpu.multiply(row, b.rowRange(0, n), c.rowRange(r, r + 1), true);
    }
  }

  /** c = aᵀ b + 0, where, in causal attention, column r of a has nothing before row r. */
  private void sumOverQueries(Matrix a, Matrix b, Matrix c) {
    clear(c);
    Matrix transposed = a.transposed();
    if (!attention.causal() || (!isChunked() && isFinite(b.rowRange(0, a.columns())))) {
      cpu.multiply(transposed, b, c, true);
      return;
    }
    for (int r = 0; r < a.columns(); r++) {
      Matrix row = transposed.rowRange(r, r + 1).columnRange(r, b.rows());
      cpu.multiply(row, b.rowRange(r, b.rows()), c.rowRange(r, r + 1), true);
    }
  }

  private static void clear(Matrix c) {
    for (int r = 0; r < c.rows(); r++) {
      int at = c.offset() + r * c.rowStride();
      Arrays.fill(c.array(), at, at + c.columns(), 0f);
    }
  }

  /** In chunks leading zeros are not nothing: they move the terms that follow them. */
  private boolean isChunked() {
    return cpu.accumulator() instanceof Accumulator.Chunked;
  }

  private boolean isFinite(Matrix x) {
    for (int r = 0; r < x.rows(); r++) {
      int at = x.offset() + r * x.rowStride();
      if (cpu.kernels().scan(x.array(), at, x.columns()).nonFinite() > 0) {
        return false;
      }
    }
    return true;
  }
}
