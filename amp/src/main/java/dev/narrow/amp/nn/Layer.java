package dev.narrow.amp.nn;

import dev.narrow.amp.Parameter;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A part of a network, written on the operations that obey {@link dev.narrow.amp.Autocast}. It
 * remembers of a forward pass what the backward pass asks for.
 *
 * <p>Not safe for use by several threads at once.
 */
public interface Layer {

  /**
   * The result for a batch.
   *
   * @param x input; not to be changed before the backward pass
   * @param training whether a backward pass may follow, and layers that differ do what they do in
   *     training
   * @return new memory, or a view of x
   * @throws IllegalArgumentException if x has a shape that does not fit
   */
  Tensor forward(Tensor x, boolean training);

  /**
   * Writes the gradients of the parameters, and returns that of the input.
   *
   * @param dy gradient of what the last forward pass returned
   * @throws IllegalStateException if there was none in training
   */
  Tensor backward(Tensor dy);

  /** The same where nobody asks for the gradient of the input: it begins the network. */
  default void backwardFirst(Tensor dy) {
    backward(dy);
  }

  /** The parameters with their gradients. */
  default List<Parameter> parameters() {
    return List.of();
  }

  /** What else the layer learns, by name: a checkpoint has it too. */
  default List<Buffer> buffers() {
    return List.of();
  }

  /** Values that a layer keeps from batch to batch, and that no optimizer changes. */
  final class Buffer {
    private final String name;
    private Tensor value;
    private @Nullable Backend mover; // whose memory it is, if it has been moved

    /**
     * Such values.
     *
     * @param name of the values
     * @param value updated in place
     */
    public Buffer(String name, Tensor value) {
      this.name = name;
      this.value = value;
    }

    /** What to call them in files. */
    public String name() {
      return name;
    }

    /** The values, updated in place. */
    public Tensor value() {
      return value;
    }

    /** Brings them to where a backend works, as {@link Parameter#move}. */
    public void move(Backend backend) {
      Tensor moved = backend.place(value);
      if (!moved.storage().sameAs(value.storage())) {
        if (mover != null) {
          mover.free(value);
        }
        value = moved;
        mover = backend;
      }
    }
  }
}
