package dev.narrow.formats;

/** A set of kernels: the scalar one, or that on the Vector API, with the same bits. */
interface Kernels {

  /** What they are, for example {@code vector 512 bits}. */
  String name();

  /** The fastest kernel of the set for a format and a projection. */
  Kernel kernel(NumericFormat format, Projection projection);

  /** The words of n elements from this index on, as {@link RandomBits#word} has them. */
  void words(RandomBits random, long index, int[] words, int n);

  /** What {@link CountRule#count(float[], int, int)} counts. */
  EncodeCounts count(CountRule rule, float[] x, int from, int n);
}
