package dev.narrow.kernels;

import dev.narrow.formats.Rounding;
import java.math.BigDecimal;
import java.math.BigInteger;

/** {@link Accumulator.Fixed}. */
final class FixedSum implements RunningSum {
  private final int bits;
  private final int fractionBits;
  private final Rounding.Mode mode;
  private final boolean wraps;
  private final long greatest;

  private long sum;
  private boolean isNan;

  FixedSum(Accumulator.Fixed accumulator) {
    bits = accumulator.bits();
    fractionBits = accumulator.fractionBits();
    mode = accumulator.rounding().mode();
    wraps = accumulator.overflow() == Accumulator.Fixed.Overflow.WRAP;
    greatest = -1L >>> (65 - bits);
  }

  @Override
  public void clear() {
    sum = 0;
    isNan = false;
  }

  @Override
  public void add(float a, float b) {
    double units = Math.scalb((double) a * b, fractionBits); // exact: 2^-362 to 2^382
    if (!Double.isFinite(units)) {
      isNan = true;
      return;
    }
    units = round(units);
    if (Math.abs(units) < 0x1p62) {
      long term = (long) units;
      long next = sum + term;
      boolean overflows = ((sum ^ next) & (term ^ next)) < 0;
      sum = wraps ? wrap(next) : overflows ? end(term < 0) : clamp(next);
    } else {
      BigInteger next = BigInteger.valueOf(sum).add(new BigDecimal(units).toBigIntegerExact());
      boolean fits = next.bitLength() < Long.SIZE;
      long low = next.longValue();
      sum = wraps ? wrap(low) : fits ? clamp(low) : end(next.signum() < 0);
    }
  }

  private long end(boolean negative) {
    return negative ? -greatest - 1 : greatest;
  }

  private long clamp(long value) {
    return Math.clamp(value, -greatest - 1, greatest);
  }

  /** To an integer; one of 2^52 or more is an integer already. */
  private double round(double x) {
    return switch (mode) {
      case NEAREST_EVEN -> Math.rint(x);
      case NEAREST_AWAY -> {
        double towardZero = Math.copySign(Math.floor(Math.abs(x)), x);
        boolean up = Math.abs(x - towardZero) >= 0.5;
        yield up ? towardZero + Math.copySign(1, x) : towardZero;
      }
      case TOWARD_ZERO -> Math.copySign(Math.floor(Math.abs(x)), x);
      case TOWARD_POSITIVE -> Math.ceil(x);
      case TOWARD_NEGATIVE -> Math.floor(x);
      case TO_ODD -> {
        double floor = Math.floor(x);
        yield floor == x || (((long) floor) & 1) != 0 ? floor : floor + 1;
      }
      case STOCHASTIC, STOCHASTIC_A, STOCHASTIC_B -> throw new AssertionError(mode);
    };
  }

  private long wrap(long value) {
    return value << (64 - bits) >> (64 - bits);
  }

  /** The units of a nonzero sum are normal numbers, so only the cast rounds. */
  @Override
  public float result() {
    return isNan ? Float.NaN : Math.scalb((float) sum, -fractionBits);
  }
}
