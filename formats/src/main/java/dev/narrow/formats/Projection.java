package dev.narrow.formats;

/**
 * Rounding and saturation together: all that decides which code a real number becomes in a format
 * (IEEE P3109 calls it so).
 *
 * @param rounding which neighbour
 * @param saturation what becomes of what the format cannot hold
 */
public record Projection(Rounding rounding, Saturation saturation) {

  /**
   * The same with another rounding.
   *
   * @param other takes the place of the old one
   * @return a new projection
   */
  public Projection with(Rounding other) {
    return new Projection(other, saturation);
  }

  /**
   * The same with another saturation.
   *
   * @param other takes the place of the old one
   * @return a new projection
   */
  public Projection with(Saturation other) {
    return new Projection(rounding, other);
  }
}
