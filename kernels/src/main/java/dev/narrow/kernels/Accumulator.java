package dev.narrow.kernels;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;

/**
 * What an element of a matrix product is summed up in: the terms are the products of float32
 * numbers a[k] and b[k], those to which the operands decode, k ascending.
 *
 * <p>An empty sum is +0. A NaN that is the result of a sum is the canonical one, 0x7fc00000.
 */
public sealed interface Accumulator {

  /**
   * How the accumulator is named beside results, for example {@code fp16 each step}.
   *
   * @return a few words
   */
  String name();

  /**
   * One float32 accumulator from +0 that takes the terms by fused multiply-add, each step rounded
   * to nearest even. This is what a backend does if not asked for another.
   */
  record Fp32() implements Accumulator {
    @Override
    public String name() {
      return "fp32";
    }

    @Override
    public String toString() {
      return name();
    }
  }

  /**
   * One float64 accumulator from +0 that takes the terms by fused multiply-add, rounded to nearest
   * even; products of float32 numbers are exact in it. The sum is rounded to float32 at the end.
   */
  record Fp64() implements Accumulator {
    @Override
    public String name() {
      return "fp64";
    }

    @Override
    public String toString() {
      return name();
    }
  }

  /**
   * An accumulator in a format, from +0: each step makes it the projection of the exact sum of
   * itself and the exact product, which is rounded once. The sum is the value it has at the end.
   *
   * <p>In logarithmic formats the value of a code is the float32 to which it decodes, here as
   * everywhere downstream of decoding.
   *
   * @param format one that has a zero and whose values float32 has or, in logarithmic formats,
   *     comes near to: of at most 16 bits, or a {@link FloatFormat} such as tf32
   * @param projection rounding, which must not be stochastic, and saturation
   */
  record Rounded(NumericFormat format, Projection projection) implements Accumulator {
    /**
     * Checks the format and the projection.
     *
     * @throws IllegalArgumentException if the rounding is stochastic, or the format has no zero,
     *     more than 16 bits without being a FloatFormat, or values beyond those of float32
     */
    public Rounded {
      requireDeterministic(projection.rounding());
      if (format.width() > 16 && !(format instanceof FloatFormat)) {
        throw new IllegalArgumentException(
            "format = "
                + format.name()
                + " of "
                + format.width()
                + " bits, expected at most 16 bits or a floating-point format");
      }
      if (format.decode(format.encode(0f, projection)) != 0) {
        throw new IllegalArgumentException(
            "format = " + format.name() + ", expected one that has a zero, where sums start");
      }
      if (Float.isInfinite(format.maxFinite()) || format.minPositive() == 0) {
        throw new IllegalArgumentException(
            "format = " + format.name() + ", expected one whose values are those of float32");
      }
    }

    @Override
    public String name() {
      String step = format.name() + " each step";
      return format.defaultProjection().equals(projection)
          ? step
          : step + " (" + projection.rounding() + ", " + projection.saturation() + ")";
    }

    @Override
    public String toString() {
      return name();
    }
  }

  /**
   * Sums of so many consecutive terms, each made in an accumulator of its own, from +0, and then
   * added in another one as terms with the factor 1; the last chunk may be shorter.
   *
   * <p>With 64 terms and fp16 twice this is the chunk-based accumulation of Wang et al., Training
   * Deep Neural Networks with 8-bit Floating Point Numbers (NeurIPS 2018), section 2.3: the error
   * grows with chunk + K / chunk instead of K. With fp32 across it is the promotion of partial sums
   * of DeepSeek-V3 (arXiv 2412.19437, section 3.3.2), there every 128 terms.
   *
   * @param chunk terms of a chunk, 1 or more
   * @param within what the terms of a chunk are summed up in
   * @param across what the sums of the chunks, as float32, are summed up in
   */
  record Chunked(int chunk, Accumulator within, Accumulator across) implements Accumulator {
    /**
     * Checks the parameters.
     *
     * @throws IllegalArgumentException if the chunk is empty, or an accumulator chunked itself or
     *     of logarithmic bins
     */
    public Chunked {
      if (chunk < 1) {
        throw new IllegalArgumentException("chunk = " + chunk + ", expected 1 or more");
      }
      requirePlain("within", within);
      requirePlain("across", across);
    }

    private static void requirePlain(String argument, Accumulator accumulator) {
      if (accumulator instanceof Chunked || accumulator instanceof LogBins) {
        throw new IllegalArgumentException(
            argument + " = " + accumulator + ", expected neither chunks nor logarithmic bins");
      }
    }

    @Override
    public String name() {
      return "chunks of " + chunk + " in " + within.name() + ", across in " + across.name();
    }

    @Override
    public String toString() {
      return name();
    }
  }

  /**
   * A two's complement integer in units of 2^-fractionBits, from 0: each product is rounded to a
   * multiple of the unit and added. The sum is rounded to float32 at the end, to nearest even.
   *
   * <p>A term that is infinite or NaN has no place in it: the sum is NaN.
   *
   * @param bits of the integer, sign included, 2 to 64
   * @param fractionBits bits after the binary point, -64 to 126
   * @param rounding of the products, not stochastic
   * @param overflow what becomes of a sum beyond the range, after each step
   */
  record Fixed(int bits, int fractionBits, Rounding rounding, Overflow overflow)
      implements Accumulator {

    /** What becomes of a sum beyond the range. */
    public enum Overflow {
      /** The end of the range: the greatest or the least integer. */
      SATURATE,
      /** The sum modulo 2^bits. */
      WRAP
    }

    /**
     * Checks the parameters.
     *
     * @throws IllegalArgumentException if one is out of range or the rounding is stochastic
     */
    public Fixed {
      requireFixedPoint(bits, fractionBits);
      requireDeterministic(rounding);
    }

    @Override
    public String name() {
      return fixedPoint(bits, fractionBits)
          + ", "
          + rounding
          + (overflow == Overflow.WRAP ? ", wrapping" : ", saturating");
    }

    @Override
    public String toString() {
      return name();
    }
  }

  /**
   * The datapath of LNS-Madam (Zhao et al., IEEE Trans. Computers 71(12), 2022, section 5) on the
   * codes of {@link LogFormat} operands of one base factor gamma. The exponent of a product is the
   * sum of two integers, p = q gamma + r with r in 0 .. gamma - 1. There is an integer for each r,
   * from 0, in units of 2^-fractionBits, to which ±2^q is added; it saturates after each step, and
   * terms below its unit are cut off. The sum is
   *
   * <pre>  constant(0) S(0) + constant(1) S(1) + ... + constant(gamma - 1) S(gamma - 1)</pre>
   *
   * from +0 by fused multiply-add in float64, r ascending, is rounded to float32, and multiplied by
   * the product of the operands' scales, of which each has one, both rounded to float32.
   *
   * <p>constant(r) stands for 2^(r / gamma). With as many entries as gamma each is that number
   * rounded to float64. With fewer the top bits of r choose one of the entries 2^(i / entries), and
   * what is left of the exponent, f, is multiplied in as 1 + f for 2^f (Mitchell, IRE Trans.
   * Electronic Computers EC-11(4), 1962).
   *
   * <p>A term with a zero is nothing, and with NaN makes the sum NaN.
   *
   * <p>Patents: NVIDIA holds US 11,886,980, US 12,033,060, US 12,118,454 and US 12,141,225 on
   * accumulation in a logarithmic number system that sorts quotients by their remainders and scales
   * each partial sum by the constant of its remainder, and has applied for others (US 2021/0056446,
   * US 2024/0112007). Their claims speak of methods, not of circuits alone. Whether the use of this
   * accumulator needs a licence is for you to find out: this is not legal advice. Sums of decoded
   * operands, as in every other accumulator, do not work this way.
   *
   * @param entries of the table, a power of two, 1 to 32768; at most gamma
   * @param bits of each integer, sign included, 2 to 64
   * @param fractionBits bits after the binary point, -64 to 126
   */
  record LogBins(int entries, int bits, int fractionBits) implements Accumulator {
    /**
     * Checks the parameters.
     *
     * @throws IllegalArgumentException if one is out of range
     */
    public LogBins {
      if (entries < 1 || entries > 1 << 15 || Integer.bitCount(entries) != 1) {
        throw new IllegalArgumentException(
            "entries = " + entries + ", expected a power of two from 1 to " + (1 << 15));
      }
      requireFixedPoint(bits, fractionBits);
    }

    @Override
    public String name() {
      return "log bins of "
          + fixedPoint(bits, fractionBits)
          + ", table of "
          + entries
          + (entries == 1 ? " entry" : " entries");
    }

    @Override
    public String toString() {
      return name();
    }
  }

  /**
   * The exact sum of the products, rounded once to float32, to nearest even. An exact zero is +0.
   * NaN if a term is NaN, zero times infinity, or infinities of both signs are among the terms;
   * else infinity if one is. No order of the terms changes it.
   */
  record Exact() implements Accumulator {
    @Override
    public String name() {
      return "exact";
    }

    @Override
    public String toString() {
      return name();
    }
  }

  /**
   * One float32 accumulator, the default.
   *
   * @return {@link Fp32}
   */
  static Accumulator fp32() {
    return new Fp32();
  }

  /**
   * One float64 accumulator.
   *
   * @return {@link Fp64}
   */
  static Accumulator fp64() {
    return new Fp64();
  }

  /**
   * An accumulator in a format, with the format's default projection at each step.
   *
   * @param format see {@link Rounded}
   * @return {@link Rounded}
   * @throws IllegalArgumentException if sums cannot be made in the format
   */
  static Accumulator rounded(NumericFormat format) {
    return new Rounded(format, format.defaultProjection());
  }

  /**
   * Sums of chunks of terms, and a sum of those.
   *
   * @param chunk terms of a chunk, 1 or more
   * @param within what the terms of a chunk are summed up in
   * @param across what the sums of the chunks are summed up in
   * @return {@link Chunked}
   * @throws IllegalArgumentException as the constructor of {@link Chunked}
   */
  static Accumulator chunked(int chunk, Accumulator within, Accumulator across) {
    return new Chunked(chunk, within, across);
  }

  /**
   * The exact sum, rounded once.
   *
   * @return {@link Exact}
   */
  static Accumulator exact() {
    return new Exact();
  }

  private static String fixedPoint(int bits, int fractionBits) {
    return bits + "-bit fixed point with " + fractionBits + " fraction bits";
  }

  private static void requireFixedPoint(int bits, int fractionBits) {
    if (bits < 2 || bits > 64) {
      throw new IllegalArgumentException("bits = " + bits + ", expected 2 to 64");
    }
    if (fractionBits < -64 || fractionBits > 126) {
      throw new IllegalArgumentException(
          "fractionBits = " + fractionBits + ", expected -64 to 126");
    }
  }

  private static void requireDeterministic(Rounding rounding) {
    if (rounding.isStochastic()) {
      throw new IllegalArgumentException(
          "rounding = " + rounding + ", expected one that is not stochastic");
    }
  }
}
