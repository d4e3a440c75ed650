package dev.narrow.quant;

import java.io.Serializable;
import java.util.Objects;

/** What chunks add up to. Sums are exact, so that they do not depend on the order of the chunks. */
final class ErrorSums implements Serializable {
  private static final long serialVersionUID = 1;

  long saturated;
  long lost;
  long flushed;
  long subnormal;
  long relativeCount;
  long ulpCount;
  float maxRelative;
  float maxUlps;
  ExactSum signal = new ExactSum();
  ExactSum energy = new ExactSum();
  ExactSum product = new ExactSum();
  ExactSum noise = new ExactSum();
  ExactSum relative = new ExactSum();
  ExactSum ulps = new ExactSum();

  void add(ErrorChunk chunk) {
    subnormal += chunk.subnormal;
    relativeCount += chunk.relativeCount;
    ulpCount += chunk.ulpCount;
    maxRelative = Math.max(maxRelative, chunk.maxRelative);
    maxUlps = Math.max(maxUlps, chunk.maxUlps);
    signal.add(chunk.sum(ErrorChunk.SIGNAL));
    energy.add(chunk.sum(ErrorChunk.ENERGY));
    product.add(chunk.sum(ErrorChunk.PRODUCT));
    noise.add(chunk.sum(ErrorChunk.NOISE));
    relative.add(chunk.sum(ErrorChunk.RELATIVE));
    ulps.add(chunk.sum(ErrorChunk.ULPS));
  }

  ErrorSums plus(ErrorSums other) {
    ErrorSums sums = new ErrorSums();
    sums.saturated = saturated + other.saturated;
    sums.lost = lost + other.lost;
    sums.flushed = flushed + other.flushed;
    sums.subnormal = subnormal + other.subnormal;
    sums.relativeCount = relativeCount + other.relativeCount;
    sums.ulpCount = ulpCount + other.ulpCount;
    sums.maxRelative = Math.max(maxRelative, other.maxRelative);
    sums.maxUlps = Math.max(maxUlps, other.maxUlps);
    sums.signal = signal.plus(other.signal);
    sums.energy = energy.plus(other.energy);
    sums.product = product.plus(other.product);
    sums.noise = noise.plus(other.noise);
    sums.relative = relative.plus(other.relative);
    sums.ulps = ulps.plus(other.ulps);
    return sums;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ErrorSums that
        && saturated == that.saturated
        && lost == that.lost
        && flushed == that.flushed
        && subnormal == that.subnormal
        && relativeCount == that.relativeCount
        && ulpCount == that.ulpCount
        && Float.compare(maxRelative, that.maxRelative) == 0
        && Float.compare(maxUlps, that.maxUlps) == 0
        && signal.equals(that.signal)
        && energy.equals(that.energy)
        && product.equals(that.product)
        && noise.equals(that.noise)
        && relative.equals(that.relative)
        && ulps.equals(that.ulps);
  }

  @Override
  public int hashCode() {
    return Objects.hash(saturated, flushed, subnormal, maxRelative, maxUlps, signal, noise);
  }
}
