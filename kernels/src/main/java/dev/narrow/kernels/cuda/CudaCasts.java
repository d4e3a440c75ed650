package dev.narrow.kernels.cuda;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Casts;
import dev.narrow.quant.ErrorMoments;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * {@link Casts} on a GPU, for tensors that lie there; tensors on the host are the processor's.
 *
 * <p>Scales that follow from the largest magnitudes are found by kernels, and stay on the device
 * until somebody reads them, which waits for it and copies 4 bytes for each. Those of codes lie
 * behind them and are freed with them: read them before, or {@linkplain CudaDevice#download
 * download} the tensor, else IllegalStateException is thrown. Scales of the host are copied to the
 * device when they are first used there, and stay as long as somebody has them. Nothing else waits
 * but {@link #amax}, {@link #moments}, and what the processor does.
 *
 * <p>In a {@linkplain CudaDevice#capture captured} graph each launch finds scales anew: they cannot
 * be read, but a download of the tensor has those of the last launch. What scales of the host are
 * needed in a graph must have been used before.
 *
 * <p>The processor does what no kernel does, on copies, with the same bits: codes of more than 16
 * bits, zero points, divisions other than a quotient, stochastic rounding of table formats, and of
 * logarithmic formats in the linear domain, rotated tensors; and scales by another calibration than
 * amax, that infinities make NaN, in formats of more than 16 bits but fp32, or under more than one
 * outer scale, but not the codes under them.
 */
interface CudaCasts extends Casts {
  /** Where the tensors lie. */
  CudaDevice device();

  @Override
  default Tensor quantize(Quantizer quantizer, Tensor x, @Nullable RandomBits random) {
    if (!CastLauncher.isOnDevice(x)) {
      return CastLauncher.host().quantize(quantizer, x, random);
    }
    return new CastLauncher(device()).quantize(quantizer, x, random);
  }

  @Override
  default void quantize(Quantizer quantizer, Tensor x, Tensor codes, @Nullable RandomBits random) {
    if (!CastLauncher.isOnDevice(x) && !CastLauncher.isOnDevice(codes)) {
      CastLauncher.host().quantize(quantizer, x, codes, random);
    } else {
      new CastLauncher(device()).quantize(quantizer, x, codes, random);
    }
  }

  @Override
  default Scales fakeQuantize(
      Quantizer quantizer, Tensor x, Tensor y, @Nullable RandomBits random) {
    if (!CastLauncher.isOnDevice(x) && !CastLauncher.isOnDevice(y)) {
      return CastLauncher.host().fakeQuantize(quantizer, x, y, random);
    }
    return new CastLauncher(device()).fakeQuantize(quantizer, x, y, random);
  }

  @Override
  default void fakeQuantize(
      Quantizer quantizer, Scales scales, Tensor x, @Nullable RandomBits random) {
    if (!CastLauncher.isOnDevice(x)) {
      CastLauncher.host().fakeQuantize(quantizer, scales, x, random);
    } else {
      new CastLauncher(device()).fakeQuantize(quantizer, scales, x, random);
    }
  }

  @Override
  default Scales scales(Quantizer quantizer, Tensor x) {
    if (!CastLauncher.isOnDevice(x)) {
      return CastLauncher.host().scales(quantizer, x);
    }
    return new CastLauncher(device()).scales(quantizer, x);
  }

  @Override
  default void decode(Tensor codes, Tensor y) {
    if (!CastLauncher.isOnDevice(codes) && !CastLauncher.isOnDevice(y)) {
      CastLauncher.host().decode(codes, y);
    } else {
      new CastLauncher(device()).decode(codes, y);
    }
  }

  @Override
  default float[] amax(Tensor x, Granularity granularity) {
    if (!CastLauncher.isOnDevice(x)) {
      return CastLauncher.host().amax(x, granularity);
    }
    return new CastLauncher(device()).amax(x, granularity);
  }

  @Override
  default ErrorMoments moments(Tensor x, Tensor y) {
    if (!CastLauncher.isOnDevice(x) && !CastLauncher.isOnDevice(y)) {
      return CastLauncher.host().moments(x, y);
    }
    return new CastLauncher(device()).moments(x, y);
  }
}
