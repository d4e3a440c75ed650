package dev.narrow.kernels;

import dev.narrow.formats.RandomBits;
import dev.narrow.quant.ErrorMoments;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * From numbers to codes and back, where the tensors lie: see {@link Backend} for what all
 * operations have in common. What a code is, {@link Quantizer} says; every backend writes the same.
 *
 * <p>What returns numbers waits for the device where a backend works on one. Codes and values are
 * written without waiting, and so are scales where a kernel finds them: then only who reads one
 * waits.
 *
 * <p>A NaN becomes the NaN that the format has for it, with its sign where there are two, and in
 * fp16 with the upper bits of its payload. Among values every NaN is the canonical one, whatever it
 * was before.
 */
public interface Casts {

  /**
   * Codes and scales of a tensor, in memory of their own beside it: {@link
   * Quantizer#quantize(Tensor, RandomBits)}.
   *
   * @param quantizer what the codes are
   * @param x fp32
   * @param random of element i word i; null where nothing is rounded stochastically
   */
  Tensor quantize(Quantizer quantizer, Tensor x, @Nullable RandomBits random);

  /**
   * Codes under the scales that their tensor has: {@link Quantizer#quantize(Tensor, Tensor,
   * RandomBits)}.
   *
   * @param quantizer what the codes are
   * @param x fp32
   * @param codes of x's shape, in the quantizer's format
   * @param random of element i word i; null where nothing is rounded stochastically
   */
  void quantize(Quantizer quantizer, Tensor x, Tensor codes, @Nullable RandomBits random);

  /**
   * y = what the codes of x stand for: {@link Quantizer#fakeQuantize(Tensor, Tensor, RandomBits)}.
   *
   * @param quantizer what the codes are
   * @param x fp32
   * @param y fp32, of x's shape; may be x
   * @param random of element i word i; null where nothing is rounded stochastically
   * @return the scales that were used
   */
  Scales fakeQuantize(Quantizer quantizer, Tensor x, Tensor y, @Nullable RandomBits random);

  /**
   * x = what its codes under these scales stand for: {@link Quantizer#fakeQuantize(Tensor, Scales,
   * RandomBits)}.
   *
   * @param quantizer what the codes are
   * @param scales that fit x
   * @param x fp32
   * @param random of element i word i; null where nothing is rounded stochastically
   */
  void fakeQuantize(Quantizer quantizer, Scales scales, Tensor x, @Nullable RandomBits random);

  /**
   * The scales that a quantizer gives a tensor: {@link Quantizer#scales(Tensor)}.
   *
   * @param quantizer what the codes would be
   * @param x fp32
   */
  Scales scales(Quantizer quantizer, Tensor x);

  /**
   * y = scale × decode(code), rounded once.
   *
   * @param codes of any format
   * @param y fp32, of the same shape, memory apart
   */
  void decode(Tensor codes, Tensor y);

  /**
   * The largest finite magnitude of the elements of each scale, 0 where there is none: {@link
   * Granularity#amax}.
   *
   * @param x of any format
   * @param granularity which elements belong together
   * @return one for each scale, in the order of their grid
   * @throws IllegalArgumentException if x has too few axes
   */
  float[] amax(Tensor x, Granularity granularity);

  /**
   * The sums of the error report: those of {@link QuantizationError#measure(Tensor, Tensor)}.
   *
   * @param x the values before
   * @param y the codes and scales after, or the values, of x's shape
   */
  ErrorMoments moments(Tensor x, Tensor y);
}
