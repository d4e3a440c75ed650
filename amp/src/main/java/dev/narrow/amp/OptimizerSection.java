package dev.narrow.amp;

import dev.narrow.quant.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** An optimizer in a checkpoint: parameters, moments, and the values that steps depend on. */
final class OptimizerSection implements Section {
  private static final String SEED = "seed";
  private static final String STEPS = "steps";
  private static final String LEARNING_RATE = "learningRate";
  private static final String BOUND = ".bound";

  private final Optimizer optimizer;
  private final Map<String, Kept> kept = new LinkedHashMap<>();

  OptimizerSection(Optimizer optimizer) {
    this.optimizer = optimizer;
    for (Optimizer.Slot slot : optimizer.slots()) {
      String name = slot.parameter.name();
      kept.put("parameter/" + name, slot.value);
      for (int m = 0; m < slot.moments.size(); m++) {
        kept.put("moment." + m + "/" + name, slot.moments.get(m));
      }
    }
  }

  /** What must be the same where the state goes to, in the order in which to complain. */
  private Map<String, String> fixed() {
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put("rule", optimizer.rule().toString());
    List<Optimizer.Slot> slots = optimizer.slots();
    texts.put("parameters", Integer.toString(slots.size()));
    for (int i = 0; i < slots.size(); i++) {
      Optimizer.Slot slot = slots.get(i);
      Parameter parameter = slot.parameter;
      texts.put(key(i) + ".name", parameter.name());
      texts.put(key(i) + ".shape", parameter.gradient().shape().toString());
      texts.put(key(i) + ".format", slot.value.toString());
      texts.put(key(i) + ".copy", Objects.toString(parameter.copyQuantizer(), "none"));
      for (int m = 0; m < slot.moments.size(); m++) {
        texts.put(key(i) + ".moment." + m, slot.moments.get(m).toString());
      }
    }
    return texts;
  }

  private static String key(int parameter) {
    return "parameter." + parameter;
  }

  @Override
  public Map<String, String> texts() {
    Map<String, String> texts = fixed();
    texts.put(SEED, Long.toString(optimizer.seed()));
    texts.put(STEPS, Long.toString(optimizer.steps()));
    texts.put(LEARNING_RATE, Float.toString(optimizer.learningRate()));
    List<Optimizer.Slot> slots = optimizer.slots();
    for (int i = 0; i < slots.size(); i++) {
      texts.put(key(i) + BOUND, Float.toString(slots.get(i).bound));
    }
    return texts;
  }

  @Override
  public Map<String, Tensor> tensors() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    kept.forEach((name, one) -> tensors.put(name, one.tensor()));
    return tensors;
  }

  @Override
  public Runnable restore(Map<String, String> texts) {
    fixed().forEach((key, expected) -> Texts.require(texts, key, expected));
    Set<String> known = texts().keySet();
    for (String key : texts.keySet()) {
      if (!known.contains(key)) {
        throw new IllegalArgumentException("has '" + Texts.shown(key) + "', which is not known");
      }
    }
    long seed = Texts.parse(texts, SEED, Long::parseLong, _ -> true, "a number of 64 bits");
    long steps = Texts.parse(texts, STEPS, Long::parseLong, n -> n >= 0, "0 or more");
    float rate =
        Texts.parse(
            texts,
            LEARNING_RATE,
            Float::parseFloat,
            x -> x > 0 && x <= Float.MAX_VALUE,
            "positive and finite");
    List<Optimizer.Slot> slots = optimizer.slots();
    float[] bounds = new float[slots.size()];
    for (int i = 0; i < bounds.length; i++) {
      boolean bounded = slots.get(i).bound < Float.POSITIVE_INFINITY;
      bounds[i] =
          Texts.parse(
              texts,
              key(i) + BOUND,
              Float::parseFloat,
              x -> x > 0 && x < Float.POSITIVE_INFINITY == bounded,
              bounded ? "positive and finite" : "Infinity");
    }
    return () -> {
      for (int i = 0; i < bounds.length; i++) {
        slots.get(i).bound(bounds[i]);
      }
      optimizer.resume(seed, steps, rate);
    };
  }

  @Override
  public void put(String name, Tensor tensor) {
    Objects.requireNonNull(kept.get(name)).replace(tensor);
  }
}
