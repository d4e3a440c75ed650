package dev.narrow.kernels;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;

/** A program that does not close what it opens on a device; for CudaProbeTest. */
public final class Forgetful {
  private Forgetful() {}

  /** The program. */
  public static void main(String[] arguments) {
    try (CudaDevice device = CudaDevice.open()) {
      device.allocate(Formats.FP32, Shape.of(3), Scales.one());
      device.event();
    } // which says so in the log
  }
}
