package dev.narrow.kernels;

/**
 * A plane with its padding, sorted so that each tap of a kernel meets consecutive elements at
 * consecutive positions: rows that are one step of the kernel apart are neighbours, and so are
 * columns. With steps of 1 it is the padded plane as it is.
 *
 * @param height rows in each of the y.step() x.step() parts
 * @param width columns in each of them
 */
record Padded(TapAxis y, TapAxis x, long height, int width) {

  static Padded of(TapAxis y, TapAxis x) {
    long width = Math.ceilDiv(x.span(), (long) x.step());
    return new Padded(
        y, x, Math.ceilDiv(y.span(), (long) y.step()), (int) Math.min(width, Integer.MAX_VALUE));
  }

  /** Elements of all parts, Long.MAX_VALUE if they are too many to count. */
  long size() {
    long rows = y.step() * height;
    long columns = (long) x.step() * width;
    return Math.multiplyHigh(rows, columns) == 0 && rows * columns >= 0
        ? rows * columns
        : Long.MAX_VALUE;
  }

  /** Where the tap's element of position 0 lies. */
  int offset(int ty, int tx) {
    return place(y.index(0, ty) - y.low(), x.index(0, tx) - x.low());
  }

  private int place(long row, long column) {
    long part = row % y.step() * x.step() + column % x.step();
    return (int) ((part * height + row / y.step()) * width + column / x.step());
  }

  /** Copies the elements of a plane; what is padding is left as it is. */
  void fill(float[] plane, int start, float[] to, int offset) {
    int top = (int) Math.max(0, y.low());
    int bottom = (int) Math.min(y.extent(), y.low() + y.span());
    int right = (int) Math.min(x.extent(), x.low() + x.span());
    for (int row = top; row < bottom; row++) {
      int left = (int) Math.max(0, x.low());
      for (int part = 0; part < x.step() && left < right; part++, left++) {
        Patches.copy(
            plane,
            start + row * x.extent() + left,
            x.step(),
            to,
            offset + place(row - y.low(), left - x.low()),
            Math.ceilDiv(right - left, x.step()));
      }
    }
  }
}
