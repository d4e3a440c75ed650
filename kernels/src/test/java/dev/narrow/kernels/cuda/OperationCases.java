package dev.narrow.kernels.cuda;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Activation;
import dev.narrow.kernels.Attention;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Convolution;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.kernels.Pooling;
import dev.narrow.kernels.TensorMemory;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Arguments for every operation of {@link Backend}, so that two backends can be compared. */
final class OperationCases {
  /** Lengths at which something ends: lanes, quads, warps, blocks, chunks. */
  static final List<Integer> LENGTHS =
      List.of(
          0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097,
          8193);

  /** The same of rows. */
  private static final List<Integer> COLUMNS =
      List.of(1, 2, 3, 15, 16, 17, 31, 32, 33, 255, 257, 1025);

  /** Where no kernel has lanes. */
  private static final List<Integer> FEW = List.of(1, 2);

  /** What the numbers of a tensor are like. */
  enum Numbers {
    /** Of many binades, with zeros of both signs and ties. */
    FINITE,
    /** The same with infinities, NaN, subnormal and huge numbers among them. */
    SPECIAL,
    /** Any bits. */
    ANY
  }

  /** The arguments of an operation at a size. */
  @FunctionalInterface
  interface Arguments {
    @Nullable Object[] of(Draw draw, int n);
  }

  /** An operation, its sizes, and arguments. */
  record Case(List<Integer> sizes, Arguments arguments) {}

  private static final float[] SPECIAL = {
    0f,
    -0f,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    Float.MIN_NORMAL,
    -0x1.fffffcp-127f,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.NaN,
    0x1p64f,
    -0x1p-64f,
    1f,
    -1f,
    2.5f
  };

  /** Draws operands. */
  static final class Draw {
    private final Random random;
    private final Numbers numbers;
    private final @Nullable Quantizer quantizer;

    /**
     * @param quantizer what makes the tensors; null for fp32
     */
    Draw(long seed, Numbers numbers, @Nullable Quantizer quantizer) {
      random = new Random(seed);
      this.numbers = numbers;
      this.quantizer = quantizer;
    }

    private float number() {
      int kind = random.nextInt(16);
      if (numbers == Numbers.ANY && kind > 0) {
        return Float.intBitsToFloat(random.nextInt());
      }
      if (numbers != Numbers.FINITE && kind < 2) {
        return SPECIAL[random.nextInt(SPECIAL.length)];
      }
      if (kind == 2) {
        return (random.nextInt(17) - 8) * 0.5f; // ties
      }
      if (kind == 3) {
        return random.nextBoolean() ? 0f : -0f;
      }
      return (float) Math.scalb(random.nextDouble() - 0.5, random.nextInt(12) - 6);
    }

    Tensor tensor(int... dims) {
      int size = Arrays.stream(dims).reduce(1, (a, b) -> a * b);
      float[] values = new float[size];
      for (int i = 0; i < size; i++) {
        values[i] = number();
      }
      Tensor x = Tensor.of(values, dims);
      return quantizer == null ? x : quantizer.quantize(x);
    }

    /** Not below zero, not NaN: a second moment. */
    Tensor moment(int... dims) {
      int size = Arrays.stream(dims).reduce(1, (a, b) -> a * b);
      float[] values = new float[size];
      for (int i = 0; i < size; i++) {
        values[i] = Math.abs((float) Math.scalb(random.nextDouble(), random.nextInt(12) - 6));
      }
      Tensor x = Tensor.of(values, dims);
      return quantizer == null ? x : quantizer.quantize(x);
    }

    int[] indices(int n, int bound) {
      return random.ints(n, 0, bound).toArray();
    }

    RandomBits bits() {
      return new RandomBits(random.nextLong(), random.nextLong());
    }
  }

  /** Tensors of other formats than fp32 under which operations are compared. */
  static Map<String, Quantizer> formats() {
    Map<String, Quantizer> formats = new HashMap<>();
    for (NumericFormat format :
        List.of(Formats.FP16, Formats.BF16, Formats.E4M3FN, Formats.E5M2, Formats.LNS8)) {
      formats.put(format.name(), Quantizer.of(format));
    }
    Quantizer lns8 = Quantizer.of(Formats.LNS8).with(ScaleRule.AMAX_TO_MAX_FINITE);
    formats.put("lns8 scaled", lns8);
    formats.put("fp16 in blocks", blocks(Formats.FP16, ScaleRule.AMAX_TO_MAX_FINITE));
    formats.put("posit8", Quantizer.of(Formats.parse("posit8")));
    formats.put("int8", Quantizer.of(Formats.INT8).with(ScaleRule.MIN_TO_MAX));
    return formats;
  }

  private static Quantizer blocks(NumericFormat format, ScaleRule rule) {
    return Quantizer.of(format).with(rule).with(new Granularity.PerBlock(-1, 16));
  }

  private final Map<String, Case> cases = new HashMap<>();

  private OperationCases() {}

  /** What a method is called here: its name, and how many parameters it has. */
  private static String key(Method method) {
    String name = method.getName() + "/" + method.getParameterCount();
    List<Class<?>> types = List.of(method.getParameterTypes());
    return name
        + (types.contains(List.class) ? " list" : "")
        + (types.contains(Scales.class) ? " under scales" : "");
  }

  /** All operations of a backend: the methods of its interface that compute. */
  static List<Method> operations() {
    return Arrays.stream(Backend.class.getMethods())
        .filter(method -> Modifier.isAbstract(method.getModifiers()))
        .filter(method -> method.getDeclaringClass() != TensorMemory.class)
        .filter(method -> !List.of("with", "summation", "describe").contains(method.getName()))
        .sorted((a, b) -> a.toGenericString().compareTo(b.toGenericString()))
        .collect(Collectors.toList());
  }

  /**
   * The case of an operation.
   *
   * @throws AssertionError if it has none: then nobody compares it
   */
  static Case of(Method method) {
    OperationCases all = new OperationCases();
    all.addAll();
    Case found = all.cases.get(key(method));
    if (found == null) {
      throw new AssertionError("no case for " + method.toGenericString() + ": " + key(method));
    }
    return found;
  }

  private void add(String key, List<Integer> sizes, Arguments arguments) {
    cases.put(key, new Case(sizes, arguments));
  }

  private void flat(String key, Arguments arguments) {
    add(key, LENGTHS, arguments);
  }

  private void rows(String key, Arguments arguments) {
    add(key, COLUMNS, arguments);
  }

  private void few(String key, Arguments arguments) {
    add(key, FEW, arguments);
  }

  private static @Nullable Object[] of(@Nullable Object... arguments) {
    return arguments;
  }

  private void addAll() {
    for (String map :
        List.of(
            "relu",
            "exp",
            "exp2",
            "log",
            "tanh",
            "erf",
            "reciprocalSqrt",
            "sigmoid",
            "gelu",
            "geluTanh")) {
      flat(map + "/2", (d, n) -> of(d.tensor(n), d.tensor(n)));
    }
    for (String combine :
        List.of(
            "add",
            "subtract",
            "multiply",
            "divide",
            "reluBackward",
            "geluBackward",
            "geluTanhBackward")) {
      flat(combine + "/3", (d, n) -> of(d.tensor(n), d.tensor(n), d.tensor(n)));
    }
    flat("scale/3", (d, n) -> of(0.37f, d.tensor(n), d.tensor(n)));
    flat("addScaled/3", (d, n) -> of(-1.7f, d.tensor(n), d.tensor(n)));
    flat("clamp/4", (d, n) -> of(-1f, 0f, d.tensor(n), d.tensor(n)));
    flat("dropout/4", (d, n) -> of(0.3f, d.bits(), d.tensor(n), d.tensor(n)));
    rows("addRow/3", (d, n) -> of(d.tensor(3, n), d.tensor(n), d.tensor(3, n)));
    rows("multiplyRow/3", (d, n) -> of(d.tensor(2, 2, n), d.tensor(n), d.tensor(2, 2, n)));
    addReductions();
    addNorms();
    addOptimizers();
    addProducts();
    addConvolutions();
    addAttention();
    addPoolings();
    addBatchNorms();
    addEmbeddingsAndLosses();
    addCasts();
  }

  private void addReductions() {
    flat("sum/1", (d, n) -> of(d.tensor(n)));
    flat("sumOfSquares/1", (d, n) -> of(d.tensor(n)));
    flat("scan/1", (d, n) -> of(d.tensor(n)));
    rows("sumRows/2", (d, n) -> of(d.tensor(n, 5), d.tensor(5)));
    for (String reduction : List.of("sumColumns", "meanColumns", "maxColumns", "minColumns")) {
      rows(reduction + "/2", (d, n) -> of(d.tensor(1, 19, n), d.tensor(1, 19)));
    }
    rows("argmaxColumns/2", (d, n) -> of(d.tensor(3, n), new int[3]));
  }

  private void addNorms() {
    rows(
        "layerNorm/7",
        (d, n) ->
            of(
                d.tensor(19, n),
                d.tensor(n),
                n % 2 == 0 ? null : d.tensor(n),
                1e-5f,
                d.tensor(19, n),
                d.tensor(19),
                d.tensor(19)));
    rows(
        "layerNormBackward/8",
        (d, n) ->
            of(
                d.tensor(5, n),
                d.tensor(n),
                d.tensor(5),
                d.tensor(5),
                d.tensor(5, n),
                d.tensor(5, n),
                d.tensor(n),
                n % 2 == 0 ? null : d.tensor(n)));
    rows(
        "rmsNorm/5", (d, n) -> of(d.tensor(3, n), d.tensor(n), 1e-5f, d.tensor(3, n), d.tensor(3)));
    rows(
        "rmsNormBackward/6",
        (d, n) ->
            of(
                d.tensor(3, n),
                d.tensor(n),
                d.tensor(3),
                d.tensor(3, n),
                d.tensor(3, n),
                d.tensor(n)));
    rows("softmax/2", (d, n) -> of(d.tensor(3, n), d.tensor(3, n)));
    rows("softmaxBackward/3", (d, n) -> of(d.tensor(3, n), d.tensor(3, n), d.tensor(3, n)));
  }

  private void addOptimizers() {
    flat("unscale/2", (d, n) -> of(0x1p-10f, d.tensor(n)));
    flat(
        "unscale/3 list",
        (d, n) ->
            of(3f, List.of(d.tensor(n), d.tensor(7), d.tensor(0), d.tensor(2, n)), new int[4]));
    flat(
        "sgd/7",
        (d, n) -> of(0.1f, 0.9f, 0.01f, n % 2 == 0, d.tensor(n), d.tensor(n), d.tensor(n)));
    flat(
        "adamW/10",
        (d, n) ->
            of(
                0.01f,
                0.9f,
                0.999f,
                1e-8f,
                0.01f,
                3L,
                d.tensor(n),
                d.tensor(n),
                d.moment(n),
                d.tensor(n)));
    for (String madam : List.of("madam/7", "lnsMadam/7")) {
      flat(madam, (d, n) -> of(0.125f, 10f, 3f, 2L, d.tensor(n), d.moment(n), d.tensor(n)));
    }
    flat(
        "integerMadam/10",
        (d, n) ->
            of(4f, 0.01f, 4096, 10f, 3f, 5L, d.tensor(n), d.moment(n), d.tensor(n), d.tensor(n)));
  }

  private void addProducts() {
    few(
        "matmul/4",
        (d, n) ->
            of(
                Matmul.plain().alpha(0.5f).beta(1.5f).bias(d.tensor(5)).activation(Activation.RELU),
                Matrices.of(d.tensor(n, 3, 4)),
                Matrices.of(d.tensor(n, 4, 5)),
                Matrices.of(d.tensor(n, 3, 5))));
    few("matvec/3", (d, n) -> of(d.tensor(4, n), d.tensor(n), d.tensor(4)));
  }

  /**
   * Images [n, c, h, w] and kernels [o, c / groups, kh, kw].
   *
   * @param how how they move
   */
  record Convolved(Convolution how, int n, int c, int h, int w, int o, int kh, int kw) {
    int[] x() {
      return new int[] {n, c, h, w};
    }

    int[] weight() {
      return new int[] {o, c / how.groups(), kh, kw};
    }

    int[] y() {
      return new int[] {n, o, how.outputHeight(h, kh), how.outputWidth(w, kw)};
    }
  }

  private static final Convolution UNIT = Convolution.unit();

  /** Extents of 1 and odd ones, every stride, padding, dilation and group. */
  static final List<Convolved> CONVOLVED =
      List.of(
          new Convolved(UNIT, 1, 1, 1, 1, 1, 1, 1),
          new Convolved(UNIT.withPadding(1, 1), 0, 2, 4, 5, 3, 3, 3),
          new Convolved(UNIT.withPadding(1, 1), 2, 2, 4, 5, 3, 3, 3),
          new Convolved(UNIT, 2, 17, 5, 7, 19, 1, 1),
          new Convolved(UNIT.withStride(2, 2).withPadding(1, 1), 2, 3, 9, 8, 5, 3, 3),
          new Convolved(UNIT.withStride(2, 3).withPadding(2, 0), 1, 4, 7, 10, 6, 4, 2),
          new Convolved(UNIT.withStride(3, 2).withDilation(2, 3), 2, 2, 12, 13, 3, 3, 4),
          new Convolved(UNIT.withStride(2, 2).withDilation(2, 4), 1, 2, 11, 16, 2, 3, 3),
          new Convolved(UNIT.withPadding(1, 2).withGroups(3), 2, 6, 5, 4, 9, 3, 5),
          new Convolved(UNIT.withStride(2, 1).withPadding(1, 1).withGroups(4), 1, 4, 6, 7, 4, 3, 3),
          new Convolved(UNIT.withPadding(5, 7), 1, 1, 2, 3, 2, 3, 2),
          new Convolved(UNIT.withStride(5, 9), 1, 2, 4, 7, 2, 2, 1),
          new Convolved(UNIT, 3, 2, 20, 21, 2, 2, 2),
          new Convolved(UNIT, 2, 0, 3, 3, 4, 1, 2),
          new Convolved(UNIT, 2, 3, 3, 3, 0, 1, 2),
          new Convolved(UNIT.withPadding(0, 1), 33, 1, 1, 34, 1, 1, 3));

  private void convolved(String key, BiFunction<Draw, Convolved, @Nullable Object[]> arguments) {
    List<Integer> sizes = IntStream.range(0, CONVOLVED.size()).boxed().toList();
    add(key, sizes, (d, n) -> arguments.apply(d, CONVOLVED.get(n)));
  }

  private void addConvolutions() {
    convolved(
        "convolve/4", (d, c) -> of(c.how, d.tensor(c.x()), d.tensor(c.weight()), d.tensor(c.y())));
    convolved(
        "convolve/5",
        (d, c) -> of(c.how, d.tensor(c.x()), d.tensor(c.weight()), d.tensor(c.o), d.tensor(c.y())));
    convolved(
        "convolveBackwardInput/4",
        (d, c) -> of(c.how, d.tensor(c.weight()), d.tensor(c.y()), d.tensor(c.x())));
    convolved(
        "convolveBackwardWeight/4",
        (d, c) -> of(c.how, d.tensor(c.x()), d.tensor(c.y()), d.tensor(c.weight())));
  }

  /** Sequences of so many queries and keys. */
  record Attended(Attention how, int n, int queries, int keys) {
    int[] q() {
      return new int[] {n, queries, how.heads() * how.dim()};
    }

    int[] k() {
      return new int[] {n, keys, how.heads() * how.dim()};
    }
  }

  static final List<Attended> ATTENDED =
      List.of(
          new Attended(Attention.full(1, 1), 1, 1, 1),
          new Attended(Attention.causal(2, 3), 0, 5, 5),
          new Attended(Attention.causal(2, 3), 2, 5, 5),
          new Attended(Attention.full(3, 2), 2, 4, 17),
          new Attended(Attention.full(1, 5), 3, 0, 4),
          new Attended(Attention.full(2, 4), 2, 3, 0),
          new Attended(Attention.causal(1, 17), 1, 33, 33),
          new Attended(Attention.full(2, 8), 1, 35, 18),
          new Attended(Attention.causal(3, 1), 2, 70, 70));

  private void attended(String key, BiFunction<Draw, Attended, @Nullable Object[]> arguments) {
    List<Integer> sizes = IntStream.range(0, ATTENDED.size()).boxed().toList();
    add(key, sizes, (d, n) -> arguments.apply(d, ATTENDED.get(n)));
  }

  private void addAttention() {
    attended(
        "attention/5",
        (d, a) -> of(d.tensor(a.q()), d.tensor(a.k()), d.tensor(a.k()), a.how, d.tensor(a.q())));
    attended(
        "attentionBackward/8",
        (d, a) ->
            of(
                d.tensor(a.q()),
                d.tensor(a.k()),
                d.tensor(a.k()),
                a.how,
                d.tensor(a.q()),
                d.tensor(a.q()),
                d.tensor(a.k()),
                d.tensor(a.k())));
  }

  /** Images [n, c, h, w], and how a window moves over them. */
  private record Pooled(Pooling how, int n, int c, int h, int w) {
    Tensor image(Draw draw) {
      return draw.tensor(n, c, h, w);
    }

    Tensor output(Draw draw) {
      return draw.tensor(n, c, how.outputHeight(h), how.outputWidth(w));
    }

    int outputs() {
      return n * c * how.outputHeight(h) * how.outputWidth(w);
    }
  }

  private static final List<Pooled> POOLED =
      List.of(
          new Pooled(Pooling.window(2, 2), 0, 2, 4, 6),
          new Pooled(Pooling.window(1, 1), 1, 1, 1, 1),
          new Pooled(Pooling.window(2, 2), 2, 2, 4, 6),
          new Pooled(Pooling.window(3, 3).withStride(2, 2).withPadding(1, 1, false), 2, 3, 7, 5),
          new Pooled(Pooling.window(3, 3).withStride(1, 1).withPadding(1, 1, true), 1, 2, 5, 9),
          new Pooled(Pooling.window(5, 1).withStride(3, 2).withPadding(2, 0, true), 3, 1, 6, 8),
          new Pooled(Pooling.window(2, 2), 2, 0, 4, 6),
          new Pooled(Pooling.window(4, 3).withStride(1, 2), 2, 19, 11, 6),
          new Pooled(Pooling.window(1, 9).withStride(1, 1).withPadding(0, 4, false), 1, 1, 2, 70));

  private void pooled(String key, BiFunction<Draw, Pooled, @Nullable Object[]> arguments) {
    List<Integer> sizes = IntStream.range(0, POOLED.size()).boxed().toList();
    add(key, sizes, (d, n) -> arguments.apply(d, POOLED.get(n)));
  }

  private void addPoolings() {
    pooled("maxPool/4", (d, p) -> of(p.how, p.image(d), p.output(d), new int[p.outputs()]));
    pooled(
        "maxPoolBackward/3",
        (d, p) -> of(p.output(d), d.indices(p.outputs(), p.h * p.w), p.image(d)));
    pooled("averagePool/3", (d, p) -> of(p.how, p.image(d), p.output(d)));
    pooled("averagePoolBackward/3", (d, p) -> of(p.how, p.output(d), p.image(d)));
    pooled("averagePlanes/2", (d, p) -> of(p.image(d), d.tensor(p.n, p.c)));
    pooled("averagePlanesBackward/2", (d, p) -> of(d.tensor(p.n, p.c), p.image(d)));
  }

  /** Images, and matrices whose columns are channels. */
  private static final List<Shape> CHANNELS =
      List.of(
          Shape.of(0, 3, 2, 2),
          Shape.of(1, 1, 1, 1),
          Shape.of(2, 0, 2, 2),
          Shape.of(7, 5),
          Shape.of(2, 3, 2, 2),
          Shape.of(5, 17, 1, 1),
          Shape.of(3, 2, 5, 13),
          Shape.of(19, 3, 4, 4),
          Shape.of(40, 33),
          Shape.of(2, 2, 1, 257));

  private void normed(String key, BiFunction<Draw, Shape, @Nullable Object[]> arguments) {
    List<Integer> sizes = IntStream.range(0, CHANNELS.size()).boxed().toList();
    add(key, sizes, (d, n) -> arguments.apply(d, CHANNELS.get(n)));
  }

  private void addBatchNorms() {
    few(
        "updateMoments/6",
        (d, n) -> of(0.1f, 12, d.tensor(3 * n), d.tensor(3 * n), d.tensor(3 * n), d.tensor(3 * n)));
    few("inverseDeviation/3", (d, n) -> of(d.tensor(300 * n), 1e-5f, d.tensor(300 * n)));
    normed(
        "batchMoments/3", (d, x) -> of(d.tensor(x.dims()), d.tensor(x.dim(1)), d.tensor(x.dim(1))));
    normed(
        "batchNormalize/4",
        (d, x) ->
            of(d.tensor(x.dims()), d.tensor(x.dim(1)), d.tensor(x.dim(1)), d.tensor(x.dims())));
    normed(
        "batchNormalize/6",
        (d, x) ->
            of(
                d.tensor(x.dims()),
                d.tensor(x.dim(1)),
                d.tensor(x.dim(1)),
                d.tensor(x.dim(1)),
                d.tensor(x.dim(1)),
                d.tensor(x.dims())));
    normed(
        "batchNormalizeBackward/5",
        (d, x) ->
            of(
                d.tensor(x.dims()),
                d.tensor(x.dim(1)),
                d.tensor(x.dim(1)),
                d.tensor(x.dims()),
                d.tensor(x.dims())));
    normed(
        "batchNormalizeBackward/8",
        (d, x) ->
            of(
                d.tensor(x.dims()),
                d.tensor(x.dim(1)),
                d.tensor(x.dim(1)),
                d.tensor(x.dim(1)),
                d.tensor(x.dims()),
                d.tensor(x.dims()),
                d.tensor(x.dim(1)),
                d.tensor(x.dim(1))));
    normed(
        "convolveBackwardBias/2",
        (d, x) ->
            of(x.rank() == 4 ? d.tensor(x.dims()) : d.tensor(7, 5, 3, 6), d.tensor(x.dim(1))));
  }

  private void addEmbeddingsAndLosses() {
    rows("embedding/3", (d, n) -> of(d.tensor(5, n), d.indices(8, 5), d.tensor(2, 4, n)));
    rows("addEmbeddingBackward/3", (d, n) -> of(d.indices(19, 5), d.tensor(19, n), d.tensor(5, n)));
    rows(
        "softmaxCrossEntropy/4",
        (d, n) -> of(d.tensor(19, n), d.indices(19, n), 0.5f, d.tensor(19, n)));
  }

  /** CudaCastsTest has all formats and roundings: here is one, that no cast be missed. */
  private void addCasts() {
    Quantizer lns8 = Quantizer.of(Formats.LNS8).with(ScaleRule.AMAX_TO_MAX_FINITE);
    flat("quantize/3", (d, n) -> of(lns8, d.tensor(n), null));
    flat("quantize/4", (d, n) -> of(lns8, d.tensor(n), lns8.quantize(d.moment(n)), null));
    flat("fakeQuantize/4", (d, n) -> of(lns8, d.tensor(n), d.tensor(n), null));
    flat("fakeQuantize/4 under scales", (d, n) -> of(lns8, Scales.of(0.37f), d.tensor(n), null));
    flat("scales/2", (d, n) -> of(lns8, d.tensor(n)));
    flat("decode/2", (d, n) -> of(lns8.quantize(d.moment(n)), d.tensor(n)));
    flat("amax/2", (d, n) -> of(d.tensor(n), new Granularity.PerTensor()));
    flat("moments/2", (d, n) -> of(d.tensor(n), d.tensor(n)));
  }
}
