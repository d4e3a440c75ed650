package dev.narrow.kernels.cuda;

import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Arguments.Named;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Summation;
import dev.narrow.quant.Tensor;

/**
 * What the operations of a device share. Each group of them is an interface of default methods over
 * one of these.
 *
 * @param device where kernels run
 * @param cpu what computes on memory of the host, and where there is no kernel
 * @param accumulator what products are summed up in
 * @param summation the order of their sums
 */
record Gpu(CudaDevice device, Backend cpu, Accumulator accumulator, Summation summation) {
  /** In float32 and in order. */
  Gpu(CudaDevice device) {
    this(device, Backend.cpu(), Accumulator.fp32(), Summation.ORDERED);
  }

  /** The same with another accumulator; tensor cores have none to choose. */
  Gpu with(Accumulator other) {
    Backend there = cpu.with(other);
    boolean isFast = summation == Summation.FAST && other instanceof Accumulator.Fp32;
    return new Gpu(device, there, other, isFast ? Summation.FAST : there.summation());
  }

  /** The same with products in any order. */
  Gpu fast() {
    return new Gpu(device, cpu, accumulator, Summation.FAST);
  }

  /** Threads of a block: whole warps. */
  static final int THREADS = 256;

  /** Elements for each block of a kernel that goes over single elements, four to a thread. */
  static final int ELEMENTS = 4 * THREADS;

  /** Rows for each block of a kernel that goes over rows, each a half-warp's. */
  static final int ROWS = THREADS / 16;

  /**
   * Whether an operation is the device's: all operands lie there, or none.
   *
   * @throws IllegalArgumentException if some lie there and some do not, naming one that does not
   * @throws IllegalStateException if memory was freed, or the device is closed
   */
  boolean holds(Named... operands) {
    boolean any = false;
    for (Named operand : operands) {
      Tensor tensor = operand.tensor();
      any |= tensor != null && tensor.storage() instanceof DeviceStorage;
    }
    if (any) {
      for (Named operand : operands) {
        if (operand.tensor() != null) {
          device.pointer(operand.tensor(), operand.name());
        }
      }
    }
    return any;
  }

  Kernel kernel(String module, String name) {
    return device.kernel(module, name);
  }
}
