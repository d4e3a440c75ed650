package dev.narrow.formats;

import java.math.BigInteger;

/**
 * A floating-point format as a row of parameters: sign, exponent and significand fields in the
 * order of IEEE 754, and from the top of each sign's codes downward {@code highNans} NaNs, an
 * infinity if there is one, and the largest finite number.
 *
 * <p>With F the fraction field of {@code precision - 1} bits and E the exponent field above it, a
 * code stands for (1 + F / 2^(precision - 1)) * 2^(E - bias); where there are subnormals, codes
 * with E = 0 stand for F / 2^(precision - 1) * 2^(1 - bias) instead, and without subnormals the
 * code with E = F = 0 is zero if the format has one. In a signed format with a zero but without
 * negative zero the code of -0 is NaN.
 *
 * <p>A zero becomes the zero of its sign, +0 where there is no other. Without a zero it becomes
 * NaN, as in ml_dtypes, and without NaN the smallest number. Negative numbers become NaN in
 * unsigned formats, without NaN the smallest number.
 *
 * <p>A NaN keeps its sign and becomes the canonical quiet NaN: the significand's top bit if that is
 * a NaN here, else all ones. The interchange formats binary16 and binary32 also keep as many high
 * bits of its payload as there is room for and set the quiet bit, as IEEE 754 (6.2.3) recommends
 * and as {@link Float#floatToFloat16} does where the hardware converts. A decoded NaN is quiet, has
 * its code's sign, and a payload in those two formats only.
 *
 * @param name the name that {@link Formats#parse} understands, if it is a known one
 * @param width bits of a code, 2 to 32
 * @param precision bits of the significand, the hidden one included, 1 to 24
 * @param bias what is subtracted from the exponent field
 * @param signed whether there is a sign bit
 * @param infinities whether there are infinities
 * @param negativeZero whether there is a negative zero
 * @param highNans how many of each sign's codes, from the top, are NaN
 * @param subnormals whether exponent field 0 has no hidden bit
 * @param zero whether there is a zero
 */
public record FloatFormat(
    String name,
    int width,
    int precision,
    int bias,
    boolean signed,
    boolean infinities,
    boolean negativeZero,
    int highNans,
    boolean subnormals,
    boolean zero)
    implements NumericFormat {

  private static final int MAX_EXPONENT_BITS = 16;
  private static final int MAX_BIAS = 1 << 17;

  /**
   * Checks the parameters.
   *
   * @throws IllegalArgumentException if no format has them
   */
  public FloatFormat {
    require("width", width, 2, signed ? 32 : 31);
    int magnitudeBits = width - (signed ? 1 : 0);
    require(
        "precision",
        precision,
        Math.max(1, magnitudeBits + 1 - MAX_EXPONENT_BITS),
        Math.min(24, magnitudeBits));
    long magnitudes = 1L << magnitudeBits;
    require("highNans", highNans, 0, magnitudes - 2 - (infinities ? 1 : 0));
    require("bias", bias, -MAX_BIAS, MAX_BIAS);
    if (!zero && (subnormals || negativeZero)) {
      throw new IllegalArgumentException(
          "zero = false, expected true where there are subnormals or a negative zero");
    }
    if (!signed && negativeZero) {
      throw new IllegalArgumentException(
          "negativeZero = true, expected false in an unsigned format");
    }
  }

  private static void require(String what, int value, long low, long high) {
    if (value < low || value > high) {
      throw new IllegalArgumentException(
          what + " = " + value + ", expected " + low + " to " + high);
    }
  }

  /**
   * Nearest-even, but nearest-away for powers of two without zero (E8M0); binary16 and binary32
   * saturate as IEEE 754 has it, the others as in ml_dtypes.
   */
  @Override
  public Projection defaultProjection() {
    boolean scale = !signed && !zero && precision == 1;
    return new Projection(
        scale ? Rounding.NEAREST_AWAY : Rounding.NEAREST_EVEN,
        isInterchange() ? Saturation.IEEE : Saturation.ML_DTYPES);
  }

  @Override
  public float decode(int code) {
    if (isNan(code)) {
      int payload = isInterchange() ? (code & fractionMask()) << (24 - precision) : 0;
      return Float.intBitsToFloat((isNegative(code) ? 0x8000_0000 : 0) | 0x7FC0_0000 | payload);
    }
    return (float) decodeDouble(code); // exact
  }

  @Override
  public double decodeDouble(int code) {
    if (isNan(code)) {
      long payload = isInterchange() ? (long) (code & fractionMask()) << (53 - precision) : 0;
      return Double.longBitsToDouble(
          (isNegative(code) ? Long.MIN_VALUE : 0) | 0x7FF8_0000_0000_0000L | payload);
    }
    double magnitude =
        isInfinite(code) ? Double.POSITIVE_INFINITY : magnitude(code & magnitudeMask());
    return isNegative(code) ? -magnitude : magnitude;
  }

  private double magnitude(int code) {
    return Math.scalb((double) significand(code), exponent(code));
  }

  @Override
  public int encode(float x, Projection projection) {
    return Float.isNaN(x) && !projection.rounding().isStochastic()
        ? nan(Float.floatToRawIntBits(x), projection.saturation()) // a cast might lose the payload
        : NumericFormat.super.encode(x, projection);
  }

  @Override
  public int encode(double x, Projection projection, int randomWord) {
    long bits = Double.doubleToRawLongBits(x);
    boolean negative = bits < 0;
    Saturation saturation = projection.saturation();
    if (Double.isNaN(x)) {
      int payload = (int) (bits >>> 29) & 0x7F_FFFF;
      return nan((negative ? 0xFFC0_0000 : 0x7FC0_0000) | payload, saturation);
    }
    if (Double.isInfinite(x)) {
      if (negative && !signed) {
        return nanOrSmallest();
      }
      return saturation.clampsInfinity(infinities, isFnuz(), negativeZero)
          ? largest(negative)
          : special(negative);
    }
    if (x == 0 || saturation.flushesInput(x)) {
      return zero ? withSign(0, negative) : nanOrSmallest();
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
    if (negative && !signed) {
      return nanOrSmallest();
    }

    // floor is the magnitude code of the neighbour nearer to zero, codes going on beyond the
    // largest
    int fractionBits = precision - 1;
    int lowestExponent = subnormals ? 1 - bias : -bias;
    long floor;
    long fraction;
    boolean inexact;
    if (!subnormals && isBelowSmallest(significand, exponent)) {
      if (!zero) {
        return withSign(0, negative);
      }
      // the one gap whose width need not be a power of two: fraction = |x| / smallest
      floor = 0;
      long smallest = fractionBits == 0 ? 2 : (1L << fractionBits) + 1; // times 2^(1 - p - bias)
      int shift = Math.max(-256, exponent + bias + fractionBits + 1);
      BigInteger[] quotient =
          new BigInteger(Long.toUnsignedString(significand))
              .shiftLeft(Math.max(0, shift))
              .divideAndRemainder(BigInteger.valueOf(smallest).shiftLeft(Math.max(0, -shift)));
      fraction = quotient[0].longValue();
      inexact = sticky || quotient[1].signum() != 0;
    } else {
      // the significand's low bits are the fraction: more of them below the lowest normal exponent
      long drop = 63L - fractionBits + Math.max(0, lowestExponent - exponent);
      floor = drop < 64 ? significand >>> drop : 0;
      fraction = Rounder.fraction(significand, drop);
      inexact = sticky || Rounder.loses(significand, drop);
      if (exponent >= lowestExponent) {
        floor += ((long) exponent + bias - 1) << fractionBits;
      }
    }
    Rounding rounding = projection.rounding();
    boolean up = Rounder.up(rounding, negative, (floor & 1) != 0, fraction, inexact, randomWord);
    long rounded = floor + (up ? 1 : 0);

    Saturation saturation = projection.saturation();
    if (rounded > largestMagnitude()) {
      return saturation.clampsOverflow(rounding.mode(), negative, infinities, negativeZero)
          ? largest(negative)
          : special(negative);
    }
    if (rounded == 0
        && zero
        && !subnormals
        && saturation.underflow() == Saturation.Underflow.CLAMP) {
      return withSign(1, negative);
    }
    boolean flush = subnormals && saturation.flushResults() && rounded >>> fractionBits == 0;
    return withSign(flush ? 0 : (int) rounded, negative);
  }

  /** Whether a magnitude is below the smallest, in a format without subnormals. */
  private boolean isBelowSmallest(long significand, int exponent) {
    int code = zero ? 1 : 0;
    int smallestExponent = (code >>> (precision - 1)) - bias;
    long smallest = (1L << 63) | ((long) (code & fractionMask()) << (64 - precision));
    return exponent < smallestExponent
        || (exponent == smallestExponent && Long.compareUnsigned(significand, smallest) < 0);
  }

  /** The code of a NaN given as the bits of a float32 NaN. */
  private int nan(int floatBits, Saturation saturation) {
    boolean negative = floatBits < 0;
    if (isInterchange()) {
      int payload = (floatBits & 0x7F_FFFF) >>> (24 - precision);
      int quiet = 1 << (precision - 2);
      return (negative ? signMask() : 0) | (magnitudeMask() & ~fractionMask()) | quiet | payload;
    }
    if (hasNan()) {
      return canonicalNan(negative);
    }
    if (saturation.nan() == Saturation.Nan.NAN_OR_MAX) {
      return largest(false);
    }
    return zero && !negativeZero ? 0 : signMask();
  }

  private int canonicalNan(boolean negative) {
    if (hasNanForNegativeZero()) {
      return signMask();
    }
    int quiet = (magnitudeMask() & ~fractionMask()) | (precision > 1 ? 1 << (precision - 2) : 0);
    int code = quiet > largestMagnitude() + (infinities ? 1 : 0) ? quiet : magnitudeMask();
    return (negative ? signMask() : 0) | code;
  }

  private int special(boolean negative) {
    if (infinities) {
      return (negative ? signMask() : 0) | (largestMagnitude() + 1);
    }
    return hasNan() ? canonicalNan(negative) : largest(negative);
  }

  private int nanOrSmallest() {
    return hasNan() ? canonicalNan(false) : 0;
  }

  private int largest(boolean negative) {
    return (negative ? signMask() : 0) | largestMagnitude();
  }

  private int withSign(int magnitude, boolean negative) {
    return negative && (magnitude != 0 || negativeZero || !zero)
        ? signMask() | magnitude
        : magnitude;
  }

  @Override
  public boolean isNan(int code) {
    int magnitude = code & magnitudeMask();
    return magnitude > largestMagnitude() + (infinities ? 1 : 0)
        || (magnitude == 0 && hasNanForNegativeZero() && isNegative(code));
  }

  @Override
  public boolean isInfinite(int code) {
    return infinities && (code & magnitudeMask()) == largestMagnitude() + 1;
  }

  @Override
  public float maxFinite() {
    return (float) magnitude(largestMagnitude());
  }

  @Override
  public float minPositive() {
    return (float) magnitude(zero ? 1 : 0);
  }

  /**
   * Whether there is a NaN.
   *
   * @return whether a code stands for NaN
   */
  public boolean hasNan() {
    return highNans > 0 || hasNanForNegativeZero();
  }

  @Override
  public Limits limits() {
    int firstNormal = subnormals ? 1 << (precision - 1) : zero ? 1 : 0;
    double octaves = log2(largestMagnitude()) - log2(zero ? 1 : 0);
    return Limits.of(
        this,
        magnitude(largestMagnitude()),
        magnitude(Math.min(firstNormal, largestMagnitude())),
        magnitude(zero ? 1 : 0),
        octaves);
  }

  private double log2(int code) {
    int shift = Math.max(0, (code >>> (precision - 1)) - 1); // binades above the lowest normal one
    int inLowest = code - (shift << (precision - 1));
    return Math.log((double) significand(inLowest)) / Math.log(2) + exponent(inLowest) + shift;
  }

  /** The integer significand of a finite code: its magnitude is significand * 2^exponent. */
  long significand(int code) {
    int magnitude = code & magnitudeMask();
    boolean hidden = subnormals ? magnitude >>> (precision - 1) != 0 : magnitude != 0 || !zero;
    return (magnitude & fractionMask()) | (hidden ? 1L << (precision - 1) : 0);
  }

  /** The exponent that belongs to {@link #significand}. */
  int exponent(int code) {
    int field = (code & magnitudeMask()) >>> (precision - 1);
    return (subnormals && field == 0 ? 1 : field) - bias - (precision - 1);
  }

  /** An integer that counts the values upward from zero, or from the smallest positive one. */
  long rank(int code) {
    long magnitude = code & magnitudeMask();
    return !isNegative(code) ? magnitude : zero ? -magnitude : -1 - magnitude;
  }

  /** The code of a rank; where there are two zeros, that of the sign asked for. */
  int atRank(long rank, boolean negativeIfZero) {
    if (rank == 0 && zero) {
      return negativeIfZero && negativeZero ? signMask() : 0;
    }
    return rank >= 0 ? (int) rank : signMask() | (int) (zero ? -rank : -1 - rank);
  }

  /** The rank of the greatest value, infinity included. */
  long highestRank() {
    return (long) largestMagnitude() + (infinities ? 1 : 0);
  }

  /** The rank of the least value. */
  long lowestRank() {
    return !signed ? 0 : zero ? -highestRank() : -1 - highestRank();
  }

  private boolean isFnuz() {
    return hasNanForNegativeZero() && !infinities;
  }

  private boolean hasNanForNegativeZero() {
    return signed && zero && !negativeZero;
  }

  /** Whether this is binary16 or binary32 of IEEE 754, whatever its name. */
  boolean isInterchange() {
    return signed
        && infinities
        && negativeZero
        && subnormals
        && highNans == fractionMask()
        && ((width == 16 && precision == 11 && bias == 15)
            || (width == 32 && precision == 24 && bias == 127));
  }

  boolean isNegative(int code) {
    return (code & signMask()) != 0;
  }

  private int signMask() {
    return signed ? 1 << (width - 1) : 0;
  }

  private int magnitudeMask() {
    return (int) ((1L << (width - (signed ? 1 : 0))) - 1);
  }

  private int fractionMask() {
    return (1 << (precision - 1)) - 1;
  }

  private int largestMagnitude() {
    return magnitudeMask() - highNans - (infinities ? 1 : 0);
  }
}
