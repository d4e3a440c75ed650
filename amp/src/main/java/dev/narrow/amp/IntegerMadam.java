package dev.narrow.amp;

/**
 * B-bit Madam (Bernstein et al., arXiv 2006.14560, section on integer exponents): a parameter is
 * its sign and an integer k of B bits, w = sign · M · exp(-precision · k) with M = scale ·
 * RMS(initial w), so that k is all that is kept. With g* as in {@link Madam}, k = k + round(lr /
 * precision · g*) · sign(w), half to even, within 0 and 2^B - 1.
 *
 * <p>Of the initial values only the signs stay (an element that starts at zero keeps the sign of
 * its zero): magnitudes start log-uniform, k from 0 to 2^B - 2, drawn from the optimizer's seed.
 *
 * @param bits B, 1 to 16, the sign not counted
 * @param precision by how much neighbours differ, in nats; with B bits magnitudes span a factor of
 *     exp(precision · (2^B - 1))
 * @param scale bound of a parameter in units of its initial root mean square; 3 in the paper
 * @param gradientBound bound of the normalized gradient; 10 in the paper
 */
public record IntegerMadam(int bits, float precision, float scale, float gradientBound)
    implements UpdateRule {

  /**
   * Checks the constants.
   *
   * @throws IllegalArgumentException naming the one that is out of range
   */
  public IntegerMadam {
    Arguments.require(bits >= 1 && bits <= Short.SIZE, "bits", bits, "1 to 16");
    Arguments.requirePositive("precision", precision);
    Arguments.requirePositive("scale", scale);
    Arguments.requirePositive("gradientBound", gradientBound);
  }

  /** The paper's constants. */
  public IntegerMadam(int bits, float precision) {
    this(bits, precision, 3, 10);
  }

  /** With 12 bits 0.001 nats apart, as the authors train on CIFAR-10. */
  public IntegerMadam() {
    this(12, 1e-3f);
  }

  @Override
  public float defaultLearningRate() {
    return 0.01f;
  }
}
