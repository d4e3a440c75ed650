package dev.narrow.amp.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDResource;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.index.dim.NDIndexBooleans;
import ai.djl.ndarray.index.dim.NDIndexElement;
import ai.djl.ndarray.index.dim.NDIndexPick;
import ai.djl.ndarray.index.dim.NDIndexTake;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.narrow.amp.AmpException;
import dev.narrow.amp.CastObserver;
import dev.narrow.amp.OpClass;
import dev.narrow.amp.OpRule;
import dev.narrow.amp.Role;
import dev.narrow.amp.djl.SeenArray.Graph;
import dev.narrow.formats.Formats;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * One run of a model's blocks under a policy. Blocks are given arrays that hand every operation to
 * this, so that it needs no support of theirs: what the policy has in few bits gets its operands in
 * the formats of their roles, and what DJL's engine cannot do in bf16 gets fp32.
 */
final class Pass {
  /** The types that DJL's native code knows. For any other it ends the process. */
  private static final Set<DataType> KNOWN =
      Collections.unmodifiableSet(
          EnumSet.of(
              DataType.FLOAT32,
              DataType.FLOAT64,
              DataType.FLOAT16,
              DataType.UINT8,
              DataType.INT32,
              DataType.INT8,
              DataType.INT64,
              DataType.BOOLEAN,
              DataType.COMPLEX64));

  private static final Quantizer BF16 = Quantizer.of(Formats.BF16);
  private static final int MOST_CASTS = 1 << 16; // that streams of random bits tell apart

  private final Casting casting;
  private final NDManager memory;
  private final @Nullable Tape tape;
  private final long step;
  private final @Nullable CastObserver observer;
  private final IdentityHashMap<NDArray, NDArray> weights = new IdentityHashMap<>();
  private final IdentityHashMap<NDArray, String> operations =
      new IdentityHashMap<>(); // that weights are of
  private final NDArray one;
  private final boolean recording = JniUtils.isGradMode();
  private int casts;

  /**
   * A run.
   *
   * @param memory as long as which the arrays of this run live
   * @param tape where to note what the backward pass needs; null if there will be none
   * @param step number of the run, which random bits depend on
   */
  Pass(Casting casting, NDManager memory, @Nullable Tape tape, long step) {
    this.casting = casting;
    this.memory = memory;
    this.tape = tape;
    this.step = step;
    this.observer = tape == null ? null : casting.observer(step);
    this.one = memory.ones(new Shape(1));
  }

  /** A parameter as blocks see it. */
  NDArray see(Leaf leaf) {
    return new SeenArray(
            this,
            leaf.array(),
            leaf.layer(),
            leaf.parameter().getType(),
            null,
            within(leaf.parameter().requiresGradient()))
        .proxy();
  }

  /**
   * Inputs as blocks see them.
   *
   * @param results whether they are results of another pass, whose backward pass this one's goes
   *     into
   */
  NDList see(NDList inputs, boolean results) {
    return map(inputs, input -> see(input, "", within(results || input.hasGradient())));
  }

  private NDArray see(NDArray real, String layer, Graph graph) {
    return new SeenArray(this, real, layer, null, null, graph).proxy();
  }

  private Graph within(boolean graph) {
    return graph && recording ? Graph.WITHIN : Graph.OUTSIDE;
  }

  /** Results as everybody sees them: the engine's arrays, in fp32 where they are in bf16. */
  NDList release(NDList results) {
    return map(
        results, result -> isBf16(Seen.real(result)) ? fp32(Seen.real(result)) : Seen.real(result));
  }

  private static NDList map(NDList arrays, UnaryOperator<NDArray> to) {
    NDList mapped = new NDList(arrays.size());
    for (NDArray array : arrays) {
      mapped.add(to.apply(array));
    }
    return mapped;
  }

  /** A copy that the graph goes through. */
  NDArray copy(NDArray real) {
    return own(real.mul(one));
  }

  /** An array that is to live as long as this run's. */
  NDArray own(NDArray array) {
    array.attach(memory);
    return array;
  }

  /** Whether an array is in bf16, for which DJL has no word. */
  static boolean isBf16(NDArray real) {
    return real.getDataType() == DataType.UNKNOWN;
  }

  /** The same values in fp32 if they are in 16 bits. Gradients flow through. */
  private NDArray fp32(NDArray real) {
    if (!isBf16(real) && real.getDataType() != DataType.FLOAT16) {
      return real;
    }
    return real.getShape().dimension() == 0 // a product with the one would have an axis
        ? cast(real, DataType.FLOAT32)
        : own(real.mul(one));
  }

  /** The same values in another type of floats. Gradients flow through, as not through toType. */
  private NDArray cast(NDArray real, DataType type) {
    return own(memory.zeros(real.getShape(), type).addi(real));
  }

  /** A cast that a block asks for. */
  NDArray toType(SeenArray array, DataType type, boolean copy) {
    requireKnown(type);
    NDArray real = isBf16(array.real()) ? fp32(array.real()) : array.real();
    Graph graph = within(array.isInGraph() && type.isFloating() && type != DataType.COMPLEX64);
    if (real.getDataType() == type && !copy) {
      return see(real, array.layer(), graph);
    }
    NDArray result = graph == Graph.WITHIN ? cast(real, type) : real.toType(type, copy);
    return see(result, array.layer(), graph);
  }

  private static void requireKnown(DataType type) {
    if (!KNOWN.contains(type)) {
      throw new AmpException(
          type
              + " in a block, expected one of "
              + KNOWN
              + ", since DJL's engine ends the process for others; what is computed in bf16, the"
              + " policy says");
    }
  }

  /** A call that is no operation on values. */
  @Nullable Object plain(Object real, Method method, Object[] arguments) throws Throwable {
    return seen(
        invoke(real, method, unseen(arguments, SeenArray::real)),
        array -> see(array, "", Graph.OUTSIDE));
  }

  /**
   * A number as an array in the engine's memory. DJL 0.35.1 makes one in Java's, which it lets go
   * of at once: the backward pass of {@code x.mul(3f)} reads what has come there since.
   */
  private NDArray number(float value) {
    return memory.full(new Shape(), value, DataType.FLOAT32);
  }

  /** What is done to an operand before an operation reads it. */
  private interface Preparation {
    NDArray of(SeenArray operand);
  }

  /**
   * An operation on values.
   *
   * @param receiver what it is called on
   * @param extended whether it is one of NDArrayEx
   */
  @Nullable Object operation(
      SeenArray receiver, boolean extended, Method method, Object[] arguments) throws Throwable {
    if (arguments.length == 1
        && arguments[0] instanceof Number number
        && OpNames.keepsNumber(method.getName())
        && receiver.isInGraph()
        && receiver.real().getDataType() != DataType.FLOAT64) {
      Method ofArrays = NDArray.class.getMethod(method.getName(), NDArray.class);
      return operation(receiver, false, ofArrays, new Object[] {number(number.floatValue())});
    }
    String name = method.getName();
    if (name.equals("duplicate") && receiver.isInGraph()) { // DJL's own leaves the graph
      return see(copy(fp32(receiver.real())), receiver.layer(), Graph.WITHIN);
    }
    boolean ofArguments = extended && OpNames.OF_ARGUMENTS.contains(name);
    List<SeenArray> operands = new ArrayList<>();
    if (!ofArguments) {
      operands.add(receiver);
    }
    unseen(
        arguments,
        operand -> {
          operands.add(operand);
          return operand.real();
        });
    String op = OpNames.of(name, receiver.real());
    OpClass kind = casting.policy().rule(op).map(OpRule::kind).orElse(OpClass.FOLLOW);
    if (kind == OpClass.BANNED) {
      casting.policy().result(op, List.of()); // which throws
    }
    LayerPlan plan = casting.plan(layer(operands, receiver));
    Preparation preparation =
        operand ->
            kind == OpClass.LOWER
                ? lowered(op, plan, operand)
                : kind != OpClass.F32 && isBf16(operand.real()) && OpNames.isSafeInBf16(name)
                    ? operand.real()
                    : fp32(operand.real());
    boolean inPlace = OpNames.isInPlace(name);
    if (inPlace) {
      receiver.makeWritable();
    } else if (name.startsWith("set") && isBf16(receiver.real())) {
      receiver.replace(fp32(receiver.real())); // what is written there is not to be lost in a copy
    }
    NDArray on = ofArguments || inPlace ? receiver.real() : preparation.of(receiver);
    Object target = extended ? on.getNDArrayInternal() : on;
    @Nullable Object[] unseen = unseen(arguments, preparation);
    Object result =
        kind == OpClass.LOWER && plan.backend() == DjlBackend.LIBTORCH
            ? casting.autocast().call(plan.type(), () -> invoke(target, method, unseen))
            : invoke(target, method, unseen);
    if ((inPlace || name.startsWith("set"))
        && recording
        && operands.stream().anyMatch(SeenArray::isInGraph)) {
      receiver.enterGraph();
    }
    return inPlace
        ? receiver.proxy()
        : seen(result, array -> result(op, kind, plan, operands, array));
  }

  /**
   * The layer of an operation: that of its parameter, or else of its first operand that has one.
   */
  private static String layer(List<SeenArray> operands, SeenArray receiver) {
    return operands.stream()
        .filter(SeenArray::isParameter)
        .findFirst()
        .or(() -> operands.stream().filter(operand -> !operand.layer().isEmpty()).findFirst())
        .orElse(receiver)
        .layer();
  }

  /** An operand of an operation that the policy has in few bits. */
  private NDArray lowered(String op, LayerPlan plan, SeenArray operand) {
    NDArray real = operand.real();
    if (!isBf16(real)
        && real.getDataType() != DataType.FLOAT32
        && real.getDataType() != DataType.FLOAT16) {
      return real; // numbers of elements, indices, float64
    }
    Role role = operand.isWeight() ? Role.WEIGHT : Role.ACTIVATION;
    if (operand.isBias()) {
      return plan.backend() == DjlBackend.CASTS ? cast(real, DataType.FLOAT16) : fp32(real);
    }
    if (role == Role.WEIGHT) {
      operations.put(real, op);
    }
    return switch (plan.backend()) {
      case LIBTORCH -> {
        observe(op, plan, role, real);
        yield real;
      }
      case CASTS -> {
        observe(op, plan, role, real);
        yield cast(real, DataType.FLOAT16);
      }
      case EMULATED -> {
        if (role == Role.ACTIVATION) {
          yield round(op, plan, role, real);
        }
        NDArray rounded = weights.get(real);
        if (rounded == null) {
          rounded = round(op, plan, role, real);
          weights.put(real, rounded);
        }
        yield rounded;
      }
    };
  }

  /** Shows somebody who wants to see it what the engine's cast does. */
  private void observe(String op, LayerPlan plan, Role role, NDArray real) {
    if (observer != null && !isBf16(real)) {
      copy(op, plan, role, fp32(real));
    }
  }

  /** The values that a role's format has for those of an array. Gradients pass as they are. */
  NDArray round(String op, LayerPlan plan, Role role, NDArray real) {
    NDArray values = fp32(real);
    return plan.quantizer(role) == null && observer == null ? values : copy(op, plan, role, values);
  }

  private NDArray copy(String op, LayerPlan plan, Role role, NDArray values) {
    NDArray copy = piece(values);
    Tensor tensor = Leaf.tensor("operand of " + op, copy);
    Quantizer quantizer = plan.quantizer(role);
    Tensor before = observer == null ? tensor : tensor.toFp32();
    Scales scales = quantizer == null ? null : quantizer.fakeQuantize(tensor, random(role));
    show(op, plan, role, before, tensor, quantizer, scales);
    return copy;
  }

  /**
   * A copy in one piece of memory, whose values may be changed without the graph's knowledge: a
   * product with one keeps none of them for its backward pass, which is the identity.
   */
  private NDArray piece(NDArray values) {
    return own(own(own(values.flatten()).mul(one)).reshape(values.getShape()));
  }

  /** Brings the gradient of a parameter into the format of its role, in place. */
  void gradient(Leaf leaf) {
    String op = operations.get(leaf.array());
    LayerPlan plan = casting.plan(leaf.layer());
    Role role = Role.WEIGHT_GRADIENT;
    if (op == null || leaf.array().getDataType() != DataType.FLOAT32) {
      return;
    }
    Quantizer quantizer =
        plan.backend() == DjlBackend.EMULATED
            ? plan.quantizer(role)
            : null; // else it has it already
    if (quantizer == null && observer == null) {
      return;
    }
    Tensor gradient = leaf.gradient();
    Tensor before = observer == null ? gradient : gradient.toFp32();
    Scales scales = quantizer == null ? null : quantizer.fakeQuantize(gradient, random(role));
    show(op, plan, role, before, gradient, quantizer, scales);
  }

  private void show(
      String op,
      LayerPlan plan,
      Role role,
      Tensor before,
      Tensor after,
      @Nullable Quantizer quantizer,
      @Nullable Scales scales) {
    if (observer != null) {
      observer.cast(
          new CastObserver.Cast(
              step,
              op,
              plan.layer(),
              role,
              before,
              quantizer == null ? before : after,
              Optional.ofNullable(quantizer),
              Optional.ofNullable(scales)));
    }
  }

  private RandomBits random(Role role) {
    return new RandomBits(casting.seed(), role.stream(step, casts++ % MOST_CASTS));
  }

  /** What blocks are to see of a result. */
  private NDArray result(
      String op, OpClass kind, LayerPlan plan, List<SeenArray> operands, NDArray real) {
    if (real instanceof PtNDArray engine
        && engine.getHandle() == 0) { // to touch it ends the process
      throw new AmpException(
          op + " of " + operands.getFirst().real().getShape() + " has no result in DJL's engine");
    }
    DataType type = real.getDataType();
    if (type != DataType.FLOAT32 && type != DataType.FLOAT16 && !isBf16(real)) {
      return see(real, plan.layer(), Graph.OUTSIDE);
    }
    Quantizer format = format(kind, operands);
    NDArray values = real;
    Graph graph =
        within(OpNames.isDifferentiable(op) && operands.stream().anyMatch(SeenArray::isInGraph));
    boolean cut = false;
    if (kind == OpClass.LOWER) {
      if (!isBf16(real) || format == null || !format.equals(BF16)) {
        values = fp32(real);
      }
      cut =
          tape != null
              && plan.backend() == DjlBackend.EMULATED
              && (plan.quantizer(Role.ACTIVATION_GRADIENT) != null || observer != null)
              && graph == Graph.WITHIN;
      if (cut) {
        values = Objects.requireNonNull(tape).cut(this, op, plan, values);
      }
    }
    if (isBf16(values)) {
      format = null; // which it has by itself
    } else if (format != null && kind != OpClass.NEUTRAL && type == DataType.FLOAT32) {
      NDArray copy = piece(values);
      format.fakeQuantize(Leaf.tensor("result of " + op, copy), random(Role.ACTIVATION));
      values = copy;
      cut = false;
    }
    return new SeenArray(this, values, plan.layer(), null, format, cut ? Graph.CUT : graph).proxy();
  }

  /** The format of a result, as {@link dev.narrow.amp.AmpPolicy#result} has it. */
  private @Nullable Quantizer format(OpClass kind, List<SeenArray> operands) {
    return switch (kind) {
      case LOWER -> casting.policy().output().orElse(null);
      case F32, BANNED -> null;
      case NEUTRAL -> operands.getFirst().format();
      case FOLLOW, PROMOTE -> {
        Quantizer first = operands.getFirst().format();
        boolean common =
            operands.stream().allMatch(operand -> Objects.equals(operand.format(), first));
        yield common ? first : null;
      }
    };
  }

  /** Arguments as the engine takes them. */
  private @Nullable Object[] unseen(@Nullable Object[] arguments, Preparation preparation) {
    @Nullable Object[] unseen = new @Nullable Object[arguments.length];
    for (int i = 0; i < unseen.length; i++) {
      unseen[i] = unseen(arguments[i], preparation);
    }
    return unseen;
  }

  private static @Nullable Object unseen(@Nullable Object argument, Preparation preparation) {
    return switch (argument) {
      case Seen seen -> preparation.of(seen.seen());
      case Seen.Manager seen -> seen.realManager();
      case NDList list ->
          map(list, array -> array instanceof Seen seen ? preparation.of(seen.seen()) : array);
      case NDResource[] array -> {
        NDResource[] mapped = array.clone();
        Arrays.setAll(mapped, i -> (NDResource) unseen(array[i], preparation));
        yield mapped;
      }
      case NDIndex index -> { // which cannot be copied
        index.getIndices().replaceAll(Pass::unseen);
        yield index;
      }
      case DataType type -> {
        requireKnown(type);
        yield type;
      }
      case null, default -> argument;
    };
  }

  /** An element of an index, of the engine's arrays. */
  private static NDIndexElement unseen(NDIndexElement element) {
    return switch (element) {
      case NDIndexBooleans some -> new NDIndexBooleans(Seen.real(some.getIndex()));
      case NDIndexTake some -> new NDIndexTake(Seen.real(some.getIndex()));
      case NDIndexPick some -> new NDIndexPick(Seen.real(some.getIndex()));
      default -> element;
    };
  }

  /** Results as blocks see them. */
  private @Nullable Object seen(@Nullable Object result, UnaryOperator<NDArray> array) {
    return switch (result) {
      case NDArray one -> array.apply(one);
      case NDList list -> map(list, array);
      case NDManager manager -> SeenArray.manager(this, manager);
      case null, default -> result;
    };
  }

  private static @Nullable Object invoke(
      Object target, Method method, @Nullable Object[] arguments) {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw new IllegalStateException(e);
      }
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(e); // they are public
    }
  }
}
