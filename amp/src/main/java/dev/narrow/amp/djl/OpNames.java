package dev.narrow.amp.djl;

import ai.djl.ndarray.NDArray;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** What DJL's methods are called in a policy, and what is known of them in bf16. */
final class OpNames {
  private static final Map<String, String> NAMES =
      Map.ofEntries(
          Map.entry("matMul", "matmul"),
          Map.entry("dot", "matmul"), // of vectors and matrices alike, in DJL
          Map.entry("batchMatMul", "bmm"),
          Map.entry("batchDot", "bmm"),
          Map.entry("concat", "cat"),
          Map.entry("get", "slice"),
          Map.entry("swapAxes", "transpose"),
          Map.entry("expandDims", "reshape"),
          Map.entry("squeeze", "reshape"),
          Map.entry("softPlus", "softplus"),
          Map.entry("softSign", "softsign"),
          Map.entry("globalAvgPool", "avg_pool_global"),
          Map.entry("globalMaxPool", "max_pool_global"),
          Map.entry("cumSum", "cumsum"),
          Map.entry("cumProd", "cumprod"),
          Map.entry("rdiv", "div"),
          Map.entry("rsub", "sub"),
          Map.entry("rpow", "pow"));

  /**
   * Those that were run on a bf16 tensor of DJL 0.35.1, forward and backward, and came through. All
   * others get fp32: some end the process.
   */
  private static final Set<String> SAFE_IN_BF16 =
      Set.of(
          "add",
          "sub",
          "mul",
          "div",
          "neg",
          "abs",
          "square",
          "maximum",
          "minimum",
          "relu",
          "gelu",
          "sigmoid",
          "tanh",
          "dropout",
          "mean",
          "sum",
          "argMax",
          "concat",
          "reshape",
          "flatten",
          "transpose",
          "swapAxes",
          "expandDims",
          "squeeze",
          "linear",
          "matMul",
          "batchMatMul",
          "convolution",
          "batchNorm",
          "layerNorm",
          "maxPool",
          "avgPool",
          "globalMaxPool",
          "globalAvgPool");

  /** Operations of NDArrayEx that ignore the array they are called on. */
  static final Set<String> OF_ARGUMENTS =
      Set.of(
          "convolution",
          "deconvolution",
          "linear",
          "embedding",
          "prelu",
          "dropout",
          "layerNorm",
          "batchNorm",
          "rnn",
          "gru",
          "lstm");

  private static final Set<String> IN_PLACE =
      Set.of("addi", "subi", "muli", "divi", "modi", "powi", "signi", "negi");

  private static final Set<String> OF_NUMBERS =
      Set.of("mul", "div", "pow", "maximum", "minimum", "muli", "divi", "powi");

  private static final Set<String> NOT_DIFFERENTIABLE =
      Set.of(
          "stop_gradient", "zeros_like", "ones_like", "like", "one_hot", "to_dense", "to_sparse");

  private OpNames() {}

  /** Whether the backward pass of an operation with a number needs the number. */
  static boolean keepsNumber(String method) {
    return OF_NUMBERS.contains(method);
  }

  static boolean isSafeInBf16(String method) {
    return SAFE_IN_BF16.contains(method);
  }

  /** Whether gradients go through an operation, by its name in policies. */
  static boolean isDifferentiable(String op) {
    return !NOT_DIFFERENTIABLE.contains(op);
  }

  static boolean isInPlace(String method) {
    return IN_PLACE.contains(method);
  }

  /**
   * The name of an operation in lists of policies.
   *
   * @param method of DJL, with i at its end if it works in place
   * @param weight its second operand, if there is one: a convolution has as many axes
   */
  static String of(String method, NDArray weight) {
    String plain = isInPlace(method) ? method.substring(0, method.length() - 1) : method;
    return switch (plain) {
      case "convolution" -> "conv" + axes(weight) + "d";
      case "deconvolution" -> "conv_transpose" + axes(weight) + "d";
      case "maxPool", "avgPool" -> snake(plain) + axes(weight) + "d";
      default -> NAMES.getOrDefault(plain, snake(plain));
    };
  }

  private static int axes(NDArray operand) {
    return operand.getShape().dimension() - 2;
  }

  private static String snake(String name) {
    return name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }
}
