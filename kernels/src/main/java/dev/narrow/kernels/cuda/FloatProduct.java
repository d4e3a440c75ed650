package dev.narrow.kernels.cuda;

import dev.narrow.kernels.Accumulator;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** Products of matrices as float32 numbers, with the bits of the processor: products.cu. */
final class FloatProduct {
  static final String MODULE = "products";

  /** Threads of a block that computes a tile. */
  private static final int THREADS = 256;

  /** Rows and columns of a tile: in float32, of little products, in float64, in 64 and 128 bits. */
  private static final int TILE = 128;

  private static final int SMALL_TILE = 32;
  private static final int TILE_64 = 64;

  /** Threads of a block where each makes a sum of its own, and how many blocks there may be. */
  private static final int WIDE_THREADS = 64;

  private FloatProduct() {}

  /** Whether there are kernels for an accumulator. */
  static boolean takes(Accumulator accumulator) {
    return accumulator instanceof Accumulator.Fp32
        || accumulator instanceof Accumulator.Fp64
        || accumulator instanceof Accumulator.Exact;
  }

  /** For operands that were checked, and a result that has elements. */
  static void multiply(Gpu gpu, Matmul how, Matrices a, Matrices b, Matrices out) {
    try (DeviceValues left = DeviceValues.read(gpu, a.tensor(), "a");
        DeviceValues right = DeviceValues.read(gpu, b.tensor(), "b");
        DeviceValues bias = bias(gpu, how);
        DeviceValues target =
            how.beta() == 0
                ? DeviceValues.write(gpu, out.tensor(), "out")
                : DeviceValues.update(gpu, out.tensor(), "out")) {
      KernelStruct product = new KernelStruct();
      CudaProducts.addView(product, left.pointer(), a, Float.BYTES);
      CudaProducts.addView(product, right.pointer(), b, Float.BYTES);
      CudaProducts.addView(product, target.pointer(), out, Float.BYTES);
      addExtents(product, a, out);
      CudaProducts.addEpilogue(product, how, bias);
      if (gpu.accumulator() instanceof Accumulator.Exact) {
        launchExact(gpu, a, b, out, product);
      } else {
        launchOrdered(gpu, out, product);
      }
      target.store();
    }
  }

  /** Adds the fields of Extents. */
  static void addExtents(KernelStruct struct, Matrices a, Matrices out) {
    struct
        .add((long) out.count())
        .add((long) out.rows())
        .add((long) out.columns())
        .add((long) a.columns());
  }

  private static void launchOrdered(Gpu gpu, Matrices out, KernelStruct product) {
    if (gpu.accumulator() instanceof Accumulator.Fp64) {
      launch(gpu, "matmul_f64", out, TILE_64, product);
      return;
    }
    boolean fills = tiles(out, TILE) >= gpu.device().info().multiprocessors();
    launch(gpu, fills ? "matmul_f32" : "matmul_small_f32", out, fills ? TILE : SMALL_TILE, product);
  }

  private static void launchExact(
      Gpu gpu, Matrices a, Matrices b, Matrices out, KernelStruct product) {
    NumberRange left = NumberRange.of(gpu.device(), a.tensor());
    NumberRange right = NumberRange.of(gpu.device(), b.tensor());
    if (left.fits64(right, a.columns())) {
      int unit = left.unit().orElseThrow() + right.unit().orElseThrow();
      product.add(left.perUnit()).add(0).add(right.perUnit()).add(0).add(unit, 0);
      launch(gpu, "matmul_exact_64", out, TILE_64, product);
    } else if (left.fits128(right, a.columns())) {
      int unit = left.leastField() + right.leastField() - 2 * NumberRange.FIELD_OF_UNIT;
      product.add(0, left.leastField(), 0, right.leastField(), unit, 0);
      launch(gpu, "matmul_exact_128", out, SMALL_TILE, product);
    } else {
      Kernel kernel = gpu.kernel(MODULE, "matmul_exact_wide");
      long sums = (long) out.count() * out.rows() * out.columns();
      kernel.launch(
          kernel.gridFor(sums, WIDE_THREADS),
          WIDE_THREADS,
          0,
          kernel.arguments().add(product.segment()));
    }
  }

  private static void launch(Gpu gpu, String name, Matrices out, int tile, KernelStruct product) {
    Kernel kernel = gpu.kernel(MODULE, name);
    kernel.launch(
        kernel.gridFor(tiles(out, tile), 1), THREADS, 0, kernel.arguments().add(product.segment()));
  }

  static long tiles(Matrices out, int tile) {
    return (long) out.count() * Math.ceilDiv(out.rows(), tile) * Math.ceilDiv(out.columns(), tile);
  }

  static @Nullable DeviceValues bias(Gpu gpu, Matmul how) {
    Tensor bias = how.bias().orElse(null);
    return bias == null ? null : DeviceValues.read(gpu, bias, "bias");
  }
}
