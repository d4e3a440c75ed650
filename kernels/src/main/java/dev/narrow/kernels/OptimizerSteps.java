package dev.narrow.kernels;

import dev.narrow.quant.Tensor;
import java.util.List;

/**
 * Steps of optimizers, element by element, in place: see {@link Backend} for what all operations
 * have in common. All tensors of a step have the parameter's shape and memory of their own. What
 * the rule keeps between steps starts at zero where nothing else is said.
 *
 * <p>Products that are added are fused; what depends on the number of the step alone is calculated
 * in float64 and rounded. With beta = 0.999, which the papers fix, the three forms of Madam keep r
 * = √v, v = beta v + (1 - beta) g², formed in float64: the square of a float32 gradient has more
 * range than a float32. Their normalized gradient is g* = g / √(v / (1 - beta<sup>step</sup>)) in
 * float64 within ±gradientBound, rounded to float32, and 0 where g is 0.
 */
public interface OptimizerSteps {
  /** Decay of the second moment of Madam in all its forms, fixed in the papers. */
  double MADAM_BETA = 0.999;

  /**
   * 1 - beta<sup>step</sup>, by which a moving average that started at zero is divided.
   *
   * @throws IllegalArgumentException if step is below 1
   */
  static float correction(double beta, long step) {
    if (step < 1) {
      throw new IllegalArgumentException("step = " + step + ", expected 1 or more");
    }
    return (float) (1 - StrictMath.pow(beta, (double) step));
  }

  /**
   * Takes a factor out of a gradient and looks for what is not finite afterwards, in one pass.
   *
   * @param factor what each element is multiplied by
   * @param gradient any shape; g = factor g
   * @return the row-major index of the first element that is then infinite or NaN, or -1
   */
  int unscale(float factor, Tensor gradient);

  /**
   * The same for many gradients at once, which share no memory: on a device one launch does it.
   *
   * @param factor what each element is multiplied by
   * @param gradients of any shapes
   * @param first receives the index for each gradient, or -1; as long as the list
   */
  void unscale(float factor, List<Tensor> gradients, int[] first);

  /**
   * Stochastic gradient descent, as torch.optim.SGD without dampening: d = g + weightDecay w; v =
   * momentum v + d; w = w - learningRate v, or with Nesterov's momentum w = w - learningRate (d +
   * momentum v).
   *
   * @param learningRate of this step
   * @param momentum 0 for none
   * @param weightDecay 0 for none
   * @param nesterov whether to look ahead
   * @param gradient g
   * @param velocity v
   * @param parameter w
   */
  void sgd(
      float learningRate,
      float momentum,
      float weightDecay,
      boolean nesterov,
      Tensor gradient,
      Tensor velocity,
      Tensor parameter);

  /**
   * Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101), as
   * torch.optim.AdamW: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²; w = (1 -
   * learningRate weightDecay) w - learningRate m^ / (√v^ + epsilon), with m^ = m / (1 -
   * beta1<sup>step</sup>) and v^ = v / (1 - beta2<sup>step</sup>).
   *
   * @param learningRate of this step
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param epsilon added to the root
   * @param weightDecay 0 for none
   * @param step number of this step, the first being 1
   * @param gradient g
   * @param first m
   * @param second v
   * @param parameter w
   * @throws IllegalArgumentException if step is below 1
   */
  void adamW(
      float learningRate,
      float beta1,
      float beta2,
      float epsilon,
      float weightDecay,
      long step,
      Tensor gradient,
      Tensor first,
      Tensor second,
      Tensor parameter);

  /**
   * Madam (Bernstein et al., arXiv 2006.14560): w = w exp(-learningRate g* sign(w)), within ±bound.
   *
   * @param learningRate of this step
   * @param gradientBound of g*
   * @param bound of the parameter
   * @param step number of this step, the first being 1
   * @param gradient g
   * @param root r
   * @param parameter w
   * @throws IllegalArgumentException if step is below 1
   */
  void madam(
      float learningRate,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor parameter);

  /**
   * Madam for logarithmic numbers (Zhao et al., arXiv 2106.13914): g* is rounded to an integer,
   * half to even, and w = w 2<sup>-learningRate g* sign(w)</sup>, within ±bound. Arguments as for
   * {@link #madam}.
   *
   * @param learningRate of this step
   * @param gradientBound of g*
   * @param bound of the parameter
   * @param step number of this step, the first being 1
   * @param gradient g
   * @param root r
   * @param parameter w
   * @throws IllegalArgumentException if step is below 1
   */
  void lnsMadam(
      float learningRate,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor parameter);

  /**
   * Madam in B bits (arXiv 2006.14560, section on integer exponents): the magnitude of a parameter
   * is bound exp(-precision k) with an integer k of B bits, its sign is its own. k = k +
   * round(factor g*) sign(w), half to even, within 0 and levels - 1.
   *
   * @param factor steps of k for a normalized gradient of 1
   * @param precision by how much neighbours differ, in nats
   * @param levels 2<sup>B</sup>, 2 to 2<sup>24</sup>
   * @param gradientBound of g*
   * @param bound the largest magnitude of the parameter
   * @param step number of this step, the first being 1
   * @param gradient g
   * @param root r
   * @param exponent k, an integer in each element
   * @param parameter w; its magnitude is not read
   * @throws IllegalArgumentException if step is below 1 or levels out of range
   */
  void integerMadam(
      float factor,
      float precision,
      int levels,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor exponent,
      Tensor parameter);
}
