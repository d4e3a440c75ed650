package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.kernels.Accumulator.LogBins;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.util.Arrays;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;

@Tag("scalar")
@Tag("simd")
class LogBinsProductTest {
  private static final LogFormat LNS8 = Formats.LNS8;
  private static final LogFormat MADAM = Formats.LNS8_MADAM;

  private static float sum(LogBins bins, LogFormat left, int[] a, LogFormat right, int[] b) {
    float[] c = new float[1];
    int k = a.length;
    LogBinsProduct.multiply(
        bins,
        new CodeMatrix(left, a, 0, 1, k, k, 1),
        new CodeMatrix(right, b, 0, k, 1, 1, 1),
        Matrix.rowMajor(c, 0, 1, 1, 1));
    return c[0];
  }

  /** Codes of any sign, zero among them, but not NaN. */
  private static int[] codes(Data data, int k) {
    int[] codes = new int[k];
    for (int i = 0; i < k; i++) {
      codes[i] = data.below(256);
      codes[i] = codes[i] == 0x80 ? 0 : codes[i];
    }
    return codes;
  }

  /** The definition in integers of any size, cut and saturated by arithmetic on them. */
  private static float oracle(LogBins bins, LogFormat left, int[] a, LogFormat right, int[] b) {
    BigInteger[] sums = new BigInteger[8];
    Arrays.fill(sums, BigInteger.ZERO);
    BigInteger greatest = BigInteger.TWO.pow(bins.bits() - 1).subtract(BigInteger.ONE);
    for (int i = 0; i < a.length; i++) {
      boolean zero =
          (left.zero() == LogFormat.Zero.RESERVED && (a[i] & 127) == 0)
              || (right.zero() == LogFormat.Zero.RESERVED && (b[i] & 127) == 0);
      if (!zero) {
        int p = (a[i] & 127) - left.bias() + (b[i] & 127) - right.bias();
        int r = Math.floorMod(p, 8);
        BigInteger term = BigInteger.ONE.shiftLeft(200 + Math.floorDiv(p, 8) + bins.fractionBits());
        term = term.shiftRight(200);
        boolean negative = ((a[i] ^ b[i]) & 128) != 0;
        BigInteger sum = negative ? sums[r].subtract(term) : sums[r].add(term);
        sums[r] = sum.min(greatest).max(greatest.not());
      }
    }
    double result = 0;
    double[] constants = LogBinsProduct.constants(8, bins.entries());
    for (int r = 0; r < 8; r++) {
      double value = Math.scalb(sums[r].doubleValue(), -bins.fractionBits());
      result = Math.fma(constants[r], value, result);
    }
    return (float) result;
  }

  @Property(tries = 300)
  void theBinsAreIntegers(
      @ForAll @IntRange(min = 0, max = 3) int logEntries,
      @ForAll @IntRange(min = 2, max = 64) int bits,
      @ForAll @IntRange(min = -64, max = 126) int fractionBits,
      @ForAll @IntRange(min = 0, max = 40) int k,
      @ForAll boolean madam,
      @ForAll long seed) {
    Data data = new Data(seed);
    LogFormat left = madam ? MADAM : LNS8;
    LogBins bins = new LogBins(1 << logEntries, bits, fractionBits);
    int[] a = codes(data, k);
    int[] b = codes(data, k);
    float expected = oracle(bins, left, a, LNS8, b);
    assertSameBits(expected, sum(bins, left, a, LNS8, b), bins.name());
  }

  /** With all entries and bits enough nothing is lost but in the last few roundings. */
  @Property(tries = 200)
  void ampleBinsSumUpTheProducts(@ForAll @IntRange(min = 1, max = 60) int k, @ForAll long seed) {
    Data data = new Data(seed);
    int[] a = codes(data, k);
    int[] b = codes(data, k);
    double exact = 0;
    double magnitude = 0;
    for (int i = 0; i < k; i++) {
      double term = LNS8.decodeDouble(a[i]) * LNS8.decodeDouble(b[i]);
      exact += term;
      magnitude += Math.abs(term);
    }
    float sum = sum(new LogBins(8, 48, 16), LNS8, a, LNS8, b);
    assertEquals(exact, sum, 0x1p-24 * Math.abs(exact) + (k + 20) * 0x1p-52 * magnitude);
    // at most as far off as the table, for each product and so for their magnitudes
    float mitchell = sum(new LogBins(1, 48, 16), LNS8, a, LNS8, b);
    assertEquals(exact, mitchell, 0.0608 * magnitude);
  }

  /** The largest errors of the table, in lns.md's terms: 6.07 %, 6.03 %, 3.16 %, none. */
  @Example
  void theTableHasTheErrorsOfMitchell() {
    double[] expected = {0.060660171779821, 0.060296131, 0.0315801, 0};
    for (int i = 0; i < 4; i++) {
      double[] constants = LogBinsProduct.constants(8, 1 << i);
      double largest = 0;
      for (int r = 0; r < 8; r++) {
        double error = constants[r] / Math.pow(2, r / 8.0) - 1;
        assertTrue(error > -1e-15, "never too small: " + error);
        largest = Math.max(largest, error);
      }
      assertEquals(expected[i], largest, 5e-5, (1 << i) + " entries");
    }
  }

  @Example
  void termsBelowTheUnitAreCut() {
    LogBins bins = new LogBins(8, 24, 4);
    int[] one = {0x40};
    assertSameBits(0x1p-4f, sum(bins, LNS8, new int[] {0x40 - 32}, LNS8, one), "2^-4");
    assertSameBits(0f, sum(bins, LNS8, new int[] {0x40 - 33}, LNS8, one), "2^(-33/8)");
    float twice = sum(bins, LNS8, new int[] {0x40 - 33, 0x40 - 33}, LNS8, new int[] {0x40, 0x40});
    assertSameBits(0f, twice, "each by itself");
  }

  @Example
  void binsSaturateEachByItself() {
    LogBins bins = new LogBins(8, 4, 0); // -8 to 7
    int[] ones = {0x40, 0x40, 0x40};
    int four = 0x40 + 16;
    int minusFour = four | 0x80;
    assertSameBits(7f, sum(bins, LNS8, new int[] {four, four, four}, LNS8, ones), "4 + 4 + 4");
    assertSameBits(3f, sum(bins, LNS8, new int[] {four, four, minusFour}, LNS8, ones), "4 + 4 - 4");
    int[] below = {minusFour, minusFour, minusFour};
    assertSameBits(-8f, sum(bins, LNS8, below, LNS8, ones), "-4 - 4 - 4");
    int other = 0x40 + 17; // the next bin
    float both = sum(bins, LNS8, new int[] {four, four, other}, LNS8, ones);
    assertEquals(7 + 4 * Math.pow(2, 1 / 8.0), both, 1e-6);
  }

  @Example
  void zeroIsNothingAndNanIsAll() {
    LogBins bins = new LogBins(8, 24, 8);
    assertSameBits(0f, sum(bins, LNS8, new int[0], LNS8, new int[0]), "nothing");
    assertSameBits(0f, sum(bins, LNS8, new int[] {0}, LNS8, new int[] {0x7f}), "0 × max");
    int[] a = {0x40, 0x80, 0};
    assertSameBits(Float.NaN, sum(bins, LNS8, a, LNS8, new int[] {0x40, 0, 0x40}), "NaN × 0");
    // of the paper's format code 0 is the smallest magnitude, not zero
    float smallest = sum(new LogBins(8, 48, 16), MADAM, new int[] {0}, LNS8, new int[] {0x40});
    assertSameBits(MADAM.decode(0), smallest, "smallest");
  }

  /** Rows and columns of larger arrays, in both orders. */
  @Example
  void matricesHaveStrides() {
    Data data = new Data(6);
    LogBins bins = new LogBins(4, 24, 8);
    CodeMatrix a = new CodeMatrix(LNS8, codes(data, 40), 3, 4, 5, 7, 1);
    CodeMatrix b = new CodeMatrix(LNS8, codes(data, 40), 2, 5, 6, 1, 6);
    float[] c = Data.filled(50, 42f);
    Matrix target = Matrix.rowMajor(c, 1, 4, 6, 8);
    LogBinsProduct.multiply(bins, a, b, target);
    for (int i = 0; i < 4; i++) {
      for (int j = 0; j < 6; j++) {
        int[] row = new int[5];
        int[] column = new int[5];
        for (int k = 0; k < 5; k++) {
          row[k] = a.codes()[3 + 7 * i + k];
          column[k] = b.codes()[2 + k + 6 * j];
        }
        assertSameBits(sum(bins, LNS8, row, LNS8, column), c[1 + 8 * i + j], i + ", " + j);
      }
    }
  }

  /** Which other threads may not read: they get a copy. */
  @Example
  void codesMayLieInConfinedMemory() {
    Data data = new Data(7);
    Tensor heap = Quantizer.of(LNS8).quantize(Tensor.of(data.uniform(128 * 128), 128, 128));
    float[] expected = new float[128 * 128];
    Backend bins = Backend.cpu(2).with(new LogBins(8, 32, 8));
    bins.matmul(heap, heap, Tensor.of(expected, 128, 128));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment codes = arena.allocate(128 * 128);
      codes.copyFrom(heap.storage().segment());
      Tensor confined = Tensor.of(Storage.of(codes), heap.shape(), LNS8, heap.scales());
      float[] out = new float[128 * 128];
      bins.matmul(confined, confined, Tensor.of(out, 128, 128));
      assertSameBits(expected, out, "confined");
    }
  }

  private static @Nullable String refused(LogBins bins, LogFormat left, LogFormat right) {
    Tensor a = Quantizer.of(left).quantize(Tensor.of(new float[] {1f}, 1, 1));
    Tensor b = Quantizer.of(right).quantize(Tensor.of(new float[] {1f}, 1, 1));
    float[] out = {42f};
    Backend backend = Backend.cpu(1).with(bins);
    String message =
        assertThrows(
                IllegalArgumentException.class, () -> backend.matmul(a, b, Tensor.of(out, 1, 1)))
            .getMessage();
    assertSameBits(42f, out[0], "out");
    return message;
  }

  @Example
  void formatsThatDoNotFitAreRefusedBeforeAnythingIsWritten() {
    assertEquals(
        "entries = 16, expected at most 8, the gamma of lns8",
        refused(new LogBins(16, 24, 8), LNS8, LNS8));
    LogFormat fine = LogFormat.of(8, 16, LogFormat.Zero.RESERVED);
    assertEquals(
        "b has format lns:b8g16 of gamma 16, expected gamma 8, that of a",
        refused(new LogBins(8, 24, 8), LNS8, fine));
  }
}
