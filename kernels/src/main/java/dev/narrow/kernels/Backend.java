package dev.narrow.kernels;

import dev.narrow.quant.Tensor;

/**
 * Work on tensors. A backend is asked for an operation, reads its operands and writes its last
 * argument, which exists already.
 *
 * <p>All tensors here are fp32 without scales. Where one is not, a shape does not fit, or memory
 * overlaps where it must not, {@link IllegalArgumentException} names the argument, and nothing has
 * been written. The output of an operation on single elements may be one of its operands, and
 * otherwise must not overlap them; the output of a product or a sum over rows must not overlap any.
 *
 * <p>A result that is NaN by arithmetic is the canonical NaN, 0x7fc00000.
 */
public interface Backend {

  /** The processor, with as many threads as it has cores. */
  static Backend cpu() {
    return cpu(Runtime.getRuntime().availableProcessors());
  }

  /**
   * The processor. Threads share large matrix products and change no result.
   *
   * <p>Tensors over a {@code float[]} are worked on where they are; others, such as those over
   * native memory, are copied in and out on every operation.
   *
   * @throws IllegalArgumentException if threads is below 1
   */
  static Backend cpu(int threads) {
    return new CpuBackend(threads, KernelProvider.kernels());
  }

  /** The order of sums. */
  Summation summation();

  /**
   * What computes and how, to be written beside results: {@code cpu, ORDERED, vector 512 bits, 1
   * thread}.
   */
  String describe();

  /** out = a b, for a [m, k], b [k, n] and out [m, n]. */
  void matmul(Tensor a, Tensor b, Tensor out);

  /**
   * out = a b + bias in every row, for a [m, k], b [k, n], bias [n] and out [m, n]; rounded after
   * the product.
   */
  void matmul(Tensor a, Tensor b, Tensor bias, Tensor out);

  /** out = aᵀ b, for a [k, m], b [k, n] and out [m, n]. */
  void matmulTransposedA(Tensor a, Tensor b, Tensor out);

  /** out = aᵀ b + out, for a [k, m], b [k, n] and out [m, n]; rounded after the product. */
  void addMatmulTransposedA(Tensor a, Tensor b, Tensor out);

  /** out = a bᵀ, for a [m, k], b [n, k] and out [m, n]. */
  void matmulTransposedB(Tensor a, Tensor b, Tensor out);

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

  /** The sum of all elements, as one contiguous axis. */
  float sum(Tensor x);

  /** The sum of the squares of all elements, as one contiguous axis, by fused multiply-add. */
  float sumOfSquares(Tensor x);

  /** y[j] = the sum of column j, rows ascending, for x [m, n] and y [n]: a bias's gradient. */
  void sumRows(Tensor x, Tensor y);

  /** The largest finite magnitude, and what is not finite. */
  Scan scan(Tensor x);

  /**
   * The mean over all rows of the cross entropy of their softmax, and the gradient with respect to
   * the logits.
   *
   * <p>In each row, with e = exp(x - max x) and p = e / sum e, the loss is log(sum e) - (x[label] -
   * max x), and the gradient (p - 1 at the label, else p) times (seed / rows). Sums are made in
   * sixteen lanes, that over rows too.
   *
   * @param logits x, [rows, classes], both at least 1
   * @param labels the class of each row, 0 to classes - 1
   * @param seed the factor of the gradient: 1, or the loss scale
   * @param gradient [rows, classes]; may be logits
   * @return the mean loss, without the seed
   */
  float softmaxCrossEntropy(Tensor logits, int[] labels, float seed, Tensor gradient);
}
