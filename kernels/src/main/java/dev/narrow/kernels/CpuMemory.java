package dev.narrow.kernels;

import dev.narrow.quant.Scales;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** {@link TensorMemory} of the processor, which the garbage collector looks after. */
interface CpuMemory extends TensorMemory {

  @Override
  default Tensor place(Tensor x) {
    if (x.storage().isHost()) {
      return x;
    }
    if (x.isFp32()) {
      return x.toFp32();
    }
    MemorySegment codes = Arena.ofAuto().allocate(x.storage().byteSize());
    x.storage().read(0, codes);
    return x.withStorage(Storage.of(codes));
  }

  @Override
  default Tensor allocate(Tensor x, int... dims) {
    expectHost(x);
    return Tensor.zeros(dims);
  }

  @Override
  default void clear(Tensor x) {
    expectHost(x);
    Arguments.expectWritable(x, "x");
    x.storage().segment().fill((byte) 0);
  }

  private static void expectHost(Tensor x) {
    if (!x.storage().isHost()) {
      throw new IllegalArgumentException(
          "x = "
              + x
              + " lies on a device, expected memory of the host, or a backend of the device");
    }
  }

  @Override
  default void free(Tensor x) {}

  @Override
  default void free(Scales scales) {}
}
