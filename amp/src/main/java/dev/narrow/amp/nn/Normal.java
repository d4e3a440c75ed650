package dev.narrow.amp.nn;

import dev.narrow.formats.RandomBits;

/**
 * Normally distributed numbers, the same everywhere: Box and Muller's transform of two uniform
 * numbers in double precision, with the strictly reproducible functions of {@link StrictMath}.
 */
final class Normal {
  private Normal() {}

  /** Fills an array with samples of mean 0 and this standard deviation. */
  static void fill(float[] values, double standardDeviation, RandomBits random) {
    for (int i = 0; i < values.length; i++) {
      double radius = StrictMath.sqrt(-2 * StrictMath.log(uniform(random, 2L * i)));
      double angle = 2 * Math.PI * uniform(random, 2L * i + 1);
      values[i] = (float) (standardDeviation * radius * StrictMath.cos(angle));
    }
  }

  /** In (0, 1). */
  private static double uniform(RandomBits random, long index) {
    return (Integer.toUnsignedLong(random.word(index)) + 0.5) * 0x1p-32;
  }
}
