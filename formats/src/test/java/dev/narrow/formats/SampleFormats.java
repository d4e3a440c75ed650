package dev.narrow.formats;

import java.util.List;
import java.util.stream.Stream;

/** Formats that exercise every parameter, beside the known ones. */
final class SampleFormats {
  static final FloatFormat E4M3FNUZ = minifloat("e4m3fnuz", 8, 4, 8, false, false, 0);
  static final FloatFormat E2M1 = minifloat("e2m1", 4, 2, 1, false, true, 0);
  static final FloatFormat E3M2 = minifloat("e3m2", 6, 3, 3, false, true, 0);
  static final FloatFormat BINARY8P4SE = minifloat("binary8p4se", 8, 4, 8, true, false, 0);
  static final FloatFormat BINARY4P2SF = minifloat("binary4p2sf", 4, 2, 2, false, false, 0);
  static final FloatFormat E4M3 = minifloat("e4m3", 8, 4, 7, true, true, 7);

  /** Unsigned powers of two with a zero (P3109). */
  static final FloatFormat BINARY8P1UF =
      new FloatFormat("binary8p1uf", 8, 1, 128, false, false, false, 1, false, true);

  /** Unsigned powers of two without zero (OCP MX scales). */
  static final FloatFormat E8M0 =
      new FloatFormat("e8m0", 8, 1, 127, false, false, false, 1, false, false);

  /** Exponent field 0 is an ordinary binade but for zero: the gap below the smallest is uneven. */
  static final FloatFormat NO_SUBNORMALS =
      new FloatFormat("e4m3-normal", 8, 4, 7, true, true, true, 7, false, true);

  /** Signed, with neither zero nor NaN. */
  static final FloatFormat NO_ZERO =
      new FloatFormat("e3m2-nonzero", 6, 3, 3, true, false, false, 0, false, false);

  /** So many NaNs that the largest number is subnormal. */
  static final FloatFormat ALL_SUBNORMAL =
      new FloatFormat("e1m2-subnormal", 4, 3, 3, true, false, true, 5, true, true);

  static final LogFormat GAMMA_1 = LogFormat.of(6, 1, LogFormat.Zero.RESERVED);
  static final LogFormat GAMMA_2_MADAM = LogFormat.of(5, 2, LogFormat.Zero.NONE);
  static final LogFormat GAMMA_128 = LogFormat.of(9, 128, LogFormat.Zero.RESERVED);
  static final LogFormat TWO_BITS = LogFormat.of(2, 4, LogFormat.Zero.RESERVED);

  private SampleFormats() {}

  private static FloatFormat minifloat(
      String name,
      int width,
      int precision,
      int bias,
      boolean infinities,
      boolean negativeZero,
      int highNans) {
    return new FloatFormat(
        name, width, precision, bias, true, infinities, negativeZero, highNans, true, true);
  }

  /** Every format of at most 9 bits. */
  static List<NumericFormat> narrow() {
    return List.of(
        Formats.E4M3FN,
        Formats.E5M2,
        Formats.LNS8,
        Formats.LNS8_MADAM,
        E4M3FNUZ,
        E2M1,
        E3M2,
        BINARY8P4SE,
        BINARY4P2SF,
        E4M3,
        BINARY8P1UF,
        E8M0,
        NO_SUBNORMALS,
        NO_ZERO,
        ALL_SUBNORMAL,
        GAMMA_1,
        GAMMA_2_MADAM,
        GAMMA_128,
        TWO_BITS);
  }

  /** Those, and the 16-bit ones. */
  static List<NumericFormat> all() {
    return Stream.concat(narrow().stream(), Stream.of(Formats.FP16, Formats.BF16)).toList();
  }

  /** Every preset of the saturation, and the choices that none of them makes. */
  static List<Saturation> saturations() {
    return List.of(
        Saturation.IEEE,
        Saturation.OCP_SAT,
        Saturation.OCP_NONSAT,
        Saturation.ONNX_SAT,
        Saturation.TORCH,
        Saturation.ML_DTYPES,
        Saturation.P3109_FINITE,
        Saturation.P3109_PROPAGATE,
        Saturation.P3109_NONE,
        Saturation.IEEE.withFlushToZero(true),
        Saturation.TORCH.withUnderflow(Saturation.Underflow.CLAMP));
  }

  /** Every rounding that needs no random word, in both domains. */
  static List<Rounding> deterministic() {
    return List.of(
        Rounding.NEAREST_EVEN,
        Rounding.NEAREST_AWAY,
        Rounding.TOWARD_ZERO,
        Rounding.TOWARD_POSITIVE,
        Rounding.TOWARD_NEGATIVE,
        Rounding.TO_ODD,
        Rounding.NEAREST_EVEN.linear(),
        Rounding.NEAREST_AWAY.linear(),
        Rounding.TO_ODD.linear());
  }
}
