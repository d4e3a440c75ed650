package dev.narrow.kernels;

import java.util.ArrayDeque;

/**
 * Memory that a thread keeps from one operation to the next, so that operations allocate nothing
 * once they have run before: arrays by the power of two that holds them.
 */
final class Scratch {
  private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

  /** Longer arrays, of more than 256 MiB, are left to the garbage collector. */
  private static final int KEPT = 1 << 26;

  private final ArrayDeque<float[]>[] free;

  @SuppressWarnings({"unchecked", "rawtypes"}) // an array of generics
  private Scratch() {
    free = new ArrayDeque[Integer.SIZE];
    for (int i = 0; i < free.length; i++) {
      free[i] = new ArrayDeque<>(4);
    }
  }

  /** An array of n floats or more that hold anything; to be given back by the same thread. */
  static float[] take(int n) {
    if (n < 0) {
      throw new IllegalArgumentException("an operation needs more than 2^31 floats of its own");
    }
    int power = power(n);
    float[] array = OF_THREAD.get().free[power].poll();
    return array != null && array.length >= n ? array : new float[power < 31 ? 1 << power : n];
  }

  /** Gives back what {@link #take} has given. */
  static void give(float[] array) {
    if (array.length <= KEPT) {
      OF_THREAD.get().free[power(array.length)].push(array);
    }
  }

  private static int power(int n) {
    return Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(n, 64) - 1);
  }
}
