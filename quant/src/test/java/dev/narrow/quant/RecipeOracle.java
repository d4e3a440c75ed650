package dev.narrow.quant;

import dev.narrow.formats.NumericFormat;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/**
 * Block recipes as their specifications have them, element by element: nearest codes are looked for
 * among all values of a format, powers of two by comparing. Nothing of the code under test is used
 * but the values of codes.
 */
final class RecipeOracle {
  private RecipeOracle() {}

  /** A scale and the codes of its elements. */
  record Block(float scale, List<Integer> codes) {}

  /** OCP Microscaling Formats 1.0, section 6.3, saturating; infinities and NaN do not count. */
  static Block mx(NumericFormat element, float[] x) {
    float amax = amax(x);
    int exponent = -127;
    if (amax > 0) {
      exponent = Math.clamp(floorLog2(amax) - floorLog2(element.maxFinite()), -127, 127);
    }
    BigDecimal scale =
        exponent < 0
            ? BigDecimal.ONE.divide(BigDecimal.valueOf(2).pow(-exponent))
            : BigDecimal.valueOf(2).pow(exponent);
    List<Integer> codes = new ArrayList<>();
    for (float v : x) {
      codes.add(
          Float.isFinite(v) && v != 0
              ? nearest(element, quotient(new BigDecimal(v), scale))
              : special(element, v));
    }
    return new Block(scale.floatValue(), codes);
  }

  private static BigDecimal quotient(BigDecimal x, BigDecimal powerOfTwo) {
    return x.divide(powerOfTwo); // exact
  }

  /** NVFP4 under a scale of the tensor; {@code fl} stands for float32, as in the definition. */
  static Block nvfp4(NumericFormat element, NumericFormat scales, float tensorScale, float[] x) {
    float amax = amax(x);
    float block = 1;
    if (amax > 0) {
      float wanted = amax / 6f / tensorScale;
      block = scales.decode(nearest(scales, new BigDecimal(wanted)));
      if (block == 0) {
        block = 0x1p-9f; // the smallest of E4M3
      }
    }
    float factor = block * tensorScale;
    List<Integer> codes = new ArrayList<>();
    for (float v : x) {
      float quotient = v / factor;
      codes.add(
          Float.isFinite(quotient) && quotient != 0
              ? nearest(element, new BigDecimal(quotient))
              : special(element, v == 0 ? v : quotient));
    }
    return new Block(block, codes);
  }

  static float amax(float[] x) {
    float amax = 0;
    for (float v : x) {
      amax = Float.isFinite(v) ? Math.max(amax, Math.abs(v)) : amax;
    }
    return amax;
  }

  private static int floorLog2(float x) {
    int exponent = 0;
    while (Math.scalb(1.0, exponent) > x) {
      exponent--;
    }
    while (Math.scalb(1.0, exponent + 1) <= x) {
      exponent++;
    }
    return exponent;
  }

  /** Zeros keep their sign, infinities saturate, NaN is NaN or, without one, the largest number. */
  private static int special(NumericFormat format, float x) {
    int best = -1;
    for (int code = 0; code < 1 << format.width(); code++) {
      double value = format.decodeDouble(code);
      boolean fits =
          Float.isNaN(x)
              ? Double.isNaN(value) || (!hasNan(format) && value == format.maxFinite())
              : Float.isInfinite(x)
                  ? value == Math.copySign(format.maxFinite(), x)
                  : value == 0 && (Double.compare(value, x) == 0 || !hasNegativeZero(format));
      if (fits && best < 0) {
        best = code;
      }
    }
    return Float.isNaN(x) && hasNan(format) ? canonicalNan(format) : best;
  }

  private static boolean hasNan(NumericFormat format) {
    for (int code = 0; code < 1 << format.width(); code++) {
      if (format.isNan(code)) {
        return true;
      }
    }
    return false;
  }

  /** The positive quiet one: all exponent bits and the first of the significand (E5M2 0x7E). */
  private static int canonicalNan(NumericFormat format) {
    return format.name().equals("e5m2") ? 0x7E : 0x7F;
  }

  private static boolean hasNegativeZero(NumericFormat format) {
    return Double.compare(format.decodeDouble(1 << (format.width() - 1)), -0.0) == 0;
  }

  /** The code nearest to a number, of two the even one; beyond the range its end. */
  static int nearest(NumericFormat format, BigDecimal x) {
    int best = -1;
    BigDecimal least = null;
    for (int code = 0; code < 1 << format.width(); code++) {
      double value = format.decodeDouble(code);
      boolean isNumber = !Double.isNaN(value) && !Double.isInfinite(value);
      boolean sameSign = (x.signum() < 0) == (Double.doubleToRawLongBits(value) < 0);
      boolean isSpare = format.name().equals("mxint8") && code == 0x80; // -2, which MX leaves out
      if (!isNumber || isSpare || (!sameSign && (value != 0 || hasNegativeZero(format)))) {
        continue;
      }
      BigDecimal distance = new BigDecimal(value).subtract(x).abs();
      int order = least == null ? -1 : distance.compareTo(least);
      if (order < 0 || (order == 0 && (code & 1) == 0)) {
        best = code;
        least = distance;
      }
    }
    return best;
  }
}
