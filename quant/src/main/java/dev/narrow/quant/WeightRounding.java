package dev.narrow.quant;

import dev.narrow.formats.Names;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * How the weights W[out, in] of a layer are rounded: each by itself, or all with regard to what
 * they do to the layer's outputs.
 *
 * <pre>{@code
 * WeightRounding method = WeightRounding.parse("gptq");
 * Tensor quantized = method.quantize(weight, quantizer, activations);
 * OutputError error = OutputError.measure(weight, quantized, activations);
 * }</pre>
 */
public sealed interface WeightRounding
    permits WeightRounding.Nearest, WeightRounding.Stochastic, Gptq, WeightRounding.Rotated {

  /** Each weight by itself, rounded as the quantizer's projection says: by default to nearest. */
  record Nearest() implements WeightRounding {
    @Override
    public Tensor quantize(
        Tensor weight, Quantizer quantizer, @Nullable Tensor activations, DoubleConsumer progress) {
      Tensor quantized = quantizer.quantize(weight);
      progress.accept(1);
      return quantized;
    }

    @Override
    public String toString() {
      return "nearest";
    }
  }

  /**
   * Each weight by itself, up or down by chance: 32 random bits decide, by distances between values
   * in logarithmic formats too. Inside the range the mean is the weight itself, to within 2^-33 of
   * a step and the float32 rounding of its quotient by the scale.
   *
   * @param seed of the random bits, stream 0; element i takes word i
   */
  record Stochastic(long seed) implements WeightRounding {
    @Override
    public Tensor quantize(
        Tensor weight, Quantizer quantizer, @Nullable Tensor activations, DoubleConsumer progress) {
      Rounding rounding = Rounding.stochastic(32).linear();
      Tensor quantized = quantizer.with(rounding).quantize(weight, new RandomBits(seed, 0));
      progress.accept(1);
      return quantized;
    }

    @Override
    public String toString() {
      return "stochastic:" + seed;
    }
  }

  /**
   * Another rounding after a rotation of the inputs. The codes stand for rotated weights, as {@link
   * Tensor#rotation} of the result says; activations may be rotated alike where the layer is used.
   *
   * @param rotation of weights and activations
   * @param then rounds the rotated weights; not rotated itself
   */
  record Rotated(Hadamard rotation, WeightRounding then) implements WeightRounding {
    /**
     * Checks that there is one rotation.
     *
     * @throws IllegalArgumentException if the inner rounding is rotated
     */
    public Rotated {
      if (then instanceof Rotated) {
        throw new IllegalArgumentException("then = " + then + ", expected no second rotation");
      }
    }

    @Override
    public Tensor quantize(
        Tensor weight, Quantizer quantizer, @Nullable Tensor activations, DoubleConsumer progress) {
      return then.quantize(
              rotation.rotate(weight),
              quantizer,
              activations == null ? null : rotation.rotate(activations),
              progress)
          .rotatedBy(rotation);
    }

    @Override
    public String toString() {
      return "hadamard:" + rotation.size() + ":" + rotation.seed() + "+" + then;
    }
  }

  /**
   * Codes and scales of weights.
   *
   * @param weight [out, in], fp32; any shape where neither activations nor a rotation matter
   * @param quantizer format, granularity, scales and projection
   * @param activations [samples, in], fp32: calibration inputs of the layer, for those that need
   *     them
   * @param progress is told the part that is done, 0 to 1, from one thread at a time
   * @return with the quantizer's scales; {@link Tensor#quantizer()} says how it was made
   * @throws IllegalArgumentException if the tensors do not fit, or activations are needed and null
   */
  Tensor quantize(
      Tensor weight, Quantizer quantizer, @Nullable Tensor activations, DoubleConsumer progress);

  /**
   * As {@link #quantize(Tensor, Quantizer, Tensor, DoubleConsumer)}, in silence.
   *
   * @param weight [out, in], fp32
   * @param quantizer format, granularity, scales and projection
   * @param activations [samples, in], fp32, or null
   * @return codes and scales
   * @throws IllegalArgumentException if the tensors do not fit, or activations are needed and null
   */
  default Tensor quantize(Tensor weight, Quantizer quantizer, @Nullable Tensor activations) {
    return quantize(weight, quantizer, activations, _ -> {});
  }

  /**
   * This method, or what is left of it for a tensor that it does not do for: without activations,
   * of another rank than a matrix, or with rows that the rotation does not divide.
   *
   * @param shape of the tensor
   * @param activations whether there are some
   */
  default WeightRounding fallback(Shape shape, boolean activations) {
    return switch (this) {
      case Nearest _, Stochastic _ -> this;
      case Gptq _ -> activations && shape.rank() == 2 ? this : new Nearest();
      case Rotated(Hadamard rotation, WeightRounding then) -> {
        WeightRounding left = then.fallback(shape, activations);
        boolean divides = shape.rank() > 0 && shape.dim(shape.rank() - 1) % rotation.size() == 0;
        yield divides ? new Rotated(rotation, left) : left;
      }
    };
  }

  /** Whether there must be activations. */
  default boolean needsActivations() {
    return switch (this) {
      case Nearest _, Stochastic _ -> false;
      case Gptq _ -> true;
      case Rotated(_, WeightRounding then) -> then.needsActivations();
    };
  }

  /**
   * The method that {@code toString} writes so, in upper or lower case; what stands in brackets may
   * be left out:
   *
   * <ul>
   *   <li>{@code nearest}
   *   <li>{@code stochastic[:SEED]}, seed 0
   *   <li>{@code gptq[:DAMPING][:act-order]}, damping 0.01
   *   <li>{@code hadamard[:SIZE[:SEED]][+METHOD]}: rotated blocks of 32, seed 0, then the method,
   *       nearest
   * </ul>
   *
   * @throws IllegalArgumentException if there is none; the message tells the nearest names, or what
   *     was expected
   */
  static WeightRounding parse(String text) {
    String key = text.strip().toLowerCase(Locale.ROOT);
    String[] steps = key.split("\\+", 2);
    String[] words = steps[0].split(":", -1);
    boolean rotated = words[0].equals("hadamard");
    WeightRounding method =
        switch (words[0]) {
          case "nearest" -> words.length == 1 ? new Nearest() : null;
          case "stochastic" -> words.length <= 2 ? new Stochastic(number(words, 1, 0, text)) : null;
          case "gptq" -> gptq(words);
          case "hadamard" ->
              words.length <= 3
                  ? new Rotated(
                      new Hadamard(
                          Math.clamp(number(words, 1, 32, text), -1, Integer.MAX_VALUE),
                          number(words, 2, 0, text)),
                      steps.length == 1 ? new Nearest() : parse(steps[1]))
                  : null;
          default ->
              throw new IllegalArgumentException(
                  "method = \""
                      + Names.shown(text)
                      + "\", expected one of "
                      + Names.nearest(
                          words[0], List.of("nearest", "stochastic", "gptq", "hadamard"))
                      + ", ...");
        };
    if (method == null || (steps.length == 2 && !rotated)) {
      throw unexpected(text);
    }
    return method;
  }

  private static @Nullable Gptq gptq(String[] words) {
    boolean ordered = words[words.length - 1].equals("act-order");
    int numbers = words.length - 1 - (ordered ? 1 : 0);
    if (numbers > 1) {
      return null;
    }
    try {
      double damping = numbers == 1 ? Double.parseDouble(words[1]) : Gptq.DEFAULT.damping();
      return new Gptq(damping, ordered);
    } catch (NumberFormatException e) {
      return null;
    }
  }

  private static long number(String[] words, int index, long absent, String text) {
    try {
      return index < words.length ? Long.parseLong(words[index]) : absent;
    } catch (NumberFormatException e) {
      throw unexpected(text);
    }
  }

  private static IllegalArgumentException unexpected(String text) {
    return new IllegalArgumentException(
        "method = \""
            + Names.shown(text)
            + "\", expected nearest, stochastic[:SEED], gptq[:DAMPING][:act-order]"
            + " or hadamard[:SIZE[:SEED]][+METHOD]");
  }
}
