package dev.narrow.formats;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The operations of {@link Arithmetic} that take a fixed number of codes and give one, by name. */
public enum Operation {
  /** {@link Arithmetic#add}. */
  ADD(2),
  /** {@link Arithmetic#subtract}. */
  SUBTRACT(2),
  /** {@link Arithmetic#multiply}. */
  MULTIPLY(2),
  /** {@link Arithmetic#divide}. */
  DIVIDE(2),
  /** {@link Arithmetic#remainder}. */
  REMAINDER(2),
  /** {@link Arithmetic#minimum}. */
  MINIMUM(2),
  /** {@link Arithmetic#maximum}. */
  MAXIMUM(2),
  /** {@link Arithmetic#minimumNumber}. */
  MINIMUM_NUMBER(2),
  /** {@link Arithmetic#maximumNumber}. */
  MAXIMUM_NUMBER(2),
  /** {@link Arithmetic#minimumMagnitude}. */
  MINIMUM_MAGNITUDE(2),
  /** {@link Arithmetic#maximumMagnitude}. */
  MAXIMUM_MAGNITUDE(2),
  /** {@link Arithmetic#minimumMagnitudeNumber}. */
  MINIMUM_MAGNITUDE_NUMBER(2),
  /** {@link Arithmetic#maximumMagnitudeNumber}. */
  MAXIMUM_MAGNITUDE_NUMBER(2),
  /** {@link Arithmetic#minimumFinite}. */
  MINIMUM_FINITE(2),
  /** {@link Arithmetic#maximumFinite}. */
  MAXIMUM_FINITE(2),
  /** {@link Arithmetic#fma}. */
  FMA(3),
  /** {@link Arithmetic#faa}. */
  FAA(3),
  /** {@link Arithmetic#clamp}. */
  CLAMP(3),
  /** {@link Arithmetic#convert}. */
  CONVERT(1),
  /** {@link Arithmetic#negate}. */
  NEGATE(1),
  /** {@link Arithmetic#abs}. */
  ABS(1),
  /** {@link Arithmetic#sqrt}. */
  SQRT(1),
  /** {@link Arithmetic#reciprocal}. */
  RECIPROCAL(1),
  /** {@link Arithmetic#reciprocalSqrt}. */
  RECIPROCAL_SQRT(1),
  /** {@link Arithmetic#exp}. */
  EXP(1),
  /** {@link Arithmetic#exp2}. */
  EXP2(1),
  /** {@link Arithmetic#log}. */
  LOG(1),
  /** {@link Arithmetic#log2}. */
  LOG2(1),
  /** {@link Arithmetic#tanh}. */
  TANH(1),
  /** {@link Arithmetic#sigmoid}. */
  SIGMOID(1);

  private final int operands;

  Operation(int operands) {
    this.operands = operands;
  }

  /**
   * How many codes it takes.
   *
   * @return 1 to 3
   */
  public int operands() {
    return operands;
  }

  /**
   * The code of the result.
   *
   * @param arithmetic that calculates it
   * @param codes of the operands' format, as many as {@link #operands}
   * @return a code of the result's format
   * @throws IllegalArgumentException if there are more or fewer codes, or the rounding is
   *     stochastic and has no random word
   */
  public int apply(Arithmetic arithmetic, int... codes) {
    if (codes.length != operands) {
      throw new IllegalArgumentException(
          codes.length + " codes, expected " + operands + " for " + this);
    }
    return switch (this) {
      case ADD -> arithmetic.add(codes[0], codes[1]);
      case SUBTRACT -> arithmetic.subtract(codes[0], codes[1]);
      case MULTIPLY -> arithmetic.multiply(codes[0], codes[1]);
      case DIVIDE -> arithmetic.divide(codes[0], codes[1]);
      case REMAINDER -> arithmetic.remainder(codes[0], codes[1]);
      case MINIMUM -> arithmetic.minimum(codes[0], codes[1]);
      case MAXIMUM -> arithmetic.maximum(codes[0], codes[1]);
      case MINIMUM_NUMBER -> arithmetic.minimumNumber(codes[0], codes[1]);
      case MAXIMUM_NUMBER -> arithmetic.maximumNumber(codes[0], codes[1]);
      case MINIMUM_MAGNITUDE -> arithmetic.minimumMagnitude(codes[0], codes[1]);
      case MAXIMUM_MAGNITUDE -> arithmetic.maximumMagnitude(codes[0], codes[1]);
      case MINIMUM_MAGNITUDE_NUMBER -> arithmetic.minimumMagnitudeNumber(codes[0], codes[1]);
      case MAXIMUM_MAGNITUDE_NUMBER -> arithmetic.maximumMagnitudeNumber(codes[0], codes[1]);
      case MINIMUM_FINITE -> arithmetic.minimumFinite(codes[0], codes[1]);
      case MAXIMUM_FINITE -> arithmetic.maximumFinite(codes[0], codes[1]);
      case FMA -> arithmetic.fma(codes[0], codes[1], codes[2]);
      case FAA -> arithmetic.faa(codes[0], codes[1], codes[2]);
      case CLAMP -> arithmetic.clamp(codes[0], codes[1], codes[2]);
      case CONVERT -> arithmetic.convert(codes[0]);
      case NEGATE -> arithmetic.negate(codes[0]);
      case ABS -> arithmetic.abs(codes[0]);
      case SQRT -> arithmetic.sqrt(codes[0]);
      case RECIPROCAL -> arithmetic.reciprocal(codes[0]);
      case RECIPROCAL_SQRT -> arithmetic.reciprocalSqrt(codes[0]);
      case EXP -> arithmetic.exp(codes[0]);
      case EXP2 -> arithmetic.exp2(codes[0]);
      case LOG -> arithmetic.log(codes[0]);
      case LOG2 -> arithmetic.log2(codes[0]);
      case TANH -> arithmetic.tanh(codes[0]);
      case SIGMOID -> arithmetic.sigmoid(codes[0]);
    };
  }

  /**
   * The operation that {@link #toString} writes so, in upper or lower case.
   *
   * @param name for example {@code fma} or {@code reciprocal-sqrt}
   * @return the operation
   * @throws IllegalArgumentException if there is no such operation; the message tells the nearest
   *     names
   */
  public static Operation parse(String name) {
    String key = name.strip().toLowerCase(Locale.ROOT);
    for (Operation operation : values()) {
      if (operation.toString().equals(key)) {
        return operation;
      }
    }
    List<String> names = Arrays.stream(values()).map(Operation::toString).toList();
    throw new IllegalArgumentException(
        "operation = \""
            + Names.shown(name)
            + "\", expected one of "
            + Names.nearest(key, names)
            + ", ...");
  }

  /** For example {@code add} or {@code reciprocal-sqrt}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
