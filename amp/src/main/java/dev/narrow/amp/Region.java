package dev.narrow.amp;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Indices;
import dev.narrow.kernels.Summation;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** One use of an {@link Autocast}: what operations ask for, and what they have been given. */
final class Region {
  private static final RandomBits NO_BITS = new RandomBits(0, 0);

  /** What a device multiplies as codes where any order will do; all of them have zero and NaN. */
  private static final Set<NumericFormat> TENSOR_CORE_FORMATS =
      Set.of(Formats.FP16, Formats.BF16, Formats.LNS8, Formats.E4M3FN, Formats.E5M2);

  private final Autocast autocast;
  private final AmpPolicy policy;
  private final long step;
  private final @Nullable Region outer;
  private final @Nullable CastObserver observer;
  private final CastCache cache = new CastCache();
  private final CastMemory memory;
  private final DeviceTensors casts = new DeviceTensors();
  private final DeviceTensors results; // of the outermost region: one within may return its own
  private final AtomicLong operations = new AtomicLong();
  private volatile boolean closed;
  private volatile boolean carried;

  Region(Autocast autocast, long step, @Nullable Region outer) {
    this.outer = outer;
    this.results = outer == null ? new DeviceTensors() : outer.results;
    this.autocast = autocast;
    this.policy = autocast.policy();
    this.step = step;
    this.memory = autocast.castMemory();
    CastObserver all = autocast.observer();
    this.observer = all != null && all.wants(step) ? all : null;
  }

  Autocast autocast() {
    return autocast;
  }

  /** What computes operations that are not in few bits. */
  Backend backend() {
    return autocast.backend();
  }

  /** What computes products of matrices: in few bits, in the policy's accumulator. */
  Backend matrices(OpClass kind) {
    boolean plain = kind != OpClass.LOWER || policy.accumulator() instanceof Accumulator.Fp32;
    return plain ? backend() : backend().with(policy.accumulator());
  }

  /** What computes other products: the same, but that log bins take matrices of codes only. */
  Backend products(OpClass kind) {
    return policy.accumulator() instanceof Accumulator.LogBins ? backend() : matrices(kind);
  }

  /** Memory for what an operation returns: an fp32 tensor beside an operand, holding anything. */
  Tensor allocate(Tensor beside, int... dims) {
    return results.add(backend(), backend().allocate(beside, dims));
  }

  /** The same for indices. */
  Tensor indices(Tensor beside, int... dims) {
    return Indices.over(allocate(beside, dims).storage(), dims);
  }

  /** The tensor where the backend works. */
  Tensor place(Tensor tensor) {
    Tensor placed = backend().place(tensor);
    return placed.storage().sameAs(tensor.storage()) ? tensor : results.add(backend(), placed);
  }

  /** The values of a tensor: itself, if it is fp32. */
  Tensor values(Tensor tensor) {
    if (tensor.isFp32()) {
      return tensor;
    }
    if (tensor.storage().isHost()) {
      return tensor.toFp32();
    }
    Tensor values = casts.add(backend(), backend().allocate(tensor, tensor.shape().dims()));
    backend().decode(tensor, values);
    return values;
  }

  /** A tensor as a matrix of its innermost rows. */
  Tensor rows(Tensor tensor) {
    if (tensor.shape().rank() == 2) {
      return tensor;
    }
    int columns = tensor.shape().dim(tensor.shape().axis(-1));
    boolean oneScale = tensor.scales().granularity() instanceof Granularity.PerTensor;
    return (oneScale ? tensor : values(tensor))
        .reshape(columns == 0 ? 0 : tensor.shape().size() / columns, columns);
  }

  /**
   * Registers an operation.
   *
   * @throws AmpException if it is banned
   */
  OpClass enter(String op) {
    operations.incrementAndGet();
    Optional<OpRule> rule = policy.rule(op);
    OpClass kind = rule.map(OpRule::kind).orElse(OpClass.FOLLOW);
    if (kind == OpClass.BANNED) {
      throw policy.banned(rule.orElseThrow());
    }
    autocast.counts().operation(op, kind, rule.isPresent());
    return kind;
  }

  /**
   * A tensor as an operation reads it: cast into the format of its role if the operation is one in
   * few bits, else itself. Weights, and results of operations of this region, are cast once.
   */
  Tensor operand(String op, OpClass kind, String layer, Role role, Tensor tensor) {
    if (kind != OpClass.LOWER) {
      return tensor;
    }
    Quantizer quantizer = policy.quantizer(layer, role).orElse(null);
    if (quantizer == null) {
      observe(op, layer, role, tensor, tensor, null, null);
      return tensor;
    }
    if (tensor.quantizer().filter(quantizer::equals).isPresent()) {
      return tensor; // it has the format already
    }
    CastCache.Cast kept = cache.find(tensor, quantizer, layer);
    if (kept != null) {
      autocast.counts().reused(layer, role);
      observe(op, layer, role, tensor, kept.tensor(), quantizer, kept.scales());
      return kept.tensor();
    }
    long start = System.nanoTime();
    Tensor values = values(tensor);
    RandomBits random = random(layer, role.letter().charAt(0), quantizer);
    Tensor cast;
    Scales scales;
    if (multipliesCodes(values, quantizer)) {
      cast = casts.add(backend(), backend().quantize(quantizer, values, random));
      scales = cast.scales();
    } else {
      cast =
          values.storage().isHost()
              ? memory.take(tensor.shape())
              : casts.add(backend(), backend().allocate(values, tensor.shape().dims()));
      scales = backend().fakeQuantize(quantizer, values, cast, random);
      if (!values.storage().isHost() && observer == null) { // an observer may read them at any time
        casts.add(backend(), scales);
      }
    }
    autocast.counts().cast(layer, role, tensor, quantizer, scales, System.nanoTime() - start);
    if (role == Role.WEIGHT || cache.isConstant(tensor)) {
      cache.keep(tensor, quantizer, layer, cast, scales);
    }
    observe(op, layer, role, values, cast, quantizer, scales);
    return cast;
  }

  /** Whether products want the codes themselves, not their values. */
  private boolean multipliesCodes(Tensor values, Quantizer quantizer) {
    return policy.accumulator() instanceof Accumulator.LogBins
        || (backend().summation() == Summation.FAST
            && !values.storage().isHost()
            && TENSOR_CORE_FORMATS.contains(quantizer.format()));
  }

  /** Brings the gradient of a weight into the format of its role, in place. */
  void gradient(String op, OpClass kind, String layer, Tensor gradient) {
    if (kind != OpClass.LOWER) {
      return;
    }
    Role role = Role.WEIGHT_GRADIENT;
    Quantizer quantizer = policy.quantizer(layer, role).orElse(null);
    if (quantizer == null) {
      observe(op, layer, role, gradient, gradient, null, null);
      return;
    }
    Tensor before = observer == null ? gradient : gradient.toFp32();
    long start = System.nanoTime();
    RandomBits random = random(layer, role.letter().charAt(0), quantizer);
    Scales scales = backend().fakeQuantize(quantizer, gradient, gradient, random);
    autocast.counts().cast(layer, role, gradient, quantizer, scales, System.nanoTime() - start);
    observe(op, layer, role, before, gradient, quantizer, scales);
    if (observer == null) {
      backend().free(scales);
    }
  }

  private void observe(
      String op,
      String layer,
      Role role,
      Tensor before,
      Tensor after,
      @Nullable Quantizer quantizer,
      @Nullable Scales scales) {
    if (observer != null && cache.isNew(before, layer, role)) {
      Tensor seen = DeviceTensors.onHost(before);
      boolean isSame = after.storage().sameAs(before.storage());
      observer.cast(
          new CastObserver.Cast(
              step,
              op,
              layer,
              role,
              seen,
              isSame ? seen : DeviceTensors.onHost(after),
              Optional.ofNullable(quantizer),
              Optional.ofNullable(scales)));
    }
  }

  /**
   * What an operation returns: its result in the format that the policy gives it.
   *
   * @param values fp32, memory of the operation's own
   * @param operands as the caller gave them
   */
  Tensor result(OpClass kind, Tensor values, Tensor... operands) {
    Tensor result =
        resultFormat(kind, operands)
            .map(q -> {
              RandomBits random = random("result " + operations.get(), 'R', q);
              return results.add(backend(), backend().quantize(q, values, random));
            })
            .orElse(values);
    cache.addConstant(result);
    return result;
  }

  private Optional<Quantizer> resultFormat(OpClass kind, Tensor... operands) {
    return switch (kind) {
      case LOWER -> policy.output();
      case F32, BANNED -> Optional.empty();
      case NEUTRAL -> format(operands[0]);
      case FOLLOW, PROMOTE -> {
        for (Tensor operand : operands) {
          if (!operand.format().equals(operands[0].format())) {
            yield Optional.empty();
          }
        }
        yield format(operands[0]);
      }
    };
  }

  private static Optional<Quantizer> format(Tensor tensor) {
    if (tensor.format().equals(Formats.FP32)) {
      return Optional.empty();
    }
    return tensor.quantizer().or(() -> Optional.of(Quantizer.of(tensor.format())));
  }

  /** Random bits for a cast, if it takes some. */
  private RandomBits random(String layer, char use, Quantizer quantizer) {
    return quantizer.projection().rounding().isStochastic() ? random(layer, use) : NO_BITS;
  }

  /**
   * Random bits of their own for each layer, use and step (FNV-1a, then SplitMix64's mixing).
   *
   * @throws IllegalStateException if the step is captured, and would have them again and again
   */
  RandomBits random(String layer, char use) {
    if (backend().isCapturing()) {
      throw new IllegalStateException(
          "random bits of "
              + layer
              + " while a graph is being captured, which would be the same in every step: expected"
              + " no stochastic rounding and no dropout, or a pass that is not captured");
    }
    long hash = 0xcbf29ce484222325L;
    for (int i = 0; i < layer.length(); i++) {
      hash = (hash ^ layer.charAt(i)) * 0x100000001b3L;
    }
    hash = (hash ^ use) * 0x100000001b3L;
    return new RandomBits(autocast.seed(), mixed(mixed(hash) + step));
  }

  private static long mixed(long value) {
    long z = value + 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** Lets a tensor be cast once. */
  void constant(Tensor tensor) {
    cache.addConstant(tensor);
  }

  /** Forgets what was cast of a tensor, here and in the regions around. */
  void touch(Tensor tensor) {
    for (Region region = this; region != null; region = region.outer) {
      region.cache.forget(tensor);
    }
  }

  /** Says that other threads may be in the region. */
  void carry() {
    carried = true;
  }

  /** Throws IllegalStateException if the region has ended. */
  void requireOpen() {
    if (closed) {
      throw new IllegalStateException(
          "the region of autocast has ended: join the task before call() returns");
    }
  }

  /** Ends the region; the result says whether there was an operation. */
  boolean close() {
    closed = true;
    cache.clear();
    casts.free();
    if (outer == null) {
      results.free();
    }
    if (!carried) { // another thread may still be at work on what it has been given
      autocast.giveBack(memory);
    }
    return operations.get() > 0;
  }
}
