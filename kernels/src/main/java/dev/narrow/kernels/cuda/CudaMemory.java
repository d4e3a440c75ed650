package dev.narrow.kernels.cuda;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.TensorMemory;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;

/** {@link TensorMemory} of a device: that of its pool. */
interface CudaMemory extends TensorMemory {
  /** What computes. */
  Gpu gpu();

  @Override
  default Tensor place(Tensor x) {
    if (x.storage() instanceof DeviceStorage) {
      gpu().device().pointer(x, "x");
      return x;
    }
    return gpu().device().upload(x);
  }

  @Override
  default Tensor allocate(Tensor x, int... dims) {
    if (x.storage() instanceof DeviceStorage) {
      gpu().device().pointer(x, "x");
      return gpu().device().allocate(Formats.FP32, Shape.of(dims), Scales.one());
    }
    return gpu().cpu().allocate(x, dims);
  }

  @Override
  default void clear(Tensor x) {
    if (x.storage() instanceof DeviceStorage) {
      gpu().device().clear(gpu().device().pointer(x, "x"), x.storage().byteSize());
    } else {
      gpu().cpu().clear(x);
    }
  }

  @Override
  default void free(Tensor x) {
    if (x.storage() instanceof DeviceStorage storage) {
      storage.close();
    }
  }

  @Override
  default void free(Scales scales) {
    gpu().device().castScales().free(scales);
  }
}
