package dev.narrow.amp;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.StringJoiner;
import java.util.function.ToDoubleFunction;

/** Loss scaling in policy files; the grammar is in {@link AmpPolicy}. */
final class ScalerText {
  /** The keys of a scaler line, in the order in which they are written, and their values. */
  private static final Map<String, ToDoubleFunction<LossScaling>> KEYS = new LinkedHashMap<>();

  static {
    KEYS.put("init", LossScaling::initial);
    KEYS.put("growth", LossScaling::growth);
    KEYS.put("every", LossScaling::interval);
    KEYS.put("backoff", LossScaling::backoff);
    KEYS.put("floor", LossScaling::floor);
    KEYS.put("cap", LossScaling::cap);
    KEYS.put("hysteresis", LossScaling::hysteresis);
  }

  private static final Map<String, LossScaling.AtFloor> AT_FLOOR =
      Map.of("fail", LossScaling.AtFloor.FAIL, "skip", LossScaling.AtFloor.SKIP);

  private ScalerText() {}

  static LossScaling read(PolicyLine line) {
    if (line.skip("none")) {
      return LossScaling.checkOnly();
    }
    if (line.skip("fixed")) {
      float scale = (float) number(line, "a scale");
      return line.read("fixed", _ -> LossScaling.fixed(scale));
    }
    Map<String, Double> values = new LinkedHashMap<>();
    LossScaling.AtFloor atFloor = LossScaling.AtFloor.FAIL;
    if (!line.skip("dynamic")) {
      do {
        if (line.skip("at-floor")) {
          atFloor = atFloor(line);
          continue;
        }
        String key =
            line.next("none, fixed, dynamic or " + String.join(", ", KEYS.keySet()) + ", at-floor");
        if (!KEYS.containsKey(key)) {
          throw line.unknown(key, "one of " + String.join(", ", KEYS.keySet()), KEYS.keySet());
        }
        if (values.put(key, number(line, "a number after " + key)) != null) {
          throw line.error(key + " is there twice, expected once");
        }
        if ((key.equals("every") || key.equals("hysteresis"))
            && values.get(key) != values.get(key).intValue()) {
          throw line.error(key + " = " + values.get(key) + ", expected an integer");
        }
      } while (line.hasNext());
    }
    KEYS.forEach((key, get) -> values.putIfAbsent(key, get.applyAsDouble(LossScaling.dynamic())));
    LossScaling.AtFloor end = atFloor;
    return line.read("", _ -> scaling(values, end));
  }

  private static LossScaling.AtFloor atFloor(PolicyLine line) {
    String word = line.next("fail or skip after at-floor");
    LossScaling.AtFloor found = AT_FLOOR.get(word);
    if (found == null) {
      throw line.unknown(word, "fail or skip", AT_FLOOR.keySet());
    }
    return found;
  }

  private static LossScaling scaling(Map<String, Double> values, LossScaling.AtFloor atFloor) {
    return new LossScaling(
        (float) value(values, "init"),
        value(values, "growth"),
        value(values, "backoff"),
        (int) value(values, "every"),
        (float) value(values, "floor"),
        (float) value(values, "cap"),
        (int) value(values, "hysteresis"),
        atFloor);
  }

  private static double value(Map<String, Double> values, String key) {
    return Objects.requireNonNull(values.get(key), key);
  }

  private static double number(PolicyLine line, String expected) {
    String word = line.next(expected);
    if (word.matches("2\\^-?\\d{1,4}")) {
      return Math.scalb(1.0, Integer.parseInt(word.substring(2)));
    }
    try {
      return Double.parseDouble(word);
    } catch (NumberFormatException e) {
      throw line.error("\"" + word + "\", expected " + expected + ", such as 0.5, 2000 or 2^16");
    }
  }

  static String text(LossScaling scaling) {
    if (scaling.equals(LossScaling.checkOnly())) {
      return "none";
    }
    if (scaling.equals(LossScaling.fixed(scaling.initial()))) {
      return "fixed " + text(scaling.initial());
    }
    StringJoiner text = new StringJoiner(" ");
    KEYS.forEach((key, get) -> text.add(key).add(text(get.applyAsDouble(scaling))));
    if (scaling.atFloor() == LossScaling.AtFloor.SKIP) {
      text.add("at-floor").add("skip");
    }
    return text.toString();
  }

  private static String text(double value) {
    int exponent = Math.getExponent(value);
    if (Math.abs(exponent) >= 10 && value == Math.scalb(1.0, exponent)) {
      return "2^" + exponent;
    }
    return value == (long) value && Math.abs(value) < 1e7
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
