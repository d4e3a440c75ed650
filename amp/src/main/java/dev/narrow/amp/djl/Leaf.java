package dev.narrow.amp.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.util.Pair;
import dev.narrow.amp.AmpException;
import dev.narrow.formats.Formats;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A parameter of a model with its name, and its memory as Narrow sees it.
 *
 * @param name path of its block and its own name, {@code 02Sequential.01Linear.weight}
 * @param parameter of the block
 */
record Leaf(String name, Parameter parameter) {

  /** All parameters of a block and those within, in the order of the forward pass, each once. */
  static List<Leaf> of(Block block) {
    List<Leaf> leaves = new ArrayList<>();
    collect(block, "", leaves, new HashSet<>());
    return leaves;
  }

  private static void collect(Block block, String path, List<Leaf> into, Set<String> seen) {
    for (Pair<String, Parameter> own : block.getDirectParameters()) {
      if (seen.add(own.getValue().getId())) {
        into.add(new Leaf(path + own.getKey(), own.getValue()));
      }
    }
    for (Pair<String, Block> child : block.getChildren()) {
      collect(child.getValue(), path + child.getKey() + ".", into, seen);
    }
  }

  /** The name of its block. */
  String layer() {
    int dot = name.lastIndexOf('.');
    return dot < 0 ? name : name.substring(0, dot);
  }

  NDArray array() {
    return parameter.getArray();
  }

  /** Its values where they are: fp32, or codes of fp16. */
  Tensor values() {
    return tensor(name, array());
  }

  /** Its gradient where it is, of the same format; only after {@link #define}. */
  Tensor gradient() {
    try (NDArray handle = array().getGradient()) {
      return tensor(name + "'s gradient", handle);
    }
  }

  /**
   * Gives every parameter a gradient of zeros, to which backward passes then add in place: before
   * the first one PyTorch has none. That of a product with zero is one.
   */
  static void define(List<Leaf> leaves, GradientCollector collector) {
    for (Leaf leaf : leaves) {
      try (NDManager manager = leaf.array().getManager().newSubManager()) {
        NDArray product = leaf.array().mul(manager.zeros(new Shape(1), leaf.array().getDataType()));
        product.attach(manager);
        collector.backward(product.sum());
      }
    }
  }

  /**
   * The memory of an array as a tensor.
   *
   * @throws AmpException if it is not fp32 or fp16, or not one piece
   */
  static Tensor tensor(String name, NDArray array) {
    DataType type = array.getDataType();
    if (type != DataType.FLOAT32 && type != DataType.FLOAT16) {
      throw new AmpException(name + " is " + type + ", expected FLOAT32 or FLOAT16");
    }
    MemorySegment memory = MemorySegment.ofBuffer(array.toByteBuffer(true));
    // Of an array in pieces DJL makes a copy in one, each time another.
    if (memory.address() != MemorySegment.ofBuffer(array.toByteBuffer(true)).address()) {
      throw new AmpException(name + " is not in one piece of memory, expected it to be");
    }
    int[] dims = new int[array.getShape().dimension()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = Math.toIntExact(array.getShape().get(i));
    }
    return type == DataType.FLOAT32
        ? Tensor.of(memory, dims)
        : Tensor.of(
            Storage.of(memory), dev.narrow.quant.Shape.of(dims), Formats.FP16, Scales.one());
  }
}
