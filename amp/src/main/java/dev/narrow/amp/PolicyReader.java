package dev.narrow.amp;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Rounding;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.ScaleRule;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** Reads policy files; the grammar is in {@link AmpPolicy}. */
final class PolicyReader {
  private static final List<String> OTHERS =
      List.of("name", "output", "accumulate", "ops", "layer", "scaler");
  private static final List<String> LISTS =
      Stream.of(OpClass.values()).map(PolicyWriter::word).toList();

  private AmpPolicy policy;
  private final List<OpRule> ops = new ArrayList<>();
  private final List<LayerRule> layers = new ArrayList<>();
  private final Set<String> seen = new HashSet<>();

  private PolicyReader(String name) {
    policy = AmpPolicy.empty(name);
  }

  static AmpPolicy read(String text, String name) {
    PolicyReader reader = new PolicyReader(name);
    int number = 0;
    boolean versioned = false;
    for (String content : text.lines().toList()) {
      PolicyLine line = new PolicyLine(++number, content);
      if (!versioned && line.hasNext()) {
        version(line);
        versioned = true;
      }
      while (line.hasNext()) {
        reader.statement(line);
      }
    }
    if (!versioned) {
      version(new PolicyLine(1, ""));
    }
    return reader.policy();
  }

  private static void version(PolicyLine line) {
    String expected = "amp 1 in the first line, the version of this grammar";
    String word = line.next(expected);
    if (!word.equals("amp")) {
      throw line.error("\"" + word + "\", expected " + expected);
    }
    String version = line.next(expected);
    if (!version.equals("1")) {
      throw line.error("version = " + version + ", expected " + expected);
    }
  }

  private AmpPolicy policy() {
    if (!seen.contains("ops")) {
      ops.addAll(0, Presets.ops("narrow"));
    }
    return policy.withOps(ops).withLayers(layers);
  }

  private void statement(PolicyLine line) {
    String word = line.next("a word of a policy");
    List<Role> roles = RoleWords.ROLES.get(word);
    if (LISTS.contains(word)) {
      list(line, OpClass.valueOf(word.toUpperCase(Locale.ROOT)));
    } else if (word.equals("layer")) {
      layer(line);
    } else {
      if (roles == null && !OTHERS.contains(word)) {
        throw line.unknown(word, "a word of a policy", words());
      }
      if (!seen.add(word)) {
        throw line.error(word + " is there twice, expected once");
      }
      if (roles != null) {
        Optional<Quantizer> format = format(line, word);
        roles.forEach(role -> policy = policy.with(role, format));
      } else {
        once(line, word);
      }
    }
  }

  private static List<String> words() {
    return Stream.of(RoleWords.ROLES.keySet(), OTHERS, LISTS).flatMap(s -> s.stream()).toList();
  }

  private static Optional<Quantizer> format(PolicyLine line, String word) {
    return line.read(line.next("a format after " + word), RoleWords::format);
  }

  private void once(PolicyLine line, String word) {
    switch (word) {
      case "name" -> policy = line.read(line.rest("a name"), policy::named);
      case "output" -> policy = policy.withOutput(format(line, word));
      case "accumulate" -> policy = policy.with(AccumulatorText.read(line));
      case "ops" -> {
        String lists = line.next("one of " + String.join(", ", Presets.LISTS));
        if (!Presets.LISTS.contains(lists)) {
          throw line.unknown(lists, "one of " + String.join(", ", Presets.LISTS), Presets.LISTS);
        }
        if (!ops.isEmpty()) {
          throw line.error("ops " + lists + ", expected before other lists of operations");
        }
        ops.addAll(Presets.ops(lists));
      }
      default -> policy = policy.with(ScalerText.read(line)); // scaler
    }
  }

  private void list(PolicyLine line, OpClass kind) {
    String advised = "advice in quotes, such as \"use binary_cross_entropy_with_logits\"";
    do {
      String op = line.next("the name of an operation");
      String advice = kind == OpClass.BANNED ? line.between('"', advised) : "";
      ops.add(line.read(op, name -> new OpRule(name, kind, advice)));
    } while (line.hasNext());
  }

  private void layer(PolicyLine line) {
    String regex =
        line.read(
            line.between('/', "a regular expression in slashes, such as /fc[12]/"),
            LayerRule::checked);
    Map<Role, Optional<Quantizer>> formats = new EnumMap<>(Role.class);
    String word = line.next("a format or a role");
    if (RoleWords.ROLES.containsKey(word)) {
      word = roles(line, word, formats);
    } else {
      Optional<Quantizer> format = compute(line, word);
      RoleWords.COMPUTE.forEach(role -> formats.put(role, format));
      word = line.hasNext() ? line.next("") : "";
    }
    changes(line, word, formats);
    layers.add(new LayerRule(regex, formats, line.comment()));
  }

  /** A format where a role may be meant: of what is neither, both say what is near. */
  private static Optional<Quantizer> compute(PolicyLine line, String word) {
    if (word.contains("/")) {
      return line.read(word, RoleWords::format);
    }
    try {
      return RoleWords.format(word);
    } catch (IllegalArgumentException e) {
      List<String> valid = new ArrayList<>(RoleWords.ROLES.keySet());
      valid.addAll(Recipes.names());
      Formats.all().forEach(format -> valid.add(format.name()));
      IllegalArgumentException error = line.unknown(word, "a format or a role", valid);
      error.initCause(e);
      throw error;
    }
  }

  /** Roles and formats, from the first word on; returns the word after them. */
  private static String roles(
      PolicyLine line, String first, Map<Role, Optional<Quantizer>> formats) {
    Set<String> words = new HashSet<>();
    String word = first;
    while (RoleWords.ROLES.containsKey(word)) {
      if (!words.add(word)) {
        throw line.error(word + " is there twice, expected once");
      }
      Optional<Quantizer> format = format(line, word);
      RoleWords.ROLES.get(word).forEach(role -> formats.put(role, format));
      word = line.hasNext() ? line.next("") : "";
    }
    return word;
  }

  private static void changes(
      PolicyLine line, String first, Map<Role, Optional<Quantizer>> formats) {
    List<String> left = new ArrayList<>(List.of("scale", "round"));
    String word = first;
    while (!word.isEmpty()) {
      if (!left.remove(word)) {
        left.addAll(RoleWords.ROLES.keySet());
        throw line.unknown(word, "a role, scale or round, each once", left);
      }
      if (word.equals("scale")) {
        ScaleRule rule = line.read(line.next("a rule for scales"), ScaleRule::parse);
        change(line, formats, quantizer -> quantizer.with(rule));
      } else {
        Rounding rounding = line.read(line.next("a rounding"), Rounding::parse);
        change(line, formats, quantizer -> quantizer.with(rounding));
      }
      word = line.hasNext() ? line.next("") : "";
    }
  }

  private static void change(
      PolicyLine line, Map<Role, Optional<Quantizer>> formats, UnaryOperator<Quantizer> change) {
    formats.replaceAll((_, format) -> line.read(format, f -> f.map(change)));
  }
}
