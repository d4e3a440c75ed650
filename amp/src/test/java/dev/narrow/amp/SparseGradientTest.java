package dev.narrow.amp;

import static dev.narrow.amp.Gradients.view;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.quant.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class SparseGradientTest {

  @Test
  void rowsListedSeveralTimesAreAddedUp() {
    int[] rows = {7, 2, 7, 7};
    float[] values = {8, 16, 1, 2, 24, 32, 40, 48};
    SparseGradient sparse = SparseGradient.of("embedding.weight", rows, Tensor.of(values, 4, 2));
    var result =
        GradScaler.of(LossScaling.fixed(8))
            .step(
                Gradients.of(sparse),
                () -> {
                  assertEquals(2, sparse.count());
                  assertArrayEquals(new int[] {7, 2}, Arrays.copyOf(rows, 2));
                  assertArrayEquals(new float[] {9, 12, 0.125f, 0.25f, 0, 0, 0, 0}, values);
                });
    assertInstanceOf(StepResult.Applied.class, result);
  }

  /** The matrix that the rows stand for is the same before and after, but for the scale. */
  @Property(tries = 200)
  void theMatrixIsTheSame(
      @ForAll @Size(max = 40) List<@IntRange(max = 9) Integer> listed,
      @ForAll @IntRange(min = 1, max = 5) int width) {
    int[] rows = listed.stream().mapToInt(i -> i * 1_000_003).toArray();
    float[] values = new float[rows.length * width];
    Map<Integer, float[]> expected = new LinkedHashMap<>();
    for (int i = 0; i < values.length; i++) {
      values[i] = 4 * (i % 13 - 5); // integers, whose sums are exact
      expected.computeIfAbsent(rows[i / width], _ -> new float[width])[i % width] += values[i] / 4;
    }
    SparseGradient sparse = SparseGradient.of("e", rows, Tensor.of(values, rows.length, width));
    GradScaler.of(LossScaling.fixed(4)).step(Gradients.of(sparse), () -> {});
    assertEquals(expected.size(), sparse.count());
    int row = 0;
    for (var entry : expected.entrySet()) {
      assertEquals(entry.getKey(), rows[row]);
      assertArrayEquals(
          entry.getValue(), Arrays.copyOfRange(values, row * width, (row + 1) * width));
      row++;
    }
    for (int i = sparse.count() * width; i < values.length; i++) {
      assertEquals(0, values[i]);
    }
  }

  @Test
  void theCulpritIsAnElementOfTheMatrix() {
    float[] values = {1, 1, 1, 1, Float.NEGATIVE_INFINITY, 1};
    SparseGradient sparse =
        SparseGradient.of("e.weight", new int[] {5, 5, 1000}, Tensor.of(values, 3, 2));
    Overflow overflow =
        assertInstanceOf(
                StepResult.Skipped.class,
                GradScaler.of(LossScaling.dynamic()).step(Gradients.of(sparse), () -> {}))
            .overflow();
    assertEquals(2000, overflow.index());
    assertEquals(Float.NEGATIVE_INFINITY, overflow.value());
  }

  @Test
  void theyMayLieOffTheHeapAndBesideDenseOnes() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 8, 16);
      float[] dense = {24};
      SparseGradient sparse = SparseGradient.of("e", new int[] {3, 3}, Tensor.of(memory, 2, 1));
      GradScaler.of(LossScaling.fixed(8)).step(Gradients.of(sparse, view("w", dense)), () -> {});
      assertArrayEquals(new float[] {3, 0}, memory.toArray(ValueLayout.JAVA_FLOAT));
      assertArrayEquals(new float[] {3}, dense);
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    Tensor values = Tensor.of(new float[4], 2, 2);
    var shape =
        assertThrows(
            IllegalArgumentException.class,
            () -> SparseGradient.of("e", new int[] {1, 2, 3}, values));
    assertTrue(
        shape.toString().contains("expected a matrix with a row for each of the 3"),
        shape.getMessage());
    float[] untouched = {4};
    Gradients gradients =
        Gradients.of(view("w", untouched), SparseGradient.of("e", new int[] {1, -2}, values));
    var negative =
        assertThrows(
            IllegalArgumentException.class,
            () -> GradScaler.of(LossScaling.fixed(4)).step(gradients, () -> {}));
    assertEquals("e: rows[1] = -2, expected 0 or more", negative.getMessage());
    assertEquals(4, untouched[0], "nothing was unscaled");
  }
}
