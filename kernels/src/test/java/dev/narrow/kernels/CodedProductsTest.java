package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Hadamard;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.function.Executable;

/** Products of codes are those of the values that the codes stand for, to the bit. */
@Tag("scalar")
@Tag("simd")
class CodedProductsTest {
  private static final Backend BACKEND = Backend.cpu(1);

  /** Formats of all layouts, scales of all granularities. */
  private static final List<Quantizer> QUANTIZERS =
      List.of(
          Quantizer.of(Formats.parse("lns8")),
          Quantizer.of(Formats.parse("lns8-madam")),
          Quantizer.of(Formats.parse("e4m3fn")).with(ScaleRule.AMAX_TO_MAX_FINITE),
          Quantizer.of(Formats.parse("e5m2")),
          Quantizer.of(Formats.parse("e3m4")),
          Quantizer.of(Formats.FP16),
          Quantizer.of(Formats.parse("bf16")),
          Quantizer.of(Formats.parse("posit16")),
          Recipes.parse("mxfp8"),
          Recipes.parse("nvfp4"),
          Recipes.parse("lns8-row"),
          Recipes.parse("fp8-128x128").with(new Granularity.PerTile(5, 7)),
          Recipes.parse("int8-asymmetric"),
          Recipes.parse("lns8-block").with(new Granularity.PerBlock(0, 16)));

  /** A tensor with the values of another, in fp32. */
  private static Tensor plain(Tensor codes) {
    return codes.toFp32();
  }

  private static Tensor draw(Data data, Quantizer quantizer, int... dims) {
    int size = Shape.of(dims).size();
    return quantizer.quantize(Tensor.of(data.mostlyUniform(size, 50), dims));
  }

  private static float[] product(Matmul how, Matrices a, Matrices b) {
    float[] out = new float[a.rows() * b.columns()];
    BACKEND.matmul(how, a, b, Matrices.of(Tensor.of(out, a.rows(), b.columns())));
    return out;
  }

  @Property(tries = 300)
  void codesGiveTheProductOfTheirValues(
      @ForAll @IntRange(min = 1, max = 70) int m,
      @ForAll @IntRange(min = 1, max = 70) int n,
      @ForAll @IntRange(min = 1, max = 70) int k,
      @ForAll @IntRange(min = 0, max = 13) int left,
      @ForAll @IntRange(min = 0, max = 13) int right,
      @ForAll boolean transposeA,
      @ForAll boolean transposeB,
      @ForAll long seed) {
    Data data = new Data(seed);
    Tensor a = draw(data, QUANTIZERS.get(left), transposeA ? k : m, transposeA ? m : k);
    Tensor b = draw(data, QUANTIZERS.get(right), transposeB ? n : k, transposeB ? k : n);
    Matrices x = transposeA ? Matrices.of(a).transposed() : Matrices.of(a);
    Matrices y = transposeB ? Matrices.of(b).transposed() : Matrices.of(b);
    Matrices px = transposeA ? Matrices.of(plain(a)).transposed() : Matrices.of(plain(a));
    Matrices py = transposeB ? Matrices.of(plain(b)).transposed() : Matrices.of(plain(b));
    assertSameBits(
        product(Matmul.plain(), px, py), product(Matmul.plain(), x, y), a + " times " + b);
  }

  /** All codes of a byte pass through a product of few rows, which decodes them in registers. */
  @Example
  void everyCodeIsDecodedInProductsOfFewRows() {
    for (String name : List.of("lns8", "lns8-madam", "e4m3fn", "e5m2", "e3m4", "e4m3fnuz")) {
      byte[] codes = new byte[3 * 1024];
      for (int i = 0; i < codes.length; i++) {
        codes[i] = (byte) (i * 37 + i / 256);
      }
      Tensor b =
          Tensor.of(
              Storage.of(codes),
              Shape.of(6, 512),
              Formats.parse(name),
              Scales.of(new Granularity.PerBlock(-1, 32), scales(96)));
      for (int m = 1; m <= 4; m++) {
        Tensor a = Tensor.of(new Data(m).uniform(m * 6), m, 6);
        assertSameBits(
            product(Matmul.plain(), Matrices.of(a), Matrices.of(plain(b))),
            product(Matmul.plain(), Matrices.of(a), Matrices.of(b)),
            name + ", " + m + " rows");
      }
      for (int row = 0; row < 6; row++) { // alone, so that one NaN does not hide what others are
        Tensor one = Tensor.of(new float[] {3f}, 1, 1);
        assertSameBits(
            product(Matmul.plain(), Matrices.of(one), Matrices.of(plain(b.slice(row, row + 1)))),
            product(Matmul.plain(), Matrices.of(one), Matrices.of(b.slice(row, row + 1))),
            name + ", row " + row);
      }
      Tensor x = Tensor.of(new Data(9).uniform(512), 512);
      float[] expected = new float[6];
      float[] y = new float[6];
      BACKEND.matvec(plain(b), x, Tensor.of(expected, 6));
      BACKEND.matvec(b, x, Tensor.of(y, 6));
      assertSameBits(expected, y, name + " times a vector");
    }
  }

  /** And all codes of sixteen bits that are decoded so. */
  @Example
  void everyHalfIsDecodedInProductsOfFewRows() {
    for (String name : List.of("fp16", "bf16")) {
      short[] codes = new short[1 << 16];
      for (int i = 0; i < codes.length; i++) {
        codes[i] = (short) i;
      }
      Tensor b =
          Tensor.of(Storage.of(codes), Shape.of(64, 1024), Formats.parse(name), Scales.of(0.75f));
      for (int row = 0; row < 64; row++) { // alone, so that one NaN does not hide what others are
        Tensor slice = b.slice(row, row + 1);
        Tensor x = Tensor.of(new float[] {1f}, 1, 1);
        assertSameBits(
            product(Matmul.plain(), Matrices.of(x), Matrices.of(plain(slice))),
            product(Matmul.plain(), Matrices.of(x), Matrices.of(slice)),
            name + ", row " + row);
      }
      for (int i = 0; i < 1 << 16; i += 16) {
        float[] y = new float[1];
        float[] expected = new float[1];
        Tensor few = b.reshape(1 << 12, 16).slice(i / 16, i / 16 + 1);
        Tensor x = Tensor.of(new Data(i).uniform(16), 16);
        BACKEND.matvec(few, x, Tensor.of(y, 1));
        BACKEND.matvec(plain(few), x, Tensor.of(expected, 1));
        assertSameBits(expected, y, name + " from code " + i);
      }
    }
  }

  private static float[] scales(int n) {
    float[] scales = new float[n];
    for (int i = 0; i < n; i++) {
      scales[i] = 0.5f + i;
    }
    return scales;
  }

  /** Sixteen lanes and a tree, written out. */
  @Property(tries = 100)
  void aVectorIsMultipliedAlongRowsInSixteenLanes(
      @ForAll @IntRange(min = 1, max = 9) int m,
      @ForAll @IntRange(min = 1, max = 200) int k,
      @ForAll @IntRange(min = 0, max = 13) int format,
      @ForAll long seed) {
    Data data = new Data(seed);
    Tensor a = draw(data, QUANTIZERS.get(format), m, k);
    float[] x = data.uniform(k);
    float[] y = new float[m];
    BACKEND.matvec(a, Tensor.of(x, k), Tensor.of(y, m));
    float[] values = a.toFloats();
    for (int i = 0; i < m; i++) {
      float[] lanes = new float[16];
      for (int j = 0; j < k; j++) {
        lanes[j % 16] = Math.fma(values[i * k + j], x[j], lanes[j % 16]);
      }
      for (int half = 8; half > 0; half /= 2) {
        for (int j = 0; j < half; j++) {
          lanes[j] += lanes[j + half];
        }
      }
      assertSameBits(Float.isNaN(lanes[0]) ? Float.NaN : lanes[0], y[i], "row " + i);
    }
  }

  /** A batch, one operand of which is a single matrix; heads of columns; every thread count. */
  @Property(tries = 50)
  void batchesAreProductsOfTheirMatrices(
      @ForAll @IntRange(min = 1, max = 5) int count,
      @ForAll @IntRange(min = 1, max = 20) int m,
      @ForAll @IntRange(min = 1, max = 20) int n,
      @ForAll @IntRange(min = 1, max = 20) int k,
      @ForAll boolean single,
      @ForAll long seed) {
    Data data = new Data(seed);
    Tensor a = Tensor.of(data.uniform(m * count * k), m, count * k); // heads side by side
    Tensor b = Tensor.of(data.uniform((single ? 1 : count) * k * n), single ? 1 : count, k, n);
    float[] out = new float[m * count * n];
    Matrices heads = new Matrices(a, 0, count, k, m, k, count * k, 1);
    Matrices targets = new Matrices(Tensor.of(out, m, count * n), 0, count, n, m, n, count * n, 1);
    for (int threads : new int[] {1, 2, 3, 8}) {
      Backend.cpu(threads).matmul(Matmul.plain(), heads, Matrices.of(b), targets);
      for (int h = 0; h < count; h++) {
        float[] one = product(Matmul.plain(), heads.get(h), Matrices.of(b).get(single ? 0 : h));
        for (int i = 0; i < m; i++) {
          for (int j = 0; j < n; j++) {
            assertSameBits(one[i * n + j], out[i * count * n + h * n + j], h + ": " + i + ", " + j);
          }
        }
      }
    }
  }

  /** alpha, bias, beta, activation: each rounded, in this order. */
  @Property(tries = 100)
  void theEpilogueIsAppliedInItsOrder(
      @ForAll @IntRange(min = 1, max = 70) int n, @ForAll long seed) {
    Data data = new Data(seed);
    Tensor a = Tensor.of(data.mostlyUniform(5 * 3, 30), 5, 3);
    Tensor b = Tensor.of(data.mostlyUniform(3 * n, 30), 3, n);
    Tensor bias = Quantizer.of(Formats.FP16).quantize(Tensor.of(data.uniform(n), n));
    float[] old = data.uniform(5 * n);
    float[] sums = product(Matmul.plain(), Matrices.of(a), Matrices.of(b));
    float[] out = old.clone();
    Matmul how = Matmul.plain().alpha(0.3f).bias(bias).beta(-0.7f).activation(Activation.RELU);
    BACKEND.matmul(how, Matrices.of(a), Matrices.of(b), Matrices.of(Tensor.of(out, 5, n)));
    for (int i = 0; i < out.length; i++) {
      float v = 0.3f * sums[i];
      v += bias.toFloats()[i % n];
      v = Math.fma(-0.7f, old[i], v);
      assertSameBits(Float.isNaN(v) ? Float.NaN : v <= 0 ? 0f : v, out[i], "element " + i);
    }
  }

  /** An output in few bits is what its quantizer makes of the fp32 one, wherever it lies. */
  @Example
  void outputsAreWrittenAsTheirQuantizerSays() {
    Data data = new Data(4);
    Tensor a = Tensor.of(data.uniform(6 * 5), 6, 5);
    Tensor b = Tensor.of(data.uniform(5 * 8), 5, 8);
    Tensor fp32 = Tensor.zeros(6, 8);
    BACKEND.matmul(a, b, fp32);
    Quantizer quantizer = Recipes.parse("fp8-1x128").with(new Granularity.PerBlock(-1, 4));
    Tensor expected = quantizer.quantize(fp32);
    Tensor out = quantizer.allocate(Shape.of(6, 8), expected.scales());
    BACKEND.matmul(a, b, out);
    assertEquals(expected, out);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(97).asSlice(1);
      Tensor half = Tensor.of(Storage.of(memory), Shape.of(6, 8), Formats.FP16, Scales.of(0.25f));
      BACKEND.matmul(a, b, half);
      assertEquals(Quantizer.of(Formats.FP16).quantize(fp32, Scales.of(0.25f), null), half);
    }
  }

  /** What a view leaves out stays as it is, wherever the memory lies. */
  @Example
  void whatIsOutsideOfAViewStays() {
    Tensor a = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
    try (Arena arena = Arena.ofConfined()) {
      float[] heap = Data.filled(20, 42f);
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, heap);
      for (Tensor out : List.of(Tensor.of(heap, 20), Tensor.of(memory, 20))) {
        Matrices view = new Matrices(out, 3, 1, 0, 2, 2, 8, 1);
        BACKEND.matmul(Matmul.plain(), Matrices.of(a), Matrices.of(a), view);
      }
      assertSameBits(heap, memory.toArray(ValueLayout.JAVA_FLOAT), "native");
      assertEquals(42f, heap[2]);
      assertEquals(22f, heap[12]);
    }
  }

  /** Memory that is confined to this thread is copied before others work. */
  @Example
  void threadsShareConfinedMemory() {
    Data data = new Data(8);
    Tensor a = Tensor.of(data.uniform(160 * 150), 160, 150);
    Tensor b = draw(data, Quantizer.of(Formats.FP16), 150, 140);
    float[] expected = product(Matmul.plain(), Matrices.of(a), Matrices.of(b));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment codes = arena.allocate(2 * 150 * 140).copyFrom(b.storage().segment());
      Tensor confined = Tensor.of(Storage.of(codes), b.shape(), b.format(), b.scales());
      float[] out = new float[expected.length];
      Backend.cpu(3).matmul(a, confined, Tensor.of(out, 160, 140));
      assertSameBits(expected, out, "confined");
    }
  }

  /** The sums of a convolution, too, and of log bins over any view of codes. */
  @Example
  void accumulatorsAreThoseAskedFor() {
    for (int outputs = 1; outputs <= 5; outputs++) {
      Tensor x = Tensor.of(new float[] {0x1p40f, 1f, -0x1p40f}, 1, 3, 1, 1);
      Tensor ones = Tensor.of(Data.filled(3 * outputs, 1f), outputs, 3, 1, 1);
      float[] y = new float[outputs];
      BACKEND
          .with(Accumulator.exact())
          .convolve(Convolution.unit(), x, ones, Tensor.of(y, 1, outputs, 1, 1));
      assertSameBits(Data.filled(outputs, 1f), y, outputs + " outputs");
    }
    Backend bins = BACKEND.with(new Accumulator.LogBins(8, 48, 24));
    Tensor codes = Quantizer.of(Formats.LNS8).quantize(Tensor.of(new float[] {1, 9, 2, 9}, 4));
    Matrices row = new Matrices(codes, 0, 1, 0, 1, 2, 4, 2);
    float[] sum = new float[1];
    bins.matmul(Matmul.plain(), row, row.transposed(), Matrices.of(Tensor.of(sum, 1, 1)));
    assertEquals(5f, sum[0]);
    float[] untouched = {42f};
    assertRefused(
        "accumulator = log bins of 48-bit fixed point with 24 fraction bits, table of 8 entries,"
            + " expected another one here: it takes products of matrices of codes",
        () ->
            bins.convolve(
                Convolution.unit(),
                Tensor.zeros(1, 1, 1, 1),
                Tensor.zeros(1, 1, 1, 1),
                Tensor.zeros(1),
                Tensor.of(untouched, 1, 1, 1, 1)));
    assertEquals(42f, untouched[0]);
  }

  /** An output with zero points is written with them. */
  @Example
  void outputsMayHaveZeroPoints() {
    Tensor a = Tensor.of(new float[] {1, 2, 3, 4}, 2, 2);
    Scales scales = Scales.of(0.5f).withZeroPoints(-3);
    Tensor out = Tensor.of(Storage.of(new byte[4]), Shape.of(2, 2), Formats.parse("int8"), scales);
    BACKEND.matmul(a, a, out);
    assertSameBits(new float[] {7, 10, 15, 22}, out.toFloats(), "int8");
  }

  @Example
  void viewsThatDoNotFitAreRefused() {
    Tensor a = Tensor.zeros(4, 6);
    Tensor fp8 = Quantizer.of(Formats.parse("e4m3fn")).quantize(Tensor.zeros(4, 8));
    assertRefused(
        "rowStride = -1, expected 0 or more", () -> new Matrices(a, 0, 1, 0, 2, 2, -1, 1));
    assertThrows(IndexOutOfBoundsException.class, () -> new Matrices(a, 20, 1, 0, 2, 2, 4, 1));
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> new Matrices(a, 0, 1 << 16, 1 << 16, 1 << 16, 1, 1 << 16, 1));
    Matrices twice = new Matrices(Tensor.zeros(4, 4), 0, 1, 0, 4, 4, 3, 1);
    assertRefused(
        "out = [4, 4] of fp32[4, 4], expected contiguous rows and no element twice",
        () ->
            BACKEND.matmul(Matmul.plain(), Matrices.of(a), Matrices.of(Tensor.zeros(6, 4)), twice));
    assertRefused(
        "out = 2 x [3, 4] of e4m3fn[4, 8], expected all of a tensor that is not fp32",
        () ->
            BACKEND.matmul(
                Matmul.plain(),
                Matrices.of(Tensor.zeros(2, 3, 6)),
                Matrices.of(Tensor.zeros(6, 4)),
                new Matrices(fp8, 0, 2, 4, 3, 4, 8, 1)));
    assertRefused(
        "a = 2 x [4, 6] of fp32[2, 4, 6] has 2 matrices, expected 1 or 3, as out has",
        () -> BACKEND.matmul(Tensor.zeros(2, 4, 6), Tensor.zeros(3, 6, 5), Tensor.zeros(3, 4, 5)));
    Tensor rotated = Tensor.zeros(6, 4).rotatedBy(new Hadamard(4, 1));
    assertRefused(
        "out is rotated by " + new Hadamard(4, 1) + ", expected it plain",
        () -> BACKEND.matmul(Tensor.zeros(6, 2), Tensor.zeros(2, 4), rotated));
  }

  private static void assertRefused(String message, Executable operation) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, operation).getMessage());
  }
}
