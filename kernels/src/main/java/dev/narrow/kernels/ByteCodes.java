package dev.narrow.kernels;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
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
 * Codes of one byte, for the two shapes of format that most codes of a byte have:
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
final class ByteCodes implements RowCodes {
  private static final VectorSpecies<Float> SPECIES = VectorKernels.SPECIES;
  private static final int STEP = SPECIES.length();
  private static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(SPECIES.vectorBitSize()));
  private static final VectorSpecies<Byte> BYTES =
      VectorSpecies.of(
          byte.class, VectorShape.forBitSize(Math.max(64, SPECIES.vectorBitSize() / 4)));

  private static final int SIGN = Integer.MIN_VALUE;

  /** The code of NaN in LOG, its sign extended. */
  private static final int LOG_NAN = Byte.MIN_VALUE;

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

    boolean isNan(byte code) {
      return log ? code == LOG_NAN : (code & 0x7f) == 0x7f;
    }

    /**
     * The layout of the values times a scale, rounded to float32, if it has one: in FLOAT the scale
     * joins the factor, which rounds nothing; in LOG powers of two are added to exponents.
     */
    @Nullable Layout times(float scale) {
      if (scale == 1f) {
        return this;
      }
      if (!log) {
        float product = factor * scale;
        return product >= Float.MIN_NORMAL && product <= Float.MAX_VALUE
            ? new Layout(false, binade, shift, product)
            : null;
      }
      int exponent = Math.getExponent(scale);
      int lowest = Math.getExponent(Float.intBitsToFloat(binade[0] + (1 << 23))) - 1;
      boolean fits =
          scale == Math.scalb(1f, exponent)
              && lowest + exponent >= Float.MIN_EXPONENT
              && lowest + exponent + 15 <= Float.MAX_EXPONENT;
      if (!fits) {
        return null;
      }
      int[] shifted = binade.clone();
      for (int i = 0; i < shifted.length; i++) {
        shifted[i] += exponent << 23;
      }
      return new Layout(true, shifted, 0, 1f);
    }

    float decode(byte code) {
      int magnitude = code & 0x7f;
      int sign = code & SIGN;
      if (log) {
        int bits = ((magnitude & 0x78) << 20) + binade[magnitude & 7];
        return magnitude == 0 ? (sign == 0 ? 0f : Float.NaN) : Float.intBitsToFloat(bits | sign);
      }
      if (isNan(code)) {
        return Float.NaN;
      }
      float value = Float.intBitsToFloat(magnitude << shift) * factor;
      return Float.intBitsToFloat(Float.floatToRawIntBits(value) | sign);
    }
  }

  private final byte[] array;
  private final int first; // where the operand's first element is in the array
  private final Layout layout;
  private final Scales scales;
  private final int blockShift; // the logarithm of the elements under one scale
  private final boolean scaled; // whether decoded values are multiplied by scales

  private ByteCodes(
      byte[] array, int first, Layout layout, Scales scales, int blockShift, boolean scaled) {
    this.array = array;
    this.first = first;
    this.layout = layout;
    this.scales = scales;
    this.blockShift = blockShift;
    this.scaled = scaled;
  }

  /**
   * The codes of a tensor, if they can be decoded here: bytes in an array, of one of the two
   * shapes, with one scale, or with scales for blocks, of a power of two and of whole vectors,
   * along rows of whole blocks.
   */
  static @Nullable ByteCodes of(Tensor tensor) {
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
    Layout whole = scales.count() == 1 ? layout.times(scales.get(0)) : null;
    int at = (int) segment.address();
    return whole == null
        ? new ByteCodes(array, at, layout, scales, blockShift, true)
        : new ByteCodes(array, at, whole, scales, blockShift, false);
  }

  private IntVector load(int place) {
    return (IntVector)
        ByteVector.fromArray(BYTES, array, first + place)
            .convertShape(VectorOperators.B2I, INTS, 0);
  }

  // NaN is not decoded but found: what codes of NaN give is of no use, and made NaN afterwards.

  private static FloatVector decodeLog(IntVector code, IntVector binade) {
    return code.lanewise(VectorOperators.LSHL, 20)
        .and(0x78 << 20)
        .add(code.selectFrom(binade)) // by the low bits
        .or(code.and(SIGN))
        .blend(0, code.and(0x7f).eq(0))
        .reinterpretAsFloats();
  }

  private static FloatVector decodeFloat(
      IntVector code, IntVector magnitude, int shift, float factor) {
    return magnitude
        .lanewise(VectorOperators.LSHL, shift)
        .reinterpretAsFloats()
        .mul(factor)
        .reinterpretAsInts()
        .or(code.and(SIGN))
        .reinterpretAsFloats();
  }

  private float scale(int place) {
    return scales.get(place >>> blockShift);
  }

  private float value(int place) {
    float value = layout.decode(array[first + place]);
    return scaled ? value * scale(place) : value;
  }

  @Override
  public void add(float x, int place, float[] sums, int base, int n) {
    int bound = place % Kernels.LANES == 0 || !scaled ? SPECIES.loopBound(n) : 0;
    boolean hasNan =
        layout.log ? addLog(x, place, sums, base, bound) : addFloat(x, place, sums, base, bound);
    for (int j = 0; hasNan && j < bound; j++) {
      if (layout.isNan(array[first + place + j])) {
        sums[base + j] = Float.NaN; // whatever is added to it
      }
    }
    for (int j = bound; j < n; j++) {
      sums[base + j] = Math.fma(x, value(place + j), sums[base + j]);
    }
  }

  private boolean addLog(float x, int place, float[] sums, int base, int n) {
    IntVector binade = IntVector.fromArray(INTS, layout.binade, 0);
    IntVector least = IntVector.zero(INTS);
    for (int j = 0; j < n; j += STEP) {
      IntVector code = load(place + j);
      FloatVector value = decodeLog(code, binade);
      if (scaled) {
        value = value.mul(scale(place + j));
      }
      least = least.min(code);
      FloatVector sum = FloatVector.fromArray(SPECIES, sums, base + j);
      value.fma(FloatVector.broadcast(SPECIES, x), sum).intoArray(sums, base + j);
    }
    return least.eq(LOG_NAN).anyTrue();
  }

  private boolean addFloat(float x, int place, float[] sums, int base, int n) {
    IntVector most = IntVector.zero(INTS);
    for (int j = 0; j < n; j += STEP) {
      IntVector code = load(place + j);
      IntVector magnitude = code.and(0x7f);
      FloatVector value = decodeFloat(code, magnitude, layout.shift, layout.factor);
      if (scaled) {
        value = value.mul(scale(place + j));
      }
      most = most.max(magnitude);
      FloatVector sum = FloatVector.fromArray(SPECIES, sums, base + j);
      value.fma(FloatVector.broadcast(SPECIES, x), sum).intoArray(sums, base + j);
    }
    return most.eq(0x7f).anyTrue();
  }

  @Override
  public float dot(int place, float[] x, int at, int n) {
    float[] lanes = ScalarKernels.lanes();
    int bound = n - n % Kernels.LANES;
    for (int lane = 0; lane < Kernels.LANES; lane += STEP) {
      if (layout.log) {
        dotLog(place, x, at, lane, bound, lanes);
      } else {
        dotFloat(place, x, at, lane, bound, lanes);
      }
    }
    for (int i = bound; i < n; i++) {
      lanes[i - bound] = Math.fma(value(place + i), x[at + i], lanes[i - bound]);
    }
    return ScalarKernels.tree(lanes);
  }

  private void dotLog(int place, float[] x, int at, int lane, int n, float[] lanes) {
    IntVector binade = IntVector.fromArray(INTS, layout.binade, 0);
    IntVector least = IntVector.zero(INTS);
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int i = lane; i < n; i += Kernels.LANES) {
      IntVector code = load(place + i);
      FloatVector value = decodeLog(code, binade);
      if (scaled) {
        value = value.mul(scale(place + i));
      }
      least = least.min(code);
      sum = value.fma(FloatVector.fromArray(SPECIES, x, at + i), sum);
    }
    sum.blend(Float.NaN, least.eq(LOG_NAN).cast(SPECIES)).intoArray(lanes, lane);
  }

  private void dotFloat(int place, float[] x, int at, int lane, int n, float[] lanes) {
    IntVector most = IntVector.zero(INTS);
    FloatVector sum = FloatVector.zero(SPECIES);
    for (int i = lane; i < n; i += Kernels.LANES) {
      IntVector code = load(place + i);
      IntVector magnitude = code.and(0x7f);
      FloatVector value = decodeFloat(code, magnitude, layout.shift, layout.factor);
      if (scaled) {
        value = value.mul(scale(place + i));
      }
      most = most.max(magnitude);
      sum = value.fma(FloatVector.fromArray(SPECIES, x, at + i), sum);
    }
    sum.blend(Float.NaN, most.eq(0x7f).cast(SPECIES)).intoArray(lanes, lane);
  }
}
