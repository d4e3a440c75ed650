package dev.narrow.amp.nn;

import dev.narrow.amp.Autocast;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.SequenceOps;
import dev.narrow.kernels.Indices;
import dev.narrow.quant.Tensor;
import java.util.Arrays;
import java.util.List;

/** Learned vectors of tokens plus those of their positions: [n, length] to [n, length, width]. */
public final class Embedding implements Layer {
  private final String name;
  private final Parameter tokens;
  private final Parameter positions;
  private final Saved<Tensor> saved;

  /**
   * A layer with the parameters {@code name.token} [vocabulary, width] and {@code name.position}
   * [context, width], from N(0, 0.02²) and N(0, 0.01²).
   *
   * @param vocabulary how many tokens there are
   * @param context the longest sequence
   */
  public Embedding(String name, int vocabulary, int context, int width, Initializer initializer) {
    Extents.require("vocabulary of " + name, vocabulary);
    Extents.require("context of " + name, context);
    Extents.require("width of " + name, width);
    this.name = name;
    tokens = initializer.normal(name + ".token", 0.02, vocabulary, width);
    positions = initializer.normal(name + ".position", 0.01, context, width);
    saved = new Saved<>(name);
  }

  /**
   * The vectors.
   *
   * @param x [n, length], the numbers of tokens: {@link Indices}; or fp32, which has them exactly,
   *     and is read on the host
   */
  @Override
  public Tensor forward(Tensor x, boolean training) {
    if (x.shape().rank() != 2 || x.shape().dim(1) > positions.value().shape().dim(0)) {
      throw new IllegalArgumentException(
          "x of "
              + name
              + " has shape "
              + x.shape()
              + ", expected [n, up to "
              + positions.value().shape().dim(0)
              + "]");
    }
    Tensor indices = x.format().equals(Indices.FORMAT) ? x : Autocast.place(numbers(x));
    saved.set(training, indices);
    return SequenceOps.addPositions(
        SequenceOps.embedding(tokens.value(), indices), positions.value());
  }

  private static Tensor numbers(Tensor x) {
    float[] values = x.toFloats();
    int[] numbers = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      numbers[i] = (int) values[i];
    }
    return Indices.of(numbers, x.shape().dims());
  }

  @Override
  public Tensor backward(Tensor dy) {
    backwardFirst(dy);
    int[] dims = dy.shape().dims();
    return Tensor.zeros(Arrays.copyOf(dims, dims.length - 1)); // tokens have no gradient
  }

  @Override
  public void backwardFirst(Tensor dy) {
    SequenceOps.embeddingBackward(saved.take(), dy, tokens.gradient());
    SequenceOps.addPositionsBackward(dy, positions.gradient());
  }

  @Override
  public List<Parameter> parameters() {
    return List.of(tokens, positions);
  }
}
