package dev.narrow.formats;

/**
 * A number format: which values the codes of a given width stand for. A format is a value; two with
 * the same parameters behave alike, and are equal if they have the same name too.
 *
 * <p>A code occupies the low {@link #width()} bits of an {@code int}; the higher bits are ignored
 * on the way in and zero on the way out (for 32-bit formats the code fills the int).
 */
public sealed interface NumericFormat
    permits FloatFormat, LogFormat, PositFormat, FixedFormat, TableFormat {

  /**
   * The name that {@link Formats#parse} understands.
   *
   * @return a name, or a description for a format that has no name
   */
  String name();

  /**
   * Bits of a code, 2 to 32.
   *
   * @return 2 to 32
   */
  int width();

  /**
   * The projection used where nobody chooses one: that of Python's ml_dtypes where it has the
   * format; for logarithmic formats overflow to the largest magnitude, infinity and NaN to NaN.
   *
   * @return nearest-even and a saturation
   */
  Projection defaultProjection();

  /**
   * The value of a code, correctly rounded to float32 (to nearest, ties to even).
   *
   * @param code in the low bits
   * @return finite, infinite or NaN as the code is
   */
  float decode(int code);

  /**
   * The value of a code, correctly rounded to float64 (to nearest, ties to even).
   *
   * @param code in the low bits
   * @return finite, infinite or NaN as the code is
   */
  double decodeDouble(int code);

  /**
   * The code that x becomes.
   *
   * @param x any number
   * @param projection rounding and saturation
   * @return the code, the bits above the width zero
   * @throws IllegalArgumentException if the rounding is stochastic: it needs a random word
   */
  default int encode(float x, Projection projection) {
    boolean flush = projection.saturation().flushesInput(x);
    return encode(flush ? Math.copySign(0.0, x) : (double) x, projection); // exact
  }

  /**
   * The code that x becomes, rounded once.
   *
   * @param x any number
   * @param projection rounding and saturation
   * @return the code, the bits above the width zero
   * @throws IllegalArgumentException if the rounding is stochastic: it needs a random word
   */
  default int encode(double x, Projection projection) {
    if (projection.rounding().isStochastic()) {
      throw new IllegalArgumentException(
          "rounding = " + projection.rounding() + " needs a random word: call encode(x, p, word)");
    }
    return encode(x, projection, 0);
  }

  /**
   * The code that x becomes, rounded once.
   *
   * @param x any number
   * @param projection rounding and saturation
   * @param randomWord its top {@code projection.rounding().randomBits()} bits are compared; not
   *     looked at unless the rounding is stochastic
   * @return the code, the bits above the width zero
   */
  int encode(double x, Projection projection, int randomWord);

  /**
   * Whether the code stands for NaN.
   *
   * @param code in the low bits
   * @return true for every NaN code
   */
  boolean isNan(int code);

  /**
   * Whether the code stands for an infinity.
   *
   * @param code in the low bits
   * @return true for both infinities
   */
  boolean isInfinite(int code);

  /**
   * The code of the least value greater than this code's, as in IEEE 754, 5.3.1: of the greatest
   * value itself, of NaN a NaN.
   *
   * @param code in the low bits
   * @return the code, the bits above the width zero
   */
  default int nextUp(int code) {
    return Order.next(this, code, 1);
  }

  /**
   * The code of the greatest value less than this code's, as in IEEE 754, 5.3.1: of the least value
   * itself, of NaN a NaN.
   *
   * @param code in the low bits
   * @return the code, the bits above the width zero
   */
  default int nextDown(int code) {
    return Order.next(this, code, -1);
  }

  /**
   * The distance from a code's magnitude to the next larger finite one, and from the largest to the
   * next smaller: the difference of the two as float64 has them, exact but in logarithmic formats.
   *
   * @param code in the low bits
   * @return the distance; infinity for infinities and numbers beyond float64, NaN for NaN
   */
  default double ulp(int code) {
    return Order.ulp(this, code);
  }

  /**
   * The ends of the range and the density.
   *
   * @return the limits
   */
  Limits limits();

  /**
   * The largest finite value, rounded to float32.
   *
   * @return above zero, but infinity or zero where float32 has nothing nearer
   */
  float maxFinite();

  /**
   * The smallest positive value, rounded to float32.
   *
   * @return above zero, but infinity or zero where float32 has nothing nearer
   */
  float minPositive();
}
