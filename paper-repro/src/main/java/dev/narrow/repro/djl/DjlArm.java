package dev.narrow.repro.djl;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.LossScaling;
import dev.narrow.amp.Role;
import java.util.List;
import java.util.Optional;

/**
 * A row: who trains, and in what.
 *
 * @param name of the row
 * @param policy that the trainer obeys; empty for DJL's own trainer
 * @param madam whether the optimizer is LNS-Madam, else that of the example
 * @param most points of accuracy that it may cost against DJL's own trainer; 0 if it is to give the
 *     same figures; NaN if nothing is claimed
 */
record DjlArm(String name, Optional<AmpPolicy> policy, boolean madam, double most) {
  static final String DJL = "fp32, DJL's trainer";
  static final String FP16 = "fp16, first loss scale 2^30";

  /** Four times as high as the scale may grow to by default, and far too high for fp16. */
  private static final LossScaling HIGH = new LossScaling(0x1p30f, 2, 0.5, 2000, 1, 0x1p30f);

  static List<DjlArm> all() {
    return List.of(
        new DjlArm(DJL, Optional.empty(), false, Double.NaN),
        new DjlArm("fp32, wrapped", Optional.of(AmpPolicy.fp32()), false, 0),
        new DjlArm("bf16", Optional.of(AmpPolicy.bf16()), false, 0.3),
        new DjlArm("bf16, torch's lists", Optional.of(AmpPolicy.torchCpu()), false, 0.3),
        new DjlArm(FP16, Optional.of(AmpPolicy.fp16().with(HIGH)), false, 0.3),
        new DjlArm("FP8 E4M3/E5M2", Optional.of(AmpPolicy.fp8Hybrid()), false, Double.NaN),
        new DjlArm("LNS8", Optional.of(AmpPolicy.lns8().without(Role.UPDATE)), false, Double.NaN),
        new DjlArm("fp32, LNS-Madam", Optional.of(AmpPolicy.fp32()), true, Double.NaN),
        new DjlArm("LNS8, LNS-Madam", Optional.of(AmpPolicy.lns8()), true, 0.7));
  }

  boolean isReference() {
    return name.equals(DJL);
  }
}
