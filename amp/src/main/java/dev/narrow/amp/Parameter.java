package dev.narrow.amp;

import dev.narrow.quant.Tensor;

/**
 * What an optimizer changes, and the gradient that it goes by.
 *
 * @param name what to call it in messages
 * @param value the parameter, fp32
 * @param gradient the gradient of the loss with respect to it, unscaled, fp32 of the same shape
 */
public record Parameter(String name, Tensor value, Tensor gradient) {

  /**
   * Checks the shapes.
   *
   * @throws IllegalArgumentException if they differ
   */
  public Parameter {
    if (!value.shape().equals(gradient.shape())) {
      throw new IllegalArgumentException(
          name + ": gradient has shape " + gradient.shape() + ", expected " + value.shape());
    }
  }
}
