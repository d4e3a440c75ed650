package dev.narrow.kernels.cuda;

import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The operands of an operation that the processor does: copies on the heap of those on a device,
 * and those on the host themselves. The operation asks for each, computes, and {@linkplain #store
 * stores} what it has written; if it throws, nothing on the device has changed.
 */
final class HostOperands {
  private final CudaDevice device;
  private final List<Operand> operands = new ArrayList<>();

  /**
   * @param given as the caller has it
   * @param host the same codes on the host
   * @param isWritten whether the operation writes it
   */
  private record Operand(String name, Tensor given, Tensor host, boolean isWritten) {
    boolean isOnDevice() {
      return given.storage() instanceof DeviceStorage;
    }
  }

  HostOperands(CudaDevice device) {
    this.device = device;
  }

  /**
   * What is read only.
   *
   * @throws IllegalArgumentException if it lies on the host and another on the device, or the other
   *     way round, or it shares some of its memory with what is written
   */
  Tensor read(Tensor tensor, String name) {
    return add(tensor, name, false);
  }

  /** Matrices that are read only. */
  Matrices read(Matrices matrices, String name) {
    return matrices.in(read(matrices.tensor(), name));
  }

  /**
   * What is written, and perhaps read before.
   *
   * @throws IllegalArgumentException as {@link #read(Tensor, String)}
   */
  Tensor write(Tensor tensor, String name) {
    return add(tensor, name, true);
  }

  /** Matrices that are written, and perhaps read before. */
  Matrices write(Matrices matrices, String name) {
    return matrices.in(write(matrices.tensor(), name));
  }

  private Tensor add(Tensor tensor, String name, boolean isWritten) {
    boolean isOnDevice = tensor.storage() instanceof DeviceStorage;
    if (!operands.isEmpty() && operands.getFirst().isOnDevice() != isOnDevice) {
      Operand first = operands.getFirst(); // one of the two is the host's, which this names
      device.pointer(first.given, first.name);
      device.pointer(tensor, name);
    }
    Tensor host = isOnDevice ? copy(tensor, name, isWritten) : tensor;
    operands.add(new Operand(name, tensor, host, isWritten));
    return host;
  }

  /** The same memory has one copy, so that the operation sees what is the same. */
  private Tensor copy(Tensor tensor, String name, boolean isWritten) {
    device.pointer(tensor, name);
    for (Operand other : operands) {
      if (tensor.storage().sameAs(other.given.storage())) {
        return tensor.withStorage(other.host.storage());
      }
      if ((isWritten || other.isWritten) && tensor.storage().overlaps(other.given.storage())) {
        throw new IllegalArgumentException(
            (isWritten ? name : other.name)
                + " shares memory with "
                + (isWritten ? other.name : name)
                + ", expected memory of its own");
      }
    }
    return device.download(tensor);
  }

  /** Brings what was written to where it belongs. */
  void store() {
    for (Operand operand : operands) {
      if (operand.isWritten && operand.isOnDevice()) {
        device.copy(operand.host, operand.given);
      }
    }
  }
}
