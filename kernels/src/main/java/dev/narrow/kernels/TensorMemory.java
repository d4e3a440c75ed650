package dev.narrow.kernels;

import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;

/**
 * Memory for tensors, where a backend works: see {@link Backend} for what its operations have in
 * common. On the heap nobody gives it back; on a device whoever asked for it does, by {@link
 * #free}, and an operation on it afterwards is an IllegalStateException.
 */
public interface TensorMemory {

  /**
   * A tensor where this backend works: x itself if it lies there, else a copy. A processor works on
   * the host, a device in its own memory.
   */
  Tensor place(Tensor x);

  /**
   * An fp32 tensor beside another: on the heap if that lies on the host, else on its device. What
   * its elements are is undefined.
   *
   * @param x whose neighbour it is
   * @param dims extents
   * @throws IllegalArgumentException if x lies on a device, and this backend does not work there
   * @throws IllegalStateException if the memory of x was freed
   */
  Tensor allocate(Tensor x, int... dims);

  /**
   * Sets all bits of a tensor's codes to zero, where it lies.
   *
   * @throws IllegalArgumentException if it can only be read, or as {@link #allocate}
   */
  void clear(Tensor x);

  /**
   * Gives memory of a device back; work that was enqueued is not disturbed. Without effect on
   * memory of the host, on a view, and on what was freed already.
   */
  void free(Tensor x);

  /**
   * Gives the memory back in which a device keeps scales that it has found, or a copy of others.
   * Scales that nobody has read cannot be read any more; those of codes go with the codes. The
   * garbage collector does this, too, later. Without effect on what was freed already.
   */
  void free(Scales scales);
}
