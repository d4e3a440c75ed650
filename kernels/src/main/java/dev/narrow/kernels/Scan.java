package dev.narrow.kernels;

/**
 * What one pass over some values finds.
 *
 * @param amax the largest finite magnitude, +0 if no value is finite
 * @param nonFinite how many values are infinite or NaN
 * @param firstNonFinite the index of the first of these, or -1
 */
public record Scan(float amax, int nonFinite, int firstNonFinite) {}
