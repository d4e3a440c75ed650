package dev.narrow.cli;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.files.TensorInfo;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** Which tensor of a file becomes what: the last rule that fits its name, else the format. */
final class Plan {
  private static final String KEEP = "keep";

  private final Quantizer format;
  private final List<Rule> rules = new ArrayList<>();

  private record Rule(String glob, Pattern names, Optional<Quantizer> quantizer) {}

  /**
   * Parses what the command line says.
   *
   * @param format a recipe
   * @param rules {@code GLOB=RECIPE} or {@code GLOB=keep}; {@code *} is any number of characters
   *     and {@code ?} is one
   * @throws UsageException if one is not understood
   */
  Plan(String format, List<String> rules) {
    this.format = Arguments.parse(format, Recipes::parse);
    for (String rule : rules) {
      int at = rule.indexOf('=');
      if (at < 1) {
        throw new UsageException("--rule " + rule + ", expected GLOB=FORMAT or GLOB=keep");
      }
      String glob = rule.substring(0, at);
      String recipe = rule.substring(at + 1);
      this.rules.add(
          new Rule(
              glob,
              regex(glob),
              recipe.equals(KEEP)
                  ? Optional.empty()
                  : Optional.of(Arguments.parse(recipe, Recipes::parse))));
    }
  }

  private static Pattern regex(String glob) {
    StringBuilder regex = new StringBuilder();
    for (int i = 0; i < glob.length(); i++) {
      char c = glob.charAt(i);
      regex.append(c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(String.valueOf(c)));
    }
    return Pattern.compile(regex.toString(), Pattern.DOTALL);
  }

  /** The globs that fit none of these tensors: typing errors, most likely. */
  List<String> unused(List<TensorInfo> tensors) {
    return rules.stream()
        .filter(
            rule -> tensors.stream().noneMatch(info -> rule.names().matcher(info.name()).matches()))
        .map(Rule::glob)
        .toList();
  }

  /**
   * What becomes of a tensor; nothing if it stays as it is. Without a rule that fits, only matrices
   * and what has more axes is quantized, if it has floating-point numbers.
   */
  Optional<Quantizer> quantizer(TensorInfo info) {
    for (Rule rule : rules.reversed()) {
      if (rule.names().matcher(info.name()).matches()) {
        return info.hasFloats() ? rule.quantizer() : Optional.empty();
      }
    }
    return info.hasFloats() && info.shape().size() >= 2 ? Optional.of(format) : Optional.empty();
  }
}
