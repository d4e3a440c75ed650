package dev.narrow.kernels;

import dev.narrow.quant.TensorReader;
import org.jspecify.annotations.Nullable;

/**
 * Codes that are decoded in registers, for products that read each of them once and so take as long
 * as decoding does: going through memory would cost more than the product.
 */
interface RowCodes {
  /** The codes of a tensor, if they are of a kind that can be decoded so. */
  static @Nullable RowCodes of(@Nullable TensorReader reader) {
    if (reader == null || VectorKernels.SPECIES.length() < 8) { // no vectors of so few bytes
      return null;
    }
    RowCodes bytes = ByteCodes.of(reader.tensor());
    return bytes != null ? bytes : HalfCodes.of(reader.tensor());
  }

  /**
   * sums[base + j] = x b[j] + sums[base + j] by fused multiply-add, for n elements b of the tensor
   * from a place on.
   */
  void add(float x, int place, float[] sums, int base, int n);

  /**
   * The sum of products of n elements from a place on and n floats in sixteen lanes: see {@link
   * Kernels#dot}. Where scales have blocks, the elements begin with one.
   */
  float dot(int place, float[] x, int at, int n);
}
