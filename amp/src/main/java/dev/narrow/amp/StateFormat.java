package dev.narrow.amp;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.ScaleRule;
import org.jspecify.annotations.Nullable;

/** In what format each moment of an update rule is kept, given the policy's for the state. */
final class StateFormat {
  /**
   * What moments without sign are kept in where the state has 8 bits or fewer: 5 exponent bits and
   * 3 of the fraction, 31 octaves. Nothing in it rounds to zero but zero: a second moment that does
   * divides the next step by epsilon (Li et al., arXiv 2309.01507, "zero-point problem").
   */
  private static final NumericFormat UNSIGNED =
      Formats.parse("float:e5m3,inf=no,nan=one,subnormals=no,signed=no");

  private static final Saturation NEVER_TO_ZERO =
      Saturation.OCP_SAT.withUnderflow(Saturation.Underflow.CLAMP);

  private static final Quantizer EIGHT_BITS =
      Recipes.parse("e4m3fn/block=256/max-finite/saturate=ocp-sat/round=stochastic:16");

  private StateFormat() {}

  /** See {@link Optimizer#eightBitState}. */
  static Quantizer eightBits() {
    return EIGHT_BITS;
  }

  /** The quantizer of a moment; null for fp32. */
  static @Nullable Quantizer of(Update.Moment moment, UpdateRule rule, @Nullable Quantizer state) {
    return switch (moment) {
      case SIGNED -> state;
      case POSITIVE ->
          state == null || state.format().width() > Byte.SIZE
              ? state
              : Quantizer.of(UNSIGNED)
                  .with(state.granularity())
                  .with(state.scaling())
                  .with(state.projection().rounding())
                  .with(NEVER_TO_ZERO);
      case EXPONENT ->
          Quantizer.of(((IntegerMadam) rule).bits() <= Byte.SIZE ? Formats.UINT8 : Formats.UINT16);
    };
  }

  /**
   * Refuses an epsilon of which the format of a moment sees nothing: roots that have become zero
   * there would divide by a number that is none to it.
   *
   * @throws IllegalArgumentException naming the smallest that it does see
   */
  static void requireEpsilon(AdamW adam, @Nullable Quantizer state) {
    if (state == null || state.scaleRule() != ScaleRule.ONE) {
      return; // where scales follow the data, no number is too small as such
    }
    if (!vanishes(adam.epsilon(), state)) {
      return;
    }
    int least = Float.floatToRawIntBits(adam.epsilon()); // it vanishes
    int most = Float.floatToRawIntBits(state.format().minPositive()); // it does not
    while (most - least > 1) {
      int middle = (least + most) >>> 1;
      if (vanishes(Float.intBitsToFloat(middle), state)) {
        least = middle;
      } else {
        most = middle;
      }
    }
    throw new IllegalArgumentException(
        "epsilon = "
            + adam.epsilon()
            + " rounds to zero in "
            + state.format().name()
            + ", the format of the optimizer's state: expected "
            + Float.intBitsToFloat(most)
            + " or more");
  }

  private static boolean vanishes(float x, Quantizer state) {
    Projection nearest = state.projection().with(Rounding.NEAREST_EVEN);
    NumericFormat format = state.format();
    return format.decode(format.encode(x, nearest)) == 0;
  }
}
