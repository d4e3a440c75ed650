package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;

/** Sizes of blocks. */
class MemoryPoolTest {
  @Property
  void sizesHoldTheRequestAndLoseAtMostAnEighth(
      @ForAll @LongRange(min = 1, max = 1L << 40) long n) {
    long size = MemoryPool.sizeFor(n);
    assertTrue(size >= n);
    assertTrue(size - n < 512 || size - n <= n / 8, n + " takes " + size);
    assertEquals(0, size % 512, "alignment");
    assertEquals(size, MemoryPool.sizeFor(size), "a block that is given back fits its like");
  }
}
