package dev.narrow.formats;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The known formats, and formats by name. */
public final class Formats {

  /** IEEE 754 binary32: its codes are the bits of the floats. */
  public static final FloatFormat FP32 = ieee("fp32", 8, 23);

  /** IEEE 754 binary16. */
  public static final FloatFormat FP16 = ieee("fp16", 5, 10);

  /** bfloat16: the upper half of binary32. */
  public static final FloatFormat BF16 = ieee("bf16", 8, 7);

  /** OCP OFP8 E4M3: no infinities, one NaN of each sign, largest number 448. */
  public static final FloatFormat E4M3FN =
      new FloatFormat("e4m3fn", 8, 4, 7, true, false, true, 1, true, true);

  /** OCP OFP8 E5M2: as IEEE 754 would have it, largest number 57344. */
  public static final FloatFormat E5M2 = ieee("e5m2", 5, 2);

  /** Eight bits with base factor 8, a zero and a NaN: 2^-7.875 to 2^7.875. */
  public static final LogFormat LNS8 = new LogFormat("lns8", 8, 8, 64, LogFormat.Zero.RESERVED);

  /** The variant of LNS-Madam, without zero and NaN, on the grid of {@link #LNS8}: from 2^-8. */
  public static final LogFormat LNS8_MADAM =
      new LogFormat("lns8-madam", 8, 8, 64, LogFormat.Zero.NONE);

  private static final List<NumericFormat> ALL =
      List.of(FP32, FP16, BF16, E4M3FN, E5M2, LNS8, LNS8_MADAM);

  private static final Map<String, NumericFormat> NAMES = names();

  private static final Pattern LNS = Pattern.compile("lns:b(\\d{1,9})g(\\d{1,9})(-madam)?");
  private static final Pattern FLOAT = Pattern.compile("float:e(\\d{1,9})m(\\d{1,9})");

  private Formats() {}

  private static Map<String, NumericFormat> names() {
    Map<String, NumericFormat> names = new LinkedHashMap<>();
    ALL.forEach(format -> names.put(format.name(), format));
    alias(names, FP32, "binary32", "float32", "float", "single", "f32");
    alias(names, FP16, "binary16", "float16", "half", "f16");
    alias(names, BF16, "bfloat16", "brain16");
    alias(names, E4M3FN, "float8_e4m3fn", "f8_e4m3", "f8_e4m3fn", "fp8_e4m3", "fp8_e4m3fn");
    alias(names, E5M2, "float8_e5m2", "f8_e5m2", "fp8_e5m2");
    return names;
  }

  private static void alias(
      Map<String, NumericFormat> names, NumericFormat format, String... aliases) {
    for (String alias : aliases) {
      names.put(alias, format);
    }
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
   * The format with a name: of a known format ({@code fp16}) or a common alias of it ({@code
   * half}), {@code lns:b16g2048} for a logarithmic format of 16 bits with base factor 2048 and a
   * reserved zero, {@code lns:b16g2048-madam} for one without zero, {@code float:e5m10} for a
   * format with exponent and fraction fields as IEEE 754 has them: infinities, NaNs, subnormals,
   * bias 2^(E - 1) - 1. Parameters of a known format give that one. Upper and lower case are the
   * same.
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
    Matcher lns = LNS.matcher(key);
    if (lns.matches()) {
      LogFormat.Zero zero = lns.group(3) == null ? LogFormat.Zero.RESERVED : LogFormat.Zero.NONE;
      return known(
          LogFormat.of(Integer.parseInt(lns.group(1)), Integer.parseInt(lns.group(2)), zero));
    }
    Matcher ieee = FLOAT.matcher(key);
    if (ieee.matches()) {
      int exponentBits = Integer.parseInt(ieee.group(1));
      int fractionBits = Integer.parseInt(ieee.group(2));
      require(name, "exponent bits", exponentBits, 2, 8);
      require(name, "fraction bits", fractionBits, 1, 23);
      String canonical = "float:e" + exponentBits + "m" + fractionBits;
      return known(ieee(canonical, exponentBits, fractionBits));
    }
    if (key.equals("e4m3")) {
      throw new IllegalArgumentException(
          "format = \"" + name + "\" is ambiguous: did you mean e4m3fn (OCP, largest 448)?");
    }
    throw new IllegalArgumentException(
        "format = \""
            + name
            + "\", expected a known format ("
            + Names.nearest(key, NAMES.keySet())
            + ", ...), lns:b{width}g{gamma}[-madam] or float:e{exponent bits}m{fraction bits}");
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
    };
  }

  private static void require(String name, String what, int value, int low, int high) {
    if (value < low || value > high) {
      throw new IllegalArgumentException(
          "format = \""
              + name
              + "\": "
              + what
              + " = "
              + value
              + ", expected "
              + low
              + " to "
              + high);
    }
  }

  private static FloatFormat ieee(String name, int exponentBits, int fractionBits) {
    return new FloatFormat(
        name,
        1 + exponentBits + fractionBits,
        fractionBits + 1,
        (1 << (exponentBits - 1)) - 1,
        true,
        true,
        true,
        (1 << fractionBits) - 1,
        true,
        true);
  }
}
