package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Saturation;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Tensor;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class AmpPolicyTest {
  /** For example {@code W=lns8 A=lns8}: the roles that are not fp32. */
  private static String formats(AmpPolicy policy) {
    return Stream.of(Role.values())
        .flatMap(role ->
            policy.quantizer(role).stream().map(q -> role.letter() + "=" + q.format().name()))
        .collect(Collectors.joining(" "));
  }

  @Test
  void presetsGiveEachRoleItsFormat() {
    assertEquals("", formats(AmpPolicy.fp32()));
    assertEquals("W=bf16 A=bf16 E=bf16 G=bf16", formats(AmpPolicy.bf16()));
    assertEquals("W=fp16 A=fp16 E=fp16 G=fp16", formats(AmpPolicy.fp16()));
    assertEquals("W=e4m3fn A=e4m3fn E=e5m2 G=e5m2", formats(AmpPolicy.fp8Hybrid()));
    assertEquals("W=lns8 A=lns8 E=lns8 G=lns8 U=lns:b16g2048", formats(AmpPolicy.lns8()));
  }

  @Test
  void presetsAreTheseQuantizers() {
    Saturation finite =
        new Saturation(
            Saturation.Overflow.MAX_FINITE,
            Saturation.Infinity.KEEP,
            Saturation.Nan.NAN_OR_MAX,
            Saturation.Underflow.FLUSH,
            false,
            false);
    Quantizer e4m3 = scaled(Formats.E4M3FN).with(finite);
    Quantizer e5m2 = scaled(Formats.E5M2).with(finite);
    Saturation clamp =
        Formats.LNS8.defaultProjection().saturation().withUnderflow(Saturation.Underflow.CLAMP);
    assertEquals(
        AmpPolicy.fp32()
            .named("fp8-hybrid")
            .with(Role.WEIGHT, e4m3)
            .with(Role.ACTIVATION, e4m3)
            .with(Role.ACTIVATION_GRADIENT, e5m2)
            .with(Role.WEIGHT_GRADIENT, e5m2),
        AmpPolicy.fp8Hybrid());
    assertEquals(
        all("lns8", scaled(Formats.LNS8))
            .with(Role.UPDATE, scaled(Formats.parse("lns:b16g2048")).with(clamp)),
        AmpPolicy.lns8());
    assertEquals(all("bf16", Quantizer.of(Formats.BF16)), AmpPolicy.bf16());
    assertEquals(
        all("fp16", Quantizer.of(Formats.FP16)).with(LossScaling.dynamic()), AmpPolicy.fp16());
  }

  private static Quantizer scaled(NumericFormat format) {
    return Quantizer.of(format).with(ScaleRule.AMAX_TO_POWER_OF_TWO);
  }

  private static AmpPolicy all(String name, Quantizer quantizer) {
    return AmpPolicy.fp32()
        .named(name)
        .with(Role.WEIGHT, quantizer)
        .with(Role.ACTIVATION, quantizer)
        .with(Role.ACTIVATION_GRADIENT, quantizer)
        .with(Role.WEIGHT_GRADIENT, quantizer);
  }

  @Test
  void aQuantizerThatChangesNothingIsFp32() {
    Quantizer same = Quantizer.of(Formats.FP32);
    AmpPolicy policy = AmpPolicy.bf16();
    assertEquals(policy.without(Role.WEIGHT), policy.with(Role.WEIGHT, same));
    assertEquals(policy, policy.withOutput(Optional.of(same)));
  }

  @Test
  void onlyFp16ScalesItsLoss() {
    assertTrue(AmpPolicy.fp16().lossScaling().isDynamic());
    for (AmpPolicy policy :
        new AmpPolicy[] {
          AmpPolicy.fp32(), AmpPolicy.bf16(), AmpPolicy.fp8Hybrid(), AmpPolicy.lns8()
        }) {
      assertEquals(LossScaling.checkOnly(), policy.lossScaling(), policy.name());
    }
  }

  @Test
  void aChangedPolicyLeavesTheOldOneAlone() {
    AmpPolicy policy = AmpPolicy.bf16();
    AmpPolicy changed = policy.with(Role.UPDATE, Quantizer.of(Formats.BF16));
    assertFalse(policy.quantizer(Role.UPDATE).isPresent());
    assertNotEquals(policy, changed);
    assertEquals(policy, changed.without(Role.UPDATE));
    assertEquals(AmpPolicy.bf16().hashCode(), policy.hashCode());
  }

  /** An overflow in the forward or backward pass must reach the scaler, in every policy. */
  @Test
  void infinitiesStayVisibleInEveryGradientFormat() {
    for (AmpPolicy policy :
        new AmpPolicy[] {
          AmpPolicy.bf16(), AmpPolicy.fp16(), AmpPolicy.fp8Hybrid(), AmpPolicy.lns8()
        }) {
      for (Role role :
          new Role[] {Role.ACTIVATION_GRADIENT, Role.WEIGHT_GRADIENT, Role.ACTIVATION}) {
        float[] values = {Float.POSITIVE_INFINITY, Float.NaN, 1};
        policy.quantizer(role).orElseThrow().fakeQuantize(Tensor.of(values, 3));
        assertFalse(Float.isFinite(values[0]), policy + " " + role);
        assertTrue(Float.isNaN(values[1]), policy + " " + role);
        assertEquals(1, values[2], policy + " " + role);
      }
    }
  }

  /** A weight that a multiplicative update cannot move again must not come about. */
  @Test
  void theLogarithmicUpdateNeverBecomesZero() {
    float[] values = {1e-30f, -1e-30f, 1};
    AmpPolicy.lns8().quantizer(Role.UPDATE).orElseThrow().fakeQuantize(Tensor.of(values, 3));
    assertTrue(values[0] > 0 && values[1] < 0);
  }
}
