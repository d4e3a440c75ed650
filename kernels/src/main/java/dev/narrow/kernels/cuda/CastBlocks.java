package dev.narrow.kernels.cuda;

import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Shape;
import java.util.Optional;

/**
 * Blocks whose scale and codes a kernel finds in one pass, while their elements are in registers:
 * of 4 to 128 consecutive elements, a power of two, under scales that are not rounded, or to E4M3.
 * So are MXFP8, MXFP6, MXFP4, NVFP4 and the blocks of 128 of DeepSeek-V3.
 *
 * @param rule of the scales
 * @param bits the base-two logarithm of a block's size
 */
record CastBlocks(CastRule rule, int bits) {
  private static final int LEAST_BITS = 2; // an element of four for each thread
  private static final int MOST_BITS = 7; // and 32 threads of a warp

  /** The blocks of a quantizer on tensors of this shape, if a kernel does them in one pass. */
  static Optional<CastBlocks> of(Quantizer quantizer, Shape shape) {
    if (!(quantizer.granularity() instanceof Granularity.PerBlock(int axis, int size))
        || shape.stride(shape.axis(axis)) != 1
        || shape.dim(shape.axis(axis)) % size != 0
        || Integer.bitCount(size) != 1) {
      return Optional.empty();
    }
    int bits = Integer.numberOfTrailingZeros(size);
    return CastRule.of(quantizer)
        .filter(rule -> !rule.isRounded() && bits >= LEAST_BITS && bits <= MOST_BITS)
        .map(rule -> new CastBlocks(rule, bits));
  }
}
