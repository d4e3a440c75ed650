package dev.narrow.formats;

/**
 * Addition in a logarithmic format as approximate hardware does it: both operands are converted to
 * linear numbers by a small table, these are added exactly, and the sum is rounded once.
 *
 * <p>The conversion is the hybrid one of Zhao et al. (LNS-Madam, IEEE Trans. Computers 71(12),
 * 2022). In 2^(k / gamma) the whole part of the exponent is a shift, the high bits of its fraction
 * choose one of {@code entries} powers 2^(i / entries), which are exact here, and 2^f of the rest f
 * is taken as 1 + f (Mitchell, IRE Trans. Electronic Computers EC-11(4), 1962). What it yields is
 * too large by a factor from 1 to 1 + {@link #largestError}, so that
 *
 * <ul>
 *   <li>a sum of numbers of one sign is too large by such a factor before it is rounded;
 *   <li>a difference is off by at most {@link #largestError} times the larger magnitude, which may
 *       be more than the difference itself.
 * </ul>
 *
 * <p>With gamma = 8, the largest error is 6.07 % with one entry (Mitchell's method alone), 6.03 %
 * with two, 3.16 % with four and none with eight. A sum with zero is not approximated.
 */
public final class LogAdder {
  private final LogFormat format;
  private final int entries;
  private final int gammaBits;
  private final Projector result;

  private LogAdder(LogFormat format, int entries, Projector result) {
    this.format = format;
    this.entries = entries;
    this.result = result;
    gammaBits = Integer.numberOfTrailingZeros(format.gamma());
  }

  /**
   * An adder with a table.
   *
   * @param format of operands and results
   * @param entries of the table: a power of two from 1 to gamma, with which the sum is correctly
   *     rounded
   * @param projection rounding and saturation of the results, not stochastic
   * @return the adder
   * @throws IllegalArgumentException if {@code entries} is not such a number, or the rounding is
   *     stochastic
   */
  public static LogAdder of(LogFormat format, int entries, Projection projection) {
    if (entries < 1 || entries > format.gamma() || Integer.bitCount(entries) != 1) {
      throw new IllegalArgumentException(
          "entries = " + entries + ", expected a power of two from 1 to " + format.gamma());
    }
    if (projection.rounding().isStochastic()) {
      throw new IllegalArgumentException(
          "rounding = " + projection.rounding() + ", expected one that is not stochastic");
    }
    return new LogAdder(format, entries, new Projector(format, projection, 0));
  }

  /**
   * The sum.
   *
   * @param a a code
   * @param b another
   * @return the code of a + b, nearly
   */
  public int add(int a, int b) {
    if (format.isNan(a) || format.isNan(b)) {
      return result.nan();
    }
    if (format.isZero(a) || format.isZero(b)) {
      Operand other = Operand.of(format, format.isZero(a) ? b : a, false);
      return other.isZero()
          ? result.zero(false)
          : result.round(other.negative(), other.exponent(), gammaBits);
    }
    PowerSum sum = new PowerSum(gammaBits);
    addTo(sum, a);
    addTo(sum, b);
    Real value = sum.value();
    return value == null ? result.zero(false) : result.round(value);
  }

  private void addTo(PowerSum sum, int code) {
    int steps = format.steps(code);
    int rest = steps & (format.gamma() / entries - 1);
    Dyadic factor = Dyadic.of((long) format.gamma() + rest, -gammaBits); // 1 + rest / gamma
    sum.add(format.isNegative(code) ? factor.negated() : factor, (long) steps - rest);
  }

  /**
   * The largest relative error of the conversion, which is never negative: that of the largest (1 +
   * f) / 2^f - 1.
   *
   * @return 0 to 0.0615, correctly rounded but for a few units of the last place
   */
  public double largestError() {
    double largest = 0;
    for (int rest = 0; rest < format.gamma() / entries; rest++) {
      double f = (double) rest / format.gamma();
      largest = Math.max(largest, (1 + f) / Math.pow(2, f) - 1);
    }
    return largest;
  }
}
