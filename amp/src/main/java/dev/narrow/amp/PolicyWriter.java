package dev.narrow.amp;

import dev.narrow.quant.Quantizer;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Writes policy files; the grammar is in {@link AmpPolicy}. */
final class PolicyWriter {
  private static final int WIDTH = 100;

  private PolicyWriter() {}

  static String text(AmpPolicy policy) {
    Map<Role, Optional<Quantizer>> formats = new EnumMap<>(Role.class);
    for (Role role : Role.values()) {
      formats.put(role, policy.quantizer(role));
    }
    StringBuilder text = new StringBuilder("amp 1\n");
    text.append("name ").append(policy.name()).append('\n');
    text.append(RoleWords.text(formats)).append('\n');
    text.append("output ").append(RoleWords.word(policy.output())).append('\n');
    text.append("accumulate ").append(AccumulatorText.text(policy.accumulator())).append('\n');
    text.append("ops none\n");
    addLists(policy.ops(), text);
    policy.layers().forEach(rule -> text.append(layer(rule)).append('\n'));
    text.append("scaler ").append(ScalerText.text(policy.lossScaling())).append('\n');
    return text.toString();
  }

  static String word(OpClass kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /** A line for each run of rules of one class. */
  private static void addLists(List<OpRule> rules, StringBuilder text) {
    StringBuilder line = new StringBuilder();
    OpClass last = OpClass.BANNED;
    for (OpRule rule : rules) {
      boolean isBanned = rule.kind() == OpClass.BANNED;
      String op = isBanned ? rule.op() + " " + quoted('"', rule.advice()) : rule.op();
      if (isBanned || rule.kind() != last || line.length() + op.length() >= WIDTH) {
        text.append(line.isEmpty() ? "" : line + "\n");
        line = new StringBuilder(word(rule.kind()));
        last = rule.kind();
      }
      line.append(' ').append(op);
    }
    text.append(line.isEmpty() ? "" : line + "\n");
  }

  private static String layer(LayerRule rule) {
    String formats = RoleWords.text(rule.formats());
    boolean computeOnly = formats.startsWith("compute ") && formats.indexOf(' ', 8) < 0;
    return "layer "
        + quoted('/', rule.layers())
        + " "
        + (computeOnly ? formats.substring(8) : formats)
        + (rule.comment().isEmpty() ? "" : "  # " + rule.comment());
  }

  private static String quoted(char mark, String text) {
    String one = String.valueOf(mark);
    return one + text.replace(one, one + one) + one;
  }
}
