package dev.narrow.amp;

import java.util.ArrayList;
import java.util.List;

/** Narrow's own lists of operations, the same on every device. */
final class OpLists {
  /**
   * Products of many terms, whose operands may have few bits, are lower; what has a large range, or
   * adds up what may cancel, is f32; the rest follows.
   */
  static final List<OpRule> NARROW = narrow();

  private OpLists() {}

  private static List<OpRule> narrow() {
    List<OpRule> rules = new ArrayList<>();
    add(rules, OpClass.LOWER, "linear matmul conv* *attention lstm gru");
    add(
        rules,
        OpClass.F32,
        "exp log pow softmax log_softmax *_norm *_loss cross_entropy sum mean cumsum var std");
    add(
        rules,
        OpClass.FOLLOW,
        "add sub mul div scale relu gelu gelu_tanh sigmoid tanh dropout avg_pool* embedding");
    add(
        rules,
        OpClass.NEUTRAL,
        "reshape transpose permute flatten slice cat stack max_pool* argmax gather");
    add(rules, OpClass.PROMOTE, "addcmul addcdiv dot index_put");
    rules.add(
        new OpRule("binary_cross_entropy", OpClass.BANNED, "use binary_cross_entropy_with_logits"));
    return List.copyOf(rules);
  }

  private static void add(List<OpRule> rules, OpClass kind, String names) {
    for (String name : names.split(" ", -1)) {
      rules.add(new OpRule(name, kind));
    }
  }
}
