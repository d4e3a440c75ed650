package dev.narrow.formats;

import java.util.List;
import java.util.stream.Stream;

/** Formats that exercise every parameter, beside the known ones. */
final class SampleFormats {
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

  /** Up to 2^255.5 and down to 2^-256: beyond float32 at both ends, within float64. */
  static final LogFormat WIDE = LogFormat.of(11, 2, LogFormat.Zero.RESERVED);

  /** Exponents of 9 bits: beyond float32 at both ends, within float64. */
  static final FloatFormat BINARY10P2SE = Formats.p3109(10, 2, true, true);

  static final LogFormat TWO_BITS = LogFormat.of(2, 4, LogFormat.Zero.RESERVED);

  private SampleFormats() {}

  /** Every floating-point and logarithmic format of at most 10 bits. */
  static List<NumericFormat> narrow() {
    return Stream.concat(
            Formats.all().stream()
                .filter(
                    f -> f.width() <= 9 && (f instanceof FloatFormat || f instanceof LogFormat)),
            Stream.of(
                NO_SUBNORMALS,
                NO_ZERO,
                ALL_SUBNORMAL,
                BINARY10P2SE,
                GAMMA_1,
                GAMMA_2_MADAM,
                GAMMA_128,
                TWO_BITS))
        .toList();
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
        Saturation.ML_DTYPES_SAT,
        Saturation.IEEE.withFlushToZero(false, true),
        Saturation.OCP_SAT.withFlushToZero(true, false),
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
