package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Scales that are asked for when somebody reads them. */
class DeferredScalesTest {
  private static final Granularity ROWS = new Granularity.PerAxis(0);

  private final AtomicInteger asked = new AtomicInteger();

  private Scales deferred(Granularity granularity, float... values) {
    return Scales.deferred(
        granularity,
        Formats.FP32,
        values.length,
        () -> {
          asked.incrementAndGet();
          return values;
        });
  }

  @Test
  void whatIsKnownIsNotAskedFor() {
    Scales scales = deferred(ROWS, 2, 3);
    Scales outer = deferred(new Granularity.PerTensor(), 4);
    Scales both = scales.under(outer, Shape.of(2, 5));
    assertEquals(2, both.count());
    assertEquals(ROWS, both.granularity());
    assertEquals(Formats.FP32, both.format());
    assertTrue(both.outer().isPresent());
    assertFalse(both.hasZeroPoints());
    assertEquals("2 scales per axis 0", both.toString());
    assertEquals("1 scale per tensor", outer.toString());
    Tensor codes = Tensor.of(Storage.of(new byte[10]), Shape.of(2, 5), Formats.E4M3FN, both);
    assertEquals(outer, codes.withScales(both).scales().outer().orElseThrow());
    assertThrows(IllegalArgumentException.class, () -> codes.withScales(deferred(ROWS, 1)));
    assertEquals(1, asked.get(), "of the outer scale, to compare it");
    assertEquals(12f, both.get(1));
    assertEquals(3f, both.scale(1));
    assertEquals(2, asked.get());
  }

  @Test
  void onceTheyAreReadTheyAreAsAnyOthers() {
    Scales scales = deferred(ROWS, 2, Float.NaN, 0);
    Scales known = Scales.of(ROWS, 2, Float.NaN, 0);
    Shape shape = Shape.of(3, 4);
    assertEquals(known, scales);
    assertEquals(known.hashCode(), scales.hashCode());
    assertEquals(known.toString(), scales.toString());
    assertEquals(known.slice(shape, 1, 3), deferred(ROWS, 2, Float.NaN, 0).slice(shape, 1, 3));
    assertEquals(known.transpose(shape), deferred(ROWS, 2, Float.NaN, 0).transpose(shape));
    assertEquals(
        known.withZeroPoints(1, 2, 3), deferred(ROWS, 2, Float.NaN, 0).withZeroPoints(1, 2, 3));
    Scales outer = Scales.of(0.5f);
    assertEquals(known.under(outer, shape), scales.under(outer, shape));
    assertEquals(1f, deferred(ROWS, 2, Float.NaN, 0).under(outer, shape).get(0));
    assertEquals(1f, known.under(deferred(new Granularity.PerTensor(), 0.5f), shape).get(0));
    assertTrue(deferred(ROWS, 1, 1).isOne());
    Scales one = deferred(new Granularity.PerTensor(), 0.75f);
    assertEquals(0.75f, one.get(0));
    assertEquals("0.75", one.toString());
  }

  @Test
  void theyAreAskedForOnce() throws Exception {
    Scales scales = deferred(ROWS, 2, 3);
    int threads = 4;
    CyclicBarrier together = new CyclicBarrier(threads);
    List<Callable<Float>> readers = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      readers.add(() -> {
        together.await();
        return scales.get(1);
      });
    }
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      for (Future<Float> reader : pool.invokeAll(readers)) {
        assertEquals(3f, reader.get());
      }
    }
    assertEquals(1, asked.get());
  }

  @Test
  void theReaderGetsWhatIsWrongWithThem() {
    Scales few = Scales.deferred(ROWS, Formats.E4M3FN, 2, () -> new float[1]);
    Throwable thrown = assertThrows(IllegalArgumentException.class, () -> few.get(0));
    assertEquals("source has 1 scales, expected 2", thrown.getMessage());
    AtomicInteger failures = new AtomicInteger();
    Scales scales =
        Scales.deferred(
            ROWS,
            Formats.FP32,
            1,
            () -> {
              if (failures.incrementAndGet() == 1) {
                throw new IllegalStateException("not yet");
              }
              return new float[] {5};
            });
    assertThrows(IllegalStateException.class, () -> scales.get(0));
    assertEquals(5f, scales.get(0), "the next reader asks again");
  }
}
