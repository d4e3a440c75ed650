package dev.narrow.kernels.cuda;

import dev.narrow.quant.Tensor;
import java.nio.charset.StandardCharsets;

/** The emulator's own kernels, for tests of what launches them. */
final class Samples {
  private static final byte[] PTX =
      """
      .version 8.0
      .target sm_75
      .address_size 64
      .visible .entry sample_scale(
        .param .u64 sample_scale_param_0,
        .param .u64 sample_scale_param_1,
        .param .f32 sample_scale_param_2,
        .param .u64 sample_scale_param_3
      ) { ret; }
      """
          .getBytes(StandardCharsets.US_ASCII);

  private Samples() {}

  static CudaModule load(CudaDevice device) {
    return device.load(PTX, "samples");
  }

  /** y = factor x. */
  static void scale(CudaDevice device, Kernel kernel, Tensor x, Tensor y, float factor) {
    long n = x.shape().size();
    kernel.launch(
        kernel.gridFor(n, 64),
        64,
        0,
        kernel
            .arguments()
            .add(device.pointer(x, "x"))
            .add(device.pointer(y, "y"))
            .add(factor)
            .add(n));
  }
}
