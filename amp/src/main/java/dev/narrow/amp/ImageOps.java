package dev.narrow.amp;

import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Convolution;
import dev.narrow.kernels.Pooling;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** Operations on images [n, c, h, w], in the manner of {@link Ops}. */
public final class ImageOps {
  private ImageOps() {}

  /**
   * Convolution. Operation {@code conv2d}.
   *
   * @param layer name of the layer
   * @param how stride, padding, dilation, groups
   * @param x [n, c, h, w]
   * @param weight [o, c / groups, kh, kw]
   * @param bias [o], never cast; null for none
   * @return [n, o, oh, ow]
   */
  public static Tensor convolve(
      String layer, Convolution how, Tensor x, Tensor weight, @Nullable Tensor bias) {
    Region region = Autocast.current();
    OpClass kind = region.enter("conv2d");
    Tensor in = region.operand("conv2d", kind, layer, Role.ACTIVATION, x);
    Tensor w = region.operand("conv2d", kind, layer, Role.WEIGHT, weight);
    Tensor y = region.allocate(x, outputDims(how, x.shape(), weight.shape()));
    if (bias == null) {
      region.products(kind).convolve(how, in, w, y);
    } else {
      region.products(kind).convolve(how, in, w, bias, y);
    }
    return region.result(kind, y, x);
  }

  private static int[] outputDims(Convolution how, Shape x, Shape weight) {
    if (x.rank() != 4 || weight.rank() != 4) {
      throw new IllegalArgumentException(
          "x has shape " + x + " and weight " + weight + ", expected 4 axes each");
    }
    return new int[] {
      x.dim(0),
      weight.dim(0),
      how.outputHeight(x.dim(2), weight.dim(2)),
      how.outputWidth(x.dim(3), weight.dim(3))
    };
  }

  /**
   * The gradients of {@link #convolve}.
   *
   * @param layer name of the layer
   * @param how as it was
   * @param x as it was
   * @param weight as it was
   * @param dy gradient of y
   * @param dweight where the gradient of weight goes
   * @param dbias where the gradient of bias goes; null for none
   * @return the gradient of x
   */
  public static Tensor convolveBackward(
      String layer,
      Convolution how,
      Tensor x,
      Tensor weight,
      Tensor dy,
      Tensor dweight,
      @Nullable Tensor dbias) {
    Region region = Autocast.current();
    OpClass kind = region.enter("conv2d");
    Tensor in = region.operand("conv2d", kind, layer, Role.ACTIVATION, x);
    Tensor w = region.operand("conv2d", kind, layer, Role.WEIGHT, weight);
    Tensor e = region.operand("conv2d", kind, layer, Role.ACTIVATION_GRADIENT, dy);
    Backend backend = region.products(kind);
    backend.convolveBackwardWeight(how, in, e, dweight);
    region.gradient("conv2d", kind, layer, dweight);
    if (dbias != null) {
      region.backend().convolveBackwardBias(e, dbias);
    }
    Tensor dx = region.allocate(dy, x.shape().dims());
    backend.convolveBackwardInput(how, w, e, dx);
    return dx;
  }

  /** The largest of each window, and where it was, for the backward pass. */
  public static final class Maxima {
    private final Tensor y;
    private final Tensor argmax;

    private Maxima(Tensor y, Tensor argmax) {
      this.y = y;
      this.argmax = argmax;
    }

    /** The maxima, [n, c, oh, ow]. */
    public Tensor y() {
      return y;
    }
  }

  /** The largest of each window. Operation {@code max_pool2d}. */
  public static Maxima maxPool(Pooling how, Tensor x) {
    Region region = Autocast.current();
    OpClass kind = region.enter("max_pool2d");
    Tensor y = region.allocate(x, pooledDims(how, x.shape()));
    Tensor argmax = region.indices(x, y.shape().dims());
    region.backend().maxPool(how, x, y, argmax);
    return new Maxima(region.result(kind, y, x), argmax);
  }

  /** The gradient of {@link #maxPool}: of this shape. */
  public static Tensor maxPoolBackward(Tensor dy, Maxima saved, Shape x) {
    Region region = Autocast.current();
    OpClass kind = region.enter("max_pool2d");
    Tensor dx = region.allocate(dy, x.dims());
    region.backend().maxPoolBackward(dy, saved.argmax, dx);
    return region.result(kind, dx, dy);
  }

  private static int[] pooledDims(Pooling how, Shape x) {
    if (x.rank() != 4) {
      throw new IllegalArgumentException("x has shape " + x + ", expected [n, c, h, w]");
    }
    return new int[] {x.dim(0), x.dim(1), how.outputHeight(x.dim(2)), how.outputWidth(x.dim(3))};
  }

  /** The average of each window. Operation {@code avg_pool2d}. */
  public static Tensor averagePool(Pooling how, Tensor x) {
    Region region = Autocast.current();
    OpClass kind = region.enter("avg_pool2d");
    Tensor y = region.allocate(x, pooledDims(how, x.shape()));
    region.backend().averagePool(how, x, y);
    return region.result(kind, y, x);
  }

  /** The gradient of {@link #averagePool}: of this shape. */
  public static Tensor averagePoolBackward(Pooling how, Tensor dy, Shape x) {
    Region region = Autocast.current();
    OpClass kind = region.enter("avg_pool2d");
    Tensor dx = region.allocate(dy, x.dims());
    region.backend().averagePoolBackward(how, dy, dx);
    return region.result(kind, dx, dy);
  }

  /** The average of each plane, [n, c]. Operation {@code avg_pool2d}. */
  public static Tensor averagePlanes(Tensor x) {
    Region region = Autocast.current();
    OpClass kind = region.enter("avg_pool2d");
    if (x.shape().rank() != 4) {
      throw new IllegalArgumentException("x has shape " + x.shape() + ", expected [n, c, h, w]");
    }
    Tensor y = region.allocate(x, x.shape().dim(0), x.shape().dim(1));
    region.backend().averagePlanes(x, y);
    return region.result(kind, y, x);
  }

  /** The gradient of {@link #averagePlanes}: of this shape. */
  public static Tensor averagePlanesBackward(Tensor dy, Shape x) {
    Region region = Autocast.current();
    OpClass kind = region.enter("avg_pool2d");
    Tensor dx = region.allocate(dy, x.dims());
    region.backend().averagePlanesBackward(dy, dx);
    return region.result(kind, dx, dy);
  }

  /**
   * Batch normalization by the moments of a batch.
   *
   * @param y of the shape of x
   * @param mean of each channel, for the backward pass
   * @param variance of each channel, biased, for the running moments
   * @param inverse 1 / √(variance + epsilon), for the backward pass
   */
  public record BatchNormalized(Tensor y, Tensor mean, Tensor variance, Tensor inverse) {}

  /**
   * y = ((x - mean) inverse) gamma + beta by the moments of the batch. Operation {@code
   * batch_norm}.
   *
   * @param x [n, c, h, w] or [n, c]
   * @param gamma [c]
   * @param beta [c]
   * @param epsilon 0 or more
   */
  public static BatchNormalized batchNorm(Tensor x, Tensor gamma, Tensor beta, float epsilon) {
    Region region = Autocast.current();
    OpClass kind = region.enter("batch_norm");
    Backend backend = region.backend();
    Tensor mean = region.allocate(x, gamma.shape().dims());
    Tensor variance = region.allocate(x, gamma.shape().dims());
    Tensor inverse = region.allocate(x, gamma.shape().dims());
    Tensor y = region.allocate(x, x.shape().dims());
    backend.batchMoments(x, mean, variance);
    backend.inverseDeviation(variance, epsilon, inverse);
    backend.batchNormalize(x, mean, inverse, gamma, beta, y);
    return new BatchNormalized(region.result(kind, y, x), mean, variance, inverse);
  }

  /**
   * Moves running moments towards those of a batch: see {@link Backend#updateMoments}. Without
   * effect for a batch of one element a channel, which has no variance.
   *
   * @param momentum weight of the batch
   * @param x the batch
   * @param batch what became of it
   * @param mean running mean of each channel
   * @param variance running variance of each channel, unbiased
   */
  public static void updateMoments(
      float momentum, Tensor x, BatchNormalized batch, Tensor mean, Tensor variance) {
    int elements = x.shape().size() / mean.shape().size();
    if (elements > 1) {
      Backend backend = Autocast.current().backend();
      backend.updateMoments(momentum, elements, batch.mean(), batch.variance(), mean, variance);
    }
  }

  /** The same by moments that are given, as in inference. */
  public static Tensor batchNorm(
      Tensor x, Tensor mean, Tensor variance, Tensor gamma, Tensor beta, float epsilon) {
    Region region = Autocast.current();
    OpClass kind = region.enter("batch_norm");
    Tensor inverse = region.allocate(x, gamma.shape().dims());
    region.backend().inverseDeviation(variance, epsilon, inverse);
    Tensor y = region.allocate(x, x.shape().dims());
    region.backend().batchNormalize(x, mean, inverse, gamma, beta, y);
    return region.result(kind, y, x);
  }

  /**
   * The gradient of {@link #batchNorm(Tensor, Tensor, Tensor, float)}.
   *
   * @param saved what the forward pass returned
   * @param dgamma where the gradient of gamma goes
   * @param dbeta where the gradient of beta goes
   */
  public static Tensor batchNormBackward(
      Tensor x, BatchNormalized saved, Tensor gamma, Tensor dy, Tensor dgamma, Tensor dbeta) {
    return Ops.map(
        "batch_norm",
        dy,
        (backend, dx) ->
            backend.batchNormalizeBackward(
                x, saved.mean(), saved.inverse(), gamma, dy, dx, dgamma, dbeta));
  }
}
