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
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Products on compute capability 9.0, of fp16, of bf16, and of e4m3fn and e5m2 with one another:
 * gemm_hopper.sm_90a.cu. What it cannot take, or where it fails, is the portable kernel's.
 *
 * <p>Its kernels are proved in the emulator alone, whose models of copies, barriers and warpgroups
 * were written from the same definition as they, so a misreading of it could be in both. Each
 * kernel is therefore looked at before its first product on a device: it must have the bits of the
 * processor where all sums are small integers. If it does not, it is not used, and this is said.
 */
final class HopperGemm {
  static final String MODULE = "gemm_hopper";

  /** Those of gemm_hopper.sm_90a.cu: a tile, threads of a block and its shared memory. */
  private static final int ROWS = 128;

  private static final int COLUMNS_OF_HALVES = 256;
  private static final int COLUMNS_OF_CODES = 128;
  private static final int THREADS = 384;
  private static final int SHARED_BYTES = 218_240;

  private static final int CAPABILITY = 90;

  /** Bytes of a row of a box, in which 16 bytes are exchanged. */
  private static final int LINE = 128;

  /** Bytes of which all places and strides are multiples. */
  private static final int UNIT = 16;

  /** What a kernel's name has for a format, and its CUtensorMapDataType. */
  private record Element(String name, int type) {}

  private static final Map<NumericFormat, Element> ELEMENTS =
      Map.of(
          Formats.FP16, new Element("fp16", CudaContext.TENSOR_MAP_FP16),
          Formats.BF16, new Element("bf16", CudaContext.TENSOR_MAP_BF16),
          Formats.E4M3FN, new Element("e4m3", CudaContext.TENSOR_MAP_BYTES_OF_1),
          Formats.E5M2, new Element("e5m2", CudaContext.TENSOR_MAP_BYTES_OF_1));

  /** Products that a kernel is looked at with: rows, columns, terms, matrices, blocks. */
  private static final int[][] TRIALS = {{256, 256, 256, 1, 1}, {72, 264, 208, 2, 4}};

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
   * @param format of the elements, of one byte or two
   * @param pointer to the first element of their tensor
   */
  record Operand(Matrices matrices, NumericFormat format, long pointer) {
    private int bytes() {
      return Tensor.bytesPerCode(format);
    }

    private Element element() {
      return Objects.requireNonNull(ELEMENTS.get(format));
    }

    /** Rows and columns exchanged. */
    Operand transposed() {
      return new Operand(matrices.transposed(), format, pointer);
    }

    /** Whether terms are neighbours in memory, or else rows are. */
    private boolean isAlongTerms() {
      return isAlong(true);
    }

    private boolean isAlong(boolean isTerms) {
      int extent = isTerms ? matrices.columns() : matrices.rows();
      int stride = isTerms ? matrices.columnStride() : matrices.rowStride();
      return (extent == 1 || stride == 1) && stride(isTerms) > 0 && stride(isTerms) % UNIT == 0;
    }

    /** Bytes from one to the next of the other index; any will do for a single one. */
    private long stride(boolean isTerms) {
      int extent = isTerms ? matrices.rows() : matrices.columns();
      int stride = isTerms ? matrices.rowStride() : matrices.columnStride();
      return extent == 1 ? UNIT : (long) stride * bytes();
    }

    private long step() {
      return hasSteps() ? (long) matrices.step() * bytes() : UNIT;
    }

    private long start() {
      return pointer + (long) matrices.offset() * bytes();
    }

    /** Whether there is more than one matrix. */
    private boolean hasSteps() {
      return matrices.count() > 1 && matrices.step() > 0;
    }

    /** Whether boxes (cuTensorMapEncodeTiled) and products of warpgroups can have it. */
    private boolean fits() {
      return (isAlong(true) || (bytes() == Short.BYTES && isAlong(false)))
          && start() % UNIT == 0
          && step() % UNIT == 0;
    }

    /** The tensor map, of boxes of so many rows if these are not neighbours. */
    private MemorySegment map(CudaContext context, Arena arena, int boxRows) {
      boolean isAlong = isAlongTerms();
      int line = LINE / bytes();
      long[] extents = {
        isAlong ? matrices.columns() : matrices.rows(),
        isAlong ? matrices.rows() : matrices.columns(),
        hasSteps() ? matrices.count() : 1
      };
      long[] strides = {stride(isAlong), step()};
      int[] box = {line, isAlong ? boxRows : line, 1};
      return context.tensorMap(arena, element().type(), start(), extents, strides, box);
    }
  }

  /**
   * Multiplies, if it can.
   *
   * @param a [rows, terms], at least one of each
   * @param b [terms, columns], of the same format, or both are of 8 bits
   * @param product the target, extents, scales and epilogue
   * @return whether it has
   */
  boolean multiply(Operand a, Operand b, Matrices out, KernelStruct product) {
    Operand columns = b.transposed();
    if (device.info().capability() != CAPABILITY || !a.fits() || !columns.fits()) {
      return false;
    }
    String name = name(a, columns);
    if (!isProved(name, a.format(), b.format())) {
      return false;
    }
    long tiles =
        (long) out.count()
            * Math.ceilDiv(out.rows(), ROWS)
            * Math.ceilDiv(out.columns(), columnsOfTile(a));
    int blocks = (int) Math.min(tiles, device.info().multiprocessors());
    launch(name, a, columns, product, 0, blocks);
    return true;
  }

  private static int columnsOfTile(Operand operand) {
    return operand.bytes() == 1 ? COLUMNS_OF_CODES : COLUMNS_OF_HALVES;
  }

  private static String name(Operand a, Operand columns) {
    return "hopper_"
        + a.element().name()
        + (a.bytes() == 1 ? "_" + columns.element().name() : "")
        + (a.isAlongTerms() ? "_k" : "_m")
        + (columns.isAlongTerms() ? "k" : "m");
  }

  /**
   * Launches.
   *
   * @param failure where it says that a wait did not end, or 0: then the context fails
   */
  private void launch(
      String name, Operand a, Operand columns, KernelStruct product, long failure, int blocks) {
    Kernel kernel = device.kernel(MODULE, name);
    product.add(failure).add(a.hasSteps()).add(columns.hasSteps());
    try (Arena arena = Arena.ofConfined()) {
      KernelArguments arguments =
          kernel
              .arguments()
              .add(a.map(device.context(), arena, ROWS))
              .add(columns.map(device.context(), arena, columnsOfTile(a)))
              .add(product.segment());
      kernel.launch(blocks, THREADS, SHARED_BYTES, arguments);
    }
  }

  // The first time

  /** What is wrong with kernels that were looked at; empty if nothing is. */
  Optional<String> fault() {
    return faults.values().stream().filter(fault -> !fault.isEmpty()).findFirst();
  }

  private boolean isProved(String name, NumericFormat a, NumericFormat b) {
    String fault = faults.get(name);
    if (fault == null) {
      if (device.context().isCapturing(device.streamHandle())) {
        return false; // whoever looks must wait
      }
      fault = faults.computeIfAbsent(name, n -> lookAt(n, a, b));
    }
    return fault.isEmpty();
  }

  private String lookAt(String name, NumericFormat a, NumericFormat b) {
    String fault;
    try {
      device.kernel(MODULE, name).allowShared(SHARED_BYTES);
      fault = "";
      for (int[] trial : TRIALS) {
        if (fault.isEmpty()) {
          fault = trial(name, a, b, trial);
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

  private String trial(String name, NumericFormat aFormat, NumericFormat bFormat, int[] trial) {
    Random random = new Random(1);
    boolean isAAlong = name.charAt(name.length() - 2) == 'k';
    boolean isBAlong = name.charAt(name.length() - 1) == 'k';
    Matrices a = integers(random, aFormat, isAAlong, trial[3], trial[0], trial[2]);
    Matrices b = integers(random, bFormat, isBAlong, trial[3], trial[1], trial[2]).transposed();
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
          new Operand(a, aFormat, device.pointer(there.get(0), "a")),
          new Operand(b.transposed(), bFormat, device.pointer(there.get(1), "b")),
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

  /** Integers from -2 to 2: no sum of the products of a trial takes more than 10 bits. */
  private static Matrices integers(
      Random random, NumericFormat format, boolean isAlong, int count, int rows, int columns) {
    float[] values = new float[count * rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextInt(5) - 2;
    }
    Tensor tensor = Quantizer.of(format).quantize(Tensor.of(values, values.length));
    return new Matrices(
        tensor, 0, count, rows * columns, rows, columns, isAlong ? columns : 1, isAlong ? 1 : rows);
  }
}
