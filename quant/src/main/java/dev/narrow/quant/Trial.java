package dev.narrow.quant;

import dev.narrow.formats.Rounding;

/** What becomes of some elements under the scale that a candidate for their amax would give. */
final class Trial {

  /** The factors of all scales, of which one can be changed. */
  @FunctionalInterface
  interface Candidate {
    /** Sets the factor of a scale to what elements of this amax get. */
    void set(int scale, float amax);
  }

  private final Encoding encoding;
  private final Factors factors;
  private final Candidate candidate;
  private final float[] piece = new float[Encoding.CHUNK];

  Trial(Quantizer quantizer, Factors factors, Candidate candidate) {
    Tensor tensor = Tensor.of(piece, piece.length);
    this.encoding = new Encoding(withoutChance(quantizer), null, Floats.of(tensor, "piece"));
    this.factors = factors;
    this.candidate = candidate;
  }

  private static Quantizer withoutChance(Quantizer quantizer) {
    Rounding rounding = quantizer.projection().rounding();
    return rounding.isStochastic()
        ? quantizer.with(new Rounding(Rounding.Mode.NEAREST_EVEN, 0, rounding.domain()))
        : quantizer;
  }

  /** The factor that elements of this amax get. */
  float factor(int scale, float amax) {
    candidate.set(scale, amax);
    return factors.factors[scale];
  }

  /** What up to {@link Encoding#CHUNK} values become under the current factor of a scale. */
  float[] quantized(float[] values, int from, int n, int scale) {
    System.arraycopy(values, from, piece, 0, n);
    encoding.fake(0, n, factors, scale, n);
    return piece;
  }
}
