package dev.narrow.quant;

import dev.narrow.formats.Codec;
import dev.narrow.formats.Formats;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Reads the values of a tensor in runs of consecutive elements: scale × decode(code), each rounded
 * to float32 once, as {@link Tensor#toFloats} does for all of them.
 *
 * <p>Several threads may read at once.
 */
public final class TensorReader {
  /** Values at a time: small in a cache, since scales are applied in another pass. */
  private static final int PIECE = 4096;

  private final Tensor tensor;
  private final @Nullable MemorySegment segment; // null where the codes lie on a device
  private final @Nullable Object array; // the codes, if they lie in an array of their own type
  private final int first; // index of the first code in it
  private final @Nullable Codec codec; // null for fp32
  private final int bytesPerCode;
  private final boolean scaled;

  private TensorReader(Tensor tensor) {
    this.tensor = tensor;
    this.bytesPerCode = Tensor.bytesPerCode(tensor.format());
    MemorySegment memory = tensor.storage().isHost() ? tensor.storage().segment() : null;
    this.segment = memory;
    if (memory != null && memory.address() % bytesPerCode == 0) {
      this.array = memory.heapBase().orElse(null);
      this.first = array == null ? 0 : (int) (memory.address() / bytesPerCode);
    } else {
      this.array = null;
      this.first = 0;
    }
    this.codec =
        tensor.format().equals(Formats.FP32)
            ? null
            : Codec.of(tensor.format(), tensor.format().defaultProjection());
    this.scaled = !tensor.scales().isOne();
  }

  /**
   * A reader of a tensor.
   *
   * @param argument what to call the tensor in a message
   * @throws IllegalArgumentException if the tensor is rotated: its elements are not read in runs
   */
  public static TensorReader of(Tensor tensor, String argument) {
    if (tensor.rotation().isPresent()) {
      throw new IllegalArgumentException(
          argument + " is rotated by " + tensor.rotation().get() + ", expected it plain");
    }
    return new TensorReader(tensor);
  }

  /** The tensor that is read. */
  public Tensor tensor() {
    return tensor;
  }

  /**
   * Reads n values.
   *
   * @param from the first element, in row-major order
   * @param n how many
   * @param to receives the values
   * @param at index of the first value there
   * @throws IndexOutOfBoundsException if a range lies outside the tensor or the array
   */
  public void read(int from, int n, float[] to, int at) {
    Objects.checkFromIndexSize(from, n, tensor.shape().size());
    Objects.checkFromIndexSize(at, n, to.length);
    for (int done = 0; done < n; done += PIECE) {
      int piece = Math.min(PIECE, n - done);
      decode(from + done, piece, to, at + done);
      if (scaled) {
        scale(from + done, piece, to, at - from);
      }
    }
  }

  private void decode(int from, int n, float[] to, int at) {
    if (codec == null) {
      MemorySegment target = MemorySegment.ofArray(to).asSlice((long) at * Float.BYTES);
      tensor.storage().read((long) from * Float.BYTES, target.asSlice(0, (long) n * Float.BYTES));
    } else if (bytesPerCode == 1 && array instanceof byte[] bytes) {
      codec.decode(bytes, first + from, to, at, n);
    } else if (bytesPerCode == 2 && array instanceof short[] shorts) {
      codec.decode(shorts, first + from, to, at, n);
    } else {
      codec.decode(
          codes(from, n),
          MemorySegment.ofArray(to).asSlice((long) at * Float.BYTES, (long) n * Float.BYTES),
          n);
    }
  }

  private MemorySegment codes(int from, int n) {
    long offset = (long) from * bytesPerCode;
    long size = (long) n * bytesPerCode;
    if (segment != null) {
      return segment.asSlice(offset, size);
    }
    MemorySegment copy = MemorySegment.ofArray(new byte[(int) size]);
    tensor.storage().read(offset, copy);
    return copy;
  }

  /** Applies zero points and factors to values of which that of element i lies at i + shift. */
  private void scale(int from, int n, float[] values, int shift) {
    Scales scales = tensor.scales();
    BlockKernels kernels = BlockKernels.get();
    scales
        .granularity()
        .forEach(
            tensor.shape(),
            from,
            n,
            (start, length, scale, block) -> {
              if (scales.hasZeroPoints()) {
                for (int i = 0; i < length; i++) {
                  values[start + shift + i] -= scales.zeroPoint(scale + i / block);
                }
              }
              kernels.multiply(values, start + shift, length, block, scales.factors(), scale);
            });
  }
}
