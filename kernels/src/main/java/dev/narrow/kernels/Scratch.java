package dev.narrow.kernels;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Memory that a thread keeps from one operation to the next, so that operations allocate nothing
 * once they have run before: arrays by the power of two that holds them.
 *
 * <p>What is taken holds anything, and is to be given back by the same thread. What is not given
 * back, since something was thrown, is garbage.
 */
final class Scratch {
  private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

  /** Longer arrays, of more than 256 MiB as floats, are left to the garbage collector. */
  private static final int KEPT = 26;

  private final Pool<float[]> floats = new Pool<>(float[]::new);
  private final Pool<int[]> ints = new Pool<>(int[]::new);
  private final Pool<long[]> longs = new Pool<>(long[]::new);

  private Scratch() {}

  /** An array of n floats or more. */
  static float[] take(int n) {
    return OF_THREAD.get().floats.take(n);
  }

  /** Gives back what {@link #take} has given. */
  static void give(float[] array) {
    OF_THREAD.get().floats.give(array, array.length);
  }

  /** An array of n ints or more. */
  static int[] takeInts(int n) {
    return OF_THREAD.get().ints.take(n);
  }

  /** Gives back what {@link #takeInts} has given. */
  static void give(int[] array) {
    OF_THREAD.get().ints.give(array, array.length);
  }

  /** An array of n longs or more. */
  static long[] takeLongs(int n) {
    return OF_THREAD.get().longs.take(n);
  }

  /** Gives back what {@link #takeLongs} has given. */
  static void give(long[] array) {
    OF_THREAD.get().longs.give(array, array.length);
  }

  /** Arrays of one type that nobody has taken. */
  private static final class Pool<A> {
    private final IntFunction<A> allocation;
    private final List<ArrayDeque<A>> free = new ArrayList<>();

    Pool(IntFunction<A> allocation) {
      this.allocation = allocation;
      for (int power = 0; power <= KEPT; power++) {
        free.add(new ArrayDeque<>(4));
      }
    }

    A take(int n) {
      if (n < 0) {
        throw new IllegalArgumentException("an operation needs more than 2^31 numbers of its own");
      }
      int power = power(n);
      if (power > KEPT) {
        return allocation.apply(n);
      }
      A array = free.get(power).poll();
      return array != null ? array : allocation.apply(1 << power);
    }

    void give(A array, int length) {
      int power = power(length);
      if (power <= KEPT) {
        free.get(power).push(array);
      }
    }

    /** Of the least power of two that is n or more, and not less than 16. */
    private static int power(int n) {
      return Integer.SIZE - Integer.numberOfLeadingZeros(Math.max(n, 16) - 1);
    }
  }
}
