package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Normalization of rows: see {@link Backend} for what all operations have in common.
 *
 * <p>A row is an index of the outer axes, of which there may be any number; it runs along the
 * innermost axis, n elements, and its sums are made in sixteen lanes. Sums over rows start at +0
 * and take the rows in ascending order. Each operation is rounded once.
 */
public interface Normalizations {

  /**
   * Layer norm (Ba, Kiros, Hinton, arXiv:1607.06450), with the biased variance:
   *
   * <pre>
   *   mean    = sum(x) / n
   *   inverse = 1 / sqrt(sum((x - mean)²) / n + epsilon)      terms added by fused multiply-add
   *   y       = (x - mean) inverse weight + bias              the last two by fused multiply-add
   * </pre>
   *
   * @param x any shape whose innermost extent n is at least 1
   * @param weight [n]
   * @param bias [n], or null for none: y is then a product
   * @param epsilon 0 or more, finite
   * @param y of x's shape; may be x
   * @param mean of each row, for the backward pass: x's shape without the innermost axis
   * @param inverse likewise
   */
  void layerNorm(
      Tensor x,
      Tensor weight,
      @Nullable Tensor bias,
      float epsilon,
      Tensor y,
      Tensor mean,
      Tensor inverse);

  /**
   * The gradients of {@link #layerNorm}, where s = (x - mean) inverse and g = dy weight:
   *
   * <pre>
   *   dx      = (g - sum(g) / n - (sum(g s) / n) s) inverse   the last product by fused multiply-add
   *   dweight = sum of dy s over all rows                     by fused multiply-add
   *   dbias   = sum of dy over all rows
   * </pre>
   *
   * @param x as it was
   * @param weight [n]
   * @param mean as the forward pass left it
   * @param inverse likewise
   * @param dy of x's shape
   * @param dx of x's shape; may be x or dy
   * @param dweight [n]
   * @param dbias [n], or null if it is not asked for
   */
  void layerNormBackward(
      Tensor x,
      Tensor weight,
      Tensor mean,
      Tensor inverse,
      Tensor dy,
      Tensor dx,
      Tensor dweight,
      @Nullable Tensor dbias);

  /**
   * RMS norm (Zhang, Sennrich, arXiv:1910.07467): {@link #layerNorm} with 0 for the mean, and no
   * bias.
   *
   * @param x any shape whose innermost extent n is at least 1
   * @param weight [n]
   * @param epsilon 0 or more, finite
   * @param y of x's shape; may be x
   * @param inverse of each row, for the backward pass: x's shape without the innermost axis
   */
  void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverse);

  /**
   * The gradients of {@link #rmsNorm}: those of {@link #layerNormBackward} with 0 for the mean and
   * for sum(g).
   *
   * @param x as it was
   * @param weight [n]
   * @param inverse as the forward pass left it
   * @param dy of x's shape
   * @param dx of x's shape; may be x or dy
   * @param dweight [n]
   */
  void rmsNormBackward(
      Tensor x, Tensor weight, Tensor inverse, Tensor dy, Tensor dx, Tensor dweight);

  /**
   * The softmax of each row: y = e / sum(e), where e = exp(x - m) and m is the row's largest value,
   * or 0 if that is -∞. A row of nothing but -∞, one that is masked throughout, becomes +0; a row
   * with ∞ or NaN becomes NaN throughout.
   *
   * @param x any shape but that of a scalar
   * @param y of x's shape; may be x
   */
  void softmax(Tensor x, Tensor y);

  /**
   * The gradient of {@link #softmax}: dx = (dy - sum(dy y)) y, the sum by fused multiply-add.
   *
   * @param y what the forward pass returned
   * @param dy of y's shape
   * @param dx of y's shape; may be y or dy
   */
  void softmaxBackward(Tensor y, Tensor dy, Tensor dx);
}
