package dev.narrow.formats;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The grammar of {@code float:e{E}m{M}}, with what differs from IEEE 754 after commas. */
final class FloatSpec {
  private static final Pattern FIELDS = Pattern.compile("float:e(\\d{1,9})m(\\d{1,9})");
  private static final Pattern INTEGER = Pattern.compile("-?\\d{1,9}");
  private static final List<String> YES_NO = List.of("yes", "no");
  private static final Map<String, List<String>> OPTIONS = new LinkedHashMap<>();

  static {
    OPTIONS.put("bias", List.of());
    OPTIONS.put("inf", YES_NO);
    OPTIONS.put("nan", List.of("all", "one", "zero", "none"));
    OPTIONS.put("subnormals", YES_NO);
    OPTIONS.put("signed", YES_NO);
    OPTIONS.put("zero", YES_NO);
  }

  private FloatSpec() {}

  /** All codes with the highest exponent field infinities and NaNs; subnormals; the middle bias. */
  static FloatFormat ieee(String name, int exponentBits, int fractionBits) {
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

  /** The format that a text in lower case describes, which begins with {@code float:}. */
  static FloatFormat parse(String text) {
    String[] parts = text.split(",", -1);
    Matcher fields = FIELDS.matcher(parts[0]);
    if (!fields.matches()) {
      throw new IllegalArgumentException(
          "\"" + parts[0] + "\", expected float:e{exponent bits}m{fraction bits}");
    }
    int e = Integer.parseInt(fields.group(1));
    int m = Integer.parseInt(fields.group(2));
    require(text, "exponent bits", e, 1, 11);
    require(text, "fraction bits", m, 0, 23);
    Map<String, String> options = new LinkedHashMap<>();
    for (String part : Arrays.asList(parts).subList(1, parts.length)) {
      option(options, part);
    }
    boolean inf = flag(options, "inf");
    boolean signed = flag(options, "signed");
    boolean zero = flag(options, "zero");
    boolean subnormals =
        options.containsKey("subnormals") ? flag(options, "subnormals") : m > 0 && zero;
    String nan = options.getOrDefault("nan", "all");
    int highNans =
        switch (nan) {
          case "all" -> (1 << m) - (inf ? 1 : 0);
          case "one" -> 1;
          default -> 0;
        };
    if (nan.equals("zero") && !(signed && zero)) {
      throw new IllegalArgumentException("nan = zero, expected another where there is no -0");
    }
    String defaultBias = String.valueOf((1 << (e - 1)) - 1);
    int bias = Integer.parseInt(options.getOrDefault("bias", defaultBias));
    long left = (1L << (e + m)) - highNans - (inf ? 1 : 0);
    if (left < 2) {
      throw new IllegalArgumentException(
          "nan = "
              + nan
              + (inf ? ", inf = yes" : "")
              + " leave no two finite magnitudes of "
              + (1 << (e + m)));
    }
    StringBuilder name = new StringBuilder("float:e" + e + "m" + m);
    for (String key : OPTIONS.keySet()) {
      String value = options.get(key);
      boolean usual =
          switch (key) {
            case "bias" -> bias == Integer.parseInt(defaultBias);
            case "nan" -> nan.equals("all");
            case "subnormals" -> subnormals == (m > 0 && zero);
            default -> "yes".equals(value);
          };
      if (value != null && !usual) {
        name.append(',').append(key).append('=').append(key.equals("bias") ? "" + bias : value);
      }
    }
    return new FloatFormat(
        name.toString(),
        (signed ? 1 : 0) + e + m,
        m + 1,
        bias,
        signed,
        inf,
        signed && zero && !nan.equals("zero"),
        highNans,
        subnormals,
        zero);
  }

  private static void option(Map<String, String> options, String part) {
    int equals = part.indexOf('=');
    String key = equals < 0 ? part : part.substring(0, equals);
    String value = equals < 0 ? "" : part.substring(equals + 1);
    List<String> values = OPTIONS.get(key);
    if (values == null) {
      throw new IllegalArgumentException(
          "option \"" + key + "\", expected one of " + String.join(", ", OPTIONS.keySet()));
    }
    if (values.isEmpty() ? !INTEGER.matcher(value).matches() : !values.contains(value)) {
      throw new IllegalArgumentException(
          key
              + " = \""
              + value
              + "\", expected "
              + (values.isEmpty() ? "an integer" : String.join(", ", values)));
    }
    if (options.put(key, value) != null) {
      throw new IllegalArgumentException("option \"" + key + "\" is there twice");
    }
  }

  private static boolean flag(Map<String, String> options, String key) {
    return options.getOrDefault(key, "yes").equals("yes");
  }

  static void require(String name, String what, int value, int low, int high) {
    if (value < low || value > high) {
      throw new IllegalArgumentException(
          "format = \""
              + Names.shown(name)
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
}
