package dev.narrow.kernels;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/** Codes of fp16 and bf16, under one scale. */
final class HalfCodes implements RowCodes {
  private static final VectorSpecies<Float> SPECIES = VectorKernels.SPECIES;
  private static final int STEP = SPECIES.length();
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(SPECIES.vectorBitSize()));
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(
          short.class, VectorShape.forBitSize(Math.max(64, SPECIES.vectorBitSize() / 2)));

  private static final int INFINITY = 0x7f800000;

  /** From the exponent bias of fp16 to that of float32: subnormal numbers become normal too. */
  private static final float REBIAS = 0x1p112f;

  private final short[] array;
  private final int first; // where the operand's first element is in the array
  private final boolean isBf16;
  private final float scale;

  private HalfCodes(short[] array, int first, boolean isBf16, float scale) {
    this.array = array;
    this.first = first;
    this.isBf16 = isBf16;
    this.scale = scale;
  }

  /** The codes of a tensor, if they are of these formats, in an array, under one scale. */
  static @Nullable HalfCodes of(Tensor tensor) {
    boolean isBf16 = tensor.format().equals(Formats.BF16);
    MemorySegment segment = tensor.storage().segment();
    boolean fits =
        (isBf16 || tensor.format().equals(Formats.FP16))
            && tensor.scales().count() == 1
            && !tensor.scales().hasZeroPoints()
            && segment.address() % Short.BYTES == 0;
    return fits && segment.heapBase().orElse(null) instanceof short[] array
        ? new HalfCodes(
            array, (int) (segment.address() / Short.BYTES), isBf16, tensor.scales().get(0))
        : null;
  }

  private static IntVector load(short[] array, int at) {
    return (IntVector)
        ShortVector.fromArray(SHORTS, array, at).convertShape(VectorOperators.S2I, INTS, 0);
  }

  private static FloatVector decodeBf16(IntVector code) {
    return code.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  private static FloatVector decodeFp16(IntVector code) {
    IntVector magnitude = code.and(0x7fff);
    VectorMask<Integer> special = magnitude.compare(VectorOperators.GE, 0x7c00);
    return magnitude
        .lanewise(VectorOperators.LSHL, 13)
        .reinterpretAsFloats()
        .mul(REBIAS)
        .reinterpretAsInts()
        .lanewise(VectorOperators.OR, INFINITY, special) // the fraction tells infinity from NaN
        .or(code.and(Integer.MIN_VALUE))
        .reinterpretAsFloats();
  }

  private float value(int place) {
    short code = array[first + place];
    return scale * (isBf16 ? Float.intBitsToFloat(code << 16) : Float.float16ToFloat(code));
  }

  @Override
  public void add(float x, int place, float[] sums, int base, int n) {
    int bound = SPECIES.loopBound(n);
    if (isBf16) {
      addBf16(x, first + place, sums, base, bound);
    } else {
      addFp16(x, first + place, sums, base, bound);
    }
    for (int j = bound; j < n; j++) {
      sums[base + j] = Math.fma(x, value(place + j), sums[base + j]);
    }
  }

  private void addBf16(float x, int at, float[] sums, int base, int n) {
    for (int j = 0; j < n; j += STEP) {
      FloatVector value = decodeBf16(load(array, at + j)).mul(scale);
      FloatVector sum = FloatVector.fromArray(SPECIES, sums, base + j);
      value.fma(FloatVector.broadcast(SPECIES, x), sum).intoArray(sums, base + j);
    }
  }

  /**
   * A loop that the compiler turns into vectors by itself, with the processor's own conversion. Of
   * one that sums up, as in {@link #dotFp16}, it would not.
   */
  private void addFp16(float x, int at, float[] sums, int base, int n) {
    for (int j = 0; j < n; j++) {
      float value = scale * Float.float16ToFloat(array[at + j]);
      sums[base + j] = Math.fma(x, value, sums[base + j]);
    }
  }

  @Override
  public float dot(int place, float[] x, int at, int n) {
    float[] lanes = ScalarKernels.lanes();
    int bound = n - n % Kernels.LANES;
    for (int lane = 0; lane < Kernels.LANES; lane += STEP) {
      if (isBf16) {
        dotBf16(first + place, x, at, lane, bound, lanes);
      } else {
        dotFp16(first + place, x, at, lane, bound, lanes);
      }
    }
    for (int i = bound; i < n; i++) {
      lanes[i - bound] = Math.fma(value(place + i), x[at + i], lanes[i - bound]);
    }
    return ScalarKernels.tree(lanes);
  }

  private void dotBf16(int from, float[] x, int at, int lane, int n, float[] lanes) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int i = lane; i < n; i += Kernels.LANES) {
      FloatVector value = decodeBf16(load(array, from + i)).mul(scale);
      sum = value.fma(FloatVector.fromArray(SPECIES, x, at + i), sum);
    }
    sum.intoArray(lanes, lane);
  }

  private void dotFp16(int from, float[] x, int at, int lane, int n, float[] lanes) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int i = lane; i < n; i += Kernels.LANES) {
      FloatVector value = decodeFp16(load(array, from + i)).mul(scale);
      sum = value.fma(FloatVector.fromArray(SPECIES, x, at + i), sum);
    }
    sum.intoArray(lanes, lane);
  }
}
