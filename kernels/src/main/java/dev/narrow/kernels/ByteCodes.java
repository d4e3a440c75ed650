package dev.narrow.kernels;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.TensorReader;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Codes of one byte that are decoded in registers, for products that read each of them once and so
 * take as long as decoding does. For the two shapes of format that most codes of a byte have:
 *
 * <pre>
 *   LOG     s eeee rrr   ± 2^(eeee - bias) × 2^(rrr / 8), magnitude 0: zero or NaN by its sign
 *   FLOAT   s magnitude  ± the float with these bits of exponent and significand × 2^rebias,
 *                        the largest magnitude: NaN
 * </pre>
 *
 * Whether a format has one of them is not concluded from its parameters but found out, by decoding
 * all 256 codes.
 */
final class ByteCodes {
  private static final VectorSpecies<Float> SPECIES = VectorKernels.SPECIES;
  private static final int STEP = SPECIES.length();
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(SPECIES.vectorBitSize()));
  private static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(
          byte.class, VectorShape.forBitSize(Math.max(64, SPECIES.vectorBitSize() / 4)));

  private static final int SIGN = Integer.MIN_VALUE;
  private static final int NAN = 0x7fc00000;

  private static final Map<NumericFormat, Optional<Layout>> LAYOUTS = new ConcurrentHashMap<>();

  /**
   * How a code becomes a float.
   *
   * @param log whether the shape is LOG
   * @param binade LOG: the bits of 2^(i / 8), repeated, of the binade with the exponent bits 0
   * @param shift FLOAT: from a magnitude to the bits of a float
   * @param factor FLOAT: 2^rebias
   */
  @SuppressWarnings("ArrayRecordComponent") // a table, never compared
  private record Layout(boolean log, int[] binade, int shift, float factor) {

    static Optional<Layout> of(NumericFormat format) {
      if (format.width() != Byte.SIZE) {
        return Optional.empty();
      }
      return switch (format) {
        case LogFormat _ -> log(format).filter(layout -> layout.decodes(format));
        case FloatFormat _ -> {
          for (int significand = 1; significand <= 5; significand++) {
            // The code of the smallest normal number has the exponent bits 1.
            float normal = format.decode(1 << significand);
            float factor = normal / Float.MIN_NORMAL;
            Layout layout = new Layout(false, new int[STEP], 23 - significand, factor);
            if (layout.decodes(format)) {
              yield Optional.of(layout);
            }
          }
          yield Optional.empty();
        }
        default -> Optional.empty();
      };
    }

    private static Optional<Layout> log(NumericFormat format) {
      int[] binade = new int[Math.max(STEP, 8)];
      for (int i = 0; i < binade.length; i++) {
        float value = format.decode(8 + i % 8); // the binade of the exponent bits 1
        binade[i] = Float.floatToRawIntBits(value) - (1 << 23);
      }
      return Optional.of(new Layout(true, binade, 0, 1f));
    }

    private boolean decodes(NumericFormat format) {
      for (int code = 0; code < 256; code++) {
        if (Float.floatToIntBits(decode((byte) code))
            != Float.floatToIntBits(format.decode(code))) {
          return false;
        }
      }
      return true;
    }

    float decode(byte code) {
      int magnitude = code & 0x7f;
      int sign = code & SIGN;
      if (log) {
        int bits = ((magnitude & 0x78) << 20) + binade[magnitude & 7];
        return magnitude == 0 ? (sign == 0 ? 0f : Float.NaN) : Float.intBitsToFloat(bits | sign);
      }
      if (magnitude == 0x7f) {
        return Float.NaN;
      }
      float value = Float.intBitsToFloat(magnitude << shift) * factor;
      return Float.intBitsToFloat(Float.floatToRawIntBits(value) | sign);
    }
  }

  /** The codes of an operand. */
  final byte[] array;

  /** Where the operand's first element is in the array. */
  final int first;

  private final Layout layout;
  private final float[] factors;
  private final int blockShift; // the logarithm of the elements under one factor

  private ByteCodes(byte[] array, int first, Layout layout, float[] factors, int blockShift) {
    this.array = array;
    this.first = first;
    this.layout = layout;
    this.factors = factors;
    this.blockShift = blockShift;
  }

  /**
   * The codes of a tensor, if they can be decoded here: bytes in an array, of one of the two
   * shapes, with one scale, or with scales for blocks, of a power of two and of whole vectors,
   * along rows of whole blocks.
   */
  static @Nullable ByteCodes of(@Nullable TensorReader reader) {
    if (reader == null || STEP < 8) {
      return null;
    }
    Tensor tensor = reader.tensor();
    Scales scales = tensor.scales();
    MemorySegment segment = tensor.storage().segment();
    if (!(segment.heapBase().orElse(null) instanceof byte[] array) || scales.hasZeroPoints()) {
      return null;
    }
    int blockShift =
        switch (scales.granularity()) {
          case Granularity.PerTensor _ -> Integer.SIZE - 1;
          case Granularity.PerBlock(int axis, int length)
              when tensor.shape().axis(axis) == tensor.shape().rank() - 1
                  && length % Kernels.LANES == 0
                  && Integer.bitCount(length) == 1
                  && tensor.shape().dim(tensor.shape().rank() - 1) % length == 0 ->
              Integer.numberOfTrailingZeros(length);
          default -> -1;
        };
    Layout layout = LAYOUTS.computeIfAbsent(tensor.format(), Layout::of).orElse(null);
    if (blockShift < 0 || layout == null) {
      return null;
    }
    float[] factors = new float[scales.count()];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = scales.get(i);
    }
    return new ByteCodes(array, (int) segment.address(), layout, factors, blockShift);
  }

  private IntVector load(int place) {
    return (IntVector)
        ByteVector.fromArray(BYTES, array, first + place)
            .convertShape(VectorOperators.B2I, INTS, 0);
  }

  private static FloatVector decodeLog(IntVector code, IntVector binade) {
    IntVector bits =
        code.lanewise(VectorOperators.LSHL, 20)
            .and(0x78 << 20)
            .add(code.and(7).selectFrom(binade))
            .or(code.and(SIGN));
    IntVector zeroOrNan = code.lanewise(VectorOperators.ASHR, 31).and(NAN);
    return bits.blend(zeroOrNan, code.and(0x7f).eq(0)).reinterpretAsFloats();
  }

  private static FloatVector decodeFloat(IntVector code, int shift, float factor) {
    IntVector magnitude = code.and(0x7f);
    IntVector bits =
        magnitude
            .lanewise(VectorOperators.LSHL, shift)
            .reinterpretAsFloats()
            .mul(factor)
            .reinterpretAsInts()
            .or(code.and(SIGN));
    return bits.blend(NAN, magnitude.eq(0x7f)).reinterpretAsFloats();
  }

  private float value(int place) {
    return layout.decode(array[first + place]) * factor(place);
  }

  private float factor(int place) {
    return factors[place >>> blockShift];
  }

  /**
   * sums[base + j] = sums[base + j] + x b[j] by fused multiply-add, for n elements from a place on.
   */
  void add(float x, int place, float[] sums, int base, int n) {
    int bound = place % Kernels.LANES == 0 || factors.length == 1 ? SPECIES.loopBound(n) : 0;
    if (layout.log) {
      addLog(x, place, sums, base, bound);
    } else {
      addFloat(x, place, sums, base, bound);
    }
    for (int j = bound; j < n; j++) {
      sums[base + j] = Math.fma(x, value(place + j), sums[base + j]);
    }
  }

  private void addLog(float x, int place, float[] sums, int base, int n) {
    IntVector binade = IntVector.fromArray(INTS, layout.binade, 0);
    for (int j = 0; j < n; j += STEP) {
      FloatVector value = decodeLog(load(place + j), binade).mul(factor(place + j));
      FloatVector sum = FloatVector.fromArray(SPECIES, sums, base + j);
      value.fma(FloatVector.broadcast(SPECIES, x), sum).intoArray(sums, base + j);
    }
  }

  private void addFloat(float x, int place, float[] sums, int base, int n) {
    for (int j = 0; j < n; j += STEP) {
      FloatVector value =
          decodeFloat(load(place + j), layout.shift, layout.factor).mul(factor(place + j));
      FloatVector sum = FloatVector.fromArray(SPECIES, sums, base + j);
      value.fma(FloatVector.broadcast(SPECIES, x), sum).intoArray(sums, base + j);
    }
  }

  /**
   * The sum of products of n codes and n floats in sixteen lanes: see {@link Kernels#dot}. Where
   * there are blocks, the codes begin with one.
   */
  float dot(int place, float[] x, int at, int n) {
    float[] lanes = new float[Kernels.LANES];
    int bound = n - n % Kernels.LANES;
    for (int lane = 0; lane < Kernels.LANES; lane += STEP) {
      FloatVector sum =
          layout.log ? dotLog(place, x, at, lane, bound) : dotFloat(place, x, at, lane, bound);
      sum.intoArray(lanes, lane);
    }
    for (int i = bound; i < n; i++) {
      lanes[i - bound] = Math.fma(value(place + i), x[at + i], lanes[i - bound]);
    }
    return ScalarKernels.tree(lanes);
  }

  private FloatVector dotLog(int place, float[] x, int at, int lane, int n) {
    IntVector binade = IntVector.fromArray(INTS, layout.binade, 0);
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int i = lane; i < n; i += Kernels.LANES) {
      FloatVector y = FloatVector.fromArray(SPECIES, x, at + i);
      sum = decodeLog(load(place + i), binade).mul(factor(place + i)).fma(y, sum);
    }
    return sum;
  }

  private FloatVector dotFloat(int place, float[] x, int at, int lane, int n) {
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int i = lane; i < n; i += Kernels.LANES) {
      FloatVector y = FloatVector.fromArray(SPECIES, x, at + i);
      FloatVector value = decodeFloat(load(place + i), layout.shift, layout.factor);
      sum = value.mul(factor(place + i)).fma(y, sum);
    }
    return sum;
  }
}
