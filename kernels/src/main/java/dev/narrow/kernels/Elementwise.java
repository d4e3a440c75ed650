package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/**
 * Operations on single elements: see {@link Backend} for what all operations have in common. The
 * output may be one of the operands.
 */
public interface Elementwise {

  /** y = x where x is above 0 or NaN, else +0. */
  void relu(Tensor x, Tensor y);

  /** dx = dy where y is above 0, else +0: the gradient of y = relu(x). */
  void reluBackward(Tensor y, Tensor dy, Tensor dx);

  /** y = e to the power x: see {@link Elementary#exp}. */
  void exp(Tensor x, Tensor y);

  /** y = 2 to the power x: see {@link Elementary#exp2}. */
  void exp2(Tensor x, Tensor y);

  /** y = natural logarithm of x: see {@link Elementary#log}. */
  void log(Tensor x, Tensor y);

  /** y = hyperbolic tangent of x: see {@link Elementary#tanh}. */
  void tanh(Tensor x, Tensor y);

  /** y = error function of x: see {@link Elementary#erf}. */
  void erf(Tensor x, Tensor y);

  /** y = 1 / √x: see {@link Elementary#reciprocalSqrt}. */
  void reciprocalSqrt(Tensor x, Tensor y);

  /** y = 1 / (1 + exp(-x)): see {@link Activations#sigmoid}. */
  void sigmoid(Tensor x, Tensor y);

  /** y = Gaussian error linear unit of x: see {@link Activations#gelu}. */
  void gelu(Tensor x, Tensor y);

  /** dx = dy times {@link Activations#geluGradient} of x: the gradient of y = gelu(x). */
  void geluBackward(Tensor x, Tensor dy, Tensor dx);

  /** y = the approximation of gelu(x) by tanh: see {@link Activations#geluTanh}. */
  void geluTanh(Tensor x, Tensor y);

  /** dx = dy times {@link Activations#geluTanhGradient} of x: the gradient of y = geluTanh(x). */
  void geluTanhBackward(Tensor x, Tensor dy, Tensor dx);

  /** y = x + row in every row, for x and y [m, n] and row [n]. */
  void addRow(Tensor x, Tensor row, Tensor y);

  /** y = factor x. */
  void scale(float factor, Tensor x, Tensor y);

  /** y = factor x + y, rounded once. */
  void addScaled(float factor, Tensor x, Tensor y);
}
