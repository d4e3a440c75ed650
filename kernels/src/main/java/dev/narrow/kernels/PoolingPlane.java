package dev.narrow.kernels;

import dev.narrow.quant.Shape;

/** Pooling of one plane: windows in the order of the output, and in each its rows and columns. */
record PoolingPlane(Pooling how, int height, int width, int outputHeight, int outputWidth) {

  PoolingPlane(Pooling how, Shape image, Shape output) {
    this(how, image.dim(2), image.dim(3), output.dim(2), output.dim(3));
  }

  int inputs() {
    return height * width;
  }

  int outputs() {
    return outputHeight * outputWidth;
  }

  TapAxis rows() {
    return TapAxis.window(height, how.windowY(), how.strideY(), how.paddingY(), outputHeight);
  }

  TapAxis columns() {
    return TapAxis.window(width, how.windowX(), how.strideX(), how.paddingX(), outputWidth);
  }

  /** At most so many elements are in all windows together. */
  long cost() {
    return (long) outputs() * Math.min(height, how.windowY()) * Math.min(width, how.windowX());
  }

  // A window's rows are from top(oy) up to but without bottom(oy), and so for columns: at least one
  // each, since padding is at most half a window.

  private int top(int oy) {
    return Math.max(0, oy * how.strideY() - how.paddingY());
  }

  private int bottom(int oy) {
    return (int) Math.min(height, (long) oy * how.strideY() - how.paddingY() + how.windowY());
  }

  private int left(int ox) {
    return Math.max(0, ox * how.strideX() - how.paddingX());
  }

  private int right(int ox) {
    return (int) Math.min(width, (long) ox * how.strideX() - how.paddingX() + how.windowX());
  }

  /** See {@link Poolings#maxPool}. Tap by tap over the whole plane, from each window's first. */
  void max(float[] x, int xOffset, float[] y, int yOffset, int[] argmax, int argmaxOffset) {
    for (int oy = 0; oy < outputHeight; oy++) {
      for (int ox = 0; ox < outputWidth; ox++) {
        int first = top(oy) * width + left(ox);
        argmax[argmaxOffset + oy * outputWidth + ox] = first;
        y[yOffset + oy * outputWidth + ox] = x[xOffset + first];
      }
    }
    TapAxis rows = rows();
    TapAxis columns = columns();
    for (int ty = 0; ty < rows.taps(); ty++) {
      int top = rows.from(ty);
      int bottom = rows.to(ty);
      for (int tx = 0; tx < columns.taps(); tx++) {
        int left = columns.from(tx);
        int n = columns.to(tx) - left;
        for (int oy = top; oy < bottom; oy++) {
          int first = rows.index(oy, ty) * width + columns.index(left, tx);
          int at = oy * outputWidth + left;
          larger(x, xOffset, first, n, y, yOffset + at, argmax, argmaxOffset + at);
        }
      }
    }
  }

  /** Takes the elements first, first + strideX and so on where they are larger than y. */
  private void larger(
      float[] x, int xOffset, int first, int n, float[] y, int to, int[] argmax, int indexTo) {
    int stride = how.strideX();
    for (int j = 0; j < n; j++) {
      int i = first + j * stride;
      float value = x[xOffset + i];
      float max = y[to + j];
      boolean larger = value > max || (Float.isNaN(value) && !Float.isNaN(max)); // or the first NaN
      y[to + j] = larger ? value : max;
      argmax[indexTo + j] = larger ? i : argmax[indexTo + j];
    }
  }

  /** y = y / the number of elements in each window. */
  void divide(float[] y, int yOffset) {
    for (int oy = 0; oy < outputHeight; oy++) {
      for (int ox = 0; ox < outputWidth; ox++) {
        int at = yOffset + oy * outputWidth + ox;
        y[at] = ScalarKernels.canonical(y[at] / count(oy, ox));
      }
    }
  }

  /** Adds to each element of a window its part of the window's gradient. */
  void spread(float[] dy, int dyOffset, float[] dx, int dxOffset) {
    for (int oy = 0; oy < outputHeight; oy++) {
      for (int ox = 0; ox < outputWidth; ox++) {
        float part = dy[dyOffset + oy * outputWidth + ox] / count(oy, ox);
        for (int row = top(oy); row < bottom(oy); row++) {
          int from = dxOffset + row * width;
          for (int i = from + left(ox); i < from + right(ox); i++) {
            dx[i] += part;
          }
        }
      }
    }
  }

  private float count(int oy, int ox) {
    return how.paddingCounts()
        ? (float) ((long) how.windowY() * how.windowX())
        : (bottom(oy) - top(oy)) * (right(ox) - left(ox));
  }
}
