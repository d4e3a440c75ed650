package dev.narrow.kernels;

import static dev.narrow.kernels.ScalarKernels.lanes;
import static dev.narrow.kernels.ScalarKernels.tree;
import static dev.narrow.kernels.VectorKernels.SPECIES;
import static dev.narrow.kernels.VectorKernels.canonical;
import static dev.narrow.kernels.VectorKernels.load;

import jdk.incubator.vector.FloatVector;

/** Products on the Vector API, in the manner of {@link VectorKernels}. */
interface VectorProductKernels extends Kernels {

  @Override
  default void matmul(Operand a, Operand b, Matrix c, Epilogue epilogue) {
    VectorMatmul.matmul(a, b, c, epilogue);
  }

  @Override
  default AccumulatorMatmul matmulIn(Accumulator accumulator) {
    return switch (accumulator) {
      case Accumulator.Fp32 _ ->
          (a, b, c) -> matmul(Operand.of(a), Operand.of(b), c, Epilogue.NONE);
      case Accumulator.Fp64 _ -> new VectorFp64();
      case Accumulator.Exact _ -> new VectorExact();
      case Accumulator.Rounded rounded when VectorRounded.supports(rounded) ->
          new VectorRounded(rounded);
      case Accumulator.Fixed fixed when VectorFixed.supports(fixed) -> new VectorFixed(fixed);
      case Accumulator.Chunked chunked ->
          new ChunkedMatmul(
              chunked.chunk(), matmulIn(chunked.within()), matmulIn(chunked.across()));
      default -> new ScalarAccumulatorMatmul(accumulator);
    };
  }

  @Override
  default void matvec(Operand a, float[] x, int xOffset, float[] y, int yOffset) {
    RowCodes codes = RowCodes.of(a.codes());
    if (codes != null) {
      for (int i = 0; i < a.rows(); i++) {
        y[yOffset + i] = codes.dot(a.offset() + i * a.rowStride(), x, xOffset, a.columns());
      }
      return;
    }
    float[] array = a.array();
    int done = 0;
    if (array != null && SPECIES.length() == LANES) {
      for (; done + 4 <= a.rows(); done += 4) {
        dotFour(
            array,
            a.offset() + done * a.rowStride(),
            a.rowStride(),
            x,
            xOffset,
            a.columns(),
            y,
            yOffset + done);
      }
    }
    Kernels.super.matvec(a.rowRange(done, a.rows()), x, xOffset, y, yOffset + done);
  }

  /** Four rows at a time: memory is read faster in four streams than in one. */
  private void dotFour(
      float[] a, int start, int stride, float[] x, int xOffset, int n, float[] y, int yOffset) {
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = FloatVector.zero(SPECIES);
    FloatVector s2 = FloatVector.zero(SPECIES);
    FloatVector s3 = FloatVector.zero(SPECIES);
    int bound = n - n % LANES;
    for (int i = 0; i < bound; i += LANES) {
      FloatVector value = load(x, xOffset + i);
      s0 = load(a, start + i).fma(value, s0);
      s1 = load(a, start + stride + i).fma(value, s1);
      s2 = load(a, start + 2 * stride + i).fma(value, s2);
      s3 = load(a, start + 3 * stride + i).fma(value, s3);
    }
    y[yOffset] = finishDot(s0, a, start, x, xOffset, bound, n);
    y[yOffset + 1] = finishDot(s1, a, start + stride, x, xOffset, bound, n);
    y[yOffset + 2] = finishDot(s2, a, start + 2 * stride, x, xOffset, bound, n);
    y[yOffset + 3] = finishDot(s3, a, start + 3 * stride, x, xOffset, bound, n);
  }

  private static float finishDot(
      FloatVector sum, float[] a, int start, float[] x, int xOffset, int bound, int n) {
    float[] lanes = lanes();
    sum.intoArray(lanes, 0);
    for (int i = bound; i < n; i++) {
      lanes[i - bound] = Math.fma(a[start + i], x[xOffset + i], lanes[i - bound]);
    }
    return tree(lanes);
  }

  @Override
  default void correlate(
      float[] w,
      int wOffset,
      int[] offsets,
      int terms,
      float[] x,
      int xOffset,
      float addend,
      float[] y,
      int yOffset,
      int n) {
    int block = 4 * SPECIES.length();
    if (n < block) {
      ScalarKernels.INSTANCE.correlate(
          w, wOffset, offsets, terms, x, xOffset, addend, y, yOffset, n);
      return;
    }
    for (int next = 0; next < n; next += block) {
      int i = Math.min(next, n - block); // the last block begins within the one before
      FloatVector s0 = FloatVector.zero(SPECIES);
      FloatVector s1 = FloatVector.zero(SPECIES);
      FloatVector s2 = FloatVector.zero(SPECIES);
      FloatVector s3 = FloatVector.zero(SPECIES);
      for (int t = 0; t < terms; t++) {
        FloatVector weight = FloatVector.broadcast(SPECIES, w[wOffset + t]);
        int from = xOffset + i + offsets[t];
        s0 = weight.fma(load(x, from), s0);
        s1 = weight.fma(load(x, from + SPECIES.length()), s1);
        s2 = weight.fma(load(x, from + 2 * SPECIES.length()), s2);
        s3 = weight.fma(load(x, from + 3 * SPECIES.length()), s3);
      }
      int to = yOffset + i;
      canonical(s0.add(addend)).intoArray(y, to);
      canonical(s1.add(addend)).intoArray(y, to + SPECIES.length());
      canonical(s2.add(addend)).intoArray(y, to + 2 * SPECIES.length());
      canonical(s3.add(addend)).intoArray(y, to + 3 * SPECIES.length());
    }
  }
}
