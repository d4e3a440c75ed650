package dev.narrow.quant.files;

import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** Turns quantized tensors into the tensors of a file, in one layout. */
sealed interface LayoutWriter permits NarrowWriter, CompressedTensorsWriter {

  /**
   * The names of the tensors that one will become.
   *
   * @throws IllegalArgumentException if the layout cannot express it; the message says why
   */
  List<String> names(TensorInfo tensor, QuantizedType type);

  /**
   * Adds a tensor.
   *
   * @param made how its codes were made, in words
   * @throws IllegalArgumentException as {@link #names} does
   */
  void put(TensorInfo info, Tensor tensor, String made, Spool spool) throws IOException;

  /** Takes note of a tensor that stays as it is. */
  void keep(TensorInfo info);

  /** What the file says about the tensors, once all of them are there. */
  Map<String, String> metadata();

  /** Writes what belongs beside the file, once that is there. */
  void finish() throws IOException;
}
