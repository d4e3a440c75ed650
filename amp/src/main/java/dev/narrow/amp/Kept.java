package dev.narrow.amp;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A tensor of an optimizer between its steps. An fp32 tensor is worked on where it is, and then
 * rounded to its format if it has one; codes are decoded for a step and encoded after it.
 */
final class Kept {

  /** Memory for the values of codes during a step: of the largest tensor that needs some. */
  static final class Scratch {
    private final Backend backend;
    private @Nullable Tensor memory;

    Scratch(Backend backend) {
      this.backend = backend;
    }

    private Tensor decode(Tensor codes, int... dims) {
      int n = codes.shape().size();
      Tensor room = memory;
      if (room == null
          || room.shape().size() < n
          || room.storage().isHost() != codes.storage().isHost()) {
        free();
        room = backend.allocate(codes, n);
        memory = room;
      }
      Tensor values = room.slice(0, n);
      backend.decode(codes, values.reshape(codes.shape().dims()));
      return values.reshape(dims);
    }

    void free() {
      if (memory != null) {
        backend.free(memory);
        memory = null;
      }
    }

    long bytes() {
      return memory == null ? 0 : memory.storage().byteSize();
    }
  }

  private final Backend backend;
  private final @Nullable Quantizer quantizer;
  private final int[] dims; // of the parameter; codes may have a shape of their own
  private Tensor tensor;
  private @Nullable Scales grid;

  private Kept(Backend backend, Tensor tensor, @Nullable Quantizer quantizer, int... dims) {
    this.backend = backend;
    this.tensor = tensor;
    this.quantizer = quantizer;
    this.dims = dims;
  }

  /**
   * An existing tensor.
   *
   * @param backend what works on it
   * @param name what to call it in a message
   * @param quantizer its format; null for fp32 as it is
   * @throws IllegalArgumentException if the tensor is neither fp32 nor in the quantizer's format
   */
  static Kept of(Backend backend, String name, Tensor tensor, @Nullable Quantizer quantizer) {
    if (!tensor.isFp32()) {
      if (quantizer == null
          || !tensor.format().equals(quantizer.format())
          || !tensor.scales().granularity().equals(quantizer.granularity())) {
        throw new IllegalArgumentException(
            name
                + " = "
                + tensor
                + " with scales "
                + tensor.scales().granularity()
                + ", expected "
                + (quantizer == null
                    ? "fp32: the policy has no format for the update"
                    : "fp32, or as the policy's format for the update: " + quantizer));
      }
      requireOneLevel(name, quantizer);
    }
    return new Kept(backend, tensor, quantizer, tensor.shape().dims());
  }

  /**
   * A tensor of zeros: codes, if it has a format.
   *
   * @param backend what works on it
   * @param name what to call it in a message
   * @param beside where it lies, and its shape
   * @param flat whether its elements are kept as one row, so that blocks of a row are whole
   * @throws IllegalArgumentException if the format has no zero, or scales that are not kept
   */
  static Kept zeros(
      Backend backend, String name, @Nullable Quantizer quantizer, boolean flat, Tensor beside) {
    int[] dims = beside.shape().dims();
    Tensor zeros = quantizer == null ? Tensor.zeros(dims) : zeros(name, quantizer, flat, dims);
    boolean isHost = beside.storage().isHost();
    return new Kept(backend, isHost ? zeros : backend.place(zeros), quantizer, dims);
  }

  private static Tensor zeros(String name, Quantizer quantizer, boolean flat, int... dims) {
    Tensor zeros = Tensor.zeros(dims);
    requireOneLevel(name, quantizer);
    Tensor shaped = flat ? zeros.reshape(zeros.shape().size()) : zeros;
    Tensor codes = quantizer.quantize(shaped, quantizer.scales(shaped), new RandomBits(0, 0));
    for (float value : codes.toFloats()) {
      if (value != 0) {
        throw new IllegalArgumentException(
            name
                + ": "
                + quantizer.format().name()
                + " has no zero, expected one: it starts there");
      }
    }
    return codes;
  }

  private static void requireOneLevel(String name, Quantizer quantizer) {
    if (quantizer.scaling().outer().isPresent() || quantizer.scaleRule() == ScaleRule.MIN_TO_MAX) {
      throw new IllegalArgumentException(
          name + ": " + quantizer + ", expected codes with one level of scales and no zero points");
    }
  }

  /** The tensor: codes, or fp32. */
  Tensor tensor() {
    return tensor;
  }

  /** Puts another tensor of the same shape and format in its place. */
  void replace(Tensor other) {
    tensor = other;
  }

  /** Fixes the scales so that magnitudes up to a bound are in range. */
  void fixGrid(float bound) {
    if (quantizer == null || quantizer.scaleRule() == ScaleRule.ONE) {
      return;
    }
    float[] scales = new float[quantizer.granularity().scales(tensor.shape())];
    Arrays.fill(scales, quantizer.scaleRule().scale(bound, quantizer.format()));
    grid = Scales.of(quantizer.granularity(), scales);
  }

  /** The values, in the parameter's shape: the tensor itself if it is fp32. */
  Tensor open(Scratch scratch) {
    return tensor.isFp32() ? tensor : scratch.decode(tensor, dims);
  }

  /** Takes the values that {@link #open} gave, changed; element i takes word i. */
  void close(Tensor values, RandomBits random) {
    if (quantizer == null) {
      return;
    }
    Tensor shaped = values.reshape(tensor.shape().dims());
    Scales scales = grid == null ? backend.scales(quantizer, shaped) : grid;
    if (tensor.isFp32()) {
      backend.fakeQuantize(quantizer, scales, shaped, random);
      if (grid == null) {
        backend.free(scales);
      }
    } else {
      tensor = under(backend, scales, tensor);
      backend.quantize(quantizer, shaped, tensor, random);
    }
  }

  /**
   * The same memory under other scales; the same tensor if they are the same. A device need not
   * keep those that are left.
   */
  @SuppressWarnings("ReferenceEquality") // the very scales are not to be freed
  static Tensor under(Backend backend, Scales scales, Tensor codes) {
    Scales before = codes.scales();
    if (scales == before) {
      return codes;
    }
    boolean areEqual = scales.equals(before);
    backend.free(areEqual ? scales : before);
    return areEqual ? codes : codes.withScales(scales);
  }

  /** Bytes of the tensor, its scales included. */
  static long bytes(Tensor tensor) {
    long scales = tensor.isFp32() ? 0 : (long) tensor.scales().count() * Float.BYTES;
    return tensor.storage().byteSize() + scales;
  }

  /** The format and how it is kept, for example {@code codes of e4m3fn, per block of 256, ...}. */
  @Override
  public String toString() {
    return quantizer == null
        ? "fp32"
        : (tensor.isFp32() ? "fp32 with the values of " : "codes of ") + quantizer;
  }
}
