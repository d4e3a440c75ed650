package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** Laws of all recipes. */
class QuantizerLawsTest {
  private static final int ROWS = 4;
  private static final int COLUMNS = 48;
  private static final List<String> POWER_OF_TWO =
      List.of(
          "mxfp8-e4m3",
          "mxfp8-e5m2",
          "mxint8",
          "mxfp6-e2m3",
          "mxfp6-e3m2",
          "mxfp4",
          "mxfp4/ceil",
          "mxfp6/even",
          "mxfp8/round-up",
          "lns8",
          "lns8-row",
          "lns8-block");

  @Provide
  Arbitrary<String> recipes() {
    return Arbitraries.of(Recipes.names());
  }

  @Provide
  Arbitrary<String> powerOfTwoRecipes() {
    return Arbitraries.of(POWER_OF_TWO);
  }

  private static float[] numbers(long seed) {
    Random random = new Random(seed);
    float[] x = new float[ROWS * COLUMNS];
    for (int i = 0; i < x.length; i++) {
      x[i] = Math.scalb((float) random.nextGaussian(), random.nextInt(-6, 6));
    }
    return x;
  }

  private static Tensor tensor(float[] x) {
    return Tensor.of(x, ROWS, COLUMNS);
  }

  /** What has been quantized is quantized to itself, under the same scales. */
  @Property(tries = 300)
  void quantizingIsIdempotent(@ForAll("recipes") String name, @ForAll long seed) {
    Quantizer quantizer = Recipes.parse(name);
    Tensor once = quantizer.quantize(tensor(numbers(seed)));
    Tensor twice = quantizer.quantize(once.toFp32(), once.scales(), null);
    assertEquals(once, twice);
  }

  /** Under scales that are found anew too, where these are powers of two that amax decides. */
  @Property(tries = 300)
  void quantizingIsIdempotentWithItsOwnScales(
      @ForAll("powerOfTwoRecipes") String name, @ForAll long seed) {
    Quantizer quantizer = Recipes.parse(name);
    float[] once = quantizer.quantize(tensor(numbers(seed))).toFloats();
    assertArrayEquals(once, quantizer.quantize(tensor(once)).toFloats());
  }

  /** Inside the range an element is no farther than half a step from its value. */
  @Property(tries = 300)
  void errorsAreAtMostHalfAStep(@ForAll("recipes") String name, @ForAll long seed) {
    Quantizer quantizer = Recipes.parse(name).with(Rounding.NEAREST_EVEN.linear());
    NumericFormat format = quantizer.format();
    float[] x = numbers(seed);
    Tensor quantized = quantizer.quantize(tensor(x));
    float[] y = quantized.toFloats();
    Scales scales = quantized.scales();
    double[] values =
        IntStream.range(0, 1 << format.width())
            .mapToDouble(format::decodeDouble)
            .filter(value -> !format.equals(Formats.MXINT8) || value > -2) // which it never becomes
            .sorted()
            .toArray();
    for (int i = 0; i < x.length; i++) {
      int k = quantizer.granularity().scale(quantized.shape(), i);
      double factor = scales.get(k);
      double inner = x[i] / factor + scales.zeroPoint(k);
      int above = 0;
      while (above < values.length - 1 && !(values[above] >= inner)) {
        above++;
      }
      if (above > 0 && values[above] >= inner) {
        double step = values[above] - values[above - 1];
        double slack = 1e-6 * Math.max(step, Math.abs(inner));
        assertTrue(
            Math.abs(x[i] - y[i]) <= factor * (step / 2 + slack),
            name + ": " + x[i] + " became " + y[i]);
      }
    }
  }

  /** The order inside a block decides nothing but the order of the codes. */
  @Property(tries = 300)
  void aPermutationInsideABlockKeepsItsScale(
      @ForAll @IntRange(min = 0, max = 5) int recipe, @ForAll long seed) {
    String name = POWER_OF_TWO.get(recipe);
    Quantizer quantizer = Recipes.parse(name);
    float[] x = Arrays.copyOf(numbers(seed), 32);
    List<Integer> order = new ArrayList<>(IntStream.range(0, 32).boxed().toList());
    Collections.shuffle(order, new Random(seed));
    float[] shuffled = new float[32];
    for (int i = 0; i < 32; i++) {
      shuffled[i] = x[order.get(i)];
    }
    Tensor plain = quantizer.quantize(Tensor.of(x, 32));
    Tensor permuted = quantizer.quantize(Tensor.of(shuffled, 32));
    assertEquals(plain.scales(), permuted.scales());
    float[] values = plain.toFloats();
    float[] permutedValues = permuted.toFloats();
    for (int i = 0; i < 32; i++) {
      assertEquals(values[order.get(i)], permutedValues[i]);
    }
  }

  /** A power of two goes into the scales and leaves the codes. */
  @Property(tries = 300)
  void scalingByAPowerOfTwoScalesTheScales(
      @ForAll("recipes") String name,
      @ForAll long seed,
      @ForAll @IntRange(min = -20, max = 20) int shift) {
    Quantizer quantizer = Recipes.parse(name);
    float[] x = numbers(seed);
    float[] scaled = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      scaled[i] = Math.scalb(x[i], shift);
    }
    Tensor plain = quantizer.quantize(tensor(x));
    Tensor shifted = quantizer.quantize(tensor(scaled));
    // a scale in a floating-point format of its own is rounded on the way: not at its ends
    if (quantizer.scaling().format() instanceof FloatFormat f
        && f.equals(Formats.E4M3FN)
        && quantizer.scaling().outer().isEmpty()) {
      return;
    }
    assertEquals(-1, plain.storage().segment().mismatch(shifted.storage().segment()), name);
    for (int k = 0; k < plain.scales().count(); k++) {
      assertEquals(Math.scalb(plain.scales().get(k), shift), shifted.scales().get(k));
    }
  }

  /** Element i takes word i, whether codes are made or values replaced. */
  @Property(tries = 100)
  void stochasticRoundingIsThatOfTheElement(@ForAll("recipes") String name, @ForAll long seed) {
    Quantizer quantizer = Recipes.parse(name).with(Rounding.stochastic(12));
    RandomBits random = new RandomBits(seed, 5);
    float[] x = numbers(seed);
    Tensor whole = quantizer.quantize(tensor(x), random);
    float[] fake = x.clone();
    quantizer.fakeQuantize(tensor(fake), whole.scales(), random);
    assertArrayEquals(whole.toFloats(), fake);
  }
}
