package dev.narrow.formats;

/**
 * A posit (Standard for Posit Arithmetic, 2022): a sign, a run of equal bits whose length gives the
 * regime k, {@code exponentBits} bits e and a fraction F that stand for (1 + F) * 2^(k *
 * 2^exponentBits + e). A run of n ones means k = n - 1, one of n zeros k = -n; the run ends with a
 * bit of the other kind or with the code, and bits beyond the code's end are zero. The negative of
 * a number has the two's complement of its code, so that codes sort as integers. Code 0 is zero,
 * and the sign bit alone is NaR, which this library calls NaN.
 *
 * <p>The standard has two exponent bits at every width. Its draft of 2018, which SoftPosit
 * implements, has none in 8, one in 16 and two in 32 bits.
 *
 * <p>Rounding works on the string of bits, as the standard asks: where exponent bits are cut off,
 * the border between two neighbours is not the middle of their values. A number other than zero
 * never becomes zero or NaR: magnitudes beyond the largest or the smallest become it in every
 * rounding and saturation. Both zeros become zero, and infinities NaR or the largest number.
 *
 * @param name the name that {@link Formats#parse} understands, if it is a known one
 * @param width bits of a code, 3 to 32
 * @param exponentBits bits of the exponent field, 0 to 4
 */
public record PositFormat(String name, int width, int exponentBits) implements NumericFormat {

  /**
   * Checks the parameters.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  public PositFormat {
    if (width < 3 || width > 32) {
      throw new IllegalArgumentException("width = " + width + ", expected 3 to 32");
    }
    if (exponentBits < 0 || exponentBits > 4) {
      throw new IllegalArgumentException("exponentBits = " + exponentBits + ", expected 0 to 4");
    }
  }

  /** Nearest-even, as the standard requires; NaR for infinities. */
  @Override
  public Projection defaultProjection() {
    return new Projection(
        Rounding.NEAREST_EVEN,
        new Saturation(
            Saturation.Overflow.MAX_FINITE,
            Saturation.Infinity.KEEP,
            Saturation.Nan.NAN_OR_MAX,
            Saturation.Underflow.CLAMP,
            false,
            false));
  }

  @Override
  public float decode(int code) {
    return (float) decodeDouble(code); // exact in float64: at most 30 significant bits
  }

  @Override
  public double decodeDouble(int code) {
    long value = rank(code);
    if (value == 0) {
      return 0;
    }
    if (isNan(code)) {
      return Double.NaN;
    }
    double magnitude = Math.scalb((double) significand(code), exponent(code));
    return value < 0 ? -magnitude : magnitude;
  }

  /** The integer significand of a number other than zero: |x| = significand * 2^exponent. */
  long significand(int code) {
    int after = afterRegime(code) << exponentBits;
    return (1L << 32) | Integer.toUnsignedLong(after);
  }

  /** The exponent that belongs to {@link #significand}. */
  int exponent(int code) {
    int body = body(code);
    int regime =
        body < 0 ? Integer.numberOfLeadingZeros(~body) - 1 : -Integer.numberOfLeadingZeros(body);
    int field = exponentBits == 0 ? 0 : afterRegime(code) >>> (32 - exponentBits);
    return (regime << exponentBits) + field - 32;
  }

  /** The magnitude's bits after the sign, from the top of an int, zeros following. */
  private int body(int code) {
    return (int) Math.abs(rank(code)) << (33 - width);
  }

  private int afterRegime(int code) {
    int body = body(code);
    int run = Integer.numberOfLeadingZeros(body < 0 ? ~body : body);
    return run >= 31 ? 0 : body << (run + 1);
  }

  @Override
  public int encode(double x, Projection projection, int randomWord) {
    if (Double.isNaN(x)) {
      return signMask();
    }
    boolean negative = Double.doubleToRawLongBits(x) < 0;
    if (Double.isInfinite(x)) {
      return projection.saturation().clampsInfinity(false, false, true)
          ? withSign(largest(), negative)
          : signMask();
    }
    if (x == 0 || projection.saturation().flushesInput(x)) {
      return 0;
    }
    return round(
        negative, Binary64.significand(x), Binary64.exponent(x), false, projection, randomWord);
  }

  /**
   * The code of a finite number other than zero, with the magnitude significand * 2^(exponent - 63)
   * or, if sticky, between that and the next significand's.
   *
   * @param significand with its top bit set, unsigned
   */
  int round(
      boolean negative,
      long significand,
      int exponent,
      boolean sticky,
      Projection projection,
      int randomWord) {
    int regime = exponent >> exponentBits;
    if (regime >= width - 2) {
      return withSign(largest(), negative);
    }
    if (regime < 2 - width) {
      return withSign(1, negative);
    }
    // the infinite string of bits: the regime, then 64 bits of exponent and fraction
    long regimeBits = regime >= 0 ? (2L << (regime + 1)) - 2 : 1;
    int room = width - 1 - (regime >= 0 ? regime + 2 : 1 - regime);
    long field = exponent & ((1 << exponentBits) - 1);
    long fractionBits = significand << 1;
    long rest =
        exponentBits == 0
            ? fractionBits
            : field << (64 - exponentBits) | fractionBits >>> exponentBits;
    boolean inexact = sticky || (exponentBits > 0 && fractionBits << (64 - exponentBits) != 0);
    long floor = room == 0 ? regimeBits : regimeBits << room | rest >>> (64 - room);
    long fraction = rest << room;
    boolean up =
        Rounder.up(
            projection.rounding(), negative, (floor & 1) != 0, fraction, inexact, randomWord);
    return withSign((int) Math.min(largest(), Math.max(1, floor + (up ? 1 : 0))), negative);
  }

  @Override
  public boolean isNan(int code) {
    return rank(code) == -1L << (width - 1);
  }

  /** Always false. */
  @Override
  public boolean isInfinite(int code) {
    return false;
  }

  @Override
  public float maxFinite() {
    return decode(largest());
  }

  @Override
  public float minPositive() {
    return decode(1);
  }

  @Override
  public Limits limits() {
    double smallest = decodeDouble(1);
    double octaves = 2.0 * ((width - 2) << exponentBits);
    return Limits.of(this, decodeDouble(largest()), smallest, smallest, octaves);
  }

  /** The code as a signed integer, which counts the values upward from zero. */
  long rank(int code) {
    return (long) (code << (32 - width) >> (32 - width));
  }

  /** The code of a rank. */
  int atRank(long rank) {
    return (int) (rank & ((1L << width) - 1));
  }

  /** The rank of the greatest value. */
  long highestRank() {
    return largest();
  }

  private int withSign(int magnitude, boolean negative) {
    return atRank(negative ? -magnitude : magnitude);
  }

  private int signMask() {
    return 1 << (width - 1);
  }

  private int largest() {
    return signMask() - 1;
  }
}
