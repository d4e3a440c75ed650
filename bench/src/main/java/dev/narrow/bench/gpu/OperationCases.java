package dev.narrow.bench.gpu;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Function;

/** All operations that have kernels on a device. */
final class OperationCases {
  private static final RandomBits RANDOM = new RandomBits(0x6e61_7272_6f77L, 7);

  private final List<OperationCase> cases = new ArrayList<>();

  /** Whether what is added has a goal. */
  private boolean hasGoal;

  private OperationCases() {}

  static List<OperationCase> all() {
    OperationCases all = new OperationCases();
    all.hasGoal = true;
    all.casts();
    all.optimizers();
    all.hasGoal = false;
    all.compositions();
    all.elementwise();
    all.reductions();
    all.normalizations();
    return List.copyOf(all.cases);
  }

  private void addReturning(
      String name,
      double bytesPerElement,
      Function<GpuData, List<Tensor>> operands,
      OperationCase.Operation operation) {
    cases.add(new OperationCase(name, bytesPerElement, hasGoal, operands, operation));
  }

  private void add(
      String name,
      double bytesPerElement,
      Function<GpuData, List<Tensor>> operands,
      BiConsumer<Backend, List<Tensor>> operation) {
    addReturning(
        name,
        bytesPerElement,
        operands,
        (backend, tensors) -> {
          operation.accept(backend, tensors);
          return List.of();
        });
  }

  private void casts() {
    for (NumericFormat format : GpuData.formats()) {
      int bytes = Tensor.bytesPerCode(format);
      Quantizer plain = Quantizer.of(format);
      add(
          "encode " + format.name(),
          4 + bytes,
          data -> List.of(data.matrix(1), data.codes(format)),
          (backend, t) -> backend.quantize(plain, t.get(0), t.get(1), null));
      add(
          "encode " + format.name() + ", stochastic",
          4 + bytes,
          data -> List.of(data.matrix(1), data.codes(format)),
          (backend, t) ->
              backend.quantize(plain.with(Rounding.stochastic(16)), t.get(0), t.get(1), RANDOM));
      add(
          "decode " + format.name(),
          bytes + 4,
          data -> List.of(data.randomCodes(format, 1), data.target()),
          (backend, t) -> backend.decode(t.get(0), t.get(1)));
    }
    for (Granularity granularity :
        List.of(
            new Granularity.PerTensor(),
            new Granularity.PerAxis(0),
            new Granularity.PerAxis(1),
            new Granularity.PerBlock(-1, 32))) {
      addReturning(
          "absmax " + granularity,
          4,
          data -> List.of(data.matrix(1)),
          (backend, t) -> List.of(Arrays.hashCode(backend.amax(t.get(0), granularity))));
    }
  }

  private void compositions() {
    for (NumericFormat format : GpuData.formats()) {
      Quantizer scaled = Quantizer.of(format).with(ScaleRule.AMAX_TO_MAX_FINITE);
      addReturning(
          "fake-quantize " + format.name() + " by amax",
          4 + 8, // a reading for the scale, then another one and the writing
          data -> List.of(data.matrix(1), data.target()),
          (backend, t) -> List.of(backend.fakeQuantize(scaled, t.get(0), t.get(1), null)));
    }
    for (Map.Entry<String, Double> recipe :
        new TreeMap<>(Map.of("mxfp8", 4 + 1 + 1 / 32., "nvfp4", 4 + 4 + 1 + 1 / 16.)).entrySet()) {
      Quantizer quantizer = Recipes.parse(recipe.getKey());
      addReturning(
          "quantize to " + recipe.getKey(),
          recipe.getValue(),
          data -> List.of(data.matrix(1)),
          (backend, t) -> List.of(backend.quantize(quantizer, t.get(0), null)));
    }
    addReturning(
        "error moments",
        8,
        data -> List.of(data.matrix(1), data.matrix(2)),
        (backend, t) -> List.of(backend.moments(t.get(0), t.get(1))));
  }

  private void optimizers() {
    addReturning(
        "unscale and check",
        8,
        data -> List.of(data.matrix(1)),
        (backend, t) -> List.of(backend.unscale(0.5f, t.get(0))));
    addReturning(
        "unscale and check 500 tensors",
        8,
        OperationCases::pieces,
        (backend, t) -> {
          int[] first = new int[t.size()];
          backend.unscale(0.5f, t, first);
          return Arrays.stream(first).boxed().toList();
        });
    for (boolean nesterov : new boolean[] {false, true}) {
      add(
          nesterov ? "sgd, nesterov" : "sgd",
          20,
          data -> List.of(data.matrix(1), data.matrix(2), data.matrix(3)),
          (backend, t) -> backend.sgd(0.01f, 0.9f, 1e-4f, nesterov, t.get(0), t.get(1), t.get(2)));
    }
    add(
        "adamW",
        28,
        data -> List.of(data.matrix(1), data.matrix(2), data.magnitudes(3), data.matrix(4)),
        (backend, t) ->
            backend.adamW(
                0.001f, 0.9f, 0.999f, 1e-8f, 0.01f, 3, t.get(0), t.get(1), t.get(2), t.get(3)));
    add(
        "madam",
        20,
        data -> List.of(data.matrix(1), data.magnitudes(2), data.matrix(3)),
        (backend, t) -> backend.madam(0.01f, 10, 8, 3, t.get(0), t.get(1), t.get(2)));
    add(
        "lnsMadam",
        20,
        data -> List.of(data.matrix(1), data.magnitudes(2), data.matrix(3)),
        (backend, t) -> backend.lnsMadam(0.0625f, 10, 8, 3, t.get(0), t.get(1), t.get(2)));
    for (NumericFormat format : List.of(Formats.LNS8, Formats.BF16, Formats.FP16)) {
      add(
          "lnsMadam, " + format.name() + " in place",
          12 + 2 * Tensor.bytesPerCode(format),
          data -> List.of(data.matrix(1), data.magnitudes(2), data.randomCodes(format, 3)),
          (backend, t) -> backend.lnsMadam(0.0625f, 10, 8, 3, t.get(0), t.get(1), t.get(2)));
    }
  }

  /** Tensors of mixed sizes with as many elements together. */
  private static List<Tensor> pieces(GpuData data) {
    float[] numbers = data.matrix(1).toFloats();
    List<Tensor> pieces = new ArrayList<>();
    int count = Math.min(500, numbers.length);
    int from = 0;
    for (int i = 0; i < count; i++) {
      int left = numbers.length - from;
      // From a few elements to many: the last takes what is left.
      int n = i == count - 1 ? left : Math.min(left, 1 + i % 7 * (numbers.length / count / 4));
      pieces.add(Tensor.of(Arrays.copyOfRange(numbers, from, from + n), n));
      from += n;
    }
    return pieces;
  }

  /** An operation from one tensor to another. */
  @FunctionalInterface
  private interface Map1 {
    void apply(Backend backend, Tensor x, Tensor y);
  }

  private void map(String name, Map1 map) {
    add(
        name,
        8,
        data -> List.of(data.matrix(1), data.target()),
        (backend, t) -> map.apply(backend, t.get(0), t.get(1)));
  }

  /** An operation from two tensors to a third. */
  @FunctionalInterface
  private interface Map2 {
    void apply(Backend backend, Tensor x, Tensor y, Tensor z);
  }

  private void combine(String name, Map2 combine) {
    add(
        name,
        12,
        data -> List.of(data.matrix(1), data.matrix(2), data.target()),
        (backend, t) -> combine.apply(backend, t.get(0), t.get(1), t.get(2)));
  }

  private void elementwise() {
    map("relu", Backend::relu);
    map("exp", Backend::exp);
    map("exp2", Backend::exp2);
    map("log", Backend::log);
    map("tanh", Backend::tanh);
    map("erf", Backend::erf);
    map("reciprocalSqrt", Backend::reciprocalSqrt);
    map("sigmoid", Backend::sigmoid);
    map("gelu", Backend::gelu);
    map("geluTanh", Backend::geluTanh);
    map("scale", (backend, x, y) -> backend.scale(3f, x, y));
    map("clamp", (backend, x, y) -> backend.clamp(-1f, 2f, x, y));
    map("dropout", (backend, x, y) -> backend.dropout(0.3f, RANDOM, x, y));
    combine("reluBackward", Backend::reluBackward);
    combine("geluBackward", Backend::geluBackward);
    combine("geluTanhBackward", Backend::geluTanhBackward);
    combine("add", Backend::add);
    combine("subtract", Backend::subtract);
    combine("multiply", Backend::multiply);
    combine("divide", Backend::divide);
    add(
        "addScaled",
        12,
        data -> List.of(data.matrix(1), data.matrix(2)),
        (backend, t) -> backend.addScaled(0.1f, t.get(0), t.get(1)));
    add(
        "addRow",
        8,
        data -> List.of(data.matrix(1), data.row(2), data.target()),
        (backend, t) -> backend.addRow(t.get(0), t.get(1), t.get(2)));
    add(
        "multiplyRow",
        8,
        data -> List.of(data.matrix(1), data.row(2), data.target()),
        (backend, t) -> backend.multiplyRow(t.get(0), t.get(1), t.get(2)));
  }

  private void reductions() {
    value("sum", (backend, x) -> backend.sum(x));
    value("sumOfSquares", (backend, x) -> backend.sumOfSquares(x));
    value("scan", (backend, x) -> backend.scan(x));
    add(
        "sumRows",
        4,
        data -> List.of(data.matrix(1), data.row(2)),
        (backend, t) -> backend.sumRows(t.get(0), t.get(1)));
    columns("sumColumns", Backend::sumColumns);
    columns("meanColumns", Backend::meanColumns);
    columns("maxColumns", Backend::maxColumns);
    columns("minColumns", Backend::minColumns);
    addReturning(
        "argmaxColumns",
        4,
        data -> List.of(data.matrix(1)),
        (backend, t) -> {
          int[] y = new int[t.get(0).shape().dim(0)];
          backend.argmaxColumns(t.get(0), y);
          return List.of(Arrays.hashCode(y));
        });
  }

  private void value(String name, BiFunction<Backend, Tensor, Object> operation) {
    addReturning(
        name,
        4,
        data -> List.of(data.matrix(1)),
        (backend, t) -> List.of(operation.apply(backend, t.get(0))));
  }

  private void columns(String name, Map1 reduction) {
    add(
        name,
        4,
        data -> List.of(data.matrix(1), data.column()),
        (backend, t) -> reduction.apply(backend, t.get(0), t.get(1)));
  }

  private void normalizations() {
    map("softmax", Backend::softmax);
    combine("softmaxBackward", Backend::softmaxBackward);
    add(
        "layerNorm",
        8,
        data ->
            List.of(
                data.matrix(1),
                data.row(2),
                data.row(3),
                data.target(),
                data.column(),
                data.column()),
        (backend, t) ->
            backend.layerNorm(t.get(0), t.get(1), t.get(2), 1e-5f, t.get(3), t.get(4), t.get(5)));
    add(
        "rmsNorm",
        8,
        data -> List.of(data.matrix(1), data.row(2), data.target(), data.column()),
        (backend, t) -> backend.rmsNorm(t.get(0), t.get(1), 1e-5f, t.get(2), t.get(3)));
    add(
        "layerNormBackward",
        20, // x and dy twice: once for the sums over rows, once for dx
        data ->
            List.of(
                data.matrix(1),
                data.row(2),
                data.column(),
                data.column(),
                data.matrix(3),
                data.target(),
                data.row(4),
                data.row(5)),
        (backend, t) ->
            backend.layerNormBackward(
                t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5), t.get(6), t.get(7)));
    add(
        "rmsNormBackward",
        20,
        data ->
            List.of(
                data.matrix(1),
                data.row(2),
                data.column(),
                data.matrix(3),
                data.target(),
                data.row(4)),
        (backend, t) ->
            backend.rmsNormBackward(t.get(0), t.get(1), t.get(2), t.get(3), t.get(4), t.get(5)));
  }
}
