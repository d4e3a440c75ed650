package dev.narrow.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Puts columns of an operand into panels, in which they lie as a {@link RegisterBlock} reads them.
 */
final class Panels {
  private static final VectorSpecies<Float> SPECIES = VectorKernels.SPECIES;
  private static final int STEP = SPECIES.length();

  /** Half as wide, to copy the rows of a block where they are less than a vector. */
  private static final VectorSpecies<Float> HALF =
      VectorSpecies.of(
          float.class, VectorShape.forBitSize(Math.max(128, SPECIES.vectorBitSize() / 2)));

  /** Elements that are decoded at a time: small in a cache, but long enough to be worth a call. */
  private static final int LINE = 4096;

  private Panels() {}

  /**
   * Packs columns j to j + count - 1 of rows k to k + depth - 1 into panels, one after another:
   * column l of row p of a panel at p width + l. Panels are as wide as the group, the last as wide
   * as the narrow one if its columns fit there.
   */
  static void pack(
      Operand b,
      int k,
      int depth,
      int j,
      int count,
      float[] panels,
      int base,
      int group,
      int narrow) {
    if (b.array() != null) {
      for (int s = 0; s < count; s += group) {
        int start = b.offset() + k * b.rowStride() + (j + s) * b.columnStride();
        int lanes = Math.min(group, count - s);
        int width = lanes <= narrow ? narrow : group;
        int to = base + s * depth;
        arrange(b.array(), start, b.columnStride(), b.rowStride(), lanes, depth, panels, to, width);
      }
    } else if (b.columnStride() == 1) {
      // Rows that follow one another without a gap are decoded together.
      int together = count == b.rowStride() ? Math.clamp(LINE / Math.max(1, count), 1, depth) : 1;
      float[] lines = Scratch.take(together * count);
      for (int p = 0; p < depth; p += together) {
        int rows = Math.min(together, depth - p);
        b.read(b.offset() + (k + p) * b.rowStride() + j, rows * count, lines, 0);
        for (int s = 0; s < count; s += group) {
          int lanes = Math.min(group, count - s);
          int width = lanes <= narrow ? narrow : group;
          for (int r = 0; r < rows; r++) {
            copy(lines, r * count + s, panels, base + s * depth + (p + r) * width, lanes);
          }
        }
      }
      Scratch.give(lines);
    } else {
      float[] lines = Scratch.take(group * depth);
      for (int s = 0; s < count; s += group) {
        int lanes = Math.min(group, count - s);
        int width = lanes <= narrow ? narrow : group;
        for (int lane = 0; lane < lanes; lane++) {
          int from = b.offset() + k + (j + s + lane) * b.columnStride();
          b.read(from, depth, lines, lane * depth);
        }
        arrange(lines, 0, depth, 1, lanes, depth, panels, base + s * depth, width);
      }
      Scratch.give(lines);
    }
  }

  /** panel[base + k width + lane] = source[start + lane laneStride + k kStride]. */
  private static void arrange(
      float[] source,
      int start,
      int laneStride,
      int kStride,
      int count,
      int depth,
      float[] panel,
      int base,
      int width) {
    if (laneStride == 1) {
      for (int k = 0; k < depth; k++) {
        copy(source, start + k * kStride, panel, base + k * width, count);
      }
      return;
    }
    int lane = 0;
    for (; lane + 8 <= count; lane += 8) {
      for (int k = 0; k < depth; k++) {
        int from = start + lane * laneStride + k * kStride;
        int to = base + k * width + lane;
        panel[to] = source[from];
        panel[to + 1] = source[from + laneStride];
        panel[to + 2] = source[from + 2 * laneStride];
        panel[to + 3] = source[from + 3 * laneStride];
        panel[to + 4] = source[from + 4 * laneStride];
        panel[to + 5] = source[from + 5 * laneStride];
        panel[to + 6] = source[from + 6 * laneStride];
        panel[to + 7] = source[from + 7 * laneStride];
      }
    }
    for (; lane < count; lane++) {
      for (int k = 0; k < depth; k++) {
        panel[base + k * width + lane] = source[start + lane * laneStride + k * kStride];
      }
    }
  }

  private static void copy(float[] from, int fromBase, float[] to, int toBase, int count) {
    int i = 0;
    for (; i + STEP <= count; i += STEP) {
      FloatVector.fromArray(SPECIES, from, fromBase + i).intoArray(to, toBase + i);
    }
    for (; i + HALF.length() <= count; i += HALF.length()) {
      FloatVector.fromArray(HALF, from, fromBase + i).intoArray(to, toBase + i);
    }
    for (; i < count; i++) {
      to[toBase + i] = from[fromBase + i];
    }
  }
}
