package dev.narrow.formats;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A format whose codes are the indexes of a list of numbers, in any order. Of the codes of one
 * number, the two zeros among them, encoding yields the first.
 *
 * <p>There are no infinities and no NaN. What lies beyond the range becomes its end, as infinities
 * do. NaN becomes the largest number, or what zero becomes where the saturation says {@link
 * Saturation.Nan#NAN_OR_NEGATIVE_ZERO}. Distance is linear, and a number counts as even or odd by
 * its place in ascending order.
 */
public final class TableFormat implements NumericFormat {
  private static final int MAX_WIDTH = 16;
  private static final int UNIT_BITS = 31;

  private final String name;
  private final List<Float> values;
  private final int width;

  /** 2^top is the smallest power of two not below the largest magnitude. */
  private final int top;

  /** The different values in ascending order, in units of 2^(top - 31). */
  private final long[] units;

  /** The first code of each of them. */
  private final int[] codes;

  private TableFormat(String name, List<Float> values, int top) {
    this.name = name;
    this.values = List.copyOf(values);
    this.top = top;
    width = Integer.numberOfTrailingZeros(values.size());
    units = values.stream().mapToLong(this::units).sorted().distinct().toArray();
    codes =
        Arrays.stream(units)
            .mapToInt(u ->
                IntStream.range(0, values.size())
                    .filter(i -> units(values.get(i)) == u)
                    .findFirst()
                    .getAsInt())
            .toArray();
  }

  private long units(float value) {
    return (long) Math.scalb((double) value, UNIT_BITS - top);
  }

  /**
   * The format whose code i stands for the i-th number.
   *
   * @param name the name that {@link Formats#parse} understands, if it is a known one
   * @param values 4 to 65536 finite numbers, as many as a power of two, one above zero and another
   *     among them. With 2^e the smallest power of two not below the largest magnitude, each is a
   *     multiple of 2^(e - 31)
   * @return the format
   * @throws IllegalArgumentException if the numbers are not like that
   */
  public static TableFormat of(String name, List<Float> values) {
    int n = values.size();
    if (n < 4 || n > 1 << MAX_WIDTH || Integer.bitCount(n) != 1) {
      throw new IllegalArgumentException(
          n + " values, expected a power of two from 4 to " + (1 << MAX_WIDTH));
    }
    for (int code = 0; code < n; code++) {
      if (!Float.isFinite(values.get(code))) {
        throw new IllegalArgumentException(
            "values[" + code + "] = " + values.get(code) + ", expected a finite number");
      }
    }
    float largest = values.stream().map(Math::abs).max(Comparator.naturalOrder()).orElseThrow();
    int top = Math.getExponent(Math.nextDown(largest)) + 1;
    for (int code = 0; code < n; code++) {
      float value = values.get(code);
      double unit = Math.scalb((double) value, UNIT_BITS - top);
      if (unit != Math.rint(unit)) {
        throw new IllegalArgumentException(
            "values[" + code + "] = " + value + ", expected a multiple of 2^" + (top - UNIT_BITS));
      }
    }
    if (values.stream().noneMatch(v -> v > 0) || values.stream().distinct().count() < 2) {
      throw new IllegalArgumentException(
          "values = " + values + ", expected one above zero and another");
    }
    return new TableFormat(name, values, top);
  }

  @Override
  public String name() {
    return name;
  }

  /**
   * What the codes stand for.
   *
   * @return an unmodifiable list
   */
  public List<Float> values() {
    return values;
  }

  @Override
  public int width() {
    return width;
  }

  /** Nearest-even; numbers beyond the range become its ends, NaN zero. */
  @Override
  public Projection defaultProjection() {
    return new Projection(Rounding.NEAREST_EVEN, Saturation.ML_DTYPES);
  }

  @Override
  public float decode(int code) {
    return values.get(code & (values.size() - 1));
  }

  @Override
  public double decodeDouble(int code) {
    return decode(code);
  }

  @Override
  public int encode(double x, Projection projection, int randomWord) {
    boolean nan = Double.isNaN(x);
    boolean negative = x < 0;
    if (Double.isInfinite(x)
        || (nan && projection.saturation().nan() == Saturation.Nan.NAN_OR_MAX)) {
      return codes[negative ? 0 : codes.length - 1];
    }
    if (nan || x == 0 || projection.saturation().flushesInput(x)) {
      return round(false, 0, top - 64, false, projection, randomWord);
    }
    return round(
        negative, Binary64.significand(x), Binary64.exponent(x), false, projection, randomWord);
  }

  /**
   * The code of a finite number with the magnitude significand * 2^(exponent - 63) or, if sticky,
   * between that and the next significand's.
   *
   * @param significand with its top bit set, unsigned; or zero
   */
  int round(
      boolean negative,
      long significand,
      int exponent,
      boolean sticky,
      Projection projection,
      int randomWord) {
    // the magnitude in units: a whole part and a fraction
    int drop = 63 - exponent + top - UNIT_BITS;
    if (drop < 31) {
      return codes[negative ? 0 : codes.length - 1];
    }
    long whole = drop < 64 ? significand >>> drop : 0;
    long part = Rounder.fraction(significand, drop);
    boolean inexact = sticky || Rounder.loses(significand, drop);

    int last = units.length - 1;
    int low = -1; // the place, outward from the other sign's end, of the last value not above it
    for (int step = Integer.highestOneBit(units.length); step > 0; step >>= 1) {
      if (low + step <= last && outward(negative, low + step) <= whole) {
        low += step;
      }
    }
    if (low < 0 || low == last) {
      return codes[place(negative, Math.max(0, low))];
    }
    long base = outward(negative, low);
    BigInteger[] quotient =
        BigInteger.valueOf(whole - base)
            .shiftLeft(64)
            .add(new BigInteger(Long.toUnsignedString(part)))
            .divideAndRemainder(BigInteger.valueOf(outward(negative, low + 1) - base));
    boolean odd = (place(negative, low) & 1) != 0;
    boolean up =
        Rounder.up(
            projection.rounding(),
            negative,
            odd,
            quotient[0].longValue(),
            inexact || quotient[1].signum() != 0,
            randomWord);
    return codes[place(negative, up ? low + 1 : low)];
  }

  /** The value at a place counted in the direction of a sign, times that sign. */
  private long outward(boolean negative, int i) {
    return negative ? -units[place(true, i)] : units[i];
  }

  private int place(boolean negative, int i) {
    return negative ? units.length - 1 - i : i;
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
    return values.get(codes[codes.length - 1]);
  }

  @Override
  public float minPositive() {
    for (int code : codes) {
      if (values.get(code) > 0) {
        return values.get(code);
      }
    }
    return Float.NaN;
  }

  @Override
  public Limits limits() {
    double octaves = Math.log(maxFinite() / (double) minPositive()) / Math.log(2);
    return Limits.of(this, maxFinite(), minPositive(), minPositive(), octaves);
  }

  /** The place of a code's value in ascending order, from 0. */
  long rank(int code) {
    return Arrays.binarySearch(units, units(decode(code)));
  }

  /** The first code of a rank. */
  int atRank(int rank) {
    return codes[rank];
  }

  /** The rank of the greatest value. */
  long highestRank() {
    return (long) codes.length - 1;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof TableFormat t && name.equals(t.name) && values.equals(t.values);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, values);
  }

  /** The name. */
  @Override
  public String toString() {
    return name;
  }
}
