package dev.narrow.bench.gpu;

import dev.narrow.bench.gpu.Finding.Comparison;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Activation;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.stream.IntStream;

/**
 * Products of matrices beside the processor's: in order and exact to the bit; on tensor cores to
 * the bit where all partial sums are numbers of float32, whatever is done to them afterwards, and
 * elsewhere within the bound of {@link dev.narrow.kernels.Summation#FAST}. Transposed or not, one
 * or several at a time, into each format.
 */
final class ProductChecks {
  private static final List<List<NumericFormat>> PAIRS =
      List.of(
          List.of(Formats.FP16, Formats.FP16),
          List.of(Formats.BF16, Formats.BF16),
          List.of(Formats.LNS8, Formats.LNS8),
          List.of(Formats.E4M3FN, Formats.E5M2),
          List.of(Formats.FP16, Formats.LNS8));

  private static final List<NumericFormat> OUTPUTS =
      List.of(Formats.FP32, Formats.FP16, Formats.BF16, Formats.E4M3FN, Formats.E5M2, Formats.LNS8);

  private static final List<Activation> ACTIVATIONS = List.of(Activation.values());

  /** m, n and k: less than a tile, more, and what fills none. */
  private static final int[][] SHAPES = {
    {1, 1, 1}, {2, 3, 5}, {17, 33, 65}, {130, 9, 33}, {64, 128, 96}
  };

  private static final int[][] LARGE = {{512, 640, 384}, {513, 511, 257}};

  /** Epilogue, operands and output, all in one memory. */
  private record Case(Matmul how, Matrices a, Matrices b, Tensor out) {
    void run(Backend backend) {
      backend.matmul(how, a, b, Matrices.of(out));
    }

    Case on(Bench bench) {
      return new Case(
          how.bias().map(bias -> how.bias(bench.device().upload(bias))).orElse(how),
          a.in(bench.device().upload(a.tensor())),
          b.in(bench.device().upload(b.tensor())),
          bench.device().upload(out));
    }

    void free(Bench bench) {
      how.bias().ifPresent(bench.device()::free);
      bench.free(List.of(a.tensor(), b.tensor(), out));
    }

    @Override
    public String toString() {
      return out + " = " + a + " x " + b;
    }
  }

  private final Bench bench;
  private final Random random;

  private ProductChecks(Bench bench, long seed) {
    this.bench = bench;
    this.random = new Random(seed);
  }

  static List<Task> comparisons(Bench bench) {
    List<Task> tasks = new ArrayList<>();
    for (List<NumericFormat> pair : PAIRS) {
      String name = pair.get(0).name() + " x " + pair.get(1).name();
      tasks.add(task("ordered product " + name, c -> c.sameBits(pair, Accumulator.fp32()), bench));
      tasks.add(task("exact product " + name, c -> c.sameBits(pair, Accumulator.exact()), bench));
      tasks.add(task("fast product " + name + ", exact sums", c -> c.fastExact(pair), bench));
      tasks.add(task("fast product " + name + ", any sums", c -> c.fastNear(pair), bench));
    }
    for (NumericFormat format : List.of(Formats.FP16, Formats.E4M3FN, Formats.E5M2, Formats.LNS8)) {
      String name = "fast product fp16 x " + format.name() + ", 1 to 16 rows";
      tasks.add(task(name, c -> c.skinny(format), bench));
    }
    return tasks;
  }

  /** Gives what differs first, and adds to the number of elements. */
  @FunctionalInterface
  private interface Check {
    String difference(ProductChecks checks);
  }

  private long elements;

  private static Task task(String name, Check check, Bench bench) {
    String demand = name.endsWith("any sums") ? "within its bound" : Comparison.SAME_BITS;
    return new Task(
        name,
        () -> {
          ProductChecks checks = new ProductChecks(bench, name.hashCode());
          String difference = check.difference(checks);
          return new Comparison(name, checks.elements, demand, difference);
        });
  }

  private List<int[]> shapes() {
    List<int[]> shapes = new ArrayList<>(List.of(SHAPES));
    if (!bench.quick()) {
      shapes.addAll(List.of(LARGE));
    }
    return shapes;
  }

  private String sameBits(List<NumericFormat> pair, Accumulator accumulator) {
    for (int[] shape : shapes()) {
      for (boolean odd : new boolean[] {false, true}) {
        Case host = draw(pair, shape, odd ? this::odd : this::any);
        String difference =
            sameBits(host, bench.gpu().with(accumulator), bench.cpu().with(accumulator));
        if (!difference.isEmpty()) {
          return difference;
        }
      }
    }
    return "";
  }

  private String fastExact(List<NumericFormat> pair) {
    for (int[] shape : shapes()) {
      for (int i = 0; i < (bench.quick() ? 1 : 4); i++) {
        String difference =
            sameBits(draw(pair, shape, this::exact), bench.device().fastBackend(), bench.cpu());
        if (!difference.isEmpty()) {
          return difference;
        }
      }
    }
    return "";
  }

  private String skinny(NumericFormat format) {
    int n = bench.quick() ? 96 : 2048;
    int k = bench.quick() ? 160 : 4096;
    for (int m = 1; m <= 16; m += bench.quick() ? 5 : 1) {
      Matrices a = matrices(Formats.FP16, false, 1, m, k, this::exact);
      Matrices b = matrices(format, true, 1, k, n, this::exact);
      Case host = new Case(Matmul.plain().alpha(0.5f), a, b, Tensor.zeros(1, m, n));
      String difference = sameBits(host, bench.device().fastBackend(), bench.cpu());
      if (!difference.isEmpty()) {
        return difference;
      }
    }
    return "";
  }

  private String sameBits(Case host, Backend gpu, Backend cpu) {
    elements += host.a.tensor().shape().size() + host.b.tensor().shape().size();
    Case there = host.on(bench);
    try {
      there.run(gpu);
      host.run(cpu);
      long at =
          bench
              .device()
              .download(there.out)
              .storage()
              .segment()
              .mismatch(host.out.storage().segment());
      return at < 0 ? "" : host + " differs at byte " + at;
    } finally {
      there.free(bench);
    }
  }

  /** |C - C*| <= (K 2^-23 + what the operands lost to fp16) times the sum of magnitudes. */
  private String fastNear(List<NumericFormat> pair) {
    for (int[] shape : shapes()) {
      Case host =
          new Case(
              Matmul.plain(),
              matrices(pair.get(0), random.nextBoolean(), 1, shape[0], shape[2], this::any),
              matrices(pair.get(1), random.nextBoolean(), 1, shape[2], shape[1], this::any),
              Tensor.zeros(1, shape[0], shape[1]));
      elements += host.a.tensor().shape().size() + host.b.tensor().shape().size();
      Case there = host.on(bench);
      float[] actual;
      try {
        there.run(bench.device().fastBackend());
        actual = bench.device().download(there.out).toFloats();
      } finally {
        there.free(bench);
      }
      String difference = beyondBound(host, actual, loss(pair.get(0)), loss(pair.get(1)));
      if (!difference.isEmpty()) {
        return difference;
      }
    }
    return "";
  }

  private static double loss(NumericFormat format) {
    return format.equals(Formats.LNS8) ? ProductSpeeds.LNS8_ERROR : 0;
  }

  private static String beyondBound(Case host, float[] actual, double lostOfA, double lostOfB) {
    float[] a = host.a.tensor().toFloats();
    float[] b = host.b.tensor().toFloats();
    int terms = host.a.columns();
    int columns = host.b.columns();
    double share = terms * 0x1p-23 + lostOfA + lostOfB * (1 + lostOfA);
    return IntStream.range(0, host.a.rows())
        .parallel()
        .mapToObj(i -> {
          for (int j = 0; j < columns; j++) {
            double sum = 0;
            double magnitudes = 0;
            for (int k = 0; k < terms; k++) {
              double term =
                  (double) a[i * host.a.rowStride() + k * host.a.columnStride()]
                      * b[k * host.b.rowStride() + j * host.b.columnStride()];
              sum += term;
              magnitudes += Math.abs(term);
            }
            double error = Math.abs(actual[i * columns + j] - sum);
            if (!(error <= share * magnitudes)) {
              return "%s is %s away at %d, %d, expected at most %s"
                  .formatted(host, error, i, j, share * magnitudes);
            }
          }
          return "";
        })
        .filter(difference -> !difference.isEmpty())
        .findFirst()
        .orElse("");
  }

  private Case draw(List<NumericFormat> pair, int[] shape, DoubleSupplier number) {
    int count = random.nextInt(3) == 0 ? 3 : 1;
    int shared = random.nextBoolean() ? 1 : count;
    Matmul how =
        Matmul.plain()
            .alpha(random.nextBoolean() ? 1 : 0.75f)
            .beta(random.nextBoolean() ? 0 : -1.5f)
            .activation(ACTIVATIONS.get(random.nextInt(ACTIVATIONS.size())));
    if (random.nextBoolean()) {
      how = how.bias(tensor(Formats.FP32, number, shape[1]));
    }
    NumericFormat format = OUTPUTS.get(random.nextInt(OUTPUTS.size()));
    Tensor out = tensor(format, number, count, shape[0], shape[1]);
    return new Case(
        how,
        matrices(pair.get(0), random.nextBoolean(), shared, shape[0], shape[2], number),
        matrices(pair.get(1), random.nextBoolean(), count, shape[2], shape[1], number),
        format.equals(Formats.FP32) ? out : out.withScales(Scales.of(0.5f)));
  }

  private Matrices matrices(
      NumericFormat format,
      boolean transposed,
      int count,
      int rows,
      int columns,
      DoubleSupplier number) {
    return transposed
        ? Matrices.of(tensor(format, number, count, columns, rows)).transposed()
        : Matrices.of(tensor(format, number, count, rows, columns));
  }

  private static Tensor tensor(NumericFormat format, DoubleSupplier number, int... dims) {
    float[] values = new float[Shape.of(dims).size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) number.getAsDouble();
    }
    Tensor tensor = Tensor.of(values, dims);
    return format.equals(Formats.FP32) ? tensor : Quantizer.of(format).quantize(tensor);
  }

  /** Numbers that all formats have, of which thousands of products have an exact sum. */
  private double exact() {
    return random.nextInt(5) == 0
        ? 0
        : Math.copySign(Math.scalb(1.0, random.nextInt(5) - 2), random.nextFloat() - 0.5f);
  }

  /** Numbers of many magnitudes, among them zeros. */
  private double any() {
    return random.nextInt(8) == 0
        ? Math.copySign(0, random.nextFloat() - 0.5f)
        : random.nextGaussian() * Math.scalb(1.0, random.nextInt(12) - 8);
  }

  /** The same, with what is out of the ordinary here and there. */
  private double odd() {
    return switch (random.nextInt(500)) {
      case 0 -> Double.NaN;
      case 1 -> Double.POSITIVE_INFINITY;
      case 2 -> Double.NEGATIVE_INFINITY;
      case 3 -> Float.MIN_VALUE;
      case 4 -> Float.MAX_VALUE;
      default -> any();
    };
  }
}
