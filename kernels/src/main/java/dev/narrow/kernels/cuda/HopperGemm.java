package dev.narrow.kernels.cuda;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Products of fp16 or bf16 on compute capability 9.0: gemm_hopper.sm_90a.cu. What it cannot take,
 * or where it fails, is the portable kernel's.
 *
 * <p>Its kernels are proved in the emulator alone, whose models of copies, barriers and warpgroups
 * were written from the same definition as they, so a misreading of it could be in both. Each
 * kernel is therefore looked at before its first product on a device: it must have the bits of the
 * processor where all sums are small integers. If it does not, it is not used, and this is said.
 */
final class HopperGemm {
  static final String MODULE = "gemm_hopper";

  /** Those of gemm_hopper.sm_90a.cu: a tile, threads of a block and its shared memory. */
  static final int ROWS = 128;

  static final int COLUMNS = 256;
  private static final int THREADS = 384;
  private static final int SHARED_BYTES = 218_176;

  private static final int CAPABILITY = 90;

  /** Elements of a row of a box: 128 bytes, in which their 16 bytes are exchanged. */
  private static final int LINE = 64;

  /** Elements of 16 bytes, of which all places and strides are multiples. */
  private static final int UNIT = 8;

  /** Products that a kernel is looked at with: rows, columns, terms, matrices, blocks. */
  private static final int[][] TRIALS = {{256, 256, 256, 1, 1}, {72, 264, 200, 2, 4}};

  private static final Logger LOG = System.getLogger(HopperGemm.class.getName());

  private final CudaDevice device;

  /** Kernels that were looked at, and what is wrong with them; empty if nothing is. */
  private final Map<String, String> faults = new ConcurrentHashMap<>();

  HopperGemm(CudaDevice device) {
    this.device = device;
  }

  /**
   * An operand.
   *
   * @param matrices [rows or columns of the result, terms]
   * @param pointer to the first element of their tensor
   */
  private record Operand(Matrices matrices, long pointer) {
    /** Whether terms are neighbours in memory, or else rows are. */
    boolean isAlongTerms() {
      return isAlong(true);
    }

    private boolean isAlong(boolean isTerms) {
      int extent = isTerms ? matrices.columns() : matrices.rows();
      int stride = isTerms ? matrices.columnStride() : matrices.rowStride();
      return (extent == 1 || stride == 1) && stride(isTerms) > 0 && stride(isTerms) % UNIT == 0;
    }

    /** Of the other index; any will do for a single one. */
    private long stride(boolean isTerms) {
      int extent = isTerms ? matrices.rows() : matrices.columns();
      return extent == 1 ? UNIT : isTerms ? matrices.rowStride() : matrices.columnStride();
    }

    private long start() {
      return pointer + (long) Short.BYTES * matrices.offset();
    }

    /** Whether there is more than one matrix. */
    boolean hasSteps() {
      return matrices.count() > 1 && matrices.step() > 0;
    }

    /** Whether copies of boxes can have it (cuTensorMapEncodeTiled): at multiples of 16 bytes. */
    boolean fits() {
      return (isAlong(true) || isAlong(false))
          && start() % (Short.BYTES * UNIT) == 0
          && (!hasSteps() || matrices.step() % UNIT == 0);
    }

    /** The tensor map, of boxes of so many rows if these are not neighbours. */
    MemorySegment map(CudaContext context, Arena arena, boolean isBf16, int boxRows) {
      boolean isAlong = isAlongTerms();
      long[] extents = {
        isAlong ? matrices.columns() : matrices.rows(),
        isAlong ? matrices.rows() : matrices.columns(),
        hasSteps() ? matrices.count() : 1
      };
      long[] strides = {
        Short.BYTES * stride(isAlong), Short.BYTES * (long) (hasSteps() ? matrices.step() : UNIT)
      };
      int[] box = {LINE, isAlong ? boxRows : LINE, 1};
      return context.tensorMap(
          arena,
          isBf16 ? CudaContext.TENSOR_MAP_BF16 : CudaContext.TENSOR_MAP_FP16,
          start(),
          extents,
          strides,
          box);
    }
  }

  /**
   * Multiplies, if it can, without a wait.
   *
   * @param a [rows, terms] of fp16 or bf16, at least one of each
   * @param aPointer to the first element of a's tensor
   * @param b [terms, columns] of the same
   * @param bPointer to the first element of b's tensor
   * @param product the target, extents, scales and epilogue
   * @return whether it has
   */
  boolean multiply(
      Matrices a,
      long aPointer,
      Matrices b,
      long bPointer,
      boolean isBf16,
      Matrices out,
      KernelStruct product) {
    Operand left = new Operand(a, aPointer);
    Operand right = new Operand(b.transposed(), bPointer);
    if (device.info().capability() != CAPABILITY || !left.fits() || !right.fits()) {
      return false;
    }
    String name = name(left, right, isBf16);
    if (!isProved(name, isBf16)) {
      return false;
    }
    int blocks = (int) Math.min(tiles(out), device.info().multiprocessors());
    launch(name, left, right, isBf16, product, 0, blocks);
    return true;
  }

  private static String name(Operand left, Operand right, boolean isBf16) {
    return (isBf16 ? "hopper_bf16_" : "hopper_fp16_")
        + (left.isAlongTerms() ? "k" : "m")
        + (right.isAlongTerms() ? "k" : "m");
  }

  private static long tiles(Matrices out) {
    return (long) out.count()
        * Math.ceilDiv(out.rows(), ROWS)
        * Math.ceilDiv(out.columns(), COLUMNS);
  }

  /**
   * Launches.
   *
   * @param failure where it says that a wait did not end, or 0: then the context fails
   */
  private void launch(
      String name,
      Operand left,
      Operand right,
      boolean isBf16,
      KernelStruct product,
      long failure,
      int blocks) {
    Kernel kernel = device.kernel(MODULE, name);
    product.add(failure).add(left.hasSteps()).add(right.hasSteps());
    try (Arena arena = Arena.ofConfined()) {
      KernelArguments arguments =
          kernel
              .arguments()
              .add(left.map(device.context(), arena, isBf16, ROWS))
              .add(right.map(device.context(), arena, isBf16, COLUMNS))
              .add(product.segment());
      kernel.launch(blocks, THREADS, SHARED_BYTES, arguments);
    }
  }

  // The first time

  /** What is wrong with kernels that were looked at; empty if nothing is. */
  Optional<String> fault() {
    return faults.values().stream().filter(fault -> !fault.isEmpty()).findFirst();
  }

  private boolean isProved(String name, boolean isBf16) {
    String fault = faults.get(name);
    if (fault == null) {
      if (device.context().isCapturing(device.streamHandle())) {
        return false; // whoever looks must wait
      }
      fault = faults.computeIfAbsent(name, n -> lookAt(n, isBf16));
    }
    return fault.isEmpty();
  }

  private String lookAt(String name, boolean isBf16) {
    String fault;
    try {
      device.kernel(MODULE, name).allowShared(SHARED_BYTES);
      fault = "";
      for (int[] trial : TRIALS) {
        if (fault.isEmpty()) {
          fault = trial(name, isBf16, trial);
        }
      }
    } catch (IllegalArgumentException | CudaException e) {
      fault = String.valueOf(e.getMessage());
    }
    if (!fault.isEmpty()) {
      fault = name + ": " + fault;
      LOG.log(Level.WARNING, "{0}: the portable kernel is used in its place, {1}", device, fault);
    }
    return fault;
  }

  private String trial(String name, boolean isBf16, int[] trial) {
    Random random = new Random(1);
    NumericFormat format = isBf16 ? Formats.BF16 : Formats.FP16;
    boolean isAAlong = name.charAt(name.length() - 2) == 'k';
    boolean isBAlong = name.charAt(name.length() - 1) == 'k';
    Matrices a = integers(random, format, isAAlong, trial[3], trial[0], trial[2]);
    Matrices b = integers(random, format, isBAlong, trial[3], trial[1], trial[2]).transposed();
    Tensor expected = Tensor.zeros(trial[3], trial[0], trial[1]);
    Backend.cpu().matmul(Matmul.plain(), a, b, Matrices.of(expected));
    List<Tensor> there = new ArrayList<>();
    try (DeviceScratch failure = device.scratch(Integer.BYTES)) {
      device.clear(failure.pointer(), Integer.BYTES);
      for (Tensor tensor : List.of(a.tensor(), b.tensor(), Tensor.zeros(expected.shape().dims()))) {
        there.add(device.upload(tensor));
      }
      Matrices out = Matrices.of(there.get(2));
      KernelStruct product = new KernelStruct();
      CudaProducts.addView(product, device.pointer(out.tensor(), "out"), out, Float.BYTES);
      product.add(1f).add(0); // of float32
      FloatProduct.addExtents(product, a, out);
      product.add(0L).add(0L).add(1f).add(0); // no scales
      CudaProducts.addEpilogue(product, Matmul.plain(), null);
      launch(
          name,
          new Operand(a, device.pointer(there.get(0), "a")),
          new Operand(b.transposed(), device.pointer(there.get(1), "b")),
          isBf16,
          product,
          failure.pointer(),
          trial[4]);
      int[] failed = new int[1];
      device.copyToHost(failure.pointer(), MemorySegment.ofArray(failed));
      if (failed[0] != 0) {
        return "a wait did not end";
      }
      boolean isSame = Arrays.equals(expected.toFloats(), device.download(out.tensor()).toFloats());
      return isSame
          ? ""
          : "a product of %dx%d and %dx%d is wrong"
              .formatted(trial[0], trial[2], trial[2], trial[1]);
    } finally {
      there.forEach(device::free);
    }
  }

  /** Integers from -4 to 4, of which 2^20 products have an exact sum. */
  private static Matrices integers(
      Random random, NumericFormat format, boolean isAlong, int count, int rows, int columns) {
    float[] values = new float[count * rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextInt(9) - 4;
    }
    Tensor tensor = Quantizer.of(format).quantize(Tensor.of(values, values.length));
    return new Matrices(
        tensor, 0, count, rows * columns, rows, columns, isAlong ? columns : 1, isAlong ? 1 : rows);
  }
}
