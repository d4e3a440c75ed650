package dev.narrow.bench.gpu;

import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.util.List;
import java.util.function.Function;

/**
 * An operation that the GPU check runs on a device and on the processor, whose results must be the
 * same bits.
 *
 * @param name of the operation, and what it works on
 * @param bytesPerElement what a kernel must at least read and write for an element, which is what
 *     its time is charged for
 * @param hasGoal whether it is to come near a copy
 * @param operands makes all tensors that it reads and writes, on the heap
 * @param operation runs it, and returns what it returns besides the tensors, to be compared by
 *     {@code equals}, new tensors once they are on the heap; an empty list for nothing
 */
record OperationCase(
    String name,
    double bytesPerElement,
    boolean hasGoal,
    Function<GpuData, List<Tensor>> operands,
    Operation operation) {

  /** What is run. */
  @FunctionalInterface
  interface Operation {
    /** Works on tensors that lie where the backend works. */
    List<?> run(Backend backend, List<Tensor> tensors);
  }

  @Override
  public String toString() {
    return name;
  }
}
