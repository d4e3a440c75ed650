package dev.narrow.amp.nn;

import dev.narrow.amp.ImageOps;
import dev.narrow.kernels.Pooling;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;

/** The largest of each window. */
public final class MaxPool implements Layer {
  private record Pass(Shape x, ImageOps.Maxima maxima) {}

  private final Pooling how;
  private final Saved<Pass> saved = new Saved<>("max pool");

  /** A layer with these windows. */
  public MaxPool(Pooling how) {
    this.how = how;
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    ImageOps.Maxima maxima = ImageOps.maxPool(how, x);
    saved.set(training, new Pass(x.shape(), maxima));
    return maxima.y();
  }

  @Override
  public Tensor backward(Tensor dy) {
    Pass pass = saved.take();
    return ImageOps.maxPoolBackward(dy, pass.maxima, pass.x);
  }
}
