package dev.narrow.formats;

/**
 * Integers times a power of two: a code is a two's complement or unsigned integer i, and stands for
 * i * 2^-fractionBits.
 *
 * <p>There are no infinities and no NaN. What lies beyond the range becomes its end, negative
 * numbers in unsigned formats zero. NaN becomes the largest number, or zero where the saturation
 * says {@link Saturation.Nan#NAN_OR_NEGATIVE_ZERO}; both zeros become zero.
 *
 * @param name the name that {@link Formats#parse} understands, if it is a known one
 * @param width bits of a code, 2 to 32
 * @param signed whether the integers are two's complement
 * @param fractionBits bits after the binary point, -128 to 128
 * @param symmetric whether encoding never yields the least integer, which has no negative (OCP MX
 *     1.0, 5.3.5 on MXINT8); it is decoded all the same
 */
public record FixedFormat(
    String name, int width, boolean signed, int fractionBits, boolean symmetric)
    implements NumericFormat {

  /**
   * Checks the parameters.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  public FixedFormat {
    if (width < 2 || width > 32) {
      throw new IllegalArgumentException("width = " + width + ", expected 2 to 32");
    }
    if (fractionBits < -128 || fractionBits > 128) {
      throw new IllegalArgumentException(
          "fractionBits = " + fractionBits + ", expected -128 to 128");
    }
    if (symmetric && !signed) {
      throw new IllegalArgumentException("symmetric = true, expected false in an unsigned format");
    }
  }

  /** Nearest-even; numbers beyond the range become its ends, NaN zero. */
  @Override
  public Projection defaultProjection() {
    return new Projection(Rounding.NEAREST_EVEN, Saturation.ML_DTYPES);
  }

  @Override
  public float decode(int code) {
    return (float) decodeDouble(code);
  }

  @Override
  public double decodeDouble(int code) {
    return Math.scalb((double) value(code), -fractionBits); // exact
  }

  @Override
  public int encode(double x, Projection projection, int randomWord) {
    if (Double.isNaN(x)) {
      return projection.saturation().nan() == Saturation.Nan.NAN_OR_MAX ? code(highest()) : 0;
    }
    boolean negative = Double.doubleToRawLongBits(x) < 0;
    if (Double.isInfinite(x)) {
      return code(negative ? least() : highest());
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
    int drop = 63 - exponent - fractionBits;
    if (drop < 31) {
      return code(negative ? least() : highest()); // 2^32 or more
    }
    long floor = drop < 64 ? significand >>> drop : 0;
    long fraction = Rounder.fraction(significand, drop);
    boolean inexact = sticky || Rounder.loses(significand, drop);
    boolean up =
        Rounder.up(
            projection.rounding(), negative, (floor & 1) != 0, fraction, inexact, randomWord);
    long rounded = floor + (up ? 1 : 0);
    return code(Math.max(least(), Math.min(highest(), negative ? -rounded : rounded)));
  }

  /** Always false. */
  @Override
  public boolean isNan(int code) {
    return false;
  }

  /** Always false. */
  @Override
  public boolean isInfinite(int code) {
    return false;
  }

  @Override
  public float maxFinite() {
    return Math.scalb((float) highest(), -fractionBits);
  }

  @Override
  public float minPositive() {
    return Math.scalb(1f, -fractionBits);
  }

  @Override
  public Limits limits() {
    double step = Math.scalb(1.0, -fractionBits);
    double octaves = Math.log((double) highest()) / Math.log(2);
    return Limits.of(this, (double) highest() * step, step, step, octaves);
  }

  /** The integer of a code, which counts the values upward from zero. */
  long value(int code) {
    return signed
        ? code << (32 - width) >> (32 - width)
        : Integer.toUnsignedLong(code << (32 - width) >>> (32 - width));
  }

  /** The code of an integer. */
  int code(long value) {
    return (int) (value & ((1L << width) - 1));
  }

  /** The greatest integer. */
  long highest() {
    return (1L << (signed ? width - 1 : width)) - 1;
  }

  /** The least integer that a code stands for. */
  long lowest() {
    return signed ? -1L << (width - 1) : 0;
  }

  /** The least integer that encoding yields. */
  private long least() {
    return symmetric ? -highest() : lowest();
  }
}
