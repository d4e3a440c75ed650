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

  /** See {@link Poolings#maxPool}. A row of the output at a time, and in it tap by tap. */
  void max(float[] x, int xOffset, float[] y, int yOffset, int[] argmax, int argmaxOffset) {
    TapAxis columns =
        TapAxis.forward(width, how.windowX(), how.strideX(), how.paddingX(), 1, outputWidth);
    for (int oy = 0; oy < outputHeight; oy++) {
      int values = yOffset + oy * outputWidth;
      int indices = argmaxOffset + oy * outputWidth;
      int top = top(oy);
      for (int ox = 0; ox < outputWidth; ox++) {
        argmax[indices + ox] = top * width + left(ox);
        y[values + ox] = x[xOffset + argmax[indices + ox]];
      }
      for (int row = top; row < bottom(oy); row++) {
        for (int tap = 0; tap < how.windowX(); tap++) {
          int from = columns.from(tap);
          int to = columns.to(tap);
          int i = row * width + columns.index(from, tap);
          for (int ox = from; ox < to; ox++, i += how.strideX()) {
            float value = x[xOffset + i];
            float max = y[values + ox];
            boolean larger = value > max | (Float.isNaN(value) & !Float.isNaN(max));
            y[values + ox] = larger ? value : max;
            argmax[indices + ox] = larger ? i : argmax[indices + ox];
          }
        }
      }
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
