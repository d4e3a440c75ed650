package dev.narrow.amp;

import dev.narrow.kernels.Backend;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Tensors in the memory of devices that are given back together. Those on the host are left to the
 * garbage collector, and not held.
 *
 * <p>Safe for use by several threads.
 */
final class DeviceTensors {
  private static final Backend HOST = Backend.cpu(1);

  private final Deque<Runnable> owned = new ArrayDeque<>();

  /** The tensor where the processor reads it: itself, or a copy of what lies on a device. */
  static Tensor onHost(Tensor tensor) {
    return HOST.place(tensor);
  }

  /** The tensor, which is given back with the others if it lies on a device. */
  synchronized Tensor add(Backend backend, Tensor tensor) {
    if (!tensor.storage().isHost()) {
      owned.push(() -> backend.free(tensor));
    }
    return tensor;
  }

  /** Scales of a cast on a device, which are given back with the tensors. */
  synchronized void add(Backend backend, Scales scales) {
    owned.push(() -> backend.free(scales));
  }

  /** The last one first, so that whoever asks for the same again finds the same in its place. */
  synchronized void free() {
    while (!owned.isEmpty()) {
      owned.pop().run();
    }
  }
}
