package dev.narrow.amp.inspect;

import dev.narrow.amp.AutocastReport;
import dev.narrow.amp.Role;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * A file of an {@link Inspector}, read back. Fields that this version does not know are passed
 * over; a last line that was cut off is too, as of a run that was killed.
 *
 * @param observations in the order of the file
 * @param casts of the whole run; empty if the file is not complete
 * @param complete whether the inspector was closed
 */
record RunFile(List<Observation> observations, List<AutocastReport.Casts> casts, boolean complete) {
  private static final JsonFactory JSON = new JsonFactory();

  /**
   * Reads a file.
   *
   * @throws IOException if it cannot be read, or is none of an inspector; the message has the line
   */
  static RunFile read(Path file) throws IOException {
    List<Observation> observations = new ArrayList<>();
    List<AutocastReport.Casts> casts = new ArrayList<>();
    boolean complete = false;
    try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      String text = in.readLine();
      for (int number = 1; text != null; number++) {
        String next = in.readLine();
        try {
          Line line = new Line(object(text));
          requireVersion(line);
          String kind = line.text("kind");
          if ((number == 1) != kind.equals("run")) {
            throw new IllegalArgumentException("kind = " + kind + ", expected run in line 1 alone");
          }
          switch (kind) {
            case "tensor" -> observations.add(observation(line));
            case "casts" -> casts.add(casts(line));
            case "end" -> complete = true;
            default -> {}
          }
        } catch (JacksonException e) {
          if (next != null || number == 1) {
            throw new IOException(
                file + " line " + number + ": not JSON: " + e.getOriginalMessage(), e);
          }
        } catch (IllegalArgumentException e) {
          throw new IOException(file + " line " + number + ": " + e.getMessage(), e);
        }
        text = next;
      }
    }
    return new RunFile(List.copyOf(observations), List.copyOf(casts), complete);
  }

  private static void requireVersion(Line line) {
    long version = line.number("version");
    if (version != RunWriter.VERSION) {
      throw new IllegalArgumentException(
          "version = " + version + ", expected " + RunWriter.VERSION);
    }
  }

  /** The tensors over all steps, in the order of the file. */
  List<TensorSummary> summaries() {
    Map<List<Object>, TensorSummary> all = new LinkedHashMap<>();
    for (Observation one : observations) {
      all.merge(
          List.of(one.layer(), one.role(), one.op()), TensorSummary.of(one), TensorSummary::merge);
    }
    return List.copyOf(all.values());
  }

  private static Observation observation(Line line) {
    Map<String, Fit> whatIf = new LinkedHashMap<>();
    Line others = line.object("whatIf");
    for (String name : others.values.keySet()) {
      whatIf.put(name, fit(others.object(name)));
    }
    return new Observation(
        line.number("step"),
        line.text("layer"),
        role(line.text("role")),
        line.text("op"),
        line.integers("shape"),
        magnitudes(line),
        line.values.get("fit") == null ? Optional.empty() : Optional.of(fit(line.object("fit"))),
        whatIf);
  }

  private static Magnitudes magnitudes(Line line) {
    SortedMap<Integer, Long> octaves = new TreeMap<>();
    Line counts = line.object("octaves");
    for (String octave : counts.values.keySet()) {
      int number = Integer.parseInt(octave);
      if (number < -149 || number > Float.MAX_EXPONENT) {
        throw new IllegalArgumentException("octave = " + octave + ", expected -149 to 127");
      }
      octaves.put(number, counts.number(octave));
    }
    return new Magnitudes(
        line.number("elements"),
        line.number("zeros"),
        line.number("nan"),
        line.number("infinite"),
        (float) line.real("amax", 0),
        (float) line.real("smallest", Float.POSITIVE_INFINITY),
        octaves);
  }

  private static Fit fit(Line line) {
    return new Fit(
        line.text("format"),
        line.flag("scaled"),
        line.number("elements"),
        line.number("values"),
        line.number("flushed"),
        line.number("subnormal"),
        line.number("saturated"),
        line.number("lost"),
        line.real("signal", Double.POSITIVE_INFINITY),
        line.real("noise", Double.POSITIVE_INFINITY),
        line.real("least", 0),
        line.real("leastNormal", 0),
        line.real("most", Double.POSITIVE_INFINITY));
  }

  private static AutocastReport.Casts casts(Line line) {
    return new AutocastReport.Casts(
        line.text("layer"),
        role(line.text("role")),
        line.number("casts"),
        line.number("reused"),
        line.number("bytesBefore"),
        line.number("bytesAfter"),
        line.number("nanos"));
  }

  private static Role role(String word) {
    for (Role role : Role.values()) {
      if (TensorSummary.word(role).equals(word)) {
        return role;
      }
    }
    throw new IllegalArgumentException(
        "role = \""
            + word
            + "\", expected "
            + TensorSummary.word(Role.WEIGHT)
            + " or another of "
            + List.of(Role.values()).toString().toLowerCase(Locale.ROOT));
  }

  /** The fields of an object, each asked for with the kind that it must have. */
  private record Line(Map<String, @Nullable Object> values) {

    String text(String name) {
      return value(name, String.class, "a string");
    }

    long number(String name) {
      return value(name, Long.class, "an integer");
    }

    boolean flag(String name) {
      return value(name, Boolean.class, "true or false");
    }

    /** A number, or what null stands for. */
    double real(String name, double ifNull) {
      boolean isNull = values.containsKey(name) && values.get(name) == null;
      return isNull ? ifNull : value(name, Number.class, "a number or null").doubleValue();
    }

    @SuppressWarnings("unchecked") // objects are maps of this kind
    Line object(String name) {
      return new Line((Map<String, @Nullable Object>) value(name, Map.class, "an object"));
    }

    List<Integer> integers(String name) {
      List<Integer> integers = new ArrayList<>();
      for (Object one : value(name, List.class, "a list of integers")) {
        if (!(one instanceof Long number) || number != number.intValue()) {
          throw wrong(name, "a list of 32-bit integers");
        }
        integers.add(number.intValue());
      }
      return integers;
    }

    private <T> T value(String name, Class<T> kind, String expected) {
      Object value = values.get(name);
      if (!kind.isInstance(value)) {
        throw wrong(name, expected);
      }
      return kind.cast(value);
    }

    private IllegalArgumentException wrong(String name, String expected) {
      return new IllegalArgumentException(
          name + " = " + values.get(name) + ", expected " + expected);
    }
  }

  private static Map<String, @Nullable Object> object(String text) {
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IllegalArgumentException("is no object, expected {...}");
      }
      return object(parser);
    }
  }

  private static Map<String, @Nullable Object> object(JsonParser parser) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.getString();
      parser.nextToken();
      values.put(name, value(parser));
    }
    return values;
  }

  private static @Nullable Object value(JsonParser parser) {
    return switch (parser.currentToken()) {
      case START_OBJECT -> object(parser);
      case START_ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(value(parser));
        }
        yield list;
      }
      case VALUE_STRING -> parser.getString();
      case VALUE_NUMBER_INT -> parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      default -> null;
    };
  }
}
