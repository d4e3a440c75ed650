package dev.narrow.amp.nn;

import dev.narrow.amp.Ops;
import dev.narrow.quant.Tensor;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;

/** A function of single elements. */
public final class Pointwise implements Layer {
  private final UnaryOperator<Tensor> function;
  private final BinaryOperator<Tensor> gradient;
  private final boolean ofResult;
  private final Saved<Tensor> saved;

  private Pointwise(
      String name,
      UnaryOperator<Tensor> function,
      BinaryOperator<Tensor> gradient,
      boolean ofResult) {
    this.function = function;
    this.gradient = gradient;
    this.ofResult = ofResult;
    this.saved = new Saved<>(name);
  }

  /** max(x, 0). */
  public static Pointwise relu() {
    return new Pointwise("relu", Ops::relu, Ops::reluBackward, true);
  }

  /** The Gaussian error linear unit. */
  public static Pointwise gelu() {
    return new Pointwise("gelu", Ops::gelu, Ops::geluBackward, false);
  }

  @Override
  public Tensor forward(Tensor x, boolean training) {
    Tensor y = function.apply(x);
    saved.set(training, ofResult ? y : x);
    return y;
  }

  @Override
  public Tensor backward(Tensor dy) {
    return gradient.apply(saved.take(), dy);
  }
}
