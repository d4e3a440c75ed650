package dev.narrow.kernels.cuda;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Division;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.ref.Reference;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Products on tensor cores, of fp16 and 8-bit codes in any pairing, and of bf16 with bf16: gemm.cu
 * and skinny.cu.
 *
 * <p>8-bit codes become fp16. A scale of the whole tensor, or one for each row of a or column of b,
 * is a factor of the sum. Under other scales the numbers themselves are rounded to fp16, relative
 * to a power of two with which the largest of them fits.
 */
final class TensorCoreProduct {
  private static final String MODULE = "gemm";
  private static final int THREADS = 256;
  private static final int TILE = 128;

  private static final String SKINNY = "skinny";

  /** Rows or columns up to which a product is bound by the memory of the large matrix. */
  private static final int FEW = 64;

  /** The same where the large matrix does not lie along k. */
  private static final int FEW_ACROSS = 16;

  /** Rows of the large matrix that a block has, and terms that it takes at a time: skinny.cu. */
  private static final long SKINNY_ROWS = 128;

  private static final long SKINNY_TERMS = 128;

  /** Blocks that fill any device, and terms that are worth a sum that is written and read. */
  private static final long SKINNY_BLOCKS = 1024;

  private static final long SKINNY_TERMS_OF_A_SUM = 32;

  /** Compute capability, times 10, from which bf16 is multiplied. */
  private static final int BF16_CAPABILITY = 80;

  /** From so many rows and columns on codes are decoded once, instead of with each tile. */
  private static final int UNPACKED_FROM = 512;

  /** Rows, columns and terms from which on the kernel of compute capability 9.0 is used. */
  private static final int HOPPER_FROM = 128;

  private static final int HOPPER_TERMS = 64;

  /** Codes that a thread decodes at a time. */
  private static final int CODES = 16;

  /** Those of matrices.cuh. */
  private enum Kind {
    FP32(0, 4, 0, ""),
    FP16(1, 2, 0, ""),
    BF16(2, 2, 0, ""),
    E4M3(3, 1, 8, "unpack_e4m3"),
    E5M2(4, 1, 0, "unpack_e5m2"),
    LNS8(5, 1, -1, "unpack_lns8");

    private static final Map<NumericFormat, Kind> OF =
        Map.of(
            Formats.FP32, FP32,
            Formats.FP16, FP16,
            Formats.BF16, BF16,
            Formats.E4M3FN, E4M3,
            Formats.E5M2, E5M2,
            Formats.LNS8, LNS8);

    final int number;
    final int bytes;

    /** log2 of how much more a number is than what decoding gives. */
    final int exponent;

    final String unpack;

    Kind(int number, int bytes, int exponent, String unpack) {
      this.number = number;
      this.bytes = bytes;
      this.exponent = exponent;
      this.unpack = unpack;
    }

    static @Nullable Kind of(NumericFormat format) {
      return OF.get(format);
    }

    boolean isCode() {
      return bytes == 1;
    }

    boolean isFp8() {
      return this == E4M3 || this == E5M2;
    }

    NumericFormat format() {
      return switch (this) {
        case FP32 -> Formats.FP32;
        case FP16 -> Formats.FP16;
        case BF16 -> Formats.BF16;
        case E4M3 -> Formats.E4M3FN;
        case E5M2 -> Formats.E5M2;
        case LNS8 -> Formats.LNS8;
      };
    }
  }

  /** An operand as the kernels take it. */
  private static final class Side implements AutoCloseable {
    private final Matrices matrices;
    private Kind kind;
    private long pointer;
    private float factor;
    private long vector; // of factors, on the device; 0 if there is none
    private boolean isSingle; // the vector is one factor for all
    private @Nullable DeviceStorage unit;
    private @Nullable DeviceScratch halves;
    private @Nullable Tensor rounded;
    private final CudaDevice device;

    Side(CudaDevice device, Matrices matrices, Kind kind, String name) {
      this.device = device;
      this.matrices = matrices;
      this.kind = kind;
      pointer = device.pointer(matrices.tensor(), name);
      factor = Math.scalb(1f, kind.exponent);
    }

    /** Whether k, of which this is the index, runs along neighbours in memory. */
    static boolean isAlong(int stride, int otherStride) {
      return stride == 1 || otherStride != 1;
    }

    /** Decodes all codes beforehand. */
    void unpack() {
      long n = matrices.tensor().shape().size();
      halves = device.scratch(n * Short.BYTES);
      Kernel kernel = device.kernel(MODULE, kind.unpack);
      kernel.launch(
          kernel.gridFor(Math.ceilDiv(n, (long) CODES), THREADS),
          THREADS,
          0,
          kernel.arguments().add(pointer).add(halves.pointer()).add(n));
      pointer = halves.pointer();
      kind = Kind.FP16;
    }

    @Override
    public void close() {
      try {
        if (halves != null) {
          halves.close();
        }
        if (rounded != null) {
          device.free(rounded);
        }
        if (unit != null) {
          unit.close();
        }
      } finally {
        Reference.reachabilityFence(matrices); // kernels that read its scales are launched
      }
    }
  }

  private final Gpu gpu;
  private final Matmul how;
  private final Matrices out;

  private TensorCoreProduct(Gpu gpu, Matmul how, Matrices out) {
    this.gpu = gpu;
    this.how = how;
    this.out = out;
  }

  /**
   * Multiplies, if tensor cores can.
   *
   * @return whether it has
   */
  static boolean multiply(Gpu gpu, Matmul how, Matrices a, Matrices b, Matrices out) {
    Kind left = kind(a.tensor());
    Kind right = kind(b.tensor());
    int capability = 10 * gpu.device().info().major() + gpu.device().info().minor();
    boolean isBf16 = left == Kind.BF16 && right == Kind.BF16 && capability >= BF16_CAPABILITY;
    if (left == null
        || right == null
        || (!isBf16 && (left == Kind.BF16 || right == Kind.BF16))
        || (isBf16 && !(isFactor(a, 0) && isFactor(b, 1)))
        || a.columns() == 0) {
      return false;
    }
    return new TensorCoreProduct(gpu, how, out).multiply(a, left, b, right);
  }

  /** What tensor cores can multiply, or null. */
  private static @Nullable Kind kind(Tensor tensor) {
    Kind kind = Kind.of(tensor.format());
    boolean isPlain = tensor.rotation().isEmpty() && !tensor.scales().hasZeroPoints();
    return kind == Kind.FP32 || !isPlain ? null : kind;
  }

  private boolean multiply(Matrices a, Kind aKind, Matrices b, Kind bKind) {
    try (Side left = side(a, aKind, "a", 0);
        Side right = side(b, bKind, "b", 1)) {
      float both = (float) ((double) left.factor * right.factor);
      if (!(both >= Float.MIN_NORMAL && both <= Float.MAX_VALUE)) {
        return false;
      }
      if (isSkinny(a, left, b, right)) {
        multiplySkinny(left, right, both);
        return true;
      }
      boolean isLarge = Math.min(out.rows(), out.columns()) >= UNPACKED_FROM;
      try (Output output = new Output();
          DeviceValues bias = FloatProduct.bias(gpu, how)) {
        boolean done = multiplyOnHopper(a, left, b, right, both, output, bias);
        if (!done && isLarge && (left.kind.isCode() || right.kind.isCode())) {
          for (Side side : new Side[] {left, right}) {
            if (side.kind.isCode()) {
              side.unpack();
            }
          }
          done = multiplyOnHopper(a, left, b, right, both, output, bias);
        }
        if (!done) {
          multiplyAnywhere(a, left, b, right, both, output, bias);
        }
        output.store();
      }
      return true;
    }
  }

  private boolean multiplyOnHopper(
      Matrices a,
      Side left,
      Matrices b,
      Side right,
      float both,
      Output output,
      @Nullable DeviceValues bias) {
    boolean isFp8 = left.kind.isFp8() && right.kind.isFp8();
    if (!(isFp8 || (left.kind == right.kind && !left.kind.isCode()))
        || Math.min(out.rows(), out.columns()) < HOPPER_FROM
        || a.columns() < HOPPER_TERMS) {
      return false;
    }
    int exponent = isFp8 ? -left.kind.exponent - right.kind.exponent : 0; // they are not decoded
    KernelStruct product = new KernelStruct();
    output.add(product);
    FloatProduct.addExtents(product, a, out);
    addScales(product, left, right, Math.scalb(both, exponent));
    CudaProducts.addEpilogue(product, how, bias);
    return gpu.device()
        .hopperGemm()
        .multiply(
            new HopperGemm.Operand(a, left.kind.format(), left.pointer),
            new HopperGemm.Operand(b, right.kind.format(), right.pointer),
            out,
            product);
  }

  private void multiplyAnywhere(
      Matrices a,
      Side left,
      Matrices b,
      Side right,
      float both,
      Output output,
      @Nullable DeviceValues bias) {
    String name =
        left.kind == Kind.BF16
            ? "gemm_bf16"
            : left.kind.isCode() || right.kind.isCode() ? "gemm_codes" : "gemm_fp16";
    name += Side.isAlong(a.columnStride(), a.rowStride()) ? "_k" : "_m";
    name += Side.isAlong(b.rowStride(), b.columnStride()) ? "k" : "m";
    Kernel kernel = gpu.kernel(MODULE, name);
    KernelStruct product = new KernelStruct();
    CudaProducts.addView(product, left.pointer, left.matrices, left.kind.bytes);
    CudaProducts.addView(product, right.pointer, right.matrices, right.kind.bytes);
    output.add(product);
    FloatProduct.addExtents(product, a, out);
    addScales(product, left, right, both);
    CudaProducts.addEpilogue(product, how, bias);
    product.add(left.kind.number, right.kind.number);
    kernel.launch(
        kernel.gridFor(FloatProduct.tiles(out, TILE), 1),
        THREADS,
        0,
        kernel.arguments().add(product.segment()));
  }

  private static void addScales(KernelStruct struct, Side left, Side right, float both) {
    struct
        .add(left.vector)
        .add(right.vector)
        .add(both)
        .add((left.isSingle ? 1 : 0) + (right.isSingle ? 2 : 0));
  }

  // Few rows or columns

  private static boolean isLargeLeft(Matrices out) {
    return out.rows() >= out.columns();
  }

  /**
   * Whether there are few rows or columns, and the large matrix has neighbours for neighbours. The
   * small one is decoded as a whole: it must not be a little part of its tensor.
   */
  private boolean isSkinny(Matrices a, Side left, Matrices b, Side right) {
    Side few = isLargeLeft(out) ? right : left;
    long fewSize = (long) few.matrices.rows() * few.matrices.columns();
    Matrices large = isLargeLeft(out) ? a : b.transposed(); // [outer, k]
    int most = large.columnStride() == 1 ? FEW : large.rowStride() == 1 ? FEW_ACROSS : 0;
    return out.count() == 1
        && Math.min(out.rows(), out.columns()) <= most
        && left.kind != Kind.BF16
        && (!few.kind.isCode() || few.matrices.tensor().shape().size() <= 2 * fewSize);
  }

  private void multiplySkinny(Side left, Side right, float both) {
    CudaDevice device = gpu.device();
    boolean isLargeLeft = isLargeLeft(out);
    Side large = isLargeLeft ? left : right;
    Side few = isLargeLeft ? right : left;
    if (few.kind.isCode()) {
      few.unpack();
    }
    long outer = isLargeLeft ? out.rows() : out.columns();
    long fewOuter = isLargeLeft ? out.columns() : out.rows();
    Matrices wide = isLargeLeft ? large.matrices : large.matrices.transposed(); // [outer, k]
    Matrices narrow = isLargeLeft ? few.matrices.transposed() : few.matrices;
    long terms = wide.columns();
    long length = partLength(outer, fewOuter, terms);
    long parts = Math.ceilDiv(terms, length);
    boolean isAlong = wide.columnStride() == 1;
    String size = fewOuter <= 8 ? "_8" : fewOuter <= 16 ? "_16" : "_64";
    Kernel part =
        device.kernel(
            SKINNY,
            (isAlong ? "skinny_" : "skinny_across_")
                + large.kind.name().toLowerCase(Locale.ROOT)
                + size);
    Kernel sum = device.kernel(SKINNY, "skinny_sum");
    try (DeviceScratch sums = device.scratch(parts * outer * fewOuter * Float.BYTES);
        Output output = new Output();
        DeviceValues bias = FloatProduct.bias(gpu, how)) {
      KernelStruct product = new KernelStruct();
      product
          .add(large.pointer + (long) wide.offset() * large.kind.bytes)
          .add(outer)
          .add(terms)
          .add((long) (isAlong ? wide.rowStride() : wide.columnStride()))
          .add(few.pointer + (long) narrow.offset() * few.kind.bytes)
          .add(fewOuter)
          .add((long) narrow.rowStride())
          .add((long) narrow.columnStride())
          .add(sums.pointer())
          .add(length);
      part.launch(
          part.gridFor(Math.ceilDiv(outer, SKINNY_ROWS) * parts, 1),
          THREADS,
          0,
          part.arguments().add(product.segment()));
      KernelStruct whole = new KernelStruct();
      whole.add(sums.pointer()).add(parts).add(outer).add(fewOuter);
      output.add(whole);
      addScales(whole, left, right, both);
      CudaProducts.addEpilogue(whole, how, bias);
      whole.add(isLargeLeft).add(0);
      sum.launch(
          sum.gridFor(outer * fewOuter, THREADS), THREADS, 0, sum.arguments().add(whole.segment()));
      output.store();
    }
  }

  /**
   * Terms of a sum that are added up at a time: so many that there are blocks enough for any
   * device, but not so few that the sums of the parts are much beside the matrix itself. It depends
   * on the extents alone, and with it the bits.
   */
  static long partLength(long outer, long fewOuter, long terms) {
    long wanted = Math.ceilDiv(SKINNY_BLOCKS, Math.ceilDiv(outer, SKINNY_ROWS));
    long most = Math.max(1, terms / (SKINNY_TERMS_OF_A_SUM * fewOuter));
    long parts = Math.min(wanted, most);
    return Math.ceilDiv(Math.ceilDiv(terms, parts), SKINNY_TERMS) * SKINNY_TERMS;
  }

  /**
   * An operand with its scales seen to.
   *
   * @param axis of a matrix that is not summed over
   */
  private Side side(Matrices matrices, Kind kind, String name, int axis) {
    CudaDevice device = gpu.device();
    Tensor tensor = matrices.tensor();
    CastScales.Factors factors = device.castScales().factors(tensor.scales());
    if (factors.scales() != 0 && !isFactor(matrices, axis)) {
      return rounded(matrices, factors, name);
    }
    Side side = new Side(device, matrices, kind, name);
    side.factor *= factors.one();
    side.isSingle = factors.scales() == 0 && factors.outer() != 0;
    side.vector = side.isSingle ? factors.outer() : factors.scales();
    return side;
  }

  /**
   * Whether scales are a factor of the sum: there is one level of them, and it is one, or one for
   * each index of an axis of a single matrix that is the whole tensor.
   */
  private static boolean isFactor(Matrices matrices, int axis) {
    Shape shape = matrices.tensor().shape();
    if (matrices.tensor().scales().outer().isPresent()) {
      return false;
    }
    if (matrices.tensor().scales().count() == 1) {
      return true;
    }
    if (shape.rank() != 2
        || !(matrices.tensor().scales().granularity() instanceof Granularity.PerAxis(int scaled))) {
      return false;
    }
    boolean isStraight =
        matrices.rows() == shape.dim(0)
            && matrices.columns() == shape.dim(1)
            && matrices.rowStride() == shape.dim(1)
            && matrices.columnStride() == 1;
    boolean isTransposed =
        matrices.rows() == shape.dim(1)
            && matrices.columns() == shape.dim(0)
            && matrices.rowStride() == 1
            && matrices.columnStride() == shape.dim(1);
    int along = shape.axis(scaled);
    return matrices.count() == 1
        && matrices.offset() == 0
        && ((isStraight && along == axis) || (isTransposed && along == 1 - axis));
  }

  /** The numbers under their scales, as fp16 under one. */
  private Side rounded(Matrices matrices, CastScales.Factors factors, String name) {
    CudaDevice device = gpu.device();
    Tensor tensor = matrices.tensor();
    DeviceStorage memory = device.storage(CastScales.bytes(1), "the unit of an operand");
    Tensor halves;
    try {
      Scales unit = new CastLauncher(device).unit(tensor, factors, memory);
      halves = device.allocate(Formats.FP16, tensor.shape(), unit);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
    try (DeviceValues values = DeviceValues.read(gpu, tensor, name)) {
      values.encode(Quantizer.of(Formats.FP16), halves);
    } catch (RuntimeException | Error e) {
      device.free(halves);
      memory.close();
      throw e;
    }
    Side side = new Side(device, matrices.in(halves), Kind.FP16, name);
    side.rounded = halves;
    side.unit = memory;
    side.vector = memory.address();
    side.isSingle = true;
    return side;
  }

  /** The result: written by the kernel as what it is, or as float32 that is encoded afterwards. */
  private final class Output implements AutoCloseable {
    private final Kind kind;
    private final long pointer;
    private final float divisor;
    private final @Nullable DeviceValues values;

    Output() {
      Tensor tensor = out.tensor();
      Kind same = Kind.of(tensor.format());
      Quantizer quantizer = Arguments.quantizer(tensor);
      boolean isDirect =
          same != null
              && !gpu.device().castScales().areUnread(tensor.scales())
              && tensor.scales().count() == 1
              && !tensor.scales().hasZeroPoints()
              && (tensor.isFp32()
                  || (same != Kind.FP32
                      && quantizer.division() == Division.QUOTIENT
                      && quantizer.scaleRule() != ScaleRule.MIN_TO_MAX
                      && quantizer.projection().equals(tensor.format().defaultProjection())));
      if (isDirect) {
        float scale = tensor.scales().get(0);
        kind = Objects.requireNonNull(same);
        pointer = gpu.device().pointer(tensor, "out");
        divisor = scale == 0 ? Float.POSITIVE_INFINITY : scale;
        values = null;
      } else {
        kind = Kind.FP32;
        divisor = 1;
        values =
            how.beta() == 0
                ? DeviceValues.write(gpu, tensor, "out")
                : DeviceValues.update(gpu, tensor, "out");
        pointer = values.pointer();
      }
    }

    /** Adds the fields of a Target. */
    void add(KernelStruct struct) {
      CudaProducts.addView(struct, pointer, out, kind.bytes);
      struct.add(divisor).add(kind.number);
    }

    void store() {
      if (values != null) {
        values.store();
      }
    }

    @Override
    public void close() {
      if (values != null) {
        values.close();
      }
    }
  }
}
