package dev.narrow.amp.nn;

import dev.narrow.amp.Ops;
import dev.narrow.quant.Tensor;

/** Dropout in training, nothing otherwise. */
public final class Dropout implements Layer {
  private final String name;
  private final float probability;

  /**
   * A layer.
   *
   * @param name by which it has random bits of its own
   * @param probability of zero
   * @throws IllegalArgumentException if it is not 0 or more and below 1
   */
  public Dropout(String name, float probability) {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException(
          "probability = " + probability + ", expected 0 or more, below 1");
    }
    this.name = name;
    this.probability = probability;
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    return training ? Ops.dropout(name, probability, x) : x;
  }

  @Override
  public Tensor backward(Tensor dy) {
    return Ops.dropout(name, probability, dy);
  }
}
