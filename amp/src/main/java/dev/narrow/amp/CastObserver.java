package dev.narrow.amp;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.Optional;

/** Sees the tensors that operations of {@link OpClass#LOWER} work on, forward and backward. */
@FunctionalInterface
public interface CastObserver {

  /**
   * A tensor in its role.
   *
   * @param step number of the region, from 0
   * @param op the operation that reads it, or whose gradient it is
   * @param layer name of the layer
   * @param role of the tensor; activation gradients and weight gradients are of the backward pass
   * @param before values before the cast
   * @param after what the operation goes on with: before itself where the role is fp32
   * @param quantizer what was applied; none in fp32
   * @param scales the scales it used; none in fp32
   */
  record Cast(
      long step,
      String op,
      String layer,
      Role role,
      Tensor before,
      Tensor after,
      Optional<Quantizer> quantizer,
      Optional<Scales> scales) {}

  /**
   * Called once for each tensor and role in a region, by the thread that casts it. The tensors are
   * to be read and not kept: they are overwritten later. Of what lies on a device they are copies
   * on the host, for which the region waits.
   */
  void cast(Cast cast);

  /**
   * Whether to be called in a region.
   *
   * @param step its number, from 0
   */
  default boolean wants(long step) {
    return true;
  }
}
