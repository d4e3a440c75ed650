package dev.narrow.amp.nn;

import dev.narrow.amp.ImageOps;
import dev.narrow.amp.Parameter;
import dev.narrow.quant.Tensor;
import java.util.List;

/**
 * Batch normalization of channels: by the moments of the batch in training, by running ones
 * otherwise (momentum 0.1, epsilon 1e-5, as torch's default).
 */
public final class BatchNorm implements Layer {
  private static final float EPSILON = 1e-5f;
  private static final float MOMENTUM = 0.1f;

  private record Pass(Tensor x, ImageOps.BatchNormalized normalized) {}

  private final Parameter gamma;
  private final Parameter beta;
  private final Buffer mean;
  private final Buffer variance;
  private final Saved<Pass> saved;

  /**
   * A layer with the parameters {@code name.weight} and {@code name.bias}, for so many channels.
   */
  public BatchNorm(String name, int channels, Initializer initializer) {
    Extents.require("channels of " + name, channels);
    gamma = initializer.gain(name + ".weight", channels);
    beta = initializer.bias(name + ".bias", channels);
    mean = new Buffer(name + ".running_mean", Tensor.zeros(channels));
    variance = new Buffer(name + ".running_var", initializer.gain(name, channels).value());
    saved = new Saved<>(name);
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    if (!training) {
      saved.clear();
      return ImageOps.batchNorm(
          x, mean.value(), variance.value(), gamma.value(), beta.value(), EPSILON);
    }
    ImageOps.BatchNormalized batch = ImageOps.batchNorm(x, gamma.value(), beta.value(), EPSILON);
    ImageOps.updateMoments(MOMENTUM, x, batch, mean.value(), variance.value());
    saved.set(true, new Pass(x, batch));
    return batch.y();
  }

  @Override
  public Tensor backward(Tensor dy) {
    Pass pass = saved.take();
    return ImageOps.batchNormBackward(
        pass.x, pass.normalized, gamma.value(), dy, gamma.gradient(), beta.gradient());
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(gamma, beta);
  }

  @Override
  public List<Buffer> buffers() {
    return List.of(mean, variance);
  }
}
