package dev.narrow.repro.data;

/**
 * Random integers of one example, a function of seed, example and the count of draws before: the
 * same everywhere, whatever else is drawn. The function is SplitMix64's (Steele, Lea, Flood, "Fast
 * splittable pseudorandom number generators", OOPSLA 2014).
 */
final class CounterRandom {
  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private final long start;
  private long draws;

  CounterRandom(long seed, long example) {
    start = mix(mix(seed) + example);
  }

  /** A number from {@code least} to {@code most}; the bias is under 2^-20 for ranges up to 2^12. */
  int between(int least, int most) {
    draws++;
    long bits = mix(start + draws * GOLDEN_GAMMA) >>> 32;
    return least + (int) ((bits * (most - least + 1L)) >>> 32);
  }

  /** A number from {@code -reach} to {@code reach}, the middle likelier: the mean of two. */
  int around0(int reach) {
    return (between(-reach, reach) + between(-reach, reach)) / 2;
  }

  /** True once in {@code n} times. */
  boolean oneIn(int n) {
    return between(1, n) == 1;
  }

  /** The output function of SplitMix64 (variant 13 of Stafford's mixers). */
  static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
