package dev.narrow.kernels.cuda;

import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Where the bits of a tensor's numbers lie, by its format and scales: what exact sums need to know.
 *
 * @param leastField the least exponent field, as float32, of a number other than zero; that of
 *     subnormals counts as 1
 * @param greatestField the greatest of a finite number
 * @param unit if it is there, all numbers are multiples of 2^unit
 */
record NumberRange(int leastField, int greatestField, OptionalInt unit) {
  /** Fraction bits of float32, and its exponent bias. */
  private static final int FRACTION = 23;

  private static final int BIAS = 127;

  /** The exponent field with which a significand of 24 bits counts units of 1. */
  static final int FIELD_OF_UNIT = BIAS + FRACTION;

  /** Those of the formats in use. */
  private static final Map<NumericFormat, Magnitudes> MAGNITUDES = new ConcurrentHashMap<>();

  /** All float32 numbers. */
  static final NumberRange ANY = new NumberRange(1, 2 * BIAS, OptionalInt.of(1 - BIAS - FRACTION));

  /**
   * The finite numbers of a format other than zero.
   *
   * @param unit the exponent of the last bit that any of them has
   */
  private record Magnitudes(float least, float greatest, int unit) {
    static Magnitudes of(NumericFormat format) {
      float least = Float.POSITIVE_INFINITY;
      float greatest = 0;
      int unit = Integer.MAX_VALUE;
      for (int code = 0; code < 1 << format.width(); code++) {
        float magnitude = Math.abs(format.decode(code));
        if (magnitude > 0 && Float.isFinite(magnitude)) {
          least = Math.min(least, magnitude);
          greatest = Math.max(greatest, magnitude);
          unit = Math.min(unit, lastBit(magnitude));
        }
      }
      return new Magnitudes(least, greatest, unit);
    }

    private static int lastBit(float magnitude) {
      int bits = Float.floatToRawIntBits(magnitude);
      int significand = (bits & 0x7F_FFFF) | (bits >>> FRACTION == 0 ? 0 : 0x80_0000);
      return field(magnitude) - BIAS - FRACTION + Integer.numberOfTrailingZeros(significand);
    }
  }

  private static int field(float magnitude) {
    return Math.max(1, Float.floatToRawIntBits(magnitude) >>> FRACTION);
  }

  /** The range of a tensor of a device; that of all numbers where its scales cannot be read. */
  static NumberRange of(CudaDevice device, Tensor tensor) {
    return device.castScales().areReadable(tensor.scales()) ? of(tensor) : ANY;
  }

  static NumberRange of(Tensor tensor) {
    NumericFormat format = tensor.format();
    Scales scales = tensor.scales();
    if (format.width() > 16 || scales.hasZeroPoints() || tensor.rotation().isPresent()) {
      return ANY;
    }
    Magnitudes magnitudes = MAGNITUDES.computeIfAbsent(format, Magnitudes::of);
    float least = Float.POSITIVE_INFINITY;
    float greatest = 0;
    boolean powers = true;
    for (int i = 0; i < scales.count(); i++) {
      float factor = scales.get(i);
      if (factor > 0) {
        least = Math.min(least, factor);
        greatest = Math.max(greatest, factor);
        powers &= (Float.floatToRawIntBits(factor) & 0x7F_FFFF) == 0 && factor >= Float.MIN_NORMAL;
      }
    }
    if (greatest == 0 || magnitudes.greatest == 0) { // no number but zero and NaN
      return new NumberRange(1, 1, OptionalInt.of(0));
    }
    float smallest = least * magnitudes.least;
    float largest = Math.min(greatest * magnitudes.greatest, Float.MAX_VALUE);
    // where a product is subnormal, bits may have been rounded away, and the last one is not known
    boolean exact = powers && smallest >= Float.MIN_NORMAL;
    return new NumberRange(
        field(smallest),
        field(largest),
        exact ? OptionalInt.of(magnitudes.unit + Math.getExponent(least)) : OptionalInt.empty());
  }

  /** Bits of the largest magnitude, in units. */
  private int bits() {
    return greatestField - BIAS + 1 - unit.orElseThrow();
  }

  /** The number of units in 1. */
  float perUnit() {
    return Math.scalb(1f, -unit.orElseThrow());
  }

  /** Whether products of so many terms have sums of 64 bits, in units, of factors of 32. */
  boolean fits64(NumberRange other, int terms) {
    return unit.isPresent()
        && other.unit.isPresent()
        && Math.abs(unit.getAsInt()) < BIAS
        && Math.abs(other.unit.getAsInt()) < BIAS
        && bits() < Integer.SIZE
        && other.bits() < Integer.SIZE
        && bits() + other.bits() + log2(terms) < Long.SIZE;
  }

  /** Whether they have sums of 128 bits, in the last places of the least factors. */
  boolean fits128(NumberRange other, int terms) {
    int shift = greatestField - leastField + other.greatestField - other.leastField;
    return 2 * (FRACTION + 1) + shift + log2(terms) < 2 * Long.SIZE;
  }

  /** Rounded up. */
  private static int log2(int terms) {
    return Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(terms, 1) - 1);
  }
}
