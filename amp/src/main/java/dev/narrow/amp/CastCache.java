package dev.narrow.amp;

import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Hadamard;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a region has cast: by memory and by all that the cast depends on, so that formats never mix.
 * A change of the memory that somebody tells of ({@link #forget}) ends an entry; a change that
 * nobody tells of is noticed, on the host, where it meets one of {@value #SAMPLES} values that are
 * compared, as every step of an optimizer does. Memory that nobody else holds is not held here
 * either: a region over many batches does not grow.
 *
 * <p>Safe for use by several threads.
 */
final class CastCache {
  private static final int SAMPLES = 64;

  /** Memory by the identity of what it is part of. */
  @SuppressWarnings("ReferenceEquality") // two arrays that are equal are not the same memory
  private static final class Memory extends WeakReference<Object> {
    private final long from;
    private final long to;
    private final int hash;

    Memory(Tensor tensor, @Nullable ReferenceQueue<Object> queue) {
      super(tensor.storage().owner(), queue);
      from = tensor.storage().address();
      to = from + tensor.storage().byteSize();
      hash = 31 * System.identityHashCode(get()) + Long.hashCode(from ^ to << 1);
    }

    boolean overlaps(Memory other) {
      Object base = get();
      return base != null && base == other.get() && from < other.to && other.from < to;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      if (this == other) {
        return true; // also when what it refers to is gone
      }
      return other instanceof Memory that
          && get() != null
          && get() == that.get()
          && from == that.from
          && to == that.to;
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }

  /** All that a cast depends on besides the memory; the layer where its random bits come in. */
  private record Form(
      Shape shape,
      NumericFormat format,
      Scales scales,
      Optional<Hadamard> rotation,
      Quantizer quantizer,
      String layer) {
    static Form of(Tensor tensor, Quantizer quantizer, String layer) {
      boolean stochastic = quantizer.projection().rounding().isStochastic();
      return new Form(
          tensor.shape(),
          tensor.format(),
          tensor.scales(),
          tensor.rotation(),
          quantizer,
          stochastic ? layer : "");
    }
  }

  /** A cast, its scales, and a sample of what it was cast from. */
  record Cast(Tensor tensor, Scales scales, long sample) {}

  private record Sight(Memory memory, String layer, Role role) {}

  private final Map<Memory, Map<Form, Cast>> casts = new HashMap<>();
  private final Set<Memory> constants = new HashSet<>();
  private final Set<Sight> seen = new HashSet<>();
  private final ReferenceQueue<Object> gone = new ReferenceQueue<>();

  /** What was cast from these values, or null. */
  synchronized @Nullable Cast find(Tensor tensor, Quantizer quantizer, String layer) {
    Map<Form, Cast> forms = casts.get(new Memory(tensor, null));
    if (forms == null) {
      return null;
    }
    Cast cast = forms.get(Form.of(tensor, quantizer, layer));
    return cast == null || cast.sample != sample(tensor) ? null : cast;
  }

  synchronized void keep(
      Tensor tensor, Quantizer quantizer, String layer, Tensor cast, Scales scales) {
    dropGone();
    casts
        .computeIfAbsent(new Memory(tensor, gone), _ -> new HashMap<>())
        .put(Form.of(tensor, quantizer, layer), new Cast(cast, scales, sample(tensor)));
  }

  /** Remembers that nobody is going to write to a tensor: an operation has returned it, say. */
  synchronized void addConstant(Tensor tensor) {
    dropGone();
    constants.add(new Memory(tensor, gone));
  }

  synchronized boolean isConstant(Tensor tensor) {
    return constants.contains(new Memory(tensor, null));
  }

  /** Whether a tensor has not been asked about in its role before. */
  synchronized boolean isNew(Tensor tensor, String layer, Role role) {
    return seen.add(new Sight(new Memory(tensor, null), layer, role));
  }

  synchronized void forget(Tensor tensor) {
    Memory changed = new Memory(tensor, null);
    casts.keySet().removeIf(changed::overlaps);
  }

  private void dropGone() {
    for (Object memory = gone.poll(); memory != null; memory = gone.poll()) {
      casts.remove(memory);
      constants.remove(memory);
    }
  }

  synchronized void clear() {
    casts.clear();
    constants.clear();
    seen.clear();
  }

  /** How many tensors have a cast that is kept. */
  synchronized int size() {
    dropGone();
    return casts.size();
  }

  /** A hash of some values, evenly spaced, the first and the last among them; 0 on a device. */
  private static long sample(Tensor tensor) {
    if (!tensor.storage().isHost()) {
      return 0;
    }
    MemorySegment segment = tensor.storage().segment();
    long words = segment.byteSize() / 4;
    long count = Math.min(words, SAMPLES);
    long hash = 1;
    for (long i = 0; i < count; i++) {
      long word = count == 1 ? 0 : i * (words - 1) / (count - 1);
      hash = 31 * hash + segment.get(ValueLayout.JAVA_INT_UNALIGNED, 4 * word);
    }
    return hash;
  }
}
