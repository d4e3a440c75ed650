package dev.narrow.kernels;

/**
 * How the taps of a kernel meet the elements of one axis: tap t at position p meets element {@code
 * first + p step + t tapStep}, which is padding where there is no such element.
 *
 * @param extent elements of the axis
 * @param taps how many each position has
 * @param first element of tap 0 at position 0
 * @param tapStep from one tap to the next; negative where a kernel is run backwards
 * @param step from one position to the next
 */
record TapAxis(int extent, int taps, long first, int tapStep, int step, int positions) {

  /** The axis of a convolution's input, as its output sees it. */
  static TapAxis forward(
      int extent, int taps, int stride, int padding, int dilation, int positions) {
    return new TapAxis(extent, taps, -padding, dilation, stride, positions);
  }

  /**
   * The axis of a window that gives nothing where it meets padding: taps that never meet anything
   * else are left out, so that at most twice as many are left as there are elements.
   */
  static TapAxis window(int extent, int taps, int stride, int padding, int positions) {
    long last = (positions - 1L) * stride - padding; // what tap 0 meets in the end
    int from = Math.clamp(-last, 0, taps);
    int to = Math.clamp((long) extent + padding, from, taps);
    return new TapAxis(extent, to - from, (long) from - padding, 1, stride, positions);
  }

  static void require(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(name + " = " + value + ", expected " + least + " or more");
    }
  }

  /**
   * How many positions a window has.
   *
   * @param name of the extent: height or width
   * @throws IllegalArgumentException if the window has no tap, or is larger than what it moves over
   */
  static int positions(String name, int extent, int taps, int stride, int padding, int dilation) {
    require(name, extent, 0);
    if (taps < 1) {
      throw new IllegalArgumentException(
          "the kernel's " + name + " = " + taps + ", expected 1 or more");
    }
    long padded = extent + 2L * padding;
    long window = dilation * (taps - 1L) + 1;
    if (window > padded) {
      throw new IllegalArgumentException(
          "%s = %d, with padding %d, expected at least the kernel's %d"
              .formatted(name, extent, padded, window));
    }
    long positions = (padded - window) / stride + 1;
    if (positions > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "%s = %d, with padding %d, gives an output of %d, expected at most 2^31 - 1"
              .formatted(name, extent, padded, positions));
    }
    return (int) positions;
  }

  /** The element that a tap meets, which exists if the position is one of from(tap) to to(tap). */
  int index(int position, int tap) {
    return (int) (offset(tap) + (long) position * step);
  }

  private long offset(int tap) {
    return first + (long) tap * tapStep;
  }

  /** The first position where the tap meets an element, or one at or past its end. */
  int from(int tap) {
    return Math.clamp(Math.ceilDiv(-offset(tap), (long) step), 0, positions);
  }

  /** The position after the last where the tap meets an element. */
  int to(int tap) {
    return Math.clamp(Math.ceilDiv(extent - offset(tap), (long) step), from(tap), positions);
  }

  /** The least element, or place before the first one, that any tap meets. */
  long low() {
    return Math.min(first, offset(taps - 1));
  }

  /** Elements and padding from the first that a tap meets to the last. */
  long span() {
    return (positions - 1L) * step + (taps - 1L) * Math.abs(tapStep) + 1;
  }

  /** Whether each position has one tap, which meets the element of its own number. */
  boolean isIdentity() {
    return taps == 1 && first == 0 && step == 1 && positions == extent;
  }
}
