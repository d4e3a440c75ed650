package dev.narrow.amp.nn;

import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;

/** Each sample in another shape: [n, ...] to [n, dims...]. */
public final class Reshape implements Layer {
  private final int[] dims;
  private final Saved<Shape> saved = new Saved<>("reshape");

  /** To these extents of a sample. */
  public Reshape(int... dims) {
    this.dims = dims.clone();
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    saved.set(training, x.shape());
    int[] all = new int[dims.length + 1];
    all[0] = x.shape().dim(0);
    System.arraycopy(dims, 0, all, 1, dims.length);
    return x.reshape(all);
  }

  @Override
  public Tensor backward(Tensor dy) {
    return dy.reshape(saved.take().dims());
  }
}
