package dev.narrow.cli;

import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PositFormat;
import dev.narrow.formats.TableFormat;

/** Where formats are defined. */
final class Definitions {
  private Definitions() {}

  /** The document that defines a format, or what else does. */
  static String of(NumericFormat format) {
    return switch (format.name()) {
      case "fp32" -> "IEEE 754-2019, binary32";
      case "fp16" -> "IEEE 754-2019, binary16";
      case "bf16" -> "Google Brain; Intel, BFLOAT16 Hardware Numerics Definition (2018)";
      case "tf32" -> "NVIDIA, A100 Tensor Core GPU Architecture (2020)";
      case "e4m3fn", "e5m2" -> "OCP 8-bit Floating Point Specification (OFP8) 1.0";
      case "e2m3", "e3m2", "e2m1", "e8m0", "mxint8" ->
          "OCP Microscaling Formats (MX) Specification 1.0";
      case "e4m3", "e3m4" -> "the rules of IEEE 754 at this width, as in ml_dtypes";
      case "e4m3fnuz", "e5m2fnuz" ->
          "Noune et al., 8-bit Numerical Formats for DNNs, arXiv 2206.02915";
      case "e4m3b11fnuz" -> "ml_dtypes, float8_e4m3b11fnuz";
      case "nf4" -> "Dettmers et al., QLoRA, arXiv 2305.14314, appendix E";
      case "fp4-bnb" -> "bitsandbytes, quantize_4bit with quant_type fp4";
      case "lns8" -> "this library: lns:b8g8";
      case "lns8-madam" -> "Zhao et al., LNS-Madam, IEEE Trans. Computers 71(12), 2022";
      default -> general(format);
    };
  }

  private static String general(NumericFormat format) {
    return switch (format) {
      case FloatFormat f when f.name().startsWith("binary") -> "IEEE P3109, interim report 4.0";
      case FloatFormat _ -> "its parameters";
      case LogFormat _ -> "its parameters; zero and NaN as in " + Formats.LNS8.name();
      case PositFormat p ->
          p.exponentBits() == 2 ? "Standard for Posit Arithmetic (2022)" : "its parameters";
      case FixedFormat f -> f.signed() ? "two's complement" : "unsigned integers";
      case TableFormat _ -> "its table";
    };
  }
}
