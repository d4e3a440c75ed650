package dev.narrow.quant.files;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;

/** What an element in a file is: how many bits it takes, and which float32 it becomes. */
sealed interface Element permits CodeElement, PlainElement {

  /** Bits of an element. */
  int width();

  /**
   * Some elements as float32.
   *
   * @param bytes of all elements
   * @param order of the bytes of each
   * @param from the first element to read
   * @param dst takes {@code dst.length} elements, and the bytes have so many
   * @return dst
   */
  float[] read(MemorySegment bytes, ByteOrder order, long from, float[] dst);

  /**
   * The elements as a tensor: over these bytes if they are what a tensor wants, else of their own.
   */
  default Tensor tensor(MemorySegment bytes, ByteOrder order, Shape shape) {
    return fp32(read(bytes, order, 0, new float[shape.size()]), shape);
  }

  /** A tensor over these values. */
  static Tensor fp32(float[] values, Shape shape) {
    return Tensor.of(Storage.of(values), shape, Formats.FP32, Scales.one());
  }
}
