package dev.narrow.kernels.cuda;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scaling;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * How kernels find scales from the largest magnitudes: the structures ScaleRule and ScaleFormat of
 * casts.cu, which say what quant's {@link ScaleRule} and {@link Scaling} do.
 *
 * @param quantizer whose scales they are
 * @param how amax becomes a number, as casts.cu counts the ways
 * @param isRounded whether that is rounded to a format of scales, but E4M3
 */
record CastRule(Quantizer quantizer, int how, boolean isRounded) {
  private static final int POWER_OF_TWO = 0;
  private static final int QUOTIENT = 1;
  private static final int RATIO = 2;
  private static final int AMAX = 3;

  private static final int MAX_WIDTH = 16; // of formats that tables are of

  /**
   * The rule of a quantizer: there is one where scales follow from amax, in formats of at most 16
   * bits or fp32, under one outer scale or none.
   */
  static Optional<CastRule> of(Quantizer quantizer) {
    Scaling scaling = quantizer.scaling();
    boolean isLevel = scaling.outer().isPresent();
    if (!quantizer.scalesFollowFromAmax()
        || scaling.rule() == ScaleRule.ONE
        || (isLevel && !(scaling.outer().get() instanceof Granularity.PerTensor))) {
      return Optional.empty();
    }
    boolean isExact =
        scaling.format().equals(Formats.FP32)
            || (scaling.format().equals(Formats.E8M0) && scaling.rule().isPowerOfTwo());
    boolean isRounded = !isExact && !isE4m3(scaling);
    if (isRounded
        && (scaling.format().width() > MAX_WIDTH
            || scaling.projection().rounding().isStochastic())) {
      return Optional.empty();
    }
    int how =
        switch (scaling.rule()) {
          case AMAX -> isLevel ? RATIO : AMAX;
          case AMAX_TO_MAX_FINITE -> isLevel || !isExact ? RATIO : QUOTIENT;
          default -> POWER_OF_TWO;
        };
    return Optional.of(new CastRule(quantizer, how, isRounded));
  }

  private static boolean isE4m3(Scaling scaling) {
    return scaling.format().equals(Formats.E4M3FN)
        && scaling.projection().rounding().mode() == Rounding.Mode.NEAREST_EVEN
        && scaling.projection().saturation().equals(Saturation.OCP_SAT);
  }

  /** Whether there is an outer scale. */
  boolean hasOuter() {
    return quantizer.scaling().outer().isPresent();
  }

  /**
   * The structure ScaleRule.
   *
   * @param blockBits the base-two logarithm of a block's size, where scales are of blocks
   * @param outerAmax on the device: the largest magnitude of the tensor, 0 if there is one level
   * @param outer on the device: where the outer scale goes, 0 if there is one level
   */
  MemorySegment struct(int blockBits, long outerAmax, long outer) {
    Scaling scaling = quantizer.scaling();
    float largest = scaling.rule() == ScaleRule.AMAX ? 1f : quantizer.format().maxFinite();
    float smallest = (float) scaling.format().limits().minPositive();
    return new KernelStruct()
        .add(how, isE4m3(scaling) ? 1 : 0, blockBits, Math.getExponent(largest))
        .add(largest)
        .add(how == POWER_OF_TWO ? scaling.rule().threshold(quantizer.format()) : 0L)
        .add(outerAmax)
        .add(outer)
        .add(largest * scaling.format().maxFinite())
        .add(
            switch (scaling.zero()) {
              case ONE -> 1f;
              case SMALLEST -> smallest;
              case ZERO -> 0f;
            })
        .add(scaling.zero() == Scaling.ZeroScale.ZERO ? 0f : smallest)
        .segment();
  }

  /** The structure ScaleFormat. */
  MemorySegment format(CastTables tables) {
    KernelStruct struct = new KernelStruct();
    if (!isRounded) {
      return struct.add(0L).add(0L).add(0L).add(0L).segment();
    }
    Scaling scaling = quantizer.scaling();
    tables.addSteps(scaling.format(), scaling.projection(), struct);
    return struct.add(tables.values(scaling.format())).segment();
  }
}
