package dev.narrow.amp;

import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Has array operations ({@link Ops}, {@link ImageOps}, {@link SequenceOps}) obey a policy while
 * some code runs, and counts what they did. Plain array code cannot be seen by it.
 *
 * <pre>{@code
 * Autocast amp = Autocast.with(AmpPolicy.bf16());
 * for (Batch batch : batches) {
 *   float loss = amp.call(() -> forwardAndBackward(batch));
 *   ...
 * }
 * }</pre>
 *
 * <p>Each {@link #call} is a region. Regions nest: the innermost counts. A region belongs to the
 * thread that opened it, and to forks of a {@link java.util.concurrent.StructuredTaskScope}; into
 * other threads it is carried by {@link #capture}. A region keeps what it has cast, so that a
 * weight is cast once for the forward and the backward pass: both belong into one region.
 *
 * <p>On the backend of a device, operations return tensors in its memory that live until the
 * outermost region ends: so a region for each step, which leaves nothing behind. What is to stay is
 * copied, or written to tensors of the caller's own; another use of it is an IllegalStateException
 * that says that it was freed. A change of a tensor there that is not made by an optimizer is to be
 * told ({@link #touch}): nobody looks at its values.
 *
 * <p>Safe for use by several threads at once, but then the number of the step, from which random
 * bits come, is that in which regions were opened.
 */
public final class Autocast {
  private static final Logger LOG = System.getLogger(Autocast.class.getName());
  private static final ScopedValue<Region> REGION = ScopedValue.newInstance();
  private static final Autocast OUTSIDE = with(AmpPolicy.fp32());

  private final AmpPolicy policy;
  private final Backend backend;
  private final long seed;
  private final @Nullable CastObserver observer;
  private final AutocastCounts counts = new AutocastCounts();
  private final AtomicLong steps = new AtomicLong();
  private final AtomicBoolean warned = new AtomicBoolean();
  private final ConcurrentLinkedQueue<CastMemory> memory = new ConcurrentLinkedQueue<>();

  private Autocast(AmpPolicy policy, Backend backend, long seed, @Nullable CastObserver observer) {
    this.policy = policy;
    this.backend = backend;
    this.seed = seed;
    this.observer = observer;
  }

  /** Under this policy, on {@link Backend#cpu()}, with seed 0. */
  public static Autocast with(AmpPolicy policy) {
    return new Autocast(policy, Backend.cpu(), 0, null);
  }

  /** The same on another backend, with counters of its own. */
  public Autocast on(Backend other) {
    return new Autocast(policy, other, seed, observer);
  }

  /** The same with another seed of the random bits of stochastic rounding. */
  public Autocast seed(long other) {
    return new Autocast(policy, backend, other, observer);
  }

  /** The same with somebody who sees all operands; none if null. */
  public Autocast observed(@Nullable CastObserver other) {
    return new Autocast(policy, backend, seed, other);
  }

  /**
   * Runs code in a region of its own.
   *
   * @return what the code returns
   * @throws X what the code throws
   */
  public <T extends @Nullable Object, X extends Throwable> T call(
      ScopedValue.CallableOp<? extends T, X> code) throws X {
    Region region =
        new Region(this, steps.getAndIncrement(), REGION.isBound() ? REGION.get() : null);
    try {
      return ScopedValue.where(REGION, region).call(code);
    } finally {
      if (!region.close() && !warned.getAndSet(true)) {
        LOG.log(
            Level.WARNING,
            "a region of autocast with policy {0} ended without one operation under its control:"
                + " are the operations those of Ops, and on this thread?",
            policy.name());
      }
    }
  }

  /** Runs code in a region of its own. */
  public void run(Runnable code) {
    call(() -> {
      code.run();
      return null;
    });
  }

  /** The region of the calling thread; one in fp32, for one operation, if there is none. */
  static Region current() {
    return REGION.isBound() ? REGION.get() : new Region(OUTSIDE, 0, null);
  }

  /** Whether the calling thread is in a region. */
  public static boolean isActive() {
    return REGION.isBound();
  }

  /** The policy that operations of the calling thread obey, if it is in a region. */
  public static Optional<AmpPolicy> activePolicy() {
    return REGION.isBound() ? Optional.of(REGION.get().autocast().policy()) : Optional.empty();
  }

  /** The calling thread's region, to be carried into other threads, virtual ones too. */
  public static Carrier capture() {
    if (!REGION.isBound()) {
      return new Carrier(null);
    }
    REGION.get().carry();
    return new Carrier(REGION.get());
  }

  /**
   * Says that a tensor's values have been changed by other means than this library's: what the
   * region has cast of it is not used any more. Optimizers say it themselves.
   */
  public static void touch(Tensor tensor) {
    if (REGION.isBound()) {
      REGION.get().touch(tensor);
    }
  }

  /**
   * Says that a tensor's values do not change while the region runs, as those of a batch: it is
   * cast once, as weights and results are.
   */
  public static void constant(Tensor tensor) {
    if (REGION.isBound()) {
      REGION.get().constant(tensor);
    }
  }

  /**
   * Brings a tensor, as that of a batch, to where the region's backend works: itself if it lies
   * there, else a copy that lives as long as the region. It is not changed while the region runs,
   * and cast once ({@link #constant}).
   */
  public static Tensor place(Tensor tensor) {
    Region region = current();
    Tensor placed = region.place(tensor);
    region.constant(placed);
    return placed;
  }

  /** A region on its way into other threads. */
  public static final class Carrier {
    private final @Nullable Region region;

    private Carrier(@Nullable Region region) {
      this.region = region;
    }

    /**
     * The same task in the region, wherever it runs.
     *
     * @return a task that throws IllegalStateException if the region has ended before it begins
     */
    public <T extends @Nullable Object> Callable<T> wrap(Callable<T> task) {
      Region carried = region;
      if (carried == null) {
        return task;
      }
      return () -> {
        carried.requireOpen();
        return ScopedValue.where(REGION, carried).call(task::call);
      };
    }

    /** The same for a task without a result. */
    public Runnable wrap(Runnable task) {
      Region carried = region;
      if (carried == null) {
        return task;
      }
      return () -> {
        carried.requireOpen();
        ScopedValue.where(REGION, carried).run(task);
      };
    }
  }

  /** What its operations obey. */
  public AmpPolicy policy() {
    return policy;
  }

  /** What computes. */
  public Backend backend() {
    return backend;
  }

  /** Regions opened so far. With the seed it is all that random bits depend on. */
  public long steps() {
    return steps.get();
  }

  /** Goes on from another number of regions, as when a run is resumed. */
  public void steps(long value) {
    Arguments.require(value >= 0, "steps", value, "0 or more");
    steps.set(value);
  }

  /** The seed of random bits. */
  public long seed() {
    return seed;
  }

  /** What operations did so far, in all regions. */
  public AutocastReport report() {
    return counts.report(policy, steps.get());
  }

  /** Memory for the casts of a region. */
  CastMemory castMemory() {
    CastMemory idle = memory.poll();
    return idle == null ? new CastMemory() : idle;
  }

  /** Takes it back, for another region. */
  void giveBack(CastMemory idle) {
    idle.reset();
    memory.add(idle);
  }

  AutocastCounts counts() {
    return counts;
  }

  @Nullable CastObserver observer() {
    return observer;
  }
}
