package dev.narrow.kernels.cuda;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.Arguments;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The values of a tensor of the device as float32 in its memory, for the length of one operation:
 * the tensor's own memory if it is fp32, else decoded into memory of the pool.
 */
final class DeviceValues implements AutoCloseable {
  /** The casts of a device by themselves. */
  private record OfDevice(CudaDevice device) implements CudaCasts {}

  private final CudaDevice device;
  private final Tensor tensor;
  private final Tensor values;
  private final boolean isCopy;

  private DeviceValues(Gpu gpu, Tensor tensor, String name, boolean read) {
    device = gpu.device();
    device.pointer(tensor, name); // which checks that the tensor is the device's
    this.tensor = tensor;
    isCopy = !tensor.isFp32();
    if (!isCopy) {
      values = tensor;
      return;
    }
    values = device.allocate(Formats.FP32, tensor.shape(), Scales.one());
    if (read) {
      try {
        new OfDevice(device).decode(tensor, values);
      } catch (RuntimeException | Error e) {
        device.free(values);
        throw e;
      }
    }
  }

  /** An operand, in any format. */
  static DeviceValues read(Gpu gpu, Tensor tensor, String name) {
    return new DeviceValues(gpu, tensor, name, true);
  }

  /**
   * A result that is made of what is there.
   *
   * @throws IllegalArgumentException if the tensor cannot be written
   */
  static DeviceValues update(Gpu gpu, Tensor tensor, String name) {
    Arguments.expectTarget(tensor, name);
    return new DeviceValues(gpu, tensor, name, true);
  }

  /**
   * A result, whose values are not there yet. {@link #store} makes them the tensor's.
   *
   * @throws IllegalArgumentException if the tensor cannot be written
   */
  static DeviceValues write(Gpu gpu, Tensor tensor, String name) {
    Arguments.expectTarget(tensor, name);
    return new DeviceValues(gpu, tensor, name, false);
  }

  /** The address of the first value; 0 where there are none. */
  long pointer() {
    return device.pointer(values, "values");
  }

  /** The same of what may have been left out: 0 then. */
  static long pointerOf(@Nullable DeviceValues values) {
    return values == null ? 0 : values.pointer();
  }

  long size() {
    return tensor.shape().size();
  }

  /** Where the bits of the values lie. */
  NumberRange range() {
    return NumberRange.of(tensor);
  }

  /** The extent of the innermost axis. */
  long columns() {
    return tensor.shape().dim(tensor.shape().axis(-1));
  }

  /** All outer axes taken together. */
  long rows() {
    return Arguments.outer(tensor.shape()).size();
  }

  /** Brings what was written into the tensor. */
  void store() {
    if (isCopy) {
      new OfDevice(device).quantize(Arguments.quantizer(tensor), values, tensor, null);
    }
  }

  /** Writes them into another tensor of the same shape, under its scales. */
  void encode(Quantizer quantizer, Tensor to) {
    new OfDevice(device).quantize(quantizer, values, to, null);
  }

  @Override
  public void close() {
    if (isCopy) {
      device.free(values);
    }
  }
}
