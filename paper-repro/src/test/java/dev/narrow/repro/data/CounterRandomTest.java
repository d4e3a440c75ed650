package dev.narrow.repro.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.IntStream;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class CounterRandomTest {
  /** The first outputs of SplitMix64 with seed 1234567, as its reference implementation prints. */
  @Test
  void mixesAsSplitMix64() {
    long gamma = 0x9E3779B97F4A7C15L;
    long[] outputs =
        LongStream.rangeClosed(1, 5).map(k -> CounterRandom.mix(1234567 + k * gamma)).toArray();
    assertArrayEquals(
        new long[] {
          6457827717110365317L,
          3203168211198807973L,
          Long.parseUnsignedLong("9817491932198370423"),
          4593380528125082431L,
          Long.parseUnsignedLong("16408922859458223821")
        },
        outputs);
  }

  @Property
  void staysInItsRange(
      @ForAll long seed,
      @ForAll long example,
      @ForAll @IntRange(min = -2000, max = 2000) int least,
      @ForAll @IntRange(max = 2000) int span) {
    var random = new CounterRandom(seed, example);
    for (int i = 0; i < 20; i++) {
      int drawn = random.between(least, least + span);
      assertTrue(drawn >= least && drawn <= least + span);
      assertTrue(Math.abs(random.around0(span)) <= span);
    }
  }

  /** 60,000 throws of a die: each face 10,000 times, give or take 6 standard deviations (91). */
  @Test
  void isEven() {
    var random = new CounterRandom(7, 0);
    int[] faces = new int[6];
    IntStream.range(0, 60_000).forEach(i -> faces[random.between(1, 6) - 1]++);
    for (int count : faces) {
      assertEquals(10_000, count, 550);
    }
  }

  @Test
  void dependsOnSeedAndExampleAlone() {
    int first = new CounterRandom(1, 2).between(0, Integer.MAX_VALUE - 1);
    assertEquals(first, new CounterRandom(1, 2).between(0, Integer.MAX_VALUE - 1));
    assertNotEquals(first, new CounterRandom(1, 3).between(0, Integer.MAX_VALUE - 1));
    assertNotEquals(first, new CounterRandom(2, 2).between(0, Integer.MAX_VALUE - 1));
  }
}
