package dev.narrow.amp;

/**
 * Madam, a multiplicative update (Bernstein et al., arXiv 2006.14560): with v^ the corrected moving
 * average of g² (decay 0.999) and g* = g / sqrt(v^) within ±gradientBound, w = w · exp(-lr · g* ·
 * sign(w)), within ±scale · RMS(initial w). A sign never changes, and a zero never moves.
 *
 * @param scale bound of a parameter in units of its initial root mean square; 3 in the paper
 * @param gradientBound bound of the normalized gradient; 10 in the paper
 */
public record Madam(float scale, float gradientBound) implements UpdateRule {

  /**
   * Checks the constants.
   *
   * @throws IllegalArgumentException naming the one that is out of range
   */
  public Madam {
    Arguments.requirePositive("scale", scale);
    Arguments.requirePositive("gradientBound", gradientBound);
  }

  /** The paper's constants. */
  public Madam() {
    this(3, 10);
  }

  @Override
  public float defaultLearningRate() {
    return 0.01f;
  }
}
