package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/**
 * Convolution of images (cross-correlation, as everywhere in deep learning) and its gradients: see
 * {@link Backend} for what all operations have in common.
 *
 * <p>Images are x [n, c, h, w], a kernel for each of the o output channels is weight [o, c /
 * groups, kh, kw], and y is [n, o, oh, ow] with the extents that {@link Convolution#outputHeight}
 * and {@link Convolution#outputWidth} give. In {@link Summation#ORDERED} the sums are those below,
 * and their bits do not depend on threads or vectors. An output must not overlap any operand.
 */
public interface Convolutions {

  /**
   * y = x convolved with weight.
   *
   * <p>Each element has one accumulator, which starts at +0 and takes the terms weight × x by fused
   * multiply-add, in the order (channel, ky, kx), each ascending. Padding is x = +0 and has terms
   * like all of x, so that an infinite weight gives NaN there.
   */
  void convolve(Convolution how, Tensor x, Tensor weight, Tensor y);

  /** y = x convolved with weight, and then + bias of its channel, for bias [o]; rounded again. */
  void convolve(Convolution how, Tensor x, Tensor weight, Tensor bias, Tensor y);

  /**
   * dx, the gradient of x, from dy, the gradient of y.
   *
   * <p>Each element (iy, ix) has one accumulator, which starts at +0 and takes the terms weight ×
   * dy by fused multiply-add, in the order (output channel, ky, kx), each ascending. There is a
   * term where strideY divides iy + paddingY - ky dilationY, and strideX divides ix + paddingX - kx
   * dilationX: the quotients are the position in dy, and outside of dy its value is +0. An element
   * without any term is +0.
   */
  void convolveBackwardInput(Convolution how, Tensor weight, Tensor dy, Tensor dx);

  /**
   * dweight, the gradient of weight, from dy, the gradient of y.
   *
   * <p>The positions of the output are taken in the order (n, oy, ox), each ascending, in runs of
   * 1024. A run has one accumulator, which starts at +0 and takes the terms x × dy by fused
   * multiply-add, padding being x = +0; the sums of the runs are added in turn, each rounded.
   */
  void convolveBackwardWeight(Convolution how, Tensor x, Tensor dy, Tensor dweight);

  /**
   * dbias, the gradient of bias, from dy [n, o, oh, ow]: the sum of each channel, in sixteen lanes
   * along the contiguous plane of a sample, and the samples in turn from +0.
   */
  void convolveBackwardBias(Tensor dy, Tensor dbias);
}
