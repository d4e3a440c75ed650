package dev.narrow.kernels;

import dev.narrow.quant.Shape;

/**
 * The elements of an axis of a convolution's input that lie a stride apart from each other, and the
 * taps by which they have gone into the output: the same for all of them.
 *
 * @param start the first element
 * @param firstTap the first of the taps; those after it are tapStride apart
 * @param axis of the output's gradient: its positions are the elements
 */
record TapPhase(int start, int firstTap, int tapStride, TapAxis axis) {

  /**
   * The elements start, start + stride and so on. Element i has met tap k at the position (i +
   * padding - k dilation) / stride, if that is a whole number.
   *
   * @param dimension of all shapes: 2 for the height, 3 for the width
   */
  static TapPhase of(
      int start,
      int stride,
      int padding,
      int dilation,
      Shape weight,
      int dimension,
      Shape image,
      Shape output) {
    int taps = weight.dim(dimension);
    int divisor = gcd(stride, dilation);
    int tapStride = stride / divisor;
    int first = 0;
    while (first < Math.min(taps, tapStride) && !meets(start, stride, padding, dilation, first)) {
      first++;
    }
    int count = 0;
    if (first < Math.min(taps, tapStride)) {
      count = (taps - 1 - first) / tapStride + 1;
    }
    long position = Math.floorDiv(start + (long) padding - (long) first * dilation, (long) stride);
    int positions = Math.ceilDiv(image.dim(dimension) - start, stride);
    return new TapPhase(
        start,
        first,
        tapStride,
        new TapAxis(output.dim(dimension), count, position, -(dilation / divisor), 1, positions));
  }

  private static boolean meets(int start, int stride, int padding, int dilation, int tap) {
    return (start + (long) padding - (long) tap * dilation) % stride == 0;
  }

  private static int gcd(int a, int b) {
    return b == 0 ? a : gcd(b, a % b);
  }

  /** The tap of the kernel that is tap t of the axis. */
  int tap(int t) {
    return firstTap + t * tapStride;
  }
}
