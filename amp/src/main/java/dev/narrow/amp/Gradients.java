package dev.narrow.amp;

import dev.narrow.quant.Floats;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Named gradients, seen where they are: no copies. */
public final class Gradients {

  /**
   * One gradient.
   *
   * @param name what to call it when it overflows
   * @param values the gradient itself, fp32
   */
  public record View(String name, Tensor values) {}

  private final List<View> views;

  private Gradients(List<View> views) {
    this.views = views;
  }

  /** A gradient in an array. */
  public static View view(String name, float[] values) {
    return new View(name, Tensor.of(values, values.length));
  }

  /** A gradient in memory that holds float32 values in native byte order. */
  public static View view(String name, MemorySegment values) {
    return new View(name, Tensor.of(values, Math.toIntExact(values.byteSize() / Float.BYTES)));
  }

  /**
   * These gradients together.
   *
   * @throws IllegalArgumentException if two have one name or overlap in memory, which would unscale
   *     them twice
   */
  public static Gradients of(View... views) {
    return of(List.of(views));
  }

  /** These gradients together, as {@link #of(View...)}. */
  public static Gradients of(List<View> views) {
    Set<String> names = new HashSet<>();
    List<View> seen = new ArrayList<>();
    for (View view : views) {
      Floats.of(view.values(), view.name()); // fp32, or it is refused here and not midway
      if (!names.add(view.name())) {
        throw new IllegalArgumentException("two gradients are called " + view.name());
      }
      for (View other : seen) {
        if (overlap(view.values(), other.values())) {
          throw new IllegalArgumentException(
              "gradients "
                  + other.name()
                  + " and "
                  + view.name()
                  + " share memory: they would be unscaled twice");
        }
      }
      seen.add(view);
    }
    return new Gradients(List.copyOf(views));
  }

  private static boolean overlap(Tensor a, Tensor b) {
    return a.storage().segment().asOverlappingSlice(b.storage().segment()).isPresent();
  }

  /**
   * Divides all values by the loss scale, and says which is the first that is then not finite.
   *
   * @param lossScale a power of two makes the division exact
   */
  Optional<Overflow> unscale(float lossScale) {
    float inverse = (float) (1 / (double) lossScale);
    Overflow first = null;
    for (View view : views) {
      Floats floats = Floats.of(view.values(), view.name());
      float[] array = floats.array();
      int from = floats.offset();
      int bad = -1;
      for (int i = view.values().shape().size() - 1; i >= 0; i--) {
        float value = array[from + i] * inverse;
        array[from + i] = value;
        if (!(Math.abs(value) <= Float.MAX_VALUE)) {
          bad = i; // counting down leaves the first
        }
      }
      floats.writeBack(view.values());
      if (bad >= 0 && first == null) {
        first = new Overflow(view.name(), bad, array[from + bad], lossScale);
      }
    }
    return Optional.ofNullable(first);
  }
}
