package dev.narrow.amp.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.internal.NDArrayEx;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import dev.narrow.quant.Quantizer;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.jspecify.annotations.Nullable;

/**
 * Hands the operations that blocks call on an array to the pass, which does them on the real one.
 */
final class SeenArray implements InvocationHandler {
  private static final Object[] NOTHING = {};

  private final Pass pass;
  private final String layer;
  private final Parameter.@Nullable Type parameter;
  private final @Nullable Quantizer format;
  private Graph graph;
  private NDArray real;

  /** Where an array is in the graph of the backward pass, which DJL tells of leaves alone. */
  enum Graph {
    OUTSIDE,
    WITHIN,
    /** Where the graph is cut: a leaf, which PyTorch lets nobody write to. */
    CUT
  }

  /**
   * An array.
   *
   * @param layer the one that it is a parameter of, or that has made it; empty for an input
   * @param parameter what it is to its layer; null if it is none
   * @param format what its fp32 values are of; null if they are of no other
   * @param graph where it is in the graph
   */
  SeenArray(
      Pass pass,
      NDArray real,
      String layer,
      Parameter.@Nullable Type parameter,
      @Nullable Quantizer format,
      Graph graph) {
    this.pass = pass;
    this.real = real;
    this.layer = layer;
    this.parameter = parameter;
    this.format = format;
    this.graph = graph;
  }

  NDArray real() {
    return real;
  }

  String layer() {
    return layer;
  }

  /** An array of the graph was written into it. */
  void enterGraph() {
    if (graph == Graph.OUTSIDE) {
      graph = Graph.WITHIN;
    }
  }

  boolean isInGraph() {
    return graph != Graph.OUTSIDE;
  }

  boolean isParameter() {
    return parameter != null;
  }

  boolean isBias() {
    return parameter == Parameter.Type.BIAS;
  }

  boolean isWeight() {
    return parameter == Parameter.Type.WEIGHT || parameter == Parameter.Type.OTHER;
  }

  @Nullable Quantizer format() {
    return format;
  }

  /** Stands for another array from now on, of the same values. */
  void replace(NDArray other) {
    real = other;
  }

  /** Lets an operation write into it. */
  void makeWritable() {
    if (graph == Graph.CUT && real.hasGradient()) {
      real = pass.copy(real);
      graph = Graph.WITHIN;
    }
  }

  NDArray proxy() {
    return (NDArray)
        Proxy.newProxyInstance(
            SeenArray.class.getClassLoader(), new Class<?>[] {NDArray.class, Seen.class}, this);
  }

  @Override
  public @Nullable Object invoke(Object proxy, Method method, Object @Nullable [] given)
      throws Throwable {
    Object[] arguments = given == null ? NOTHING : given;
    return switch (method.getName()) {
      case "seen" -> this;
      case "hashCode" -> real.hashCode();
      case "equals" -> arguments[0] instanceof NDArray other && real.equals(Seen.real(other));
      case "getDataType" -> Pass.isBf16(real) ? DataType.FLOAT32 : real.getDataType();
      case "toType" -> pass.toType(this, (DataType) arguments[0], (boolean) arguments[1]);
      case "getNDArrayInternal" -> extended();
      case "getManager",
          "getShape",
          "getDevice",
          "getName",
          "setName",
          "getUid",
          "getSparseFormat",
          "isSparse",
          "isScalar",
          "isEmpty",
          "size",
          "hasGradient",
          "isReleased" ->
          pass.plain(real, method, arguments);
      // The backward pass comes to where the graph is cut: that lives as long as the pass's.
      case "close", "attach", "tempAttach", "detach" ->
          graph == Graph.CUT ? null : pass.plain(real, method, arguments);
      default -> pass.operation(this, false, method, arguments);
    };
  }

  private NDArrayEx extended() {
    return (NDArrayEx)
        Proxy.newProxyInstance(
            SeenArray.class.getClassLoader(),
            new Class<?>[] {NDArrayEx.class},
            (Object _, Method method, Object @Nullable [] given) ->
                switch (method.getName()) {
                  case "getArray" -> proxy();
                  case "hashCode", "equals", "toString" ->
                      pass.plain(
                          real.getNDArrayInternal(), method, given == null ? NOTHING : given);
                  default -> pass.operation(this, true, method, given == null ? NOTHING : given);
                });
  }

  /** A manager as blocks see it: the arrays that it makes are seen too. */
  static NDManager manager(Pass pass, NDManager real) {
    return (NDManager)
        Proxy.newProxyInstance(
            SeenArray.class.getClassLoader(),
            new Class<?>[] {NDManager.class, Seen.Manager.class},
            (Object _, Method method, Object @Nullable [] given) ->
                method.getName().equals("realManager")
                    ? real
                    : pass.plain(real, method, given == null ? NOTHING : given));
  }
}
