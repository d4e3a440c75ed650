package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;

/** MX and NVFP4 against their specifications, bit for bit, on all kinds of blocks. */
@Tag("scalar")
@Tag("simd")
class BlockRecipesTest {
  private static final List<String> MX =
      List.of("mxfp8-e4m3", "mxfp8-e5m2", "mxint8", "mxfp6-e2m3", "mxfp6-e3m2", "mxfp4");

  /** What an element of a block may be. */
  enum Kind {
    NORMAL,
    ANY_BITS,
    TIES,
    ZEROS,
    SUBNORMAL,
    HUGE,
    WITH_INFINITY,
    WITH_NAN,
    ONE_ONLY
  }

  @Provide
  Arbitrary<Kind> kinds() {
    return Arbitraries.of(Kind.class);
  }

  @Provide
  Arbitrary<String> mxNames() {
    return Arbitraries.of(MX);
  }

  private static float[] block(Kind kind, NumericFormat format, Random random, int n) {
    float[] x = new float[n];
    int exponent = random.nextInt(-60, 60);
    for (int i = 0; i < n; i++) {
      x[i] =
          switch (kind) {
            case NORMAL, WITH_INFINITY, WITH_NAN, ONE_ONLY ->
                Math.scalb((float) random.nextGaussian(), exponent);
            case ANY_BITS -> Float.intBitsToFloat(random.nextInt());
            case TIES -> tie(format, random, exponent);
            case ZEROS -> random.nextBoolean() ? 0f : -0f;
            case SUBNORMAL -> Float.MIN_VALUE * random.nextInt(-1 << 20, 1 << 20);
            case HUGE -> Math.scalb((float) random.nextGaussian(), 126);
          };
    }
    switch (kind) {
      case WITH_INFINITY -> x[random.nextInt(n)] = Float.NEGATIVE_INFINITY;
      case WITH_NAN -> x[random.nextInt(n)] = Float.NaN;
      case ONE_ONLY -> {
        float one = x[0];
        Arrays.fill(x, 0f);
        x[random.nextInt(n)] = one;
      }
      default -> {}
    }
    return x;
  }

  /** Midway between neighbours, times a power of two: a tie under scales that are such. */
  private static float tie(NumericFormat format, Random random, int exponent) {
    int code = random.nextInt(1 << format.width());
    double value = format.decodeDouble(code);
    double next = format.decodeDouble(format.nextUp(code));
    double tie = (value + next) / 2;
    return Double.isFinite(tie) ? Math.scalb((float) tie, exponent) : 1f;
  }

  private static float[] row(NumericFormat format, Random random, int n, int size) {
    float[] x = new float[n];
    for (int from = 0; from < n; from += size) {
      int length = Math.min(size, n - from);
      Kind kind = Kind.values()[random.nextInt(Kind.values().length)];
      System.arraycopy(block(kind, format, random, length), 0, x, from, length);
    }
    return x;
  }

  @Property(tries = 300)
  void mxIsAsSpecified(
      @ForAll("mxNames") String name,
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 150) int n) {
    Quantizer quantizer = Recipes.parse(name);
    NumericFormat format = quantizer.format();
    float[] x = row(format, new Random(seed), n, 32);
    Tensor quantized = quantizer.quantize(Tensor.of(x, n));
    for (int k = 0, from = 0; from < n; k++, from += 32) {
      float[] block = Arrays.copyOfRange(x, from, Math.min(n, from + 32));
      assertBlock(RecipeOracle.mx(format, block), quantized, k, from, block);
    }
  }

  @Property(tries = 300)
  void nvfp4IsAsSpecified(@ForAll long seed, @ForAll @IntRange(min = 1, max = 150) int n) {
    Random random = new Random(seed);
    float[] x = row(Formats.E2M1, random, n, 16);
    Tensor quantized = Recipes.parse("nvfp4").quantize(Tensor.of(x, n));
    float amax = RecipeOracle.amax(x);
    float tensorScale = amax == 0 ? 1f : Math.max(amax / 2688f, Float.MIN_NORMAL);
    assertEquals(tensorScale, quantized.scales().outer().orElseThrow().get(0));
    for (int k = 0, from = 0; from < n; k++, from += 16) {
      float[] block = Arrays.copyOfRange(x, from, Math.min(n, from + 16));
      RecipeOracle.Block expected =
          RecipeOracle.nvfp4(Formats.E2M1, Formats.E4M3FN, tensorScale, block);
      assertBlock(expected, quantized, k, from, block);
    }
  }

  private static void assertBlock(
      RecipeOracle.Block expected, Tensor quantized, int scale, int from, float[] block) {
    assertEquals(expected.scale(), quantized.scales().scale(scale), () -> Arrays.toString(block));
    List<Integer> codes = new ArrayList<>();
    for (int i = 0; i < block.length; i++) {
      int code =
          Byte.toUnsignedInt(
              quantized.storage().segment().getAtIndex(ValueLayout.JAVA_BYTE, from + i));
      // a NaN keeps its sign, which means nothing
      boolean isNan = quantized.format().isNan(code) && Float.isNaN(block[i]);
      codes.add(isNan ? expected.codes().get(i) : code);
    }
    assertEquals(expected.codes(), codes, () -> Arrays.toString(block));
  }

  /**
   * All that lies along another axis, in tiles or rows is the same as cut out and laid in a row.
   */
  @Property(tries = 200)
  void everyGranularityIsBlocksInARow(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 40) int rows,
      @ForAll @IntRange(min = 1, max = 40) int columns) {
    Random random = new Random(seed);
    float[] x = new float[rows * columns];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    Quantizer mx = Recipes.parse("mxfp4");
    List<Granularity> granularities = new ArrayList<>();
    for (String name : List.of("tensor", "axis=0", "axis=-1", "block=7", "block=5@0", "tile=3x6")) {
      granularities.add(Granularity.parse(name));
    }
    for (Granularity granularity : granularities) {
      Tensor whole = mx.with(granularity).quantize(Tensor.of(x, rows, columns));
      float[] fake = x.clone();
      mx.with(granularity).fakeQuantize(Tensor.of(fake, rows, columns));
      float[] values = whole.toFloats();
      assertArrayEquals(values, fake, granularity.spec());
      int scales = granularity.scales(whole.shape());
      for (int k = 0; k < scales; k++) {
        assertGroup(mx, granularity, whole, x, values, k);
      }
    }
  }

  private static void assertGroup(
      Quantizer mx, Granularity granularity, Tensor whole, float[] x, float[] values, int k) {
    List<Integer> members = new ArrayList<>();
    for (int i = 0; i < x.length; i++) {
      if (granularity.scale(whole.shape(), i) == k) {
        members.add(i);
      }
    }
    float[] group = new float[members.size()];
    for (int i = 0; i < group.length; i++) {
      group[i] = x[members.get(i)];
    }
    Tensor alone = mx.with(new Granularity.PerTensor()).quantize(Tensor.of(group, group.length));
    assertEquals(alone.scales().get(0), whole.scales().get(k), granularity.spec());
    float[] expected = alone.toFloats();
    for (int i = 0; i < group.length; i++) {
      assertEquals(expected[i], values[members.get(i)], granularity.spec());
    }
  }
}
