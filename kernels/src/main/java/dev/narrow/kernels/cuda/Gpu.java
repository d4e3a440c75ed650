package dev.narrow.kernels.cuda;

import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Arguments.Named;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Summation;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;

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

  /** Integers of the host, copied. */
  DeviceScratch upload(int[] integers) {
    DeviceScratch copy = device.scratch((long) Integer.BYTES * integers.length);
    try {
      device.copyToDevice(MemorySegment.ofArray(integers), copy.pointer());
      return copy;
    } catch (RuntimeException | Error e) {
      copy.close();
      throw e;
    }
  }

  /**
   * y[i] = what a kernel makes of row i in sixteen lanes; the last of the rows may have fewer of
   * the n elements.
   *
   * @param name sum_columns_f32 or sum_of_squares_f32
   */
  void sumColumns(String name, long x, long columns, long n, long y, long rows) {
    Kernel kernel = kernel("rows", name);
    KernelArguments arguments = kernel.arguments().add(x).add(columns).add(n).add(y).add(rows);
    kernel.launchOver(rows, ROWS, arguments);
  }

  /** y[c] = (the sum over samples of sums[n, c]) / divisor, the samples in turn from +0. */
  void sumSamples(long sums, long samples, long channels, float divisor, long y) {
    Kernel kernel = kernel("batchnorm", "sum_samples_f32");
    KernelArguments arguments =
        kernel.arguments().add(sums).add(samples).add(channels).add(divisor).add(y);
    kernel.launchOver(channels, THREADS, arguments);
  }
}
