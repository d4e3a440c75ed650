package dev.narrow.kernels.cuda;

import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.PositFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * What encodes numbers in a kernel of casts.cu: the part of the kernel's name, and the structure
 * that it takes.
 *
 * @param name of the kernels that take it, after what they do
 * @param isNamed whether narrow.cuh names the format, so that kernels know the width of its codes
 * @param isStochastic whether it takes random words
 * @param parameters the structure
 */
record CastEncoder(String name, boolean isNamed, boolean isStochastic, MemorySegment parameters) {

  private static final int MAX_WIDTH = 16;

  /**
   * The encoder of a projection; empty where kernels have none. They do for all formats of at most
   * 16 bits but in stochastic rounding of a table format, and of a logarithmic one in the linear
   * domain.
   *
   * @param random where the rounding is stochastic
   */
  static Optional<CastEncoder> of(
      NumericFormat format, Projection projection, @Nullable RandomBits random, CastTables tables) {
    if (format.width() > MAX_WIDTH) {
      return Optional.empty();
    }
    if (projection.rounding().isStochastic()) {
      if (random == null) {
        throw new IllegalArgumentException(
            "random = null, expected random words for rounding " + projection.rounding());
      }
      return stochastic(format, projection, random, tables);
    }
    String named = name(format);
    if (!named.isEmpty() && isNearest(format, projection)) {
      MemorySegment special = special(new KernelStruct(), format, projection).segment();
      return Optional.of(new CastEncoder(named, true, false, special));
    }
    KernelStruct steps = tables.addSteps(format, projection, new KernelStruct());
    MemorySegment parameters = steps.add(tables.values(format)).segment();
    return Optional.of(new CastEncoder("steps", false, false, parameters));
  }

  /** What kernels call a format that narrow.cuh names; else empty. */
  static String name(NumericFormat format) {
    boolean isNamed =
        format.equals(Formats.FP16)
            || format.equals(Formats.BF16)
            || format.equals(Formats.E4M3FN)
            || format.equals(Formats.E5M2)
            || format.equals(Formats.E2M1)
            || format.equals(Formats.LNS8);
    return isNamed ? format.name() : "";
  }

  /** The name of the kernel that does something with this. */
  String kernel(String what, NumericFormat format) {
    boolean hasWidths = !isNamed && what.equals("encode");
    return what + "_" + name + (hasWidths ? format.width() <= 8 ? "_8" : "_16" : "");
  }

  /** Whether kernels do whole blocks with this. */
  boolean doesBlocks(NumericFormat format) {
    return format.width() <= 8 && (!isStochastic || name.equals("stochastic_float"));
  }

  /** Whether narrow.cuh's encoders to nearest even do for the projection. */
  static boolean isNearest(NumericFormat format, Projection projection) {
    Rounding rounding = projection.rounding();
    Saturation saturation = projection.saturation();
    boolean logarithmic = format instanceof LogFormat;
    return rounding.mode() == Rounding.Mode.NEAREST_EVEN
        && !saturation.flushInputs()
        && !saturation.flushResults()
        && !(logarithmic && rounding.domain() == Rounding.Domain.LINEAR)
        && !(logarithmic && saturation.underflow() == Saturation.Underflow.CLAMP);
  }

  private static int code(NumericFormat format, Projection projection, double x) {
    return format.encode(x, projection, 0);
  }

  /** Codes of positive and negative numbers. */
  private static KernelStruct pair(
      KernelStruct struct, NumericFormat format, Projection projection, double x) {
    return struct.add(code(format, projection, x), code(format, projection, -x));
  }

  /** narrow::Special: overflows, infinities and NaNs. */
  static KernelStruct special(KernelStruct struct, NumericFormat format, Projection projection) {
    pair(struct, format, projection, Double.MAX_VALUE);
    pair(struct, format, projection, Double.POSITIVE_INFINITY);
    double negativeNan = Double.longBitsToDouble(0xFFF8_0000_0000_0000L);
    return struct.add(code(format, projection, Double.NaN), code(format, projection, negativeNan));
  }

  private static Optional<CastEncoder> stochastic(
      NumericFormat format, Projection projection, RandomBits random, CastTables tables) {
    KernelStruct struct = new KernelStruct();
    String name = addFormat(struct, format, projection, tables::powers);
    if (name.isEmpty()) {
      return Optional.empty();
    }
    struct.add(random.seed()).add(random.stream()).add(tables.values(format));
    return Optional.of(new CastEncoder("stochastic_" + name, false, true, struct.segment()));
  }

  /**
   * Adds a format and a rounding as narrow.cuh encodes them by arithmetic, in any mode.
   *
   * @param powers pointers to {@link CastTables#significands} for each gamma
   * @return what the format is called; empty if narrow.cuh has no such arithmetic
   */
  static String addFormat(
      KernelStruct struct, NumericFormat format, Projection projection, IntToLongFunction powers) {
    String name;
    switch (format) {
      case FloatFormat f -> {
        name = "float";
        add(struct, f, projection);
      }
      case FixedFormat f -> {
        name = "fixed";
        add(struct, f, projection);
      }
      case PositFormat f -> {
        name = "posit";
        struct.add(f.width(), f.exponentBits()).add(projection.saturation().flushInputs());
        pair(struct, f, projection, Double.POSITIVE_INFINITY);
      }
      case LogFormat f when projection.rounding().domain() == Rounding.Domain.OWN -> {
        name = "log";
        add(struct, f, projection, powers.applyAsLong(f.gamma()));
      }
      default -> {
        return "";
      }
    }
    struct.add(mode(projection.rounding().mode()), projection.rounding().randomBits());
    return name;
  }

  /** narrow::FloatFormat. */
  private static void add(KernelStruct struct, FloatFormat f, Projection projection) {
    Saturation saturation = projection.saturation();
    int sign = f.signed() ? 1 << (f.width() - 1) : 0;
    int magnitudes = 1 << (f.width() - (f.signed() ? 1 : 0));
    int largest = magnitudes - 1 - f.highNans() - (f.infinities() ? 1 : 0);
    boolean clamps =
        f.zero() && !f.subnormals() && saturation.underflow() == Saturation.Underflow.CLAMP;
    boolean payload =
        f.encode(Float.intBitsToFloat(0x7FFF_FFFF), Formats.FP32.defaultProjection())
            != f.encode(Float.NaN, Formats.FP32.defaultProjection());
    int smallest = clamps ? 1 : 0;
    boolean hasNegative = clamps || f.negativeZero() || !f.zero();
    struct.add(f.precision(), f.bias(), sign, largest);
    struct.add(f.subnormals()).add(f.zero());
    struct.add(saturation.flushInputs()).add(saturation.flushResults()).add(payload);
    struct.add(code(f, projection, -1.0));
    pair(struct, f, projection, 0.0);
    struct.add(smallest, hasNegative ? sign | smallest : smallest);
    special(struct, f, projection);
  }

  /** narrow::FixedFormat. */
  private static void add(KernelStruct struct, FixedFormat f, Projection projection) {
    int bits = f.signed() ? f.width() - 1 : f.width();
    int highest = (1 << bits) - 1;
    int least = f.symmetric() ? -highest : f.signed() ? -highest - 1 : 0;
    struct.add(f.fractionBits(), least, highest).add(projection.saturation().flushInputs());
    struct.add((1 << f.width()) - 1, code(f, projection, Double.NaN));
  }

  /** narrow::LogFormat. */
  private static void add(KernelStruct struct, LogFormat f, Projection projection, long powers) {
    int sign = 1 << (f.width() - 1);
    boolean reserved = f.zero() == LogFormat.Zero.RESERVED;
    boolean clamps = projection.saturation().underflow() == Saturation.Underflow.CLAMP;
    struct.add(Integer.numberOfTrailingZeros(f.gamma()), f.bias(), reserved ? 1 : 0);
    struct.add(projection.saturation().flushInputs());
    struct.add(sign, sign - 1, leastThatReaches(f));
    struct.add(clamps ? 1 : 0, clamps ? sign | 1 : 0);
    special(struct, f, projection);
    struct.add(powers);
  }

  /** Bits of the least float32 that is not nearer to zero than to the least magnitude. */
  private static int leastThatReaches(LogFormat format) {
    Projection nearest = format.defaultProjection(); // which flushes
    int low = 0;
    int high = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);
    while (high - low > 1) {
      int middle = (low + high) >>> 1;
      if (format.encode(Float.intBitsToFloat(middle), nearest) == 0) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  /** narrow::Mode. */
  private static int mode(Rounding.Mode mode) {
    return switch (mode) {
      case NEAREST_EVEN -> 0;
      case NEAREST_AWAY -> 1;
      case TOWARD_ZERO -> 2;
      case TOWARD_POSITIVE -> 3;
      case TOWARD_NEGATIVE -> 4;
      case TO_ODD -> 5;
      case STOCHASTIC -> 6;
      case STOCHASTIC_A -> 7;
      case STOCHASTIC_B -> 8;
    };
  }
}
