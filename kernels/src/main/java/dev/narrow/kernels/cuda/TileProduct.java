package dev.narrow.kernels.cuda;

import dev.narrow.kernels.Accumulator;
import java.lang.foreign.MemorySegment;

/**
 * Launches products of float32 numbers that are found one by one, with the bits of the processor:
 * the kernels that tiles.cuh makes of a problem, for those accumulators that {@link FloatProduct}
 * takes.
 *
 * @param module where they are
 * @param name that of the problem, with which those of its kernels begin
 * @param rows of each of its matrices
 * @param tiles how many tiles of an extent it has
 */
record TileProduct(String module, String name, long rows, Tiles tiles) {
  /** The shared memory of a block has so many columns of a result, but for exact sums. */
  private static final int WIDTH = 128;

  private static final int SMALL = 32;
  private static final int SQUARE = 64;

  /** Threads of a block, and those where each makes an exact sum of its own. */
  private static final int THREADS = 256;

  private static final int WIDE_THREADS = 64;

  /** How many tiles there are. */
  @FunctionalInterface
  interface Tiles {
    /** Of so many rows and columns each. */
    long count(int height, int width);
  }

  /**
   * Sums up.
   *
   * @param problem the structure that the kernels take
   * @param a where the bits of the first factors lie
   * @param b those of the second factors
   * @param terms the most that a sum has
   */
  void launch(Gpu gpu, MemorySegment problem, NumberRange a, NumberRange b, int terms) {
    KernelStruct units = new KernelStruct();
    switch (gpu.accumulator()) {
      case Accumulator.Fp64 _ -> launch(gpu, "f64", SQUARE, SQUARE, problem, none(units));
      case Accumulator.Exact _ -> {
        if (a.fits64(b, terms)) {
          int unit = a.unit().orElseThrow() + b.unit().orElseThrow();
          units.add(a.perUnit()).add(0).add(b.perUnit()).add(0).add(unit, 0);
          launch(gpu, "exact_64", SQUARE, SQUARE, problem, units);
        } else if (a.fits128(b, terms)) {
          int unit = a.leastField() + b.leastField() - 2 * NumberRange.FIELD_OF_UNIT;
          units.add(0, a.leastField(), 0, b.leastField(), unit, 0);
          launch(gpu, "exact_128", SMALL, SMALL, problem, units);
        } else {
          launchWide(gpu, problem, none(units));
        }
      }
      default -> {
        int height = rows <= 16 ? 16 : rows <= 32 ? 32 : 64;
        boolean fills = tiles.count(height, WIDTH) >= gpu.device().info().multiprocessors();
        launch(
            gpu,
            fills ? "f32_" + height : "f32_small",
            fills ? height : SMALL,
            fills ? WIDTH : SMALL,
            problem,
            none(units));
      }
    }
  }

  private static KernelStruct none(KernelStruct units) {
    return units.add(0, 0, 0, 0, 0, 0);
  }

  private void launch(
      Gpu gpu, String sum, int height, int width, MemorySegment problem, KernelStruct units) {
    Kernel kernel = gpu.kernel(module, name + "_" + sum);
    kernel.launch(
        kernel.gridFor(tiles.count(height, width), 1),
        THREADS,
        0,
        kernel.arguments().add(problem).add(units.segment()));
  }

  private void launchWide(Gpu gpu, MemorySegment problem, KernelStruct units) {
    Kernel kernel = gpu.kernel(module, name + "_exact_wide");
    kernel.launch(
        kernel.gridFor(tiles.count(1, 1), WIDE_THREADS),
        WIDE_THREADS,
        0,
        kernel.arguments().add(problem).add(units.segment()));
  }
}
