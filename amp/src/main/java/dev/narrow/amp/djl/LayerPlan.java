package dev.narrow.amp.djl;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Role;
import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How the operations of a layer that a policy has in few bits are computed.
 *
 * @param backend what computes them
 * @param policy whose formats these are
 * @param layer name of the layer
 */
record LayerPlan(DjlBackend backend, AmpPolicy policy, String layer) {
  private static final Quantizer BF16 = Quantizer.of(Formats.BF16);
  private static final Quantizer FP16 = Quantizer.of(Formats.FP16);
  private static final Role[] COMPUTE = {
    Role.WEIGHT, Role.ACTIVATION, Role.ACTIVATION_GRADIENT, Role.WEIGHT_GRADIENT
  };

  /**
   * The plan of a layer: in 16 bits of the engine's where that is what the policy says, all roles
   * in one format without scales; else emulated.
   *
   * @param sixteen what computes in 16 bits
   * @param slow whether fp16 may be computed where that is slow
   */
  static LayerPlan of(AmpPolicy policy, String layer, DjlBackend sixteen, boolean slow) {
    Optional<Quantizer> format = policy.quantizer(layer, Role.WEIGHT);
    boolean able =
        switch (sixteen) {
          case LIBTORCH -> is(BF16, format) || (is(FP16, format) && slow);
          case CASTS -> is(FP16, format) && slow;
          case EMULATED -> false;
        };
    for (Role role : COMPUTE) {
      able &= policy.quantizer(layer, role).equals(format);
    }
    return new LayerPlan(able ? sixteen : DjlBackend.EMULATED, policy, layer);
  }

  /** Whether a policy has fp16 somewhere. */
  static boolean wantsFp16(AmpPolicy policy) {
    return is(FP16, policy.quantizer(Role.WEIGHT))
        || policy.layers().stream()
            .anyMatch(rule -> is(FP16, rule.formats().getOrDefault(Role.WEIGHT, Optional.empty())));
  }

  private static boolean is(Quantizer expected, Optional<Quantizer> format) {
    return format.filter(expected::equals).isPresent();
  }

  /** The format of a role, if it is not fp32. */
  @Nullable Quantizer quantizer(Role role) {
    return policy.quantizer(layer, role).orElse(null);
  }

  /** The engine's number of the type it computes in. */
  byte type() {
    return is(BF16, policy.quantizer(layer, Role.WEIGHT))
        ? LibtorchAutocast.BFLOAT16
        : LibtorchAutocast.HALF;
  }
}
