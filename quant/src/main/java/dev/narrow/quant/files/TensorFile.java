package dev.narrow.quant.files;

import dev.narrow.quant.Tensor;
import java.io.Closeable;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A file of named tensors, mapped into memory: what is not looked at is not read. All that the file
 * says about lengths and offsets has been checked once it is open. Reading is safe from any thread;
 * after {@link #close} neither this nor the memory that it gave away may be used.
 *
 * <p>Where another program cuts the file off meanwhile, {@link #read} throws {@link
 * TensorFileException}, and memory that was given away {@link InternalError} where it is read.
 */
public interface TensorFile extends Closeable {

  /** The file. */
  Path path();

  /** The tensors in the order in which they lie in the file. */
  List<TensorInfo> tensors();

  /** What else the file says about itself, as text. */
  Map<String, String> metadata();

  /**
   * The bytes of a tensor as they lie in the file: read-only, little-endian except in .npy files
   * that say otherwise.
   *
   * @throws IllegalArgumentException if the file has no such tensor; the message has the nearest
   *     name
   */
  MemorySegment bytes(String name);

  /**
   * Some elements in row-major order as float32, whatever the file holds: rounded once to
   * nearest-even where float32 does not hold them, times their scales where they have some.
   *
   * @param name of a tensor
   * @param from the first element
   * @param dst takes {@code dst.length} elements
   * @throws IllegalArgumentException if the file has no such tensor
   * @throws IndexOutOfBoundsException if it does not have so many elements
   * @throws TensorFileException if the elements are complex numbers, or the file cannot be read
   */
  void read(String name, long from, float[] dst);

  /**
   * A tensor over the memory of the file, without a copy, where its elements are codes of a format
   * in the layout of a {@link Tensor}; else an fp32 tensor with the values that {@link #read} has.
   *
   * @throws IllegalArgumentException if the file has no such tensor
   * @throws TensorFileException if it has 2^31 elements or more, or complex ones, or the file
   *     cannot be read
   */
  Tensor tensor(String name);

  @Override
  void close();
}
