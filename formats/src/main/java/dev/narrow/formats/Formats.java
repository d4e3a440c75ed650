package dev.narrow.formats;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The known formats, and formats by name. */
public final class Formats {

  /** IEEE 754 binary32: its codes are the bits of the floats. */
  public static final FloatFormat FP32 = FloatSpec.ieee("fp32", 8, 23);

  /** TensorFloat-32: the range of binary32 with 10 fraction bits, in 19 bits. */
  public static final FloatFormat TF32 = FloatSpec.ieee("tf32", 8, 10);

  /** IEEE 754 binary16. */
  public static final FloatFormat FP16 = FloatSpec.ieee("fp16", 5, 10);

  /** bfloat16: the upper half of binary32. */
  public static final FloatFormat BF16 = FloatSpec.ieee("bf16", 8, 7);

  /** OCP OFP8 E4M3: no infinities, one NaN of each sign, largest number 448. */
  public static final FloatFormat E4M3FN =
      new FloatFormat("e4m3fn", 8, 4, 7, true, false, true, 1, true, true);

  /** OCP OFP8 E5M2: as IEEE 754 would have it, largest number 57344. */
  public static final FloatFormat E5M2 = FloatSpec.ieee("e5m2", 5, 2);

  /** Eight bits as IEEE 754 would have them, largest number 240; not OCP's E4M3. */
  public static final FloatFormat E4M3 = FloatSpec.ieee("e4m3", 4, 3);

  /** Eight bits as IEEE 754 would have them, largest number 15.5. */
  public static final FloatFormat E3M4 = FloatSpec.ieee("e3m4", 3, 4);

  /** AMD's and Graphcore's E4M3: bias 8, NaN in place of -0, largest number 240. */
  public static final FloatFormat E4M3FNUZ = finite("e4m3fnuz", 8, 4, 8, false);

  /** AMD's and Graphcore's E5M2: bias 16, NaN in place of -0, largest number 57344. */
  public static final FloatFormat E5M2FNUZ = finite("e5m2fnuz", 8, 3, 16, false);

  /** E4M3 with bias 11 and NaN in place of -0, largest number 30. */
  public static final FloatFormat E4M3B11FNUZ = finite("e4m3b11fnuz", 8, 4, 11, false);

  /** OCP MX FP6 E2M3: neither infinity nor NaN, largest number 7.5. */
  public static final FloatFormat E2M3 = finite("e2m3", 6, 4, 1, true);

  /** OCP MX FP6 E3M2: neither infinity nor NaN, largest number 28. */
  public static final FloatFormat E3M2 = finite("e3m2", 6, 3, 3, true);

  /** OCP MX FP4 E2M1: neither infinity nor NaN, largest number 6. */
  public static final FloatFormat E2M1 = finite("e2m1", 4, 2, 1, true);

  /** OCP MX scale E8M0: the powers of two 2^-127 to 2^127 and NaN, without zero. */
  public static final FloatFormat E8M0 =
      new FloatFormat("e8m0", 8, 1, 127, false, false, false, 1, false, false);

  /** Eight bits with base factor 8, a zero and a NaN: 2^-7.875 to 2^7.875. */
  public static final LogFormat LNS8 = new LogFormat("lns8", 8, 8, 64, LogFormat.Zero.RESERVED);

  /** The variant of LNS-Madam, without zero and NaN, on the grid of {@link #LNS8}: from 2^-8. */
  public static final LogFormat LNS8_MADAM =
      new LogFormat("lns8-madam", 8, 8, 64, LogFormat.Zero.NONE);

  /** Posit of 8 bits, standard of 2022: two exponent bits. */
  public static final PositFormat POSIT8 = new PositFormat("posit8", 8, 2);

  /** Posit of 16 bits, standard of 2022: two exponent bits. */
  public static final PositFormat POSIT16 = new PositFormat("posit16", 16, 2);

  /** Posit of 32 bits, standard of 2022: two exponent bits. */
  public static final PositFormat POSIT32 = new PositFormat("posit32", 32, 2);

  /** OCP MX INT8: multiples of 1/64 from -127/64 to 127/64; the code of -2 is never encoded. */
  public static final FixedFormat MXINT8 = new FixedFormat("mxint8", 8, true, 6, true);

  /** Signed integers of 16 bits. */
  public static final FixedFormat INT16 = integer("int16", 16, true);

  /** Signed integers of 8 bits. */
  public static final FixedFormat INT8 = integer("int8", 8, true);

  /** Signed integers of 4 bits. */
  public static final FixedFormat INT4 = integer("int4", 4, true);

  /** Signed integers of 2 bits. */
  public static final FixedFormat INT2 = integer("int2", 2, true);

  /** Unsigned integers of 16 bits. */
  public static final FixedFormat UINT16 = integer("uint16", 16, false);

  /** Unsigned integers of 8 bits. */
  public static final FixedFormat UINT8 = integer("uint8", 8, false);

  /** Unsigned integers of 4 bits. */
  public static final FixedFormat UINT4 = integer("uint4", 4, false);

  /** Unsigned integers of 2 bits. */
  public static final FixedFormat UINT2 = integer("uint2", 2, false);

  /** NormalFloat of 4 bits (Dettmers et al., QLoRA, 2023, appendix E): quantiles in -1 to 1. */
  public static final TableFormat NF4 =
      TableFormat.of(
          "nf4",
          List.of(
              -1.0f,
              -0.6961928f,
              -0.52507305f,
              -0.3949175f,
              -0.28444138f,
              -0.18477343f,
              -0.091050036f,
              0.0f,
              0.0795803f,
              0.1609302f,
              0.2461123f,
              0.33791524f,
              0.44070983f,
              0.562617f,
              0.72295684f,
              1.0f));

  /**
   * The 4-bit floats of bitsandbytes: twelfths of 0.0625, 8, 12, 4, 6, 2, 3, and their negatives.
   */
  public static final TableFormat FP4_BNB = TableFormat.of("fp4-bnb", bitsandbytes());

  /** IEEE P3109 with 8 bits and precision 4, signed and extended: largest number 224. */
  public static final FloatFormat BINARY8P4SE = p3109(8, 4, true, true);

  /** IEEE P3109 with 8 bits and precision 3, signed and extended: largest number 49152. */
  public static final FloatFormat BINARY8P3SE = p3109(8, 3, true, true);

  /** IEEE P3109 scales: powers of two, unsigned and finite, with a zero. */
  public static final FloatFormat BINARY8P1UF = p3109(8, 1, false, false);

  /** IEEE P3109 with 4 bits and precision 2, signed and finite: largest number 3. */
  public static final FloatFormat BINARY4P2SF = p3109(4, 2, true, false);

  private static final List<NumericFormat> ALL =
      List.of(
          FP32,
          POSIT32,
          TF32,
          FP16,
          BF16,
          POSIT16,
          INT16,
          UINT16,
          E5M2,
          E4M3FN,
          E5M2FNUZ,
          E4M3FNUZ,
          E4M3B11FNUZ,
          E4M3,
          E3M4,
          E8M0,
          BINARY8P4SE,
          BINARY8P3SE,
          BINARY8P1UF,
          LNS8,
          LNS8_MADAM,
          POSIT8,
          MXINT8,
          INT8,
          UINT8,
          E3M2,
          E2M3,
          E2M1,
          BINARY4P2SF,
          NF4,
          FP4_BNB,
          INT4,
          UINT4,
          INT2,
          UINT2);

  private static final Map<String, List<String>> ALIASES = aliases();

  private static final Map<String, NumericFormat> NAMES = names();

  private static final Map<String, String> REMARKS =
      Map.ofEntries(
          Map.entry("e4m3", "IEEE style, largest value 240; OCP's is e4m3fn"),
          Map.entry("e4m3fn", "OCP's E4M3, largest value 448; the IEEE style one is e4m3"),
          Map.entry("e4m3fnuz", "bias 8, largest value 240; OCP's E4M3 (bias 7, 448) is e4m3fn"),
          Map.entry("binary8p4se", "P3109, bias 8, largest value 224; OCP's E4M3 is e4m3fn"),
          Map.entry("binary4p2sf", "P3109, largest value 3; OCP's FP4 is e2m1"),
          Map.entry("e2m1", "OCP's FP4; that of bitsandbytes is fp4-bnb"),
          Map.entry("fp4-bnb", "the table of bitsandbytes; OCP's FP4 is e2m1"),
          Map.entry("tf32", "rounds to nearest even; NVIDIA's cvt.rna ties away: nearest-away"),
          Map.entry("e8m0", "ties round up as in ml_dtypes; MX scale rules differ and choose"),
          Map.entry("mxint8", "int8 / 64 without -2; plain integers are int8"),
          Map.entry("int8", "integers; the MX element (int8 / 64) is mxint8"),
          Map.entry("posit8", "standard of 2022, two exponent bits; the draft's is posit:b8e0"),
          Map.entry("posit16", "standard of 2022, two exponent bits; the draft's is posit:b16e1"),
          Map.entry(
              "lns8", "zero and NaN reserved; LNS-Madam's, which has neither, is lns8-madam"));

  private static final Pattern P3109 = Pattern.compile("binary(\\d{1,9})p(\\d{1,9})([su])([ef])");
  private static final Pattern LNS = Pattern.compile("lns:b(\\d{1,9})g(\\d{1,9})(-madam)?");
  private static final Pattern POSIT =
      Pattern.compile("posit(?:(\\d{1,9})|:b(\\d{1,9})e(\\d{1,9}))");
  private static final Pattern FIXED = Pattern.compile("(u?)fixed:b(\\d{1,9})f(-?\\d{1,9})");

  private Formats() {}

  private static FloatFormat finite(
      String name, int width, int precision, int bias, boolean negativeZero) {
    return new FloatFormat(name, width, precision, bias, true, false, negativeZero, 0, true, true);
  }

  private static FixedFormat integer(String name, int width, boolean signed) {
    return new FixedFormat(name, width, signed, 0, false);
  }

  private static List<Float> bitsandbytes() {
    List<Float> values = new ArrayList<>();
    for (int sign : new int[] {1, -1}) {
      for (double twelfths : new double[] {0, 0.0625, 8, 12, 4, 6, 2, 3}) {
        values.add((float) (sign * twelfths / 12));
      }
    }
    return values;
  }

  /**
   * A format of IEEE P3109 (interim report 4.0, 2026): one zero, one NaN, the bias that gives 1 the
   * middle of the codes, and subnormals where the precision is above 1.
   *
   * @param width bits of a code, K, 3 to 16
   * @param precision bits of the significand, P, 1 to K - 1, or to K in an unsigned format
   * @param signed whether there are negative numbers
   * @param extended whether there are infinities
   * @return the format, named Binary{K}p{P}{s|u}{e|f} in lower case
   * @throws IllegalArgumentException if a parameter is out of range
   */
  public static FloatFormat p3109(int width, int precision, boolean signed, boolean extended) {
    String name =
        "binary" + width + "p" + precision + (signed ? "s" : "u") + (extended ? "e" : "f");
    FloatSpec.require(name, "width", width, 3, 16);
    FloatSpec.require(name, "precision", precision, 1, signed ? width - 1 : width);
    int bias = signed ? 1 << (width - precision - 1) : 1 << (width - precision);
    return new FloatFormat(
        name, width, precision, bias, signed, extended, false, signed ? 0 : 1, precision > 1, true);
  }

  private static Map<String, List<String>> aliases() {
    Map<String, List<String>> aliases = new LinkedHashMap<>();
    aliases.put("fp32", List.of("binary32", "float32", "float", "single", "f32"));
    aliases.put("tf32", List.of("tensorfloat32", "tensorfloat-32"));
    aliases.put("fp16", List.of("binary16", "float16", "half", "f16"));
    aliases.put("bf16", List.of("bfloat16", "brain16"));
    aliases.put(
        "e4m3fn",
        List.of("float8_e4m3fn", "float8e4m3fn", "f8_e4m3", "f8_e4m3fn", "fp8_e4m3", "fp8_e4m3fn"));
    aliases.put("e5m2", List.of("float8_e5m2", "float8e5m2", "f8_e5m2", "fp8_e5m2"));
    aliases.put("e4m3", List.of("float8_e4m3"));
    aliases.put("e3m4", List.of("float8_e3m4"));
    aliases.put("e4m3fnuz", List.of("float8_e4m3fnuz", "float8e4m3fnuz", "f8_e4m3fnuz"));
    aliases.put("e5m2fnuz", List.of("float8_e5m2fnuz", "float8e5m2fnuz", "f8_e5m2fnuz"));
    aliases.put("e4m3b11fnuz", List.of("float8_e4m3b11fnuz", "e4m3b11"));
    aliases.put("e2m3", List.of("float6_e2m3fn", "f6_e2m3", "fp6_e2m3", "e2m3fn"));
    aliases.put("e3m2", List.of("float6_e3m2fn", "f6_e3m2", "fp6_e3m2", "e3m2fn"));
    aliases.put(
        "e2m1",
        List.of("float4_e2m1fn", "float4e2m1", "f4_e2m1", "f4", "fp4", "fp4_e2m1", "e2m1fn"));
    aliases.put("e8m0", List.of("float8_e8m0fnu", "float8e8m0", "f8_e8m0", "e8m0fnu", "ue8m0"));
    aliases.put("nf4", List.of("normalfloat4"));
    for (String bits : List.of("2", "4", "8", "16")) {
      aliases.put("int" + bits, List.of("i" + bits, "s" + bits));
      aliases.put("uint" + bits, List.of("u" + bits));
    }
    return aliases;
  }

  private static Map<String, NumericFormat> names() {
    Map<String, NumericFormat> names = new LinkedHashMap<>();
    for (NumericFormat format : ALL) {
      names.put(format.name(), format);
      aliases(format).forEach(alias -> names.put(alias, format));
    }
    return names;
  }

  /**
   * The known formats, the widest first.
   *
   * @return an unmodifiable list
   */
  public static List<NumericFormat> all() {
    return ALL;
  }

  /**
   * The other names of a known format: those of ml_dtypes, safetensors, ONNX and OCP among them.
   *
   * @param format any format
   * @return an unmodifiable list, empty for a format that is not known
   */
  public static List<String> aliases(NumericFormat format) {
    return ALL.contains(format)
        ? Collections.unmodifiableList(ALIASES.getOrDefault(format.name(), List.of()))
        : List.of();
  }

  /**
   * What to know about a name that means different things to different people.
   *
   * @param format any format
   * @return a line, for example {@code IEEE style, largest value 240; OCP's is e4m3fn}
   */
  public static Optional<String> remark(NumericFormat format) {
    return ALL.contains(format)
        ? Optional.ofNullable(REMARKS.get(format.name()))
        : Optional.empty();
  }

  /**
   * The format with a name, upper and lower case being the same:
   *
   * <ul>
   *   <li>a known format ({@code fp16}) or an alias of it ({@code half});
   *   <li>{@code binary8p4se} for a format of IEEE P3109: see {@link #p3109};
   *   <li>{@code lns:b16g2048} for a logarithmic format of 16 bits with base factor 2048 and a
   *       reserved zero, {@code lns:b16g2048-madam} for one without zero;
   *   <li>{@code posit10} for a posit of the standard, {@code posit:b8e0} for one with another
   *       number of exponent bits;
   *   <li>{@code fixed:b8f4}, {@code ufixed:b8f4} for integers of 8 bits, signed or not, times
   *       2^-4;
   *   <li>{@code float:e5m10} for a format with exponent and fraction fields as IEEE 754 has them:
   *       infinities, NaNs, subnormals, bias 2^(E - 1) - 1. What differs follows after commas:
   *       {@code bias=8}, {@code inf=no}, {@code nan=one} (the top code of each sign only), {@code
   *       nan=zero} (the code of -0), {@code nan=none}, {@code subnormals=no}, {@code signed=no},
   *       {@code zero=no}.
   * </ul>
   *
   * <p>Parameters of a known format give that one.
   *
   * @param name upper and lower case are the same
   * @return the format
   * @throws IllegalArgumentException if no format has the name; the message tells the nearest
   *     names, or the range that a parameter lies outside of
   */
  public static NumericFormat parse(String name) {
    String key = name.strip().toLowerCase(Locale.ROOT);
    NumericFormat known = NAMES.get(key);
    if (known != null) {
      return known;
    }
    try {
      NumericFormat described = described(key);
      if (described != null) {
        return known(described);
      }
    } catch (IllegalArgumentException e) {
      String message = String.valueOf(e.getMessage());
      throw new IllegalArgumentException(
          message.startsWith("format = ")
              ? message
              : "format = \"" + Names.shown(name) + "\": " + message,
          e);
    }
    if (key.equals("fp8") || key.equals("float8")) {
      throw new IllegalArgumentException(
          "format = \""
              + Names.shown(name)
              + "\" is ambiguous: did you mean e4m3fn or e5m2 (OCP)?");
    }
    throw new IllegalArgumentException(
        "format = \""
            + Names.shown(name)
            + "\", expected a known format ("
            + Names.nearest(key, NAMES.keySet())
            + ", ...), binary{K}p{P}{s|u}{e|f}, lns:b{width}g{gamma}[-madam], posit{width},"
            + " [u]fixed:b{width}f{fraction bits} or float:e{exponent bits}m{fraction bits}[,...]");
  }

  private static @Nullable NumericFormat described(String key) {
    Matcher m = P3109.matcher(key);
    if (m.matches()) {
      return p3109(number(m, 1), number(m, 2), m.group(3).equals("s"), m.group(4).equals("e"));
    }
    m = LNS.matcher(key);
    if (m.matches()) {
      LogFormat.Zero zero = m.group(3) == null ? LogFormat.Zero.RESERVED : LogFormat.Zero.NONE;
      return LogFormat.of(number(m, 1), number(m, 2), zero);
    }
    m = POSIT.matcher(key);
    if (m.matches()) {
      int width = number(m, m.group(1) == null ? 2 : 1);
      int exponentBits = m.group(1) == null ? number(m, 3) : 2;
      String name = exponentBits == 2 ? "posit" + width : "posit:b" + width + "e" + exponentBits;
      return new PositFormat(name, width, exponentBits);
    }
    m = FIXED.matcher(key);
    if (m.matches()) {
      String name = m.group(1) + "fixed:b" + number(m, 2) + "f" + number(m, 3);
      return new FixedFormat(name, number(m, 2), m.group(1).isEmpty(), number(m, 3), false);
    }
    return key.startsWith("float:") ? FloatSpec.parse(key) : null;
  }

  private static int number(Matcher matcher, int group) {
    return Integer.parseInt(matcher.group(group));
  }

  /** The known format with these parameters if there is one. */
  private static NumericFormat known(NumericFormat format) {
    for (NumericFormat known : ALL) {
      if (renamed(format, known.name()).equals(known)) {
        return known;
      }
    }
    return format;
  }

  private static NumericFormat renamed(NumericFormat format, String name) {
    return switch (format) {
      case FloatFormat f ->
          new FloatFormat(
              name,
              f.width(),
              f.precision(),
              f.bias(),
              f.signed(),
              f.infinities(),
              f.negativeZero(),
              f.highNans(),
              f.subnormals(),
              f.zero());
      case LogFormat f -> new LogFormat(name, f.width(), f.gamma(), f.bias(), f.zero());
      case PositFormat f -> new PositFormat(name, f.width(), f.exponentBits());
      case FixedFormat f ->
          new FixedFormat(name, f.width(), f.signed(), f.fractionBits(), f.symmetric());
      case TableFormat f -> TableFormat.of(name, f.values());
    };
  }
}
