package dev.narrow.bench.gpu;

import dev.narrow.bench.gpu.Finding.Measurement;
import dev.narrow.bench.gpu.Finding.Note;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.kernels.cuda.CudaModule;
import dev.narrow.kernels.cuda.DeviceStorage;
import dev.narrow.kernels.cuda.Kernel;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Products on tensor cores beside the vendor's library: out = x wᵀ in fp16, sums in fp32, both
 * operands along the sums. And where x has few rows, beside what the device reads in a second.
 *
 * <p>What would fool it: another product than the one that is claimed, so 64 elements of each
 * result are compared with their exact values; operands that are decoded beforehand, so each run
 * starts from the codes that its name says; numbers that need less power than others, so both have
 * the same random ones; a matrix that a cache holds from the run before, so where memory counts
 * there are several copies of it, used in turns.
 */
final class ProductSpeeds {
  private static final int SAMPLES = 64;

  /** Of fp16 next to a number of LNS8. */
  static final double LNS8_ERROR = 2.9e-4;

  private static final long WORKSPACE = 32 << 20;

  /** Rows of x up to which the bytes of w are what a product takes. */
  private static final int FEW = 64;

  /** Bytes of which no cache of a GPU keeps much. */
  private static final long UNCACHED = 1 << 29;

  private final Bench bench;
  private final Supplier<CublasLibrary> vendor;

  /** Extents of out = x wᵀ. */
  private record Size(int m, int n, int k) {
    static Size cube(int n) {
      return new Size(n, n, n);
    }

    double operations() {
      return 2.0 * m * n * k;
    }

    @Override
    public String toString() {
      return m == n && n == k ? n + "³" : m + " x " + n + " x " + k;
    }
  }

  private ProductSpeeds(Bench bench) {
    this.bench = bench;
    vendor =
        new Supplier<>() {
          private @Nullable CublasLibrary found;

          @Override
          public CublasLibrary get() {
            if (found == null) {
              found = CublasLibrary.find(bench.device());
            }
            return found;
          }
        };
  }

  /** Of matrices about as large in all directions. */
  static List<Task> products(Bench bench) {
    ProductSpeeds speeds = new ProductSpeeds(bench);
    Size large = Size.cube(bench.quick() ? 128 : 8192);
    Size medium = Size.cube(bench.quick() ? 64 : 4096);
    NumericFormat fp16 = Formats.FP16;
    NumericFormat lns8 = Formats.LNS8;
    List<Task> tasks = new ArrayList<>();
    tasks.add(new Task("cuBLAS", speeds::library));
    speeds.add(tasks, "fp16 x fp16", large, fp16, fp16, 0.90);
    speeds.add(tasks, "fp16 x fp16", medium, fp16, fp16, null);
    speeds.add(tasks, "lns8 x lns8", large, lns8, lns8, 0.82);
    speeds.add(tasks, "lns8 x lns8", medium, lns8, lns8, 0.77);
    speeds.add(tasks, "e4m3fn x e4m3fn", large, Formats.E4M3FN, Formats.E4M3FN, null);
    String reused = "lns8 x lns8 decoded before, beside our fp16";
    tasks.add(new Task(reused, () -> speeds.besideOurs(reused, large)));
    tasks.add(new Task("cuBLAS in FP8", () -> speeds.vendorFp8(large)));
    return tasks;
  }

  private void add(
      List<Task> tasks,
      String name,
      Size size,
      NumericFormat x,
      NumericFormat w,
      @Nullable Double share) {
    Goal goal = share == null || bench.quick() ? null : Goal.atLeast(share);
    tasks.add(new Task(name, () -> besideVendor(name, size, x, w, goal)));
  }

  /** Of few rows, and of one as a vector. */
  static List<Task> skinny(Bench bench) {
    ProductSpeeds speeds = new ProductSpeeds(bench);
    List<Task> tasks = new ArrayList<>();
    int[][] matrices =
        bench.quick() ? new int[][] {{128, 512}} : new int[][] {{8192, 8192}, {16384, 65536}};
    for (int[] w : matrices) {
      for (int m : new int[] {1, 4, 16}) {
        Size size = new Size(m, w[0], w[1]);
        String name = m == 1 ? "lns8 matrix x vector" : "fp16 x lns8, " + m + " rows";
        tasks.add(new Task(name, () -> speeds.besideRead(name, size)));
        String beside = name + ", beside cuBLAS in fp16";
        tasks.add(
            new Task(
                beside, () -> speeds.besideVendor(beside, size, Formats.FP16, Formats.LNS8, null)));
      }
    }
    return tasks;
  }

  private Finding library() {
    return new Note("cuBLAS", vendor.get().description());
  }

  /** Operands and results in device memory. */
  private final class Product implements AutoCloseable {
    private final Size size;
    private final NumericFormat xFormat;
    private final NumericFormat wFormat;
    private final CodeMatrix xs;
    private final CodeMatrix ws;
    private final Tensor x;
    private final List<Tensor> w; // copies, used in turns
    private final Tensor out;
    private int turn;
    private final Backend fast = bench.device().fastBackend();

    Product(Size size, NumericFormat xFormat, NumericFormat wFormat) {
      this.size = size;
      this.xFormat = xFormat;
      this.wFormat = wFormat;
      xs = new CodeMatrix(size.m, size.k, 1);
      ws = new CodeMatrix(size.n, size.k, 2);
      x = bench.device().upload(xs.in(xFormat));
      Tensor host = ws.in(wFormat);
      int copies = size.m > FEW ? 1 : Math.clamp(UNCACHED / host.storage().byteSize(), 1, 8);
      w = bench.upload(Collections.nCopies(copies, host));
      out = bench.device().allocate(Formats.FP16, Shape.of(size.m, size.n), Scales.one());
    }

    void run() {
      fast.matmul(
          Matmul.plain(), Matrices.of(x), Matrices.of(nextW()).transposed(), Matrices.of(out));
    }

    Tensor nextW() {
      turn = (turn + 1) % w.size();
      return w.get(turn);
    }

    /**
     * Compares some elements with the exact sums of the format's numbers.
     *
     * @throws IllegalStateException if one is further away than its order of sums, what becomes
     *     fp16, and fp16 as the result's format allow
     */
    void verify(String whose) {
      Tensor result = bench.device().download(out);
      Random random = new Random(3);
      float[] xNumbers = CodeMatrix.numbers(xFormat);
      float[] wNumbers = CodeMatrix.numbers(wFormat);
      double lost = loss(xFormat) + loss(wFormat) * (1 + LNS8_ERROR);
      for (int s = 0; s < SAMPLES; s++) {
        int i = random.nextInt(size.m);
        int j = random.nextInt(size.n);
        double sum = 0;
        double magnitudes = 0;
        for (int k = 0; k < size.k; k++) {
          double term = (double) xNumbers[xs.code(i, k)] * wNumbers[ws.code(j, k)];
          sum += term;
          magnitudes += Math.abs(term);
        }
        double bound =
            (size.k * 0x1p-23 + lost) * magnitudes * (1 + 0x1p-11) + Math.abs(sum) * 0x1p-11;
        double actual = element(result, (long) i * size.n + j);
        if (!(Math.abs(actual - sum) <= bound)) {
          throw new IllegalStateException(
              "%s[%d, %d] = %s, expected %s to within %s"
                  .formatted(whose, i, j, actual, sum, bound));
        }
      }
    }

    @Override
    public void close() {
      bench.free(w);
      bench.free(List.of(x, out));
    }
  }

  private static double loss(NumericFormat format) {
    return format.equals(Formats.LNS8) ? LNS8_ERROR : 0;
  }

  private static float element(Tensor fp16, long index) {
    return Float.float16ToFloat(
        fp16.storage().segment().getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, index));
  }

  private static long address(Tensor tensor) {
    return ((DeviceStorage) tensor.storage()).address();
  }

  private Finding besideVendor(
      String name, Size size, NumericFormat x, NumericFormat w, @Nullable Goal goal) {
    SymbolLookup symbols = vendor.get().symbols();
    try (Product ours = new Product(size, x, w)) {
      if (symbols == null) {
        double[][] seconds = bench.seconds(List.of(ours::run));
        ours.verify("out");
        return measurement(name, size, seconds[0], "cuBLAS fp16", null, goal);
      }
      try (CurrentContext _ = new CurrentContext(bench.device());
          Cublas cublas = new Cublas(symbols, bench.device().stream().handle());
          Product theirs = new Product(size, Formats.FP16, Formats.FP16)) {
        double[][] seconds =
            bench.seconds(
                List.of(
                    ours::run,
                    () ->
                        cublas.multiply(
                            address(theirs.x),
                            address(theirs.nextW()),
                            address(theirs.out),
                            size.m,
                            size.n,
                            size.k)));
        ours.verify("out");
        theirs.verify("cuBLAS's out");
        return measurement(name, size, seconds[0], "cuBLAS fp16", seconds[1], goal);
      }
    }
  }

  private Finding besideOurs(String name, Size size) {
    Goal goal = bench.quick() ? null : Goal.atLeast(0.95);
    try (Product decoded = new Product(size, Formats.LNS8, Formats.FP16);
        Product plain = new Product(size, Formats.FP16, Formats.FP16)) {
      double[][] seconds = bench.seconds(List.of(decoded::run, plain::run));
      decoded.verify("out");
      return measurement(name, size, seconds[0], "our fp16", seconds[1], goal);
    }
  }

  /** Not ours: what FP8 is on this GPU, for those who think that LNS8 competes with it. */
  private Finding vendorFp8(Size size) {
    String name = "cuBLAS in FP8";
    SymbolLookup symbols = vendor.get().symbols();
    if (symbols == null || !CublasFp8.isIn(symbols)) {
      return new Note(name, "left out, there is no cublasLt");
    }
    long stream = bench.device().stream().handle();
    Tensor workspace =
        bench.device().allocate(Formats.E4M3FN, Shape.of((int) WORKSPACE), Scales.one());
    try (CurrentContext _ = new CurrentContext(bench.device());
        Cublas cublas = new Cublas(symbols, stream);
        CublasFp8 fp8 =
            new CublasFp8(symbols, stream, address(workspace), WORKSPACE, size.m, size.n, size.k);
        Product narrow = new Product(size, Formats.E4M3FN, Formats.E4M3FN);
        Product half = new Product(size, Formats.FP16, Formats.FP16)) {
      double[][] seconds =
          bench.seconds(
              List.of(
                  () ->
                      fp8.multiply(address(narrow.x), address(narrow.nextW()), address(narrow.out)),
                  () ->
                      cublas.multiply(
                          address(half.x),
                          address(half.nextW()),
                          address(half.out),
                          size.m,
                          size.n,
                          size.k)));
      return measurement(name, size, seconds[0], "cuBLAS fp16", seconds[1], null);
    } catch (IllegalStateException e) {
      return new Note(name, "left out: " + e.getMessage());
    } finally {
      bench.device().free(workspace);
    }
  }

  private static Measurement measurement(
      String name,
      Size size,
      double[] seconds,
      String peer,
      double @Nullable [] theirs,
      @Nullable Goal goal) {
    double work = size.operations();
    return new Measurement(
        name,
        size.toString(),
        "TFLOP/s",
        Bench.billionsPerSecond(work, seconds) * 1e-3,
        peer,
        theirs == null ? Double.NaN : Bench.billionsPerSecond(work, theirs) * 1e-3,
        theirs == null ? Quartiles.NONE : Bench.share(work, seconds, work, theirs),
        goal);
  }

  /** The bytes of w, read once, beside a kernel that only reads as many. */
  private Finding besideRead(String name, Size size) throws IOException {
    Goal goal = bench.quick() ? null : Goal.atLeast(0.8);
    try (Product product = new Product(size, Formats.FP16, Formats.LNS8);
        CudaModule module = bench.device().load(ptx(), "sample_read.ptx")) {
      Kernel read = module.kernel("sample_read");
      long words = (long) size.n * size.k / 16;
      double[][] seconds =
          bench.seconds(
              List.of(
                  product::run,
                  () ->
                      read.launch(
                          read.gridFor(words, 512),
                          512,
                          0,
                          read.arguments()
                              .add(address(product.nextW()))
                              .add(words)
                              .add(address(product.out)))));
      product.verify("out");
      double bytes = (double) size.n * size.k;
      return new Measurement(
          name,
          size.n + " x " + size.k,
          "GB/s",
          Bench.billionsPerSecond(bytes, seconds[0]),
          "read",
          Bench.billionsPerSecond(bytes, seconds[1]),
          Bench.share(bytes, seconds[0], bytes, seconds[1]),
          goal);
    }
  }

  private static byte[] ptx() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(ProductSpeeds.class.getResourceAsStream("sample_read.ptx"))) {
      return in.readAllBytes();
    }
  }
}
