package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import java.util.Objects;
import java.util.Optional;

/**
 * What is done to the elements of a matrix product before they are stored, in this order:
 *
 * <pre>
 *   v = alpha × (a b)      where alpha is not 1
 *   v = v + bias           where there is one: one value for each column
 *   v = beta × out + v     by fused multiply-add, where beta is not 0: else out is not read
 *   out = activation(v)
 * </pre>
 *
 * each rounded once to float32.
 *
 * @param alpha factor of the product
 * @param beta factor of what out holds before
 * @param bias one axis as long as a row of out; any format
 * @param activation applied last
 */
public record Matmul(float alpha, float beta, Optional<Tensor> bias, Activation activation) {
  private static final Matmul PLAIN = new Matmul(1f, 0f, Optional.empty(), Activation.NONE);

  /** Checks nothing but that all components are there. */
  public Matmul {
    Objects.requireNonNull(bias, "bias");
    Objects.requireNonNull(activation, "activation");
  }

  /** The product as it is. */
  public static Matmul plain() {
    return PLAIN;
  }

  /** The same with another factor of the product. */
  public Matmul alpha(float other) {
    return new Matmul(other, beta, bias, activation);
  }

  /** The same with another factor of the old out; with 1 the product is added to it. */
  public Matmul beta(float other) {
    return new Matmul(alpha, other, bias, activation);
  }

  /** The same with a bias. */
  public Matmul bias(Tensor other) {
    return new Matmul(alpha, beta, Optional.of(other), activation);
  }

  /** The same with another activation. */
  public Matmul activation(Activation other) {
    return new Matmul(alpha, beta, bias, other);
  }
}
