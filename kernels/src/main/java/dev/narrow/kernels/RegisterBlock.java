package dev.narrow.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost part of a product: a few rows of c by one or three vectors of its columns, kept in
 * registers while k runs. Each accumulator is one lane and takes its terms by fused multiply-add, k
 * ascending.
 */
final class RegisterBlock {
  private static final VectorSpecies<Float> SPECIES = VectorKernels.SPECIES;
  private static final int STEP = SPECIES.length();

  /** The columns of a wide block; a narrow one has {@code STEP}. */
  static final int WIDTH = 3 * STEP;

  /**
   * The rows of a block. 24 accumulators need the 32 registers of AVX-512 and of NEON; AVX2, whose
   * vectors have 256 bits, has 16.
   */
  static final int ROWS = SPECIES.vectorBitSize() == 256 ? 4 : 8;

  private RegisterBlock() {}

  /**
   * tile[base + i width + j] = sum over p of a[aBase + i rowStep + p kStep] × b[bBase + p width +
   * j], from +0 or from what the tile holds, for all i below ROWS and j below the width.
   *
   * <p>Rows after the last one that a has repeat that row, and what they give is of no use: so
   * nothing is read outside of a.
   *
   * @param lastRow the last row of a, at most ROWS - 1
   * @param width of the block: WIDTH or STEP
   * @param first whether sums start at +0
   */
  static void run(
      float[] a,
      int aBase,
      int rowStep,
      int lastRow,
      int kStep,
      float[] b,
      int bBase,
      int width,
      int k,
      float[] tile,
      int base,
      boolean first) {
    if (ROWS == 8) {
      if (width == WIDTH) {
        block8x3(a, aBase, rowStep, lastRow, kStep, b, bBase, k, tile, base, first);
      } else {
        block8x1(a, aBase, rowStep, lastRow, kStep, b, bBase, k, tile, base, first);
      }
    } else {
      if (width == WIDTH) {
        block4x3(a, aBase, rowStep, lastRow, kStep, b, bBase, k, tile, base, first);
      } else {
        block4x1(a, aBase, rowStep, lastRow, kStep, b, bBase, k, tile, base, first);
      }
    }
  }

  // Written out, since only local variables stay in registers.

  private static void block8x3(
      float[] a,
      int aBase,
      int rowStep,
      int lastRow,
      int kStep,
      float[] b,
      int bBase,
      int k,
      float[] tile,
      int base,
      boolean first) {
    int r1 = Math.min(1, lastRow) * rowStep;
    int r2 = Math.min(2, lastRow) * rowStep;
    int r3 = Math.min(3, lastRow) * rowStep;
    int r4 = Math.min(4, lastRow) * rowStep;
    int r5 = Math.min(5, lastRow) * rowStep;
    int r6 = Math.min(6, lastRow) * rowStep;
    int r7 = Math.min(7, lastRow) * rowStep;
    FloatVector c00 = first ? FloatVector.zero(SPECIES) : load(tile, base);
    FloatVector c01 = first ? FloatVector.zero(SPECIES) : load(tile, base + STEP);
    FloatVector c02 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * STEP);
    FloatVector c10 = first ? FloatVector.zero(SPECIES) : load(tile, base + WIDTH);
    FloatVector c11 = first ? FloatVector.zero(SPECIES) : load(tile, base + WIDTH + STEP);
    FloatVector c12 = first ? FloatVector.zero(SPECIES) : load(tile, base + WIDTH + 2 * STEP);
    FloatVector c20 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * WIDTH);
    FloatVector c21 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * WIDTH + STEP);
    FloatVector c22 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * WIDTH + 2 * STEP);
    FloatVector c30 = first ? FloatVector.zero(SPECIES) : load(tile, base + 3 * WIDTH);
    FloatVector c31 = first ? FloatVector.zero(SPECIES) : load(tile, base + 3 * WIDTH + STEP);
    FloatVector c32 = first ? FloatVector.zero(SPECIES) : load(tile, base + 3 * WIDTH + 2 * STEP);
    FloatVector c40 = first ? FloatVector.zero(SPECIES) : load(tile, base + 4 * WIDTH);
    FloatVector c41 = first ? FloatVector.zero(SPECIES) : load(tile, base + 4 * WIDTH + STEP);
    FloatVector c42 = first ? FloatVector.zero(SPECIES) : load(tile, base + 4 * WIDTH + 2 * STEP);
    FloatVector c50 = first ? FloatVector.zero(SPECIES) : load(tile, base + 5 * WIDTH);
    FloatVector c51 = first ? FloatVector.zero(SPECIES) : load(tile, base + 5 * WIDTH + STEP);
    FloatVector c52 = first ? FloatVector.zero(SPECIES) : load(tile, base + 5 * WIDTH + 2 * STEP);
    FloatVector c60 = first ? FloatVector.zero(SPECIES) : load(tile, base + 6 * WIDTH);
    FloatVector c61 = first ? FloatVector.zero(SPECIES) : load(tile, base + 6 * WIDTH + STEP);
    FloatVector c62 = first ? FloatVector.zero(SPECIES) : load(tile, base + 6 * WIDTH + 2 * STEP);
    FloatVector c70 = first ? FloatVector.zero(SPECIES) : load(tile, base + 7 * WIDTH);
    FloatVector c71 = first ? FloatVector.zero(SPECIES) : load(tile, base + 7 * WIDTH + STEP);
    FloatVector c72 = first ? FloatVector.zero(SPECIES) : load(tile, base + 7 * WIDTH + 2 * STEP);
    int ai = aBase;
    int bi = bBase;
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b, bi);
      FloatVector b1 = load(b, bi + STEP);
      FloatVector b2 = load(b, bi + 2 * STEP);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[ai]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      c02 = a0.fma(b2, c02);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[ai + r1]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      c12 = a1.fma(b2, c12);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[ai + r2]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      c22 = a2.fma(b2, c22);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[ai + r3]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      c32 = a3.fma(b2, c32);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[ai + r4]);
      c40 = a4.fma(b0, c40);
      c41 = a4.fma(b1, c41);
      c42 = a4.fma(b2, c42);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[ai + r5]);
      c50 = a5.fma(b0, c50);
      c51 = a5.fma(b1, c51);
      c52 = a5.fma(b2, c52);
      FloatVector a6 = FloatVector.broadcast(SPECIES, a[ai + r6]);
      c60 = a6.fma(b0, c60);
      c61 = a6.fma(b1, c61);
      c62 = a6.fma(b2, c62);
      FloatVector a7 = FloatVector.broadcast(SPECIES, a[ai + r7]);
      c70 = a7.fma(b0, c70);
      c71 = a7.fma(b1, c71);
      c72 = a7.fma(b2, c72);
      ai += kStep;
      bi += WIDTH;
    }
    c00.intoArray(tile, base);
    c01.intoArray(tile, base + STEP);
    c02.intoArray(tile, base + 2 * STEP);
    c10.intoArray(tile, base + WIDTH);
    c11.intoArray(tile, base + WIDTH + STEP);
    c12.intoArray(tile, base + WIDTH + 2 * STEP);
    c20.intoArray(tile, base + 2 * WIDTH);
    c21.intoArray(tile, base + 2 * WIDTH + STEP);
    c22.intoArray(tile, base + 2 * WIDTH + 2 * STEP);
    c30.intoArray(tile, base + 3 * WIDTH);
    c31.intoArray(tile, base + 3 * WIDTH + STEP);
    c32.intoArray(tile, base + 3 * WIDTH + 2 * STEP);
    c40.intoArray(tile, base + 4 * WIDTH);
    c41.intoArray(tile, base + 4 * WIDTH + STEP);
    c42.intoArray(tile, base + 4 * WIDTH + 2 * STEP);
    c50.intoArray(tile, base + 5 * WIDTH);
    c51.intoArray(tile, base + 5 * WIDTH + STEP);
    c52.intoArray(tile, base + 5 * WIDTH + 2 * STEP);
    c60.intoArray(tile, base + 6 * WIDTH);
    c61.intoArray(tile, base + 6 * WIDTH + STEP);
    c62.intoArray(tile, base + 6 * WIDTH + 2 * STEP);
    c70.intoArray(tile, base + 7 * WIDTH);
    c71.intoArray(tile, base + 7 * WIDTH + STEP);
    c72.intoArray(tile, base + 7 * WIDTH + 2 * STEP);
  }

  private static void block8x1(
      float[] a,
      int aBase,
      int rowStep,
      int lastRow,
      int kStep,
      float[] b,
      int bBase,
      int k,
      float[] tile,
      int base,
      boolean first) {
    int r1 = Math.min(1, lastRow) * rowStep;
    int r2 = Math.min(2, lastRow) * rowStep;
    int r3 = Math.min(3, lastRow) * rowStep;
    int r4 = Math.min(4, lastRow) * rowStep;
    int r5 = Math.min(5, lastRow) * rowStep;
    int r6 = Math.min(6, lastRow) * rowStep;
    int r7 = Math.min(7, lastRow) * rowStep;
    FloatVector c00 = first ? FloatVector.zero(SPECIES) : load(tile, base);
    FloatVector c10 = first ? FloatVector.zero(SPECIES) : load(tile, base + STEP);
    FloatVector c20 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * STEP);
    FloatVector c30 = first ? FloatVector.zero(SPECIES) : load(tile, base + 3 * STEP);
    FloatVector c40 = first ? FloatVector.zero(SPECIES) : load(tile, base + 4 * STEP);
    FloatVector c50 = first ? FloatVector.zero(SPECIES) : load(tile, base + 5 * STEP);
    FloatVector c60 = first ? FloatVector.zero(SPECIES) : load(tile, base + 6 * STEP);
    FloatVector c70 = first ? FloatVector.zero(SPECIES) : load(tile, base + 7 * STEP);
    int ai = aBase;
    int bi = bBase;
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b, bi);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[ai]);
      c00 = a0.fma(b0, c00);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[ai + r1]);
      c10 = a1.fma(b0, c10);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[ai + r2]);
      c20 = a2.fma(b0, c20);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[ai + r3]);
      c30 = a3.fma(b0, c30);
      FloatVector a4 = FloatVector.broadcast(SPECIES, a[ai + r4]);
      c40 = a4.fma(b0, c40);
      FloatVector a5 = FloatVector.broadcast(SPECIES, a[ai + r5]);
      c50 = a5.fma(b0, c50);
      FloatVector a6 = FloatVector.broadcast(SPECIES, a[ai + r6]);
      c60 = a6.fma(b0, c60);
      FloatVector a7 = FloatVector.broadcast(SPECIES, a[ai + r7]);
      c70 = a7.fma(b0, c70);
      ai += kStep;
      bi += STEP;
    }
    c00.intoArray(tile, base);
    c10.intoArray(tile, base + STEP);
    c20.intoArray(tile, base + 2 * STEP);
    c30.intoArray(tile, base + 3 * STEP);
    c40.intoArray(tile, base + 4 * STEP);
    c50.intoArray(tile, base + 5 * STEP);
    c60.intoArray(tile, base + 6 * STEP);
    c70.intoArray(tile, base + 7 * STEP);
  }

  private static void block4x3(
      float[] a,
      int aBase,
      int rowStep,
      int lastRow,
      int kStep,
      float[] b,
      int bBase,
      int k,
      float[] tile,
      int base,
      boolean first) {
    int r1 = Math.min(1, lastRow) * rowStep;
    int r2 = Math.min(2, lastRow) * rowStep;
    int r3 = Math.min(3, lastRow) * rowStep;
    FloatVector c00 = first ? FloatVector.zero(SPECIES) : load(tile, base);
    FloatVector c01 = first ? FloatVector.zero(SPECIES) : load(tile, base + STEP);
    FloatVector c02 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * STEP);
    FloatVector c10 = first ? FloatVector.zero(SPECIES) : load(tile, base + WIDTH);
    FloatVector c11 = first ? FloatVector.zero(SPECIES) : load(tile, base + WIDTH + STEP);
    FloatVector c12 = first ? FloatVector.zero(SPECIES) : load(tile, base + WIDTH + 2 * STEP);
    FloatVector c20 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * WIDTH);
    FloatVector c21 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * WIDTH + STEP);
    FloatVector c22 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * WIDTH + 2 * STEP);
    FloatVector c30 = first ? FloatVector.zero(SPECIES) : load(tile, base + 3 * WIDTH);
    FloatVector c31 = first ? FloatVector.zero(SPECIES) : load(tile, base + 3 * WIDTH + STEP);
    FloatVector c32 = first ? FloatVector.zero(SPECIES) : load(tile, base + 3 * WIDTH + 2 * STEP);
    int ai = aBase;
    int bi = bBase;
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b, bi);
      FloatVector b1 = load(b, bi + STEP);
      FloatVector b2 = load(b, bi + 2 * STEP);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[ai]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      c02 = a0.fma(b2, c02);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[ai + r1]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      c12 = a1.fma(b2, c12);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[ai + r2]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      c22 = a2.fma(b2, c22);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[ai + r3]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      c32 = a3.fma(b2, c32);
      ai += kStep;
      bi += WIDTH;
    }
    c00.intoArray(tile, base);
    c01.intoArray(tile, base + STEP);
    c02.intoArray(tile, base + 2 * STEP);
    c10.intoArray(tile, base + WIDTH);
    c11.intoArray(tile, base + WIDTH + STEP);
    c12.intoArray(tile, base + WIDTH + 2 * STEP);
    c20.intoArray(tile, base + 2 * WIDTH);
    c21.intoArray(tile, base + 2 * WIDTH + STEP);
    c22.intoArray(tile, base + 2 * WIDTH + 2 * STEP);
    c30.intoArray(tile, base + 3 * WIDTH);
    c31.intoArray(tile, base + 3 * WIDTH + STEP);
    c32.intoArray(tile, base + 3 * WIDTH + 2 * STEP);
  }

  private static void block4x1(
      float[] a,
      int aBase,
      int rowStep,
      int lastRow,
      int kStep,
      float[] b,
      int bBase,
      int k,
      float[] tile,
      int base,
      boolean first) {
    int r1 = Math.min(1, lastRow) * rowStep;
    int r2 = Math.min(2, lastRow) * rowStep;
    int r3 = Math.min(3, lastRow) * rowStep;
    FloatVector c00 = first ? FloatVector.zero(SPECIES) : load(tile, base);
    FloatVector c10 = first ? FloatVector.zero(SPECIES) : load(tile, base + STEP);
    FloatVector c20 = first ? FloatVector.zero(SPECIES) : load(tile, base + 2 * STEP);
    FloatVector c30 = first ? FloatVector.zero(SPECIES) : load(tile, base + 3 * STEP);
    int ai = aBase;
    int bi = bBase;
    for (int p = 0; p < k; p++) {
      FloatVector b0 = load(b, bi);
      FloatVector a0 = FloatVector.broadcast(SPECIES, a[ai]);
      c00 = a0.fma(b0, c00);
      FloatVector a1 = FloatVector.broadcast(SPECIES, a[ai + r1]);
      c10 = a1.fma(b0, c10);
      FloatVector a2 = FloatVector.broadcast(SPECIES, a[ai + r2]);
      c20 = a2.fma(b0, c20);
      FloatVector a3 = FloatVector.broadcast(SPECIES, a[ai + r3]);
      c30 = a3.fma(b0, c30);
      ai += kStep;
      bi += STEP;
    }
    c00.intoArray(tile, base);
    c10.intoArray(tile, base + STEP);
    c20.intoArray(tile, base + 2 * STEP);
    c30.intoArray(tile, base + 3 * STEP);
  }

  private static FloatVector load(float[] array, int index) {
    return FloatVector.fromArray(SPECIES, array, index);
  }
}
