package dev.narrow.quant;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The values of an fp32 tensor as an array: the tensor's own array where it has one, else a copy,
 * as of what lies on a device.
 */
public final class Floats {
  /** No values at all. */
  static final Floats NONE = new Floats(new float[0], 0, false);

  private final float[] array;
  private final int offset;
  private final boolean isCopy;

  private Floats(float[] array, int offset, boolean isCopy) {
    this.array = array;
    this.offset = offset;
    this.isCopy = isCopy;
  }

  /** The array that holds the values from {@link #offset} on. */
  public float[] array() {
    return array;
  }

  /** Index of the first value. */
  public int offset() {
    return offset;
  }

  /** Whether writes must be carried back with {@link #writeBack}. */
  public boolean isCopy() {
    return isCopy;
  }

  /**
   * The values of a tensor.
   *
   * @param argument what to call the tensor in a message
   * @throws IllegalArgumentException if the tensor is not fp32 without scales
   */
  public static Floats of(Tensor tensor, String argument) {
    if (!tensor.isFp32()) {
      throw new IllegalArgumentException(
          argument
              + " = "
              + tensor
              + " with scales "
              + tensor.scales()
              + ", expected fp32 unscaled");
    }
    Storage storage = tensor.storage();
    if (storage.isHost()
        && storage.owner() instanceof float[] array
        && storage.address() % Float.BYTES == 0) {
      return new Floats(array, (int) (storage.address() / Float.BYTES), false);
    }
    float[] copy = new float[tensor.shape().size()];
    storage.read(0, MemorySegment.ofArray(copy));
    return new Floats(copy, 0, true);
  }

  /** The first n values in an array of their own. */
  float[] copy(int n) {
    return Arrays.copyOfRange(array, offset, offset + n);
  }

  /** Makes writes to the array visible in the tensor that it came from, if it is a copy. */
  public void writeBack(Tensor tensor) {
    if (isCopy) {
      tensor.storage().write(0, MemorySegment.ofArray(array));
    }
  }
}
