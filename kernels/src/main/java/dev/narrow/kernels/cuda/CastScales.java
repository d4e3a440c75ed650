package dev.narrow.kernels.cuda;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Scales where kernels read them: in the memory of a device. Those that kernels have found lie
 * there from the start, and come to the host when somebody reads them. Others are copied there when
 * a kernel first needs them, and stay there as long as somebody has them: scales do not change.
 *
 * <p>Scales that are found while a graph is captured do change, with each launch: they are read by
 * kernels alone, and by {@link CudaDevice#download}.
 */
final class CastScales {
  /** How long to wait for the garbage collector's word on scales that are no longer reachable. */
  private static final long MILLISECONDS = 100;

  private final CudaDevice device;
  private final Map<Key, Place> places = new HashMap<>();
  private final ReferenceQueue<Scales> unreachable = new ReferenceQueue<>();
  private @Nullable List<Scales> held; // by the graph that is being captured

  /** Scales themselves, not what they are equal to. */
  private static final class Key extends WeakReference<Scales> {
    private final int hash;

    Key(Scales scales, @Nullable ReferenceQueue<Scales> queue) {
      super(scales, queue);
      hash = System.identityHashCode(scales);
    }

    @Override
    @SuppressWarnings("ReferenceEquality") // scales that are equal do not lie in the same place
    public boolean equals(@Nullable Object other) {
      if (this == other) {
        return true;
      }
      Scales scales = get();
      return scales != null && other instanceof Key that && scales == that.get();
    }

    @Override
    public int hashCode() {
      return hash;
    }
  }

  /** So many values, then the outer scale, then room for the largest magnitude of the tensor. */
  private static final class Place {
    private final DeviceStorage memory;
    private final int count;
    private final boolean hasOuter;
    private final boolean isFound; // by a kernel
    private final boolean isOfGraph; // which finds others with each launch
    private final boolean isOwn; // not part of other memory
    private volatile boolean isRead;
    private volatile boolean isHeld; // by a graph

    Place(
        DeviceStorage memory,
        int count,
        boolean hasOuter,
        boolean isFound,
        boolean isOfGraph,
        boolean isOwn) {
      this.memory = memory;
      this.count = count;
      this.hasOuter = hasOuter;
      this.isFound = isFound;
      this.isOfGraph = isOfGraph;
      this.isOwn = isOwn;
    }

    Factors factors() {
      long values = memory.address();
      long outer = values + (long) Float.BYTES * count;
      return hasOuter
          ? new Factors(values, outer, 1)
          : count == 1 ? new Factors(0, values, 1) : new Factors(values, 0, 1);
    }
  }

  /**
   * Factors for kernels: scale × outer.
   *
   * @param scales on the device; 0 if all elements have the same
   * @param outer on the device: one number for the whole tensor, or 0 if there is none
   * @param one the scale where all elements have the same
   */
  record Factors(long scales, long outer, float one) {}

  /** What a kernel has found, to be copied when somebody first reads it. */
  private final class Found {
    private final Place place;
    private @Nullable Scales whole; // keeps the place as long as somebody has the outer scale
    private float @Nullable [] numbers;

    Found(Place place) {
      this.place = place;
    }

    private synchronized float[] numbers() {
      float[] known = numbers;
      if (known == null) {
        place.memory.requireLive("scales");
        if (place.isOfGraph) {
          throw new IllegalStateException(
              "scales are found by each launch of a graph anew, expected a download of the tensor");
        }
        known = copy(place);
        numbers = known;
        place.isRead = true;
      }
      return known;
    }

    float[] values() {
      return Arrays.copyOf(numbers(), place.count);
    }

    float[] outer() {
      try {
        return new float[] {numbers()[place.count]};
      } finally {
        Reference.reachabilityFence(whole);
      }
    }
  }

  CastScales(CudaDevice device) {
    this.device = device;
  }

  /** Bytes in which so many scales are found. */
  static long bytes(int count) {
    return (long) Float.BYTES * (count + 2);
  }

  /** Where the outer scale goes, in memory of {@link #bytes}. */
  static long outer(long memory, int count) {
    return memory + (long) Float.BYTES * count;
  }

  /** Where the largest magnitude of the tensor goes, which decides it. */
  static long outerAmax(long memory, int count) {
    return memory + (long) Float.BYTES * (count + 1);
  }

  /**
   * Scales that kernels, whose work is enqueued, find.
   *
   * @param shape of the tensor
   * @param hasOuter whether there is an outer scale of the whole tensor
   * @param memory of {@link #bytes}
   * @param isOwn whether nobody else frees the memory
   */
  Scales found(
      Granularity granularity,
      NumericFormat format,
      Shape shape,
      boolean hasOuter,
      DeviceStorage memory,
      boolean isOwn) {
    int count = granularity.scales(shape);
    Place place = new Place(memory, count, hasOuter, true, device.isCapturing(), isOwn);
    Found found = new Found(place);
    Scales scales = Scales.deferred(granularity, format, count, found::values);
    if (hasOuter) {
      Scales outer = Scales.deferred(new Granularity.PerTensor(), Formats.FP32, 1, found::outer);
      scales = scales.under(outer, shape);
    }
    found.whole = scales;
    synchronized (this) {
      drain();
      places.put(new Key(scales, unreachable), place);
    }
    return scales;
  }

  /**
   * Factors for kernels. The scales must stay reachable until the kernel is launched.
   *
   * @throws IllegalStateException if the scales are not known here and would have to be read or
   *     copied while a graph is being captured, or their memory was freed
   */
  Factors factors(Scales scales) {
    Place place = place(scales);
    if (place == null) {
      if (scales.count() == 0 || scales.isOne()) {
        return new Factors(0, 0, 1);
      }
      if (scales.count() == 1) {
        return new Factors(0, 0, scales.get(0));
      }
      place = upload(scales);
    }
    hold(scales, place);
    return place.factors();
  }

  private synchronized @Nullable Place place(Scales scales) {
    drain();
    Key key = new Key(scales, null);
    Place place = places.get(key);
    if (place != null && !place.memory.isLive()) {
      places.remove(key);
      return null;
    }
    return place;
  }

  private synchronized Place upload(Scales scales) {
    float[] factors = new float[scales.count()];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = scales.get(i);
    }
    device.requireNotCapturing("copy of scales");
    DeviceStorage memory = device.table((long) Float.BYTES * factors.length, "scales");
    device.copyToDevice(MemorySegment.ofArray(factors), memory.address());
    Place place = new Place(memory, factors.length, false, false, false, true);
    places.put(new Key(scales, unreachable), place);
    return place;
  }

  private synchronized void hold(Scales scales, Place place) {
    if (held != null) {
      held.add(scales);
      place.isHeld = !place.isOfGraph; // whose memory is the graph's
    }
  }

  /** From now on the graph that is captured needs the scales that kernels are given. */
  synchronized void beginCapture() {
    held = new ArrayList<>();
  }

  /** The scales that the graph needs. */
  synchronized List<Scales> endCapture() {
    List<Scales> scales = held == null ? List.of() : held;
    held = null;
    return scales;
  }

  /** Whether a kernel has found them, and nobody has read them since. */
  boolean areUnread(Scales scales) {
    Place place = place(scales);
    return place != null && place.isFound && !place.isRead;
  }

  /** Whether they can be read, if need be by waiting for the device. */
  boolean areReadable(Scales scales) {
    Place place = place(scales);
    return place == null
        || !place.isFound
        || place.isRead
        || !(place.isOfGraph || device.isCapturing());
  }

  /** The tensor under its scales as they are now, which need no device any more; waits for it. */
  Tensor read(Tensor tensor) {
    Scales scales = tensor.scales();
    Place place = place(scales);
    if (place == null || !place.isFound) {
      return tensor;
    }
    if (!place.isOfGraph) {
      scales.get(0); // of one at least
      return tensor;
    }
    float[] numbers = copy(place);
    float[] values = Arrays.copyOf(numbers, place.count);
    Scales now = Scales.deferred(scales.granularity(), scales.format(), place.count, () -> values);
    return tensor.withScales(
        place.hasOuter ? now.under(Scales.of(numbers[place.count]), tensor.shape()) : now);
  }

  private float[] copy(Place place) {
    float[] numbers = new float[place.count + (place.hasOuter ? 1 : 0)];
    device.copyToHost(place.memory.address(), MemorySegment.ofArray(numbers));
    return numbers;
  }

  /** Frees the memory of scales that nobody has any more. */
  synchronized void drain() {
    for (Reference<?> key = unreachable.poll(); key != null; key = unreachable.poll()) {
      remove(key);
    }
  }

  /** Frees the memory of scales, if it is theirs, and no graph has been made that reads it. */
  synchronized void free(Scales scales) {
    Place place = places.get(new Key(scales, null));
    if (place != null && place.isOwn && !place.isHeld) {
      places.remove(new Key(scales, null));
      place.memory.close();
    }
  }

  private synchronized void remove(Reference<?> key) {
    Place place = places.remove(key);
    if (place != null && place.isOwn) {
      place.memory.close();
    }
  }

  /**
   * Asks the garbage collector which scales nobody has any more, and frees their memory: for when
   * there is no other. As does the JDK with memory outside of its heap.
   *
   * @return whether there was some
   */
  boolean collect() {
    synchronized (this) {
      if (places.values().stream().noneMatch(place -> place.isOwn)) {
        return false;
      }
    }
    System.gc();
    boolean any = false;
    try {
      for (Reference<?> key = unreachable.remove(MILLISECONDS);
          key != null;
          key = unreachable.remove(MILLISECONDS)) {
        remove(key);
        any = true;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return any;
  }
}
