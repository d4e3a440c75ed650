package dev.narrow.amp;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The state of a scaler in a checkpoint: its counters, and each of its scales by number. */
record ScalerSection(GradScaler scaler) implements Resumable {
  @Override
  public Map<String, String> state() {
    GradScaler.State state = scaler.state();
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put("applied-steps", Long.toString(state.appliedSteps()));
    texts.put("skipped-steps", Long.toString(state.skippedSteps()));
    for (int i = 0; i < state.scales().size(); i++) {
      GradScaler.State.Scale scale = state.scales().get(i);
      texts.put(key(i, "layer"), scale.layer());
      texts.put(key(i, "scale"), Float.toString(scale.scale()));
      texts.put(key(i, "clean-steps"), Integer.toString(scale.cleanSteps()));
      texts.put(key(i, "hysteresis-left"), Integer.toString(scale.hysteresisLeft()));
    }
    return texts;
  }

  private static String key(int index, String field) {
    return "scale." + index + "." + field;
  }

  @Override
  public Runnable restore(Map<String, String> texts) {
    GradScaler.State now = scaler.state();
    if (!texts.keySet().equals(state().keySet())) {
      throw new IllegalArgumentException(
          "scaler has the values " + texts.keySet() + ", expected " + state().keySet());
    }
    List<GradScaler.State.Scale> scales = new ArrayList<>();
    for (int i = 0; i < now.scales().size(); i++) {
      Texts.require(texts, key(i, "layer"), now.scales().get(i).layer());
      scales.add(
          new GradScaler.State.Scale(
              now.scales().get(i).layer(),
              Texts.parse(texts, key(i, "scale"), Float::parseFloat, s -> s >= 0, "0 or more"),
              number(texts, key(i, "clean-steps"), 0),
              number(texts, key(i, "hysteresis-left"), Integer.MIN_VALUE)));
    }
    GradScaler.State parsed =
        new GradScaler.State(count(texts, "applied-steps"), count(texts, "skipped-steps"), scales);
    scaler.restore(parsed); // refuses what does not fit its settings; what follows cannot fail
    scaler.restore(now);
    return () -> scaler.restore(parsed);
  }

  private static long count(Map<String, String> texts, String key) {
    return Texts.parse(texts, key, Long::parseLong, n -> n >= 0, "0 or more");
  }

  private static int number(Map<String, String> texts, String key, int least) {
    return Texts.parse(texts, key, Integer::parseInt, n -> n >= least, least + " or more");
  }
}
