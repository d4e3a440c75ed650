package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Maximum and average over windows of images, and their gradients: see {@link Backend} for what all
 * operations have in common.
 *
 * <p>Images are x [n, c, h, w] with h and w at least 1, and y is [n, c, oh, ow] with the extents
 * that {@link Pooling#outputHeight} and {@link Pooling#outputWidth} give. An output must not
 * overlap any operand.
 */
public interface Poolings {

  /**
   * y = the largest element in each window, and where it is. A NaN is larger than any number, and
   * of equals the first counts, in the order (row, column); so a window with a NaN gives its first
   * NaN, and +0 and -0 are equal.
   *
   * @param argmax gets the index of each element of y in its plane of x, row × w + column; has as
   *     many elements as y
   */
  void maxPool(Pooling how, Tensor x, Tensor y, int[] argmax);

  /**
   * dx = for each element of x the sum of dy over the windows whose maximum it was: from +0, in the
   * order of dy.
   *
   * @param argmax what {@link #maxPool} gave: 0 to h w - 1 each
   */
  void maxPoolBackward(Tensor dy, int[] argmax, Tensor dx);

  /**
   * As {@link #maxPool(Pooling, Tensor, Tensor, int[])}, with places that lie where the images do:
   * on a device nothing is copied, and nobody waits.
   *
   * @param argmax {@link Indices}, as many as y has elements
   */
  default void maxPool(Pooling how, Tensor x, Tensor y, Tensor argmax) {
    Indices.expect(argmax, "argmax", y.shape().size());
    int[] places = new int[y.shape().size()];
    maxPool(how, x, y, places);
    argmax.storage().write(0, MemorySegment.ofArray(places));
  }

  /**
   * As {@link #maxPoolBackward(Tensor, int[], Tensor)}; on a device a place that is not in the
   * plane is left out, and nothing is thrown.
   *
   * @param argmax {@link Indices} that lie where the images do
   */
  default void maxPoolBackward(Tensor dy, Tensor argmax, Tensor dx) {
    maxPoolBackward(dy, Indices.read(argmax, "argmax"), dx);
  }

  /**
   * y = the average of each window: the sum, from +0 in the order (row, column), divided by the
   * number of elements that {@link Pooling#paddingCounts} says.
   */
  void averagePool(Pooling how, Tensor x, Tensor y);

  /**
   * dx = for each element of x the sum of dy / number of elements over the windows it is in: each
   * quotient rounded, added from +0 in the order of dy.
   */
  void averagePoolBackward(Pooling how, Tensor dy, Tensor dx);

  /**
   * y [n, c] = the average of each plane of x [n, c, h, w]: the sum in sixteen lanes, divided by h
   * w.
   */
  void averagePlanes(Tensor x, Tensor y);

  /** dx [n, c, h, w] = dy / (h w) everywhere in the plane, for dy [n, c]. */
  void averagePlanesBackward(Tensor dy, Tensor dx);
}
