package dev.narrow.amp;

import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.ref.WeakReference;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Memory of the casts of a region on the host, which the next region of the same autocast uses
 * again: no step of training but the first allocates any. What one region has not used is let go,
 * and so is what it does not use any more: a region over many batches does not grow.
 *
 * <p>Safe for use by several threads.
 */
final class CastMemory {
  private final Map<Integer, Deque<float[]>> free = new HashMap<>();
  private final List<WeakReference<float[]>> used = new ArrayList<>();
  private int crowded = 1024;

  /** An fp32 tensor that holds anything. */
  synchronized Tensor take(Shape shape) {
    Deque<float[]> fitting = free.get(shape.size());
    float[] array = fitting == null ? null : fitting.poll();
    if (array == null) {
      array = new float[shape.size()];
    }
    used.add(new WeakReference<>(array));
    if (used.size() > crowded) {
      used.removeIf(reference -> reference.get() == null);
      crowded = Math.max(1024, 2 * used.size());
    }
    return Tensor.of(array, shape.dims());
  }

  /** Makes all that was taken free, and nothing else. */
  synchronized void reset() {
    free.clear();
    for (WeakReference<float[]> reference : used) {
      float[] array = reference.get();
      if (array != null) {
        free.computeIfAbsent(array.length, _ -> new ArrayDeque<>()).add(array);
      }
    }
    used.clear();
  }
}
