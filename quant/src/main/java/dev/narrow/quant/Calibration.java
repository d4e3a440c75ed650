package dev.narrow.quant;

/** What counts as the largest magnitude (amax) of elements that share a scale. */
public sealed interface Calibration {

  /** The largest finite magnitude. */
  record Amax() implements Calibration {
    @Override
    public String toString() {
      return "amax";
    }
  }
}
