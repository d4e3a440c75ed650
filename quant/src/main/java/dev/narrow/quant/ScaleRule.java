package dev.narrow.quant;

import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Names;
import dev.narrow.formats.NumericFormat;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * How the largest finite magnitude (amax) of the elements that share a scale decides the scale.
 *
 * <p>The rules named POWER_OF_TWO are those of block formats with E8M0 scales; what other libraries
 * call them stands beside each.
 */
public enum ScaleRule {
  /** No scaling: always 1. */
  ONE("unscaled"),
  /** The amax itself, so that elements lie in [-1, 1] (IEEE P3109, block conversions; NF4). */
  AMAX("amax"),
  /**
   * amax divided by the largest finite value. Scales that are kept in float32 are rounded so that
   * amax is not beyond it: amax becomes the largest code, unless the scale would not be a normal
   * number.
   */
  AMAX_TO_MAX_FINITE("max-finite"),
  /**
   * The smallest power of two by which amax is in the format's range, but not so large that the
   * format's largest value times it overflows. Scaling by it is exact where quotients are normal
   * float32 numbers, so the only error is the format's. Known as RCEIL or round up (cuBLAS,
   * Transformer Engine, DeepSeek, torchao).
   */
  AMAX_TO_POWER_OF_TWO("round-up"),
  /**
   * 2^(floor(log2 amax) - e), e being the exponent of the format's largest value: the rule of OCP
   * MX 1.0, section 6.3. An amax whose significand is larger than that of the largest value
   * saturates.
   */
  POWER_OF_TWO_FLOOR("floor"),
  /** 2^(ceil(log2 amax) - e), e being the exponent of the format's largest value (torchao CEIL). */
  POWER_OF_TWO_CEIL("ceil"),
  /**
   * {@link #POWER_OF_TWO_FLOOR} of amax rounded to the significand of the format, halves up
   * (torchao EVEN).
   */
  POWER_OF_TWO_EVEN("even"),
  /**
   * The whole range from the smallest to the largest element, and zero, to the whole range of an
   * integer format, with a zero point: (max - min) / (largest code - smallest code).
   */
  MIN_TO_MAX("min-to-max");

  private final String spec;

  ScaleRule(String spec) {
    this.spec = spec;
  }

  /**
   * The rule with this name: {@code unscaled}, {@code amax}, {@code max-finite}, {@code round-up},
   * {@code floor}, {@code ceil}, {@code even} or {@code min-to-max}, in the order of the constants.
   *
   * @throws IllegalArgumentException if none has it; the message tells the nearest names
   */
  public static ScaleRule parse(String name) {
    return find(name)
        .orElseThrow(() ->
            new IllegalArgumentException(
                "scale rule = \""
                    + Names.shown(name)
                    + "\", expected one of "
                    + String.join(", ", specs())
                    + "; nearest: "
                    + Names.nearest(name, specs())));
  }

  static Optional<ScaleRule> find(String name) {
    return Arrays.stream(values()).filter(rule -> rule.spec.equals(name)).findFirst();
  }

  /** The names that {@link #parse} understands. */
  static List<String> specs() {
    return Arrays.stream(values()).map(ScaleRule::spec).toList();
  }

  /** The name that {@link #parse} understands. */
  public String spec() {
    return spec;
  }

  /**
   * The scale for elements of this amax, in float32; 1 if amax is zero.
   *
   * @param amax the largest finite magnitude, 0 or more
   * @return positive
   * @throws IllegalArgumentException if amax is no such number, or the rule is {@link #MIN_TO_MAX},
   *     which asks for more
   */
  public float scale(float amax, NumericFormat format) {
    if (!(amax >= 0) || amax == Float.POSITIVE_INFINITY) {
      throw new IllegalArgumentException(
          "amax = " + amax + ", expected a finite number of 0 or more");
    }
    float[] scale = {1f};
    scales(new float[] {amax}, 0, 1, format, scale);
    return scale[0];
  }

  /** The scales of many; see {@link #scale}. */
  void scales(float[] amax, int from, int to, NumericFormat format, float[] scales) {
    float max = format.maxFinite();
    switch (this) {
      case ONE -> Arrays.fill(scales, from, to, 1f);
      case AMAX -> {
        for (int i = from; i < to; i++) {
          scales[i] = amax[i] == 0 ? 1f : Math.max(amax[i], Float.MIN_NORMAL);
        }
      }
      case AMAX_TO_MAX_FINITE -> {
        for (int i = from; i < to; i++) {
          scales[i] = amax[i] == 0 ? 1f : quotient(amax[i], max);
        }
      }
      case AMAX_TO_POWER_OF_TWO, POWER_OF_TWO_FLOOR, POWER_OF_TWO_CEIL, POWER_OF_TWO_EVEN ->
          powersOfTwo(amax, from, to, max, threshold(format), scales);
      case MIN_TO_MAX ->
          throw new IllegalArgumentException("rule = MIN_TO_MAX, expected a rule for amax alone");
    }
  }

  /** Whether all scales of the rule are powers of two. */
  public boolean isPowerOfTwo() {
    return switch (this) {
      case AMAX_TO_POWER_OF_TWO, POWER_OF_TWO_FLOOR, POWER_OF_TWO_CEIL, POWER_OF_TWO_EVEN -> true;
      case ONE, AMAX, AMAX_TO_MAX_FINITE, MIN_TO_MAX -> false;
    };
  }

  /**
   * With a rule of powers of two, what of amax decides between two of them. Let e be the exponent
   * of amax less that of the format's largest value: the scale is 2^e where the fraction of amax,
   * the lower 52 bits of its float64, is below this threshold, and from there on 2^(e + 1). Both
   * are limited as the rules say.
   *
   * @return 1 to 2^52, which no fraction reaches
   * @throws IllegalArgumentException if the rule is none of powers of two, or it is {@link
   *     #POWER_OF_TWO_EVEN} and the format has no significand
   */
  public long threshold(NumericFormat format) {
    return switch (this) {
      case POWER_OF_TWO_FLOOR -> 1L << 52;
      case POWER_OF_TWO_CEIL -> 1;
      case AMAX_TO_POWER_OF_TWO -> (bits(format.maxFinite()) & FRACTION) + 1;
      case POWER_OF_TWO_EVEN -> (1L << 52) - (1L << (52 - significandBits(format)));
      case ONE, AMAX, AMAX_TO_MAX_FINITE, MIN_TO_MAX ->
          throw new IllegalArgumentException("rule = " + this + ", expected one of powers of two");
    };
  }

  private static float quotient(float amax, float max) {
    float scale = amax / max;
    while (amax / scale > max) {
      scale = Math.nextUp(scale);
    }
    while (scale * max == Float.POSITIVE_INFINITY) { // amax within an ulp of the largest float32
      scale = Math.nextDown(scale);
    }
    return Math.max(scale, Float.MIN_NORMAL);
  }

  private static final long FRACTION = (1L << 52) - 1;

  /** Every float32 other than zero is a normal float64. */
  private static long bits(float x) {
    return Double.doubleToRawLongBits(x);
  }

  private static void powersOfTwo(
      float[] amax, int from, int to, float max, long threshold, float[] scales) {
    int most = Math.getExponent(max);
    for (int i = from; i < to; i++) {
      long bits = bits(amax[i]);
      int up = (bits & FRACTION) >= threshold ? 1 : 0;
      int exponent = (int) (bits >>> 52) - 1023 - most + up;
      exponent = Math.min(exponent, Float.MAX_EXPONENT - most); // so that the largest value is one
      scales[i] =
          exponent < Float.MIN_EXPONENT
              ? 0x1p-127f
              : Float.intBitsToFloat((Math.min(exponent, 127) + 127) << 23);
      if (amax[i] == 0) {
        scales[i] = 1f;
      }
    }
  }

  /** Bits of the significand of the format's largest value, the leading one included. */
  private static int significandBits(NumericFormat format) {
    return switch (format) {
      case FloatFormat f -> f.precision();
      case FixedFormat f -> f.width() - (f.signed() ? 1 : 0);
      default ->
          throw new IllegalArgumentException(
              "format = " + format.name() + ", expected floating or fixed point for even scales");
    };
  }
}
