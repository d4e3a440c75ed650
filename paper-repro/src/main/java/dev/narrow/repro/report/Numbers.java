package dev.narrow.repro.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/**
 * Figures as people write them: a true minus sign, no negative zero, and a dash where there is no
 * number. Locales play no part.
 */
public final class Numbers {
  /** Stands for a figure that does not exist. */
  public static final String NONE = "–";

  private Numbers() {}

  /**
   * With so many decimals, halves away from zero: {@code 97.81}, {@code −0.31}.
   *
   * @param value the figure; a dash stands for one that is not finite
   * @param decimals how many decimals, 0 or more
   * @return the text
   */
  public static String fixed(double value, int decimals) {
    return Double.isFinite(value) ? fixed(new BigDecimal(value), decimals) : NONE;
  }

  /**
   * The same with a sign where it is not zero: {@code +0.12}, {@code −0.31}, {@code 0.00}.
   *
   * @param value the figure; a dash stands for one that is not finite
   * @param decimals how many decimals, 0 or more
   * @return the text
   */
  public static String signed(double value, int decimals) {
    String text = fixed(value, decimals);
    boolean zero = text.chars().noneMatch(c -> c >= '1' && c <= '9');
    return zero || value < 0 ? text : "+" + text;
  }

  /**
   * Mean and spread: {@code 97.81 ± 0.12}, or the mean alone where the spread is NaN.
   *
   * @param mean the figure before the sign
   * @param spread the figure after the sign, or NaN
   * @param decimals how many decimals, 0 or more
   * @return the text
   */
  public static String plusMinus(double mean, double spread, int decimals) {
    return Double.isFinite(mean) && Double.isFinite(spread)
        ? fixed(mean, decimals) + " ± " + fixed(spread, decimals)
        : fixed(mean, decimals);
  }

  /**
   * A difference and its bounds: {@code −0.31 [−0.55, −0.07]}.
   *
   * @param interval the difference; its bounds are left out where they are NaN
   * @param decimals how many decimals, 0 or more
   * @return the text
   */
  public static String difference(Interval interval, int decimals) {
    return withBounds(
        signed(interval.estimate(), decimals),
        signed(interval.low(), decimals),
        signed(interval.high(), decimals));
  }

  /** An estimate and its bounds: {@code 97.81 [97.60, 98.02]}. */
  static String interval(Interval interval, int decimals) {
    return withBounds(
        fixed(interval.estimate(), decimals),
        fixed(interval.low(), decimals),
        fixed(interval.high(), decimals));
  }

  private static String withBounds(String estimate, String low, String high) {
    return low.equals(NONE) || high.equals(NONE)
        ? estimate
        : estimate + " [" + low + ", " + high + "]";
  }

  static String fixed(BigDecimal value, int decimals) {
    BigDecimal rounded = value.setScale(decimals, RoundingMode.HALF_UP);
    return minus(rounded.toPlainString());
  }

  /** All its digits and a power of ten: {@code 2×10⁻⁵}. */
  static String scientific(BigDecimal value) {
    BigDecimal digits = value.stripTrailingZeros();
    if (digits.signum() == 0) {
      return "0";
    }
    int exponent = digits.precision() - digits.scale() - 1;
    String mantissa = digits.abs().scaleByPowerOfTen(-exponent).toPlainString();
    String factor = mantissa.equals("1") ? "" : mantissa + "×";
    return (digits.signum() < 0 ? "−" : "") + factor + "10" + superscript(exponent);
  }

  /**
   * With three significant digits or so, for prose: {@code 0.0931}, {@code 97.8}, {@code 3.2×10⁸}.
   */
  static String brief(double value) {
    if (!Double.isFinite(value)) {
      return NONE;
    }
    BigDecimal rounded = new BigDecimal(value).round(new MathContext(3, RoundingMode.HALF_UP));
    double magnitude = Math.abs(value);
    return value == 0 || (magnitude >= 1e-3 && magnitude < 1e5)
        ? minus(rounded.stripTrailingZeros().toPlainString())
        : scientific(rounded);
  }

  private static String superscript(int exponent) {
    StringBuilder out = new StringBuilder();
    for (char c : Integer.toString(exponent).toCharArray()) {
      out.append(c == '-' ? '⁻' : "⁰¹²³⁴⁵⁶⁷⁸⁹".charAt(c - '0'));
    }
    return out.toString();
  }

  private static String minus(String text) {
    return text.replace('-', '−');
  }
}
