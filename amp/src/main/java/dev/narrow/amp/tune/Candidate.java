package dev.narrow.amp.tune;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import java.util.List;

/**
 * A format that may be chosen.
 *
 * @param name as {@link Recipes#parse} understands it
 * @param quantizer the same
 */
public record Candidate(String name, Quantizer quantizer) {

  /**
   * The candidate of a name.
   *
   * @throws IllegalArgumentException if {@link Recipes#parse} does not understand it
   */
  public static Candidate of(String name) {
    return new Candidate(name, Recipes.parse(name));
  }

  /** From 4 to 16 bits: NVFP4, MXFP4, 4-bit logarithms, MXFP6, MXFP8, LNS8, bf16. */
  public static List<Candidate> defaults() {
    return List.of(
        of("mxfp4"),
        of("nvfp4"),
        of("lns4-block"),
        of("mxfp6-e2m3"),
        of("mxfp8-e4m3"),
        of("lns8"),
        of("bf16"));
  }

  /** Bits of an element of such a tensor, its part of the scales included. */
  double bits(Tensor values) {
    long bytes = Tensor.packedBytes(values.shape(), quantizer.format(), quantizer.scales(values));
    return 8.0 * bytes / values.shape().size();
  }
}
