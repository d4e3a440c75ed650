package dev.narrow.cli;

import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.GgufType;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;

/** What a tensor can become: by a recipe, or in the blocks of a GGUF file. */
sealed interface Coding {

  /** What a tensor has become. */
  interface Coded {
    /** The error of all elements. */
    QuantizationError error();

    /** Bytes that it takes, packed. */
    long bytes();

    /** All of it. */
    Tensor whole();
  }

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
      return Optional.of(new Quantized(values, quantizer, quantizer.scales(values)));
    }
  }

  /** Quantized when it is asked for, in parts that the cache holds. */
  record Quantized(Tensor values, Quantizer quantizer, Scales scales) implements Coded {
    private static final int PART = 1 << 16;

    @Override
    public QuantizationError error() {
      Shape shape = values.shape();
      if (shape.rank() == 0) {
        return QuantizationError.measure(values, whole());
      }
      // so many rows that no scale is divided
      int unit = Math.max(1, quantizer.granularity().rows(shape));
      int rows = Math.ceilDiv(Math.max(1, PART / shape.stride(0)), unit) * unit;
      return IntStream.range(0, Math.ceilDiv(shape.dim(0), rows))
          .parallel()
          .mapToObj(k -> {
            int to = (int) Math.min(shape.dim(0), (k + 1L) * rows);
            Tensor part = values.slice(k * rows, to);
            Scales partScales = scales.slice(shape, k * rows, to);
            return QuantizationError.measure(part, quantizer.quantize(part, partScales, null));
          })
          .toList() // merged in order, by whichever thread they were measured
          .stream()
          .reduce(QuantizationError.NONE, QuantizationError::merge);
    }

    @Override
    public long bytes() {
      return Tensor.packedBytes(values.shape(), quantizer.format(), scales);
    }

    @Override
    public Tensor whole() {
      return quantizer.quantize(values, scales, null);
    }
  }

  /** In blocks along rows, as GGUF has them. */
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
      return Optional.of(new Unpacked(values, bytes, Tensor.of(x, values.shape().dims())));
    }
  }

  /** The values that blocks stand for. */
  record Unpacked(Tensor values, long bytes, Tensor whole) implements Coded {
    @Override
    public QuantizationError error() {
      return QuantizationError.measure(values, whole);
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
