package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.CastObserver;
import dev.narrow.amp.Role;
import dev.narrow.amp.inspect.Inspector;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("djl")
class AmpInspectorTest {

  private static void train(AmpPolicy policy, CastObserver observer, int steps) {
    DjlOptions options = DjlOptions.defaults().observed(observer);
    try (Model model = Toy.model(1);
        AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), policy, options)) {
      trainer.initialize(Toy.shape());
      Toy.train(trainer, 0, steps);
    }
  }

  @Test
  void everyRoleOfEveryLayerIsSeen() {
    List<CastObserver.Cast> seen = new ArrayList<>();
    train(AmpPolicy.fp8Hybrid(), seen::add, 1);
    Set<String> layers = seen.stream().map(CastObserver.Cast::layer).collect(Collectors.toSet());
    assertEquals(Set.of("01Linear", "03Linear"), layers);
    for (String layer : layers) {
      assertEquals(
          EnumSet.of(Role.WEIGHT, Role.ACTIVATION, Role.ACTIVATION_GRADIENT, Role.WEIGHT_GRADIENT),
          seen.stream()
              .filter(cast -> cast.layer().equals(layer))
              .map(CastObserver.Cast::role)
              .collect(Collectors.toCollection(() -> EnumSet.noneOf(Role.class))));
    }
    assertTrue(seen.stream().allMatch(cast -> cast.op().equals("linear")));
  }

  @Test
  void theInspectorLooksAtEveryNthStepUnderTheEnginesOwnBf16() throws Exception {
    try (Inspector inspector = Inspector.inMemory(3, "e4m3fn")) {
      train(AmpPolicy.bf16(), inspector, 7);
      assertEquals(3, inspector.report().steps());
      assertTrue(inspector.report().toString().contains("01Linear"), inspector.report()::toString);
    }
  }
}
