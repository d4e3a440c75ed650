package dev.narrow.amp;

import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.TensorReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Named gradients, seen where they are: no copies. fp32 gradients are unscaled in place; those in
 * fewer bits cannot hold what unscaling makes of them, and are unscaled into fp32 tensors beside
 * them: {@link #unscaled}.
 *
 * <p>They are listed in the order of the forward pass, as a network lists its parameters. The
 * backward pass goes the other way and carries what is not finite along, so of several layers the
 * last one is the culprit. Names are those of parameters, such as {@code fc2.weight}: {@link
 * Overflow#layer()}.
 */
public final class Gradients {

  /** A gradient: {@link View} or {@link SparseGradient}. */
  public sealed interface Part permits View, SparseGradient {
    /** What to call it when it overflows. */
    String name();

    /** The values as the backward pass leaves them. */
    Tensor values();
  }

  /**
   * A dense gradient.
   *
   * @param name what to call it when it overflows
   * @param values the gradient itself, in any format
   * @param unscaled fp32, of the same shape: where it is unscaled to, if it is not fp32 itself;
   *     null for memory on the heap. A gradient in the memory of a device has it there.
   */
  public record View(String name, Tensor values, @Nullable Tensor unscaled) implements Part {
    /**
     * Checks what it is unscaled to.
     *
     * @throws IllegalArgumentException if that does not fit, is not needed, or is missing
     */
    public View {
      if (unscaled == null && !values.isFp32() && !values.storage().isHost()) {
        throw new IllegalArgumentException(
            name + " = " + values + " lies on a device, expected an fp32 tensor beside it there");
      }
      if (unscaled != null) {
        if (values.isFp32()) {
          throw new IllegalArgumentException(
              name + " is fp32 and unscaled in place, expected no tensor beside it");
        }
        if (!unscaled.isFp32() || !unscaled.shape().equals(values.shape())) {
          throw new IllegalArgumentException(
              name + " is unscaled to " + unscaled + ", expected fp32" + values.shape());
        }
      }
    }
  }

  /** Where between two updates of the scale gradients are. */
  enum Stage {
    SCALED,
    UNSCALED,
    STEPPED
  }

  private final Part[] parts;
  private final String[] layers;
  private final Tensor[] unscaled;
  private final List<Tensor> targets; // the same, as a list
  private final boolean[] inPlace;
  private final int[] firstNonFinite;
  private final Set<Gradients> apart = Collections.newSetFromMap(new WeakHashMap<>());
  private Stage stage = Stage.SCALED;
  private @Nullable Overflow overflow;
  private @Nullable Backend backend;
  private long leftBehind; // samples of what the last unscaling left, 0 for nothing to compare

  private Gradients(List<? extends Part> parts) {
    this.parts = parts.toArray(new Part[0]);
    this.layers = parts.stream().map(part -> Overflow.layer(part.name())).toArray(String[]::new);
    this.unscaled = new Tensor[this.parts.length];
    this.inPlace = new boolean[this.parts.length];
    this.firstNonFinite = new int[this.parts.length];
    for (int i = 0; i < this.parts.length; i++) {
      Tensor values = this.parts[i].values();
      inPlace[i] = values.isFp32();
      unscaled[i] = inPlace[i] ? values : target(this.parts[i]);
    }
    this.targets = List.of(unscaled);
  }

  private static Tensor target(Part part) {
    Tensor given = part instanceof View view ? view.unscaled() : null;
    return given == null ? Tensor.zeros(part.values().shape().dims()) : given;
  }

  /** A gradient in an array. */
  public static View view(String name, float[] values) {
    return view(name, Tensor.of(values, values.length));
  }

  /** A gradient in memory that holds float32 values in native byte order. */
  public static View view(String name, MemorySegment values) {
    return view(name, Tensor.of(values, Math.toIntExact(values.byteSize() / Float.BYTES)));
  }

  /** A gradient in a tensor of any format. */
  public static View view(String name, Tensor values) {
    return new View(name, values, null);
  }

  /** A gradient in a tensor of few bits, and the fp32 tensor that it is unscaled to. */
  public static View view(String name, Tensor values, Tensor unscaled) {
    return new View(name, values, unscaled);
  }

  /**
   * These gradients together.
   *
   * @throws IllegalArgumentException if two have one name or overlap in memory, which would unscale
   *     them twice, or if one cannot be written to
   */
  public static Gradients of(Part... parts) {
    return of(List.of(parts));
  }

  /**
   * These gradients together, as {@link #of(Part...)}.
   *
   * @throws IllegalArgumentException as there
   */
  public static Gradients of(List<? extends Part> parts) {
    if (parts.isEmpty()) {
      throw new IllegalArgumentException("no gradients, expected one or more");
    }
    Set<String> names = new HashSet<>();
    for (int i = 0; i < parts.size(); i++) {
      Part part = parts.get(i);
      if (part.values().isFp32() && part.values().storage().isReadOnly()) {
        throw new IllegalArgumentException(
            part.name() + " is read-only, expected memory to unscale in");
      }
      if (!names.add(part.name())) {
        throw new IllegalArgumentException("two gradients are called " + part.name());
      }
      for (Part other : parts.subList(0, i)) {
        if (overlap(part, other)) {
          throw new IllegalArgumentException(
              "gradients "
                  + other.name()
                  + " and "
                  + part.name()
                  + " share memory: they would be unscaled twice");
        }
      }
    }
    return new Gradients(parts);
  }

  private static boolean overlap(Part a, Part b) {
    return a.values().storage().overlaps(b.values().storage());
  }

  /**
   * What the optimizer reads: the gradient of this name itself if it is fp32, else the fp32 tensor
   * of its shape that it is unscaled into. The same tensor for as long as these gradients live.
   *
   * @throws IllegalArgumentException if there is no gradient of this name
   */
  public Tensor unscaled(String name) {
    for (int i = 0; i < parts.length; i++) {
      if (parts[i].name().equals(name)) {
        return unscaled[i];
      }
    }
    throw new IllegalArgumentException("there is no gradient called " + name);
  }

  int size() {
    return parts.length;
  }

  String name(int i) {
    return parts[i].name();
  }

  String layer(int i) {
    return layers[i];
  }

  Tensor unscaled(int i) {
    return unscaled[i];
  }

  /**
   * Checks the numbers of rows of sparse gradients.
   *
   * @throws IllegalArgumentException if one is negative
   */
  void requireRows() {
    for (Part part : parts) {
      if (part instanceof SparseGradient sparse) {
        sparse.requireRows();
      }
    }
  }

  /**
   * Multiplies the gradients from, up to but without to, by a factor, into their fp32 tensors, adds
   * up rows listed twice, and looks for what is then not finite: {@link #firstNonFinite(int)}.
   */
  void unscale(int from, int to, float factor, Backend by) {
    for (int i = from; i < to; i++) {
      if (!inPlace[i]) {
        by.scale(1, parts[i].values(), unscaled[i]);
      }
    }
    if (from == 0 && to == parts.length) {
      by.unscale(factor, targets, firstNonFinite);
    } else {
      int[] found = new int[to - from];
      by.unscale(factor, targets.subList(from, to), found);
      System.arraycopy(found, 0, firstNonFinite, from, found.length);
    }
    for (int i = from; i < to; i++) {
      if (parts[i] instanceof SparseGradient sparse && sparse.coalesce()) {
        firstNonFinite[i] = by.scan(unscaled[i]).firstNonFinite();
      }
    }
  }

  /** Looks again for what is not finite, as there. */
  void check(Backend by) {
    by.unscale(1, targets, firstNonFinite); // multiplies by one, in one pass over all
  }

  /** The first value of a gradient that was not finite after the last unscaling or check, or -1. */
  int firstNonFinite(int i) {
    return firstNonFinite[i];
  }

  /** The first value of a gradient, as the backward pass left it, that is not finite, or -1. */
  int firstNonFinite(int i, Backend by) {
    return by.scan(parts[i].values()).firstNonFinite();
  }

  /** A value as the backward pass left it. */
  float value(int i, int at) {
    return value(parts[i].values(), at);
  }

  /** The same after unscaling. */
  float unscaledValue(int i, int at) {
    return value(unscaled[i], at);
  }

  private static float value(Tensor values, int at) {
    float[] value = {Float.NaN}; // of no values
    if (values.shape().size() > 0) {
      TensorReader.of(values, "gradient").read(at, 1, value, 0);
    }
    return value[0];
  }

  /** The element that a value is of. */
  long element(int i, int at) {
    return parts[i] instanceof SparseGradient sparse ? sparse.element(at) : at;
  }

  /** Two gradients, one of each set, that share memory; null if none do. */
  @Nullable String sharedWith(Gradients other) {
    if (apart.contains(other)) {
      return null;
    }
    for (Part mine : parts) {
      for (Part theirs : other.parts) {
        if (overlap(mine, theirs)) {
          return mine.name() + " and " + theirs.name();
        }
      }
    }
    apart.add(other);
    return null;
  }

  Stage stage() {
    return stage;
  }

  /** They have been unscaled, or stepped on. */
  void enter(Stage next) {
    stage = next;
  }

  /** They have been unscaled. */
  void enterUnscaled(Backend by) {
    stage = Stage.UNSCALED;
    backend = by;
  }

  /** What was found that is not finite since the last update. */
  @Nullable Overflow overflow() {
    return overflow;
  }

  void overflow(@Nullable Overflow found) {
    overflow = found;
  }

  /** Ends an iteration: the next backward pass may come. */
  void finish() {
    stage = Stage.SCALED;
    overflow = null;
  }

  /**
   * Checks that values are unscaled and not yet used.
   *
   * @param operation what is to be done with them
   * @return what computes
   * @throws IllegalStateException if not
   */
  Backend requireUnscaled(String operation) {
    switch (stage) {
      case SCALED ->
          throw new IllegalStateException(
              operation
                  + " of scaled gradients: unscale, "
                  + operation
                  + ", step; in the body of GradScaler.step or after Iteration.unscale");
      case STEPPED ->
          throw new IllegalStateException(
              operation
                  + " after the optimizer has stepped: unscale, "
                  + operation
                  + ", step; between Iteration.unscale and Iteration.step");
      case UNSCALED -> {}
    }
    return Objects.requireNonNull(backend);
  }

  /** Remembers samples of what unscaling has left in memory of the host, to know them again. */
  void leave() {
    leftBehind = samples();
  }

  /**
   * Whether no backward pass can have written here since {@link #leave}: the samples have the same
   * bits. Zeros and what is not finite do not count, since unscaling does not change them.
   */
  boolean isAsLeft() {
    return leftBehind != 0 && leftBehind == samples();
  }

  private long samples() {
    long hash = 0;
    boolean any = false;
    for (int i = 0; i < parts.length; i++) {
      Tensor values = parts[i].values();
      int n = values.shape().size();
      // Others are not changed by unscaling, and to read those on a device would wait for it.
      if (n > 0 && inPlace[i] && values.storage().isHost()) {
        MemorySegment memory = values.storage().segment();
        for (int at = 0; at < 3; at++) { // first, middle, last
          long index = (n - 1L) * at / 2;
          float value = memory.get(ValueLayout.JAVA_FLOAT_UNALIGNED, index * Float.BYTES);
          any |= value != 0 && Math.abs(value) <= Float.MAX_VALUE;
          hash = hash * 0x9E3779B97F4A7C15L + Float.floatToRawIntBits(value);
        }
      }
    }
    return any ? hash | 1 : 0;
  }
}
