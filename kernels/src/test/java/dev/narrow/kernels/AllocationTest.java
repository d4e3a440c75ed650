package dev.narrow.kernels;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.VectorApi;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.Tensor;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * No operation allocates memory for numbers once it has run before: what it does allocate are views
 * and arguments, at most 80 bytes for each row or plane, whatever the number of its elements.
 */
@Tag("scalar")
class AllocationTest {
  // By reflection: the module itself does not need jdk.management.
  private static final Object BEAN;
  private static final Method BYTES;

  static {
    try {
      BEAN =
          Class.forName("java.lang.management.ManagementFactory")
              .getMethod("getThreadMXBean")
              .invoke(null);
      BYTES =
          Class.forName("com.sun.management.ThreadMXBean")
              .getMethod("getCurrentThreadAllocatedBytes");
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("no jdk.management", e);
    }
  }

  private static final Backend ONE = Backend.cpu(1);

  /** By what the data grow. */
  private static final int TIMES = 16;

  /** Bytes: 75 for each of the 240 rows that are added, where sixteen lanes would take 80. */
  private static final int LIMIT = 18_000;

  /** Rows of the smaller size, and columns of both. */
  private static final int ROWS = 16;

  private static final int COLUMNS = 64;

  /** An operation on so many times as much data. */
  interface Operation {
    /** Makes the operands of what is to be run. */
    Runnable of(int scale);
  }

  /** Operands: values are not looked at. */
  private static Tensor draw(int... dims) {
    int size = 1;
    for (int dim : dims) {
      size *= dim;
    }
    return Tensor.of(new Data(size).uniform(size), dims);
  }

  private static Tensor[] rows(int scale, int count) {
    return Stream.generate(() -> draw(ROWS * scale, COLUMNS)).limit(count).toArray(Tensor[]::new);
  }

  private static Operation product(Backend backend, Quantizer quantizer) {
    return scale -> {
      Tensor a = quantizer.quantize(draw(ROWS * scale, COLUMNS));
      Tensor b = quantizer.quantize(draw(COLUMNS, COLUMNS));
      Tensor out = draw(ROWS * scale, COLUMNS);
      return () -> backend.matmul(a, b, out);
    };
  }

  private static Map<String, Operation> operations() {
    Map<String, Operation> all = new TreeMap<>();
    all.put(
        "matmul",
        scale -> {
          Tensor a = draw(ROWS * scale, COLUMNS);
          Tensor b = draw(COLUMNS, COLUMNS);
          Tensor out = draw(ROWS * scale, COLUMNS);
          Matmul how = Matmul.plain().beta(1f).bias(draw(COLUMNS)).activation(Activation.RELU);
          return () ->
              ONE.matmul(how, Matrices.of(a), Matrices.of(b).transposed(), Matrices.of(out));
        });
    for (String format : List.of("lns8", "fp8", "fp16", "mxfp8")) {
      Quantizer quantizer =
          switch (format) {
            case "lns8" -> Quantizer.of(Formats.LNS8);
            case "fp8" -> Quantizer.of(Formats.E4M3FN);
            case "fp16" -> Quantizer.of(Formats.FP16);
            default -> Recipes.parse(format);
          };
      all.put("matmul of " + format, product(ONE, quantizer));
      all.put(
          "matvec of " + format,
          scale -> {
            Tensor a = quantizer.quantize(draw(ROWS * scale, COLUMNS));
            Tensor x = draw(COLUMNS);
            Tensor y = draw(ROWS * scale);
            return () -> ONE.matvec(a, x, y);
          });
      all.put(
          "one row by a matrix of " + format,
          scale -> {
            Tensor a = draw(1, COLUMNS * scale);
            Tensor b = quantizer.quantize(draw(COLUMNS * scale, COLUMNS));
            Tensor y = draw(1, COLUMNS);
            return () -> ONE.matmul(a, b, y);
          });
    }
    Quantizer half = Quantizer.of(Formats.FP16);
    for (Accumulator accumulator :
        List.of(
            Accumulator.fp64(),
            Accumulator.rounded(Formats.FP16),
            Accumulator.chunked(16, Accumulator.rounded(Formats.BF16), Accumulator.fp32()),
            new Accumulator.Fixed(32, 16, Rounding.NEAREST_EVEN, Accumulator.Fixed.Overflow.WRAP),
            Accumulator.exact())) {
      all.put("matmul in " + accumulator.name(), product(ONE.with(accumulator), half));
    }
    Backend bins = ONE.with(new Accumulator.LogBins(8, 32, 16));
    all.put("matmul in log bins", product(bins, Quantizer.of(Formats.LNS8)));
    convolutions(all);
    poolings(all);
    rowOperations(all);
    return all;
  }

  private static void convolutions(Map<String, Operation> all) {
    Convolution same = Convolution.unit().withPadding(1, 1);
    Map<String, Convolution> kinds =
        Map.of(
            "convolution", same,
            "strided convolution", same.withStride(2, 2),
            "depthwise convolution", same.withGroups(8));
    kinds.forEach((name, how) -> {
      Tensor weight = draw(8, 8 / how.groups(), 3, 3);
      Tensor bias = draw(8);
      int extent = how.outputHeight(16, 3);
      all.put(
          name,
          scale -> {
            Tensor x = draw(scale, 8, 16, 16);
            Tensor y = draw(scale, 8, extent, extent);
            return () -> ONE.convolve(how, x, weight, bias, y);
          });
      all.put(
          name + "'s input gradient",
          scale -> {
            Tensor dx = draw(scale, 8, 16, 16);
            Tensor dy = draw(scale, 8, extent, extent);
            return () -> ONE.convolveBackwardInput(how, weight, dy, dx);
          });
      all.put(
          name + "'s weight gradient",
          scale -> {
            Tensor x = draw(scale, 8, 16, 16);
            Tensor dy = draw(scale, 8, extent, extent);
            Tensor dweight = draw(8, 8 / how.groups(), 3, 3);
            return () -> ONE.convolveBackwardWeight(how, x, dy, dweight);
          });
    });
    all.put(
        "convolution's bias gradient",
        scale -> {
          Tensor dy = draw(scale, 8, 16, 16);
          Tensor dbias = draw(8);
          return () -> ONE.convolveBackwardBias(dy, dbias);
        });
  }

  private static void poolings(Map<String, Operation> all) {
    Pooling how = Pooling.window(2, 2);
    all.put(
        "maxPool",
        scale -> {
          Tensor x = draw(scale, 8, 16, 16);
          Tensor y = draw(scale, 8, 8, 8);
          int[] argmax = new int[y.shape().size()];
          return () -> ONE.maxPool(how, x, y, argmax);
        });
    all.put(
        "maxPoolBackward",
        scale -> {
          Tensor dx = draw(scale, 8, 16, 16);
          Tensor dy = draw(scale, 8, 8, 8);
          int[] argmax = new int[dy.shape().size()];
          return () -> ONE.maxPoolBackward(dy, argmax, dx);
        });
    all.put(
        "averagePool",
        scale -> {
          Tensor x = draw(scale, 8, 16, 16);
          Tensor y = draw(scale, 8, 8, 8);
          return () -> ONE.averagePool(how, x, y);
        });
    all.put(
        "averagePoolBackward",
        scale -> {
          Tensor dx = draw(scale, 8, 16, 16);
          Tensor dy = draw(scale, 8, 8, 8);
          return () -> ONE.averagePoolBackward(how, dy, dx);
        });
    all.put(
        "averagePlanes",
        scale -> {
          Tensor x = draw(scale, 8, 16, 16);
          Tensor y = draw(scale, 8);
          return () -> ONE.averagePlanes(x, y);
        });
    all.put(
        "batchMoments",
        scale -> {
          Tensor x = draw(scale, 8, 16, 16);
          Tensor mean = draw(8);
          Tensor variance = draw(8);
          return () -> ONE.batchMoments(x, mean, variance);
        });
    all.put(
        "batchNormalize",
        scale -> {
          Tensor x = draw(scale, 8, 16, 16);
          Tensor y = draw(scale, 8, 16, 16);
          Tensor[] p = {draw(8), draw(8), draw(8), draw(8)};
          return () -> ONE.batchNormalize(x, p[0], p[1], p[2], p[3], y);
        });
    all.put(
        "batchNormalizeBackward",
        scale -> {
          Tensor x = draw(scale, 8, 16, 16);
          Tensor dy = draw(scale, 8, 16, 16);
          Tensor dx = draw(scale, 8, 16, 16);
          Tensor[] p = {draw(8), draw(8), draw(8), draw(8), draw(8)};
          return () -> ONE.batchNormalizeBackward(x, p[0], p[1], p[2], dy, dx, p[3], p[4]);
        });
  }

  private static void rowOperations(Map<String, Operation> all) {
    for (boolean causal : new boolean[] {false, true}) {
      Attention how = causal ? Attention.causal(1, 64) : Attention.full(1, 64);
      all.put(
          causal ? "causal attention" : "attention",
          scale -> {
            Tensor[] t =
                Stream.generate(() -> draw(1, 8 * scale, 64)).limit(4).toArray(Tensor[]::new);
            return () -> ONE.attention(t[0], t[1], t[2], how, t[3]);
          });
      all.put(
          causal ? "causal attention's gradients" : "attention's gradients",
          scale -> {
            Tensor[] t =
                Stream.generate(() -> draw(1, 8 * scale, 64)).limit(7).toArray(Tensor[]::new);
            return () -> ONE.attentionBackward(t[0], t[1], t[2], how, t[3], t[4], t[5], t[6]);
          });
    }
    all.put(
        "embedding",
        scale -> {
          Tensor table = draw(10, COLUMNS);
          Tensor y = draw(ROWS * scale, COLUMNS);
          int[] indices = new int[ROWS * scale];
          return () -> ONE.embedding(table, indices, y);
        });
    all.put(
        "embedding of codes",
        scale -> {
          Tensor table = Quantizer.of(Formats.LNS8).quantize(draw(10, COLUMNS));
          Tensor y = draw(ROWS * scale, COLUMNS);
          int[] indices = new int[ROWS * scale];
          return () -> ONE.embedding(table, indices, y);
        });
    all.put(
        "addEmbeddingBackward",
        scale -> {
          Tensor dtable = draw(10, COLUMNS);
          Tensor dy = draw(ROWS * scale, COLUMNS);
          int[] indices = new int[ROWS * scale];
          return () -> ONE.addEmbeddingBackward(indices, dy, dtable);
        });
    all.put(
        "layerNorm",
        scale -> {
          Tensor[] t = rows(scale, 2);
          Tensor[] p = {draw(COLUMNS), draw(COLUMNS), draw(ROWS * scale), draw(ROWS * scale)};
          return () -> ONE.layerNorm(t[0], p[0], p[1], 1e-5f, t[1], p[2], p[3]);
        });
    all.put(
        "layerNormBackward",
        scale -> {
          Tensor[] t = rows(scale, 3);
          Tensor[] p = {draw(COLUMNS), draw(COLUMNS), draw(COLUMNS)};
          Tensor[] s = {draw(ROWS * scale), draw(ROWS * scale)};
          return () -> ONE.layerNormBackward(t[0], p[0], s[0], s[1], t[1], t[2], p[1], p[2]);
        });
    all.put(
        "rmsNorm",
        scale -> {
          Tensor[] t = rows(scale, 2);
          Tensor weight = draw(COLUMNS);
          Tensor inverse = draw(ROWS * scale);
          return () -> ONE.rmsNorm(t[0], weight, 1e-5f, t[1], inverse);
        });
    all.put(
        "softmax",
        scale -> {
          Tensor[] t = rows(scale, 2);
          return () -> ONE.softmax(t[0], t[1]);
        });
    all.put(
        "softmaxBackward",
        scale -> {
          Tensor[] t = rows(scale, 3);
          return () -> ONE.softmaxBackward(t[0], t[1], t[2]);
        });
    all.put(
        "softmaxCrossEntropy",
        scale -> {
          Tensor[] t = rows(scale, 2);
          int[] labels = new int[ROWS * scale];
          return () -> ONE.softmaxCrossEntropy(t[0], labels, 1f, t[1]);
        });
    Map<String, BiConsumer<Tensor, Tensor>> functions =
        Map.of("exp", ONE::exp, "tanh", ONE::tanh, "gelu", ONE::gelu, "geluTanh", ONE::geluTanh);
    functions.forEach((name, function) ->
        all.put(
            name,
            scale -> {
              Tensor[] t = rows(scale, 2);
              return () -> function.accept(t[0], t[1]);
            }));
    all.put(
        "geluBackward",
        scale -> {
          Tensor[] t = rows(scale, 3);
          return () -> ONE.geluBackward(t[0], t[1], t[2]);
        });
    all.put(
        "geluTanhBackward",
        scale -> {
          Tensor[] t = rows(scale, 3);
          return () -> ONE.geluTanhBackward(t[0], t[1], t[2]);
        });
    all.put(
        "reluBackward",
        scale -> {
          Tensor[] t = rows(scale, 3);
          return () -> ONE.reluBackward(t[0], t[1], t[2]);
        });
    all.put(
        "addRow",
        scale -> {
          Tensor[] t = rows(scale, 2);
          Tensor row = draw(COLUMNS);
          return () -> ONE.addRow(t[0], row, t[1]);
        });
    all.put(
        "divide",
        scale -> {
          Tensor[] t = rows(scale, 3);
          return () -> ONE.divide(t[0], t[1], t[2]);
        });
    all.put(
        "dropout",
        scale -> {
          Tensor[] t = rows(scale, 2);
          RandomBits bits = new RandomBits(1, 2);
          return () -> ONE.dropout(0.5f, bits, t[0], t[1]);
        });
    all.put(
        "sum of codes",
        scale -> {
          Tensor x = Recipes.parse("mxfp8").quantize(draw(ROWS * scale, COLUMNS));
          return () -> ONE.sum(x);
        });
    all.put(
        "sumRows",
        scale -> {
          Tensor x = draw(ROWS * scale, COLUMNS);
          Tensor y = draw(COLUMNS);
          return () -> ONE.sumRows(x, y);
        });
    all.put(
        "meanColumns",
        scale -> {
          Tensor x = draw(ROWS * scale, COLUMNS);
          Tensor y = draw(ROWS * scale);
          return () -> ONE.meanColumns(x, y);
        });
    all.put(
        "maxColumns",
        scale -> {
          Tensor x = draw(ROWS * scale, COLUMNS);
          Tensor y = draw(ROWS * scale);
          return () -> ONE.maxColumns(x, y);
        });
    all.put(
        "scan",
        scale -> {
          Tensor x = draw(ROWS * scale, COLUMNS);
          return () -> ONE.scan(x);
        });
  }

  static Stream<String> names() {
    return operations().keySet().stream();
  }

  /** Bytes that this thread has allocated so far. */
  private static long bytes() {
    try {
      return (long) BYTES.invoke(BEAN);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("no jdk.management", e);
    }
  }

  /** Bytes of a call: the least of several, as soon as it is below the limit. */
  private static long allocated(Runnable call, int calls, long limit) {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < calls && least >= limit; i++) {
      long before = bytes();
      call.run();
      least = Math.min(least, bytes() - before);
    }
    return least;
  }

  /**
   * Without the Vector API, so that nothing waits for the compiler. Not in rounded sums: their
   * steps make objects before they are compiled.
   */
  @ParameterizedTest
  @MethodSource("names")
  void moreDataTakesNoMoreMemory(String name) {
    assumeTrue(VectorApi.obstacle().isPresent());
    assumeFalse(name.contains("each step"));
    Operation operation = Objects.requireNonNull(operations().get(name));
    long little = allocated(operation.of(1), 3, 0);
    long much = allocated(operation.of(TIMES), 3, 0);
    assertTrue(
        much - little < LIMIT, () -> name + ": " + little + " bytes, with more data " + much);
  }

  /** Until the kernels are compiled, which may take long, vectors are objects. */
  @ParameterizedTest
  @MethodSource("names")
  @Tag("exhaustive")
  void compiledKernelsAllocateLittle(String name) {
    Operation operation = Objects.requireNonNull(operations().get(name));
    long bytes = allocated(operation.of(TIMES), 100_000, LIMIT);
    assertTrue(bytes < LIMIT, () -> name + ": " + bytes + " bytes a call");
  }
}
