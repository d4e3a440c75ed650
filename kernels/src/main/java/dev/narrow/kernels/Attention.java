package dev.narrow.kernels;

/**
 * What a query sees, and how: see {@link Attentions#attention}.
 *
 * @param heads 1 or more, side by side in the innermost axis
 * @param dim the width of a head, 1 or more
 * @param causal whether the query at i sees the keys 0 to i only
 * @param scale the factor of the scores, finite
 */
public record Attention(int heads, int dim, boolean causal, float scale) {
  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if one is not as above, or heads × dim exceeds 2<sup>31</sup>
   *     - 1
   */
  public Attention {
    if (heads < 1) {
      throw new IllegalArgumentException("heads = " + heads + ", expected 1 or more");
    }
    if (dim < 1 || (long) heads * dim > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "dim = " + dim + ", expected 1 to " + Integer.MAX_VALUE / heads);
    }
    if (!Float.isFinite(scale)) {
      throw new IllegalArgumentException("scale = " + scale + ", expected a finite value");
    }
  }

  /**
   * Every query sees every key; the scale is 1 / sqrt(dim).
   *
   * @param heads 1 or more
   * @param dim the width of a head, 1 or more
   * @return attention as of an encoder
   * @throws IllegalArgumentException if heads or dim is below 1
   */
  public static Attention full(int heads, int dim) {
    return new Attention(heads, dim, false, inverseRoot(dim));
  }

  /**
   * The query at i sees the keys 0 to i; the scale is 1 / sqrt(dim).
   *
   * @param heads 1 or more
   * @param dim the width of a head, 1 or more
   * @return attention as of a decoder
   * @throws IllegalArgumentException if heads or dim is below 1
   */
  public static Attention causal(int heads, int dim) {
    return new Attention(heads, dim, true, inverseRoot(dim));
  }

  private static float inverseRoot(int dim) {
    return 1f / (float) Math.sqrt(Math.max(1, dim));
  }
}
