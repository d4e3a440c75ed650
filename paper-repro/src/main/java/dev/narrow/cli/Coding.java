package dev.narrow.cli;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.GgufType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Optional;

/** What a tensor can become: by a recipe, or in the blocks of a GGUF file. */
sealed interface Coding {

  /** A tensor in few bits, and the bytes that it takes. */
  record Coded(Tensor tensor, long bytes) {}

  /** By a quantizer. */
  record Recipe(Quantizer quantizer) implements Coding {
    @Override
    public Optional<Coded> code(Tensor values) {
      try {
        quantizer.granularity().grid(values.shape());
        quantizer.scaling().outer().ifPresent(outer -> outer.grid(values.shape()));
      } catch (IllegalArgumentException e) {
        return Optional.empty(); // too few axes
      }
      Tensor quantized = quantizer.quantize(values);
      return Optional.of(new Coded(quantized, quantized.packedBytes()));
    }
  }

  /** In blocks along rows, as GGUF has them; the tensor has their values. */
  record Blocks(GgufType type) implements Coding {
    @Override
    public Optional<Coded> code(Tensor values) {
      float[] x = values.toFloats();
      int row = values.shape().rank() == 0 ? 1 : values.shape().dim(values.shape().rank() - 1);
      if (row % type.blockElements() != 0) {
        return Optional.empty();
      }
      long bytes = (long) x.length / type.blockElements() * type.blockBytes();
      MemorySegment blocks = MemorySegment.ofArray(new byte[Math.toIntExact(bytes)]);
      type.encode(x, blocks);
      type.decode(blocks, 0, x);
      return Optional.of(new Coded(Tensor.of(x, values.shape().dims()), bytes));
    }
  }

  /** A tensor as it becomes; nothing if its shape does not allow that. */
  Optional<Coded> code(Tensor values);

  /**
   * What {@link Recipes#parse} understands, and the types {@code q8_0} and {@code q4_0} of GGUF.
   *
   * @throws IllegalArgumentException if the name is neither
   */
  static Coding parse(String name) {
    return switch (name.strip().toLowerCase(Locale.ROOT)) {
      case "q8_0" -> new Blocks(GgufType.Q8_0);
      case "q4_0" -> new Blocks(GgufType.Q4_0);
      default -> new Recipe(Recipes.parse(name));
    };
  }
}
