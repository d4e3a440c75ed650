package dev.narrow.repro.data;

/**
 * A 16 × 16 canvas that a round pen draws on. Each pixel has 4 × 4 sample points, and its level is
 * how many of them are inked. Coordinates are in 1/64 of a pixel from the top left corner; every
 * decision is exact in integers.
 */
final class Canvas {
  static final int SIDE = 16;

  /** Units to a pixel. */
  static final int UNITS = 64;

  /** The level of a pixel that is all ink. */
  static final int FULL = 16;

  private static final int SAMPLES = 4 * SIDE; // along each axis
  private static final int STEP = UNITS / 4; // from one sample point to the next

  /** Bit i of word j: the sample point ((i + 1/2) STEP, (j + 1/2) STEP) is inked. */
  private final long[] ink = new long[SAMPLES];

  /**
   * Draws a polyline.
   *
   * @param points x and y in turn, each less than 2^13 in magnitude
   * @param radius of the pen, less than 2^13, so that squares of areas fit in a long
   */
  void draw(int[] points, int radius) {
    for (int i = 0; i + 3 < points.length; i += 2) {
      segment(points[i], points[i + 1], points[i + 2], points[i + 3], radius);
    }
  }

  private void segment(int ax, int ay, int bx, int by, int radius) {
    for (int row = first(Math.min(ay, by) - radius);
        row <= last(Math.max(ay, by) + radius);
        row++) {
      for (int column = first(Math.min(ax, bx) - radius);
          column <= last(Math.max(ax, bx) + radius);
          column++) {
        int px = STEP * column + STEP / 2 - ax;
        int py = STEP * row + STEP / 2 - ay;
        if (within(px, py, bx - ax, by - ay, radius)) {
          ink[row] |= 1L << column;
        }
      }
    }
  }

  /** Whether the point p is within the radius of the segment from the origin to d. */
  private static boolean within(long px, long py, long dx, long dy, long radius) {
    long along = px * dx + py * dy;
    long length2 = dx * dx + dy * dy;
    if (along <= 0) {
      return px * px + py * py <= radius * radius;
    }
    if (along >= length2) {
      return (px - dx) * (px - dx) + (py - dy) * (py - dy) <= radius * radius;
    }
    long across = px * dy - py * dx; // distance times length
    return across * across <= radius * radius * length2;
  }

  private static int first(int unit) {
    return Math.clamp(Math.floorDiv(unit, STEP), 0, SAMPLES);
  }

  private static int last(int unit) {
    return Math.clamp(Math.floorDiv(unit, STEP), -1, SAMPLES - 1);
  }

  /** The level of each pixel, row-major. */
  int[] levels() {
    int[] levels = new int[SIDE * SIDE];
    for (int row = 0; row < SAMPLES; row++) {
      for (int column = 0; column < SIDE; column++) {
        levels[row / 4 * SIDE + column] += Long.bitCount((ink[row] >>> (4 * column)) & 0xF);
      }
    }
    return levels;
  }
}
