package dev.narrow.formats;

/**
 * The values of a format in their order. Each format numbers them by consecutive integers, their
 * ranks; both zeros have the same.
 */
final class Order {
  private Order() {}

  /** The rank of a code that is not NaN. */
  static long rank(NumericFormat format, int code) {
    return switch (format) {
      case FloatFormat f -> f.rank(code);
      case LogFormat f -> f.rank(code);
      case PositFormat f -> f.rank(code);
      case FixedFormat f -> f.value(code);
      case TableFormat f -> f.rank(code);
    };
  }

  /** The code of the value before (step -1) or after (step 1) a code's. */
  static int next(NumericFormat format, int code, int step) {
    if (format.isNan(code)) {
      return code & (int) ((1L << format.width()) - 1);
    }
    long rank = rank(format, code) + step;
    return switch (format) {
      case FloatFormat f -> f.atRank(clamp(rank, f.lowestRank(), f.highestRank()), step > 0);
      case LogFormat f -> f.atRank(clamp(rank, f.lowestRank(), f.highestRank()));
      case PositFormat f -> f.atRank(clamp(rank, -f.highestRank(), f.highestRank()));
      case FixedFormat f -> f.code(clamp(rank, f.lowest(), f.highest()));
      case TableFormat f -> f.atRank((int) clamp(rank, 0, f.highestRank()));
    };
  }

  private static long clamp(long rank, long low, long high) {
    return Math.max(low, Math.min(high, rank));
  }

  static double ulp(NumericFormat format, int code) {
    double value = format.decodeDouble(code);
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return Math.abs(value);
    }
    int outward = Double.doubleToRawLongBits(value) < 0 ? -1 : 1;
    int neighbour = next(format, code, outward);
    boolean last = format.isInfinite(neighbour) || rank(format, neighbour) == rank(format, code);
    return Math.abs(value - format.decodeDouble(last ? next(format, code, -outward) : neighbour));
  }
}
