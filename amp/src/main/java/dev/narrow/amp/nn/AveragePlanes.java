package dev.narrow.amp.nn;

import dev.narrow.amp.ImageOps;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;

/** The average of each plane: [n, c, h, w] to [n, c]. */
public final class AveragePlanes implements Layer {
  private final Saved<Shape> saved = new Saved<>("average planes");

  /** A layer. */
  public AveragePlanes() {}

  @Override
  public Tensor forward(Tensor x, boolean training) {
    saved.set(training, x.shape());
    return ImageOps.averagePlanes(x);
  }

  @Override
  public Tensor backward(Tensor dy) {
    return ImageOps.averagePlanesBackward(dy, saved.take());
  }
}
