package dev.narrow.formats;

/**
 * The ends of a format's range and its density near 1, rounded to float64: infinity or zero where
 * they lie beyond it.
 *
 * @param maxFinite the largest finite value
 * @param minNormal the smallest positive value of full precision
 * @param minPositive the smallest positive value, subnormal where there are such
 * @param epsilon the distance from 1 to the next larger value; NaN if 1 is not a value or the
 *     largest one
 * @param octaves log2 of the ratio of the largest finite to the smallest positive value
 */
public record Limits(
    double maxFinite, double minNormal, double minPositive, double epsilon, double octaves) {

  static Limits of(
      NumericFormat format,
      double maxFinite,
      double minNormal,
      double minPositive,
      double octaves) {
    int one = format.encode(1.0, format.defaultProjection());
    double epsilon =
        format.decodeDouble(one) == 1 ? format.decodeDouble(format.nextUp(one)) - 1 : 0;
    boolean known = epsilon > 0 && Double.isFinite(epsilon);
    return new Limits(maxFinite, minNormal, minPositive, known ? epsilon : Double.NaN, octaves);
  }

  /**
   * The dynamic range as a level: 20 log10 of the ratio of the largest finite to the smallest
   * positive value.
   *
   * @return decibels
   */
  public double decibels() {
    return 20 * Math.log10(2) * octaves;
  }
}
