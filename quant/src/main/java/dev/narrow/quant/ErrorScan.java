package dev.narrow.quant;

import dev.narrow.formats.Codec;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One pass over a tensor before and after quantization, a chunk at a time. Chunks begin at
 * multiples of {@link ErrorChunk#SIZE} elements, wherever blocks and rows do.
 */
final class ErrorScan {
  private static final Projection SATURATED =
      new Projection(Rounding.NEAREST_EVEN, Saturation.OCP_SAT);

  private static final Map<NumericFormat, Bounds> BOUNDS = new ConcurrentHashMap<>();

  private final Shape shape;
  private final MemorySegment reference;
  private final MemorySegment quantized;
  private final boolean isFake;
  private final Scales scales;
  private final float[] divisors;
  private final DecodedCodes codes;
  private final BlockKernels blocks = BlockKernels.get();
  private final ErrorKernels kernels = blocks.errors();
  private final ErrorChunk chunk;
  private final ErrorSums sums = new ErrorSums();
  private final OctaveCounter octaves = new OctaveCounter();
  private boolean undefinedFactors;
  private int filled;

  /**
   * What is done with a chunk. Called at one place, they are not inlined there: the vector code of
   * all of them in one method would exceed the compiler's budget of nodes, and each vector of what
   * is beyond it be an object.
   */
  private final Step[] steps = {
    kernels::octaves,
    this::countOctaves,
    this::countUndefined,
    kernels::moments,
    kernels::ratios,
    this::countSaturated
  };

  @FunctionalInterface
  private interface Step {
    void take(ErrorChunk chunk, int n);
  }

  /**
   * Prepares a pass.
   *
   * @param isFake whether {@code quantized} holds the values after quantization, not codes
   * @param codec of the format that the values are numbers of, or the codes
   * @param scales which fit the shape
   */
  ErrorScan(Tensor reference, Tensor quantized, boolean isFake, Codec codec, Scales scales) {
    this.shape = reference.shape();
    this.reference = floats(reference);
    this.quantized = isFake ? floats(quantized) : quantized.storage().segment();
    this.isFake = isFake;
    this.scales = scales;
    this.divisors = scales.factors().clone();
    for (int i = 0; i < divisors.length; i++) {
      divisors[i] = divisors[i] == 0 ? Float.NaN : divisors[i];
      undefinedFactors |= Float.isNaN(divisors[i]);
    }
    int size = Math.min(ErrorChunk.SIZE, shape.size());
    this.codes = new DecodedCodes(codec, size);
    Bounds bounds = BOUNDS.computeIfAbsent(codec.format(), Bounds::of);
    this.chunk = new ErrorChunk(size, bounds.lowest, bounds.highest, bounds.minNormal);
  }

  private static MemorySegment floats(Tensor tensor) {
    return tensor.isFp32() ? tensor.storage().segment() : MemorySegment.ofArray(tensor.toFloats());
  }

  /**
   * What of a format decides on saturation and subnormal numbers: some microseconds to find.
   *
   * @param lowest half an ulp below the lowest value; below zero, where the lowest is not negative
   * @param highest half an ulp above the largest value
   * @param minNormal the smallest normal number
   */
  private record Bounds(float lowest, float highest, float minNormal) {
    static Bounds of(NumericFormat format) {
      int top = format.encode(Double.MAX_VALUE, SATURATED);
      int bottom = format.encode(-Double.MAX_VALUE, SATURATED);
      double lowest = format.decodeDouble(bottom);
      return new Bounds(
          lowest < 0
              ? (float) (lowest - format.ulp(bottom) / 2)
              : (float) -format.limits().minPositive() / 2,
          (float) (format.decodeDouble(top) + format.ulp(top) / 2),
          (float) format.limits().minNormal());
    }
  }

  /** Looks at all elements. */
  QuantizationError run() {
    scales.granularity().forEach(shape, this::take);
    sums.flushed = octaves.flushed();
    return new QuantizationError(sums, octaves.before(), octaves.after());
  }

  private void take(int from, int n, int first, int block) {
    for (int done = 0; done < n; ) {
      if (filled == 0) {
        load(from + done);
      }
      int room = Math.min(n - done, chunk.size - filled);
      int inBlock = done % block;
      int whole = room / block * block;
      if (inBlock == 0 && whole > 0) {
        scale(whole, first + done / block, block);
        done += whole;
      } else { // a block that begins in the last chunk or ends in the next, or a short last one
        int part = Math.min(room, block - inBlock);
        scale(part, first + done / block, part);
        done += part;
      }
      if (filled == chunk.size || from + done == shape.size()) {
        finish();
      }
    }
  }

  /** Fills the chunk with all but what depends on the scales. */
  private void load(int from) {
    int n = Math.min(chunk.size, shape.size() - from);
    MemorySegment.copy(reference, ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * from, chunk.before, 0, n);
    if (isFake) {
      MemorySegment.copy(quantized, ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * from, chunk.after, 0, n);
    } else {
      codes.decode(quantized, from, n, chunk.decoded, chunk.ulps);
    }
  }

  /** Goes on by n elements, of which element i has the scale first + i / block. */
  private void scale(int n, int first, int block) {
    blocks.divide(chunk.before, filled, n, block, divisors, first, chunk.quotients, filled);
    shift(chunk.quotients, n, first, block, 1);
    if (isFake) {
      blocks.divide(chunk.after, filled, n, block, divisors, first, chunk.decoded, filled);
      shift(chunk.decoded, n, first, block, 1);
    } else {
      System.arraycopy(chunk.decoded, filled, chunk.after, filled, n);
      shift(chunk.after, n, first, block, -1);
      blocks.multiply(chunk.after, filled, n, block, scales.factors(), first);
    }
    filled += n;
  }

  private void shift(float[] x, int n, int first, int block, int sign) {
    if (scales.hasZeroPoints()) {
      for (int i = 0; i < n; i++) {
        x[filled + i] += sign * scales.zeroPoint(first + i / block);
      }
    }
  }

  private void finish() {
    int n = filled;
    if (isFake) {
      codes.project(chunk.decoded, n, chunk.ulps);
    }
    chunk.clear();
    for (Step step : steps) {
      step.take(chunk, n);
    }
    sums.add(chunk);
    filled = 0;
  }

  private void countOctaves(ErrorChunk chunk, int n) {
    octaves.count(chunk.octaves, n);
    int[] found = chunk.octaves;
    for (int i = 0; chunk.someFar && i < n; i++) {
      if (found[i] >= ErrorKernels.FAR << 8) {
        far(i);
      }
    }
  }

  private void far(int i) {
    float x = chunk.before[i];
    float y = chunk.after[i];
    octaves.countFar(x, y);
    if (!Float.isFinite(x) || !Float.isFinite(y)) { // becomes a zero that enters no mean
      sums.saturated += Float.isFinite(x) && isOutside(i) ? 1 : 0;
      sums.lost += Float.isFinite(x) ? 1 : 0;
      chunk.before[i] = 0;
      chunk.after[i] = 0;
      chunk.quotients[i] = Float.NaN;
      chunk.decoded[i] = 0;
    }
  }

  private boolean isOutside(int i) {
    return chunk.quotients[i] <= chunk.low || chunk.quotients[i] >= chunk.high;
  }

  private void countUndefined(ErrorChunk chunk, int n) {
    for (int i = 0; (undefinedFactors || chunk.someFar) && i < n; i++) {
      chunk.undefined += Float.isNaN(chunk.quotients[i]) ? 1 : 0;
    }
  }

  private void countSaturated(ErrorChunk chunk, int n) {
    sums.saturated += n - chunk.ulpCount - chunk.undefined;
  }
}
