package dev.narrow.amp;

/**
 * {@link Madam} for logarithmic numbers (Zhao et al., arXiv 2106.13914, as its authors publish the
 * optimizer): with base 2, and with g* rounded to an integer (half to even), so that w = w · 2^(-lr
 * · g* · sign(w)) moves the logarithm of a weight by a multiple of lr: exactly along the grid of a
 * logarithmic format of base factor gamma if lr · gamma is an integer.
 *
 * @param scale bound of a parameter in units of its initial root mean square; 3 in the paper
 * @param gradientBound bound of the normalized gradient; 10 in the paper
 */
public record LnsMadam(float scale, float gradientBound) implements UpdateRule {

  /**
   * Checks the constants.
   *
   * @throws IllegalArgumentException naming the one that is out of range
   */
  public LnsMadam {
    Arguments.requirePositive("scale", scale);
    Arguments.requirePositive("gradientBound", gradientBound);
  }

  /** The paper's constants. */
  public LnsMadam() {
    this(3, 10);
  }

  @Override
  public float defaultLearningRate() {
    return 0x1p-7f;
  }
}
