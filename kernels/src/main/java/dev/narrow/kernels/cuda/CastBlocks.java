package dev.narrow.kernels.cuda;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scaling;
import dev.narrow.quant.Shape;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Blocks whose scale and codes a kernel finds in one pass, while their elements are in registers:
 * of 4 to 128 consecutive elements, a power of two, under scales that are powers of two, float32
 * quotients, or E4M3 numbers with an outer scale or without. So are MXFP8, MXFP6, MXFP4, NVFP4 and
 * the blocks of 128 of DeepSeek-V3.
 *
 * @param quantizer what the codes are
 * @param bits the base-two logarithm of a block's size
 * @param rule the rule, as casts.cu numbers it
 */
record CastBlocks(Quantizer quantizer, int bits, int rule) {
  private static final int POWER_OF_TWO = 0;
  private static final int QUOTIENT_IN_E4M3FN = 1;
  private static final int QUOTIENT_IN_FP32 = 2;

  private static final int LEAST_BITS = 2; // an element of four for each thread
  private static final int MOST_BITS = 7; // and 32 threads of a warp

  /** The blocks of a quantizer on tensors of this shape, if a kernel does them in one pass. */
  static Optional<CastBlocks> of(Quantizer quantizer, Shape shape) {
    if (!(quantizer.granularity() instanceof Granularity.PerBlock(int axis, int size))
        || shape.stride(shape.axis(axis)) != 1
        || shape.dim(shape.axis(axis)) % size != 0
        || Integer.bitCount(size) != 1
        || !quantizer.scalesFollowFromAmax()) {
      return Optional.empty();
    }
    int bits = Integer.numberOfTrailingZeros(size);
    int rule = rule(quantizer.scaling());
    return rule < 0 || bits < LEAST_BITS || bits > MOST_BITS
        ? Optional.empty()
        : Optional.of(new CastBlocks(quantizer, bits, rule));
  }

  private static int rule(Scaling scaling) {
    boolean fp32 = scaling.format().equals(Formats.FP32);
    if (scaling.rule().isPowerOfTwo()) {
      return fp32 || scaling.format().equals(Formats.E8M0) ? POWER_OF_TWO : -1;
    }
    boolean toLargest = scaling.rule() == ScaleRule.AMAX_TO_MAX_FINITE;
    if (scaling.outer().isEmpty()) {
      return !toLargest ? -1 : fp32 ? QUOTIENT_IN_FP32 : isE4m3(scaling) ? QUOTIENT_IN_E4M3FN : -1;
    }
    boolean oneOuter = scaling.outer().get() instanceof Granularity.PerTensor;
    return oneOuter && isE4m3(scaling) ? QUOTIENT_IN_E4M3FN : -1;
  }

  private static boolean isE4m3(Scaling scaling) {
    return scaling.format().equals(Formats.E4M3FN)
        && scaling.projection().rounding().mode() == Rounding.Mode.NEAREST_EVEN
        && scaling.projection().saturation().equals(Saturation.OCP_SAT);
  }

  /** Whether the kernel needs to know the largest magnitude of the whole tensor. */
  boolean hasOuter() {
    return quantizer.scaling().outer().isPresent();
  }

  /**
   * The structure BlockRule of casts.cu.
   *
   * @param outerAmax on the device: the largest magnitude of the tensor, if it is needed, else 0
   */
  MemorySegment struct(long outerAmax) {
    Scaling scaling = quantizer.scaling();
    float max = scaling.rule() == ScaleRule.AMAX ? 1f : quantizer.format().maxFinite();
    float smallest = (float) scaling.format().limits().minPositive();
    boolean power = rule == POWER_OF_TWO;
    return new KernelStruct()
        .add(rule, bits, Math.getExponent(max))
        .add(max)
        .add(power ? scaling.rule().threshold(quantizer.format()) : 0L)
        .add(outerAmax)
        .add(max * scaling.format().maxFinite())
        .add(
            switch (scaling.zero()) {
              case ONE -> 1f;
              case SMALLEST -> smallest;
              case ZERO -> 0f;
            })
        .add(scaling.zero() == Scaling.ZeroScale.ZERO ? 0f : smallest)
        .segment();
  }
}
