package dev.narrow.formats;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The operations of {@link Arithmetic} that take a fixed number of codes and give one, by name. */
public enum Operation {
  /** {@link Arithmetic#add}. */
  ADD((m, a, b) -> m.add(a, b)),
  /** {@link Arithmetic#subtract}. */
  SUBTRACT((m, a, b) -> m.subtract(a, b)),
  /** {@link Arithmetic#multiply}. */
  MULTIPLY((m, a, b) -> m.multiply(a, b)),
  /** {@link Arithmetic#divide}. */
  DIVIDE((m, a, b) -> m.divide(a, b)),
  /** {@link Arithmetic#remainder}. */
  REMAINDER((m, a, b) -> m.remainder(a, b)),
  /** {@link Arithmetic#minimum}. */
  MINIMUM((m, a, b) -> m.minimum(a, b)),
  /** {@link Arithmetic#maximum}. */
  MAXIMUM((m, a, b) -> m.maximum(a, b)),
  /** {@link Arithmetic#minimumNumber}. */
  MINIMUM_NUMBER((m, a, b) -> m.minimumNumber(a, b)),
  /** {@link Arithmetic#maximumNumber}. */
  MAXIMUM_NUMBER((m, a, b) -> m.maximumNumber(a, b)),
  /** {@link Arithmetic#minimumMagnitude}. */
  MINIMUM_MAGNITUDE((m, a, b) -> m.minimumMagnitude(a, b)),
  /** {@link Arithmetic#maximumMagnitude}. */
  MAXIMUM_MAGNITUDE((m, a, b) -> m.maximumMagnitude(a, b)),
  /** {@link Arithmetic#minimumMagnitudeNumber}. */
  MINIMUM_MAGNITUDE_NUMBER((m, a, b) -> m.minimumMagnitudeNumber(a, b)),
  /** {@link Arithmetic#maximumMagnitudeNumber}. */
  MAXIMUM_MAGNITUDE_NUMBER((m, a, b) -> m.maximumMagnitudeNumber(a, b)),
  /** {@link Arithmetic#minimumFinite}. */
  MINIMUM_FINITE((m, a, b) -> m.minimumFinite(a, b)),
  /** {@link Arithmetic#maximumFinite}. */
  MAXIMUM_FINITE((m, a, b) -> m.maximumFinite(a, b)),
  /** {@link Arithmetic#fma}. */
  FMA((m, a, b, c) -> m.fma(a, b, c)),
  /** {@link Arithmetic#faa}. */
  FAA((m, a, b, c) -> m.faa(a, b, c)),
  /** {@link Arithmetic#clamp}. */
  CLAMP((m, a, b, c) -> m.clamp(a, b, c)),
  /** {@link Arithmetic#convert}. */
  CONVERT((m, a) -> m.convert(a)),
  /** {@link Arithmetic#negate}. */
  NEGATE((m, a) -> m.negate(a)),
  /** {@link Arithmetic#abs}. */
  ABS((m, a) -> m.abs(a)),
  /** {@link Arithmetic#sqrt}. */
  SQRT((m, a) -> m.sqrt(a)),
  /** {@link Arithmetic#reciprocal}. */
  RECIPROCAL((m, a) -> m.reciprocal(a)),
  /** {@link Arithmetic#reciprocalSqrt}. */
  RECIPROCAL_SQRT((m, a) -> m.reciprocalSqrt(a)),
  /** {@link Arithmetic#exp}. */
  EXP((m, a) -> m.exp(a)),
  /** {@link Arithmetic#exp2}. */
  EXP2((m, a) -> m.exp2(a)),
  /** {@link Arithmetic#log}. */
  LOG((m, a) -> m.log(a)),
  /** {@link Arithmetic#log2}. */
  LOG2((m, a) -> m.log2(a)),
  /** {@link Arithmetic#tanh}. */
  TANH((m, a) -> m.tanh(a)),
  /** {@link Arithmetic#sigmoid}. */
  SIGMOID((m, a) -> m.sigmoid(a));

  private interface Unary {
    int apply(Arithmetic m, int a);
  }

  private interface Binary {
    int apply(Arithmetic m, int a, int b);
  }

  private interface Ternary {
    int apply(Arithmetic m, int a, int b, int c);
  }

  private interface Function {
    int apply(Arithmetic m, int[] codes);
  }

  private final int operands;
  private final Function function;

  Operation(Unary unary) {
    operands = 1;
    function = (m, codes) -> unary.apply(m, codes[0]);
  }

  Operation(Binary binary) {
    operands = 2;
    function = (m, codes) -> binary.apply(m, codes[0], codes[1]);
  }

  Operation(Ternary ternary) {
    operands = 3;
    function = (m, codes) -> ternary.apply(m, codes[0], codes[1], codes[2]);
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
    return function.apply(arithmetic, codes);
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
        "operation = \"" + name + "\", expected one of " + Names.nearest(key, names) + ", ...");
  }

  /** For example {@code add} or {@code reciprocal-sqrt}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
