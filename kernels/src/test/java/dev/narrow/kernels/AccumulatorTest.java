package dev.narrow.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.kernels.Accumulator.Chunked;
import dev.narrow.kernels.Accumulator.Fixed;
import dev.narrow.kernels.Accumulator.Fixed.Overflow;
import dev.narrow.kernels.Accumulator.LogBins;
import dev.narrow.kernels.Accumulator.Rounded;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class AccumulatorTest {
  private static final Accumulator FP16 = Accumulator.rounded(Formats.FP16);

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Test
  void namesSayWhatIsSummedUpInWhat() {
    assertEquals("fp32", Accumulator.fp32().name());
    assertEquals("fp64", Accumulator.fp64().name());
    assertEquals("exact", Accumulator.exact().toString());
    assertEquals("fp16 each step", FP16.name());
    assertEquals(
        "chunks of 64 in fp16 each step, across in fp32",
        Accumulator.chunked(64, FP16, Accumulator.fp32()).toString());
    assertEquals(
        "24-bit fixed point with 12 fraction bits, toward-zero, wrapping",
        new Fixed(24, 12, Rounding.TOWARD_ZERO, Overflow.WRAP).name());
    assertEquals(
        "log bins of 24-bit fixed point with 8 fraction bits, table of 1 entry",
        new LogBins(1, 24, 8).name());
    Projection cut = new Projection(Rounding.TOWARD_ZERO, Saturation.IEEE);
    assertEquals(
        "fp16 each step (toward-zero, " + Saturation.IEEE + ")",
        new Rounded(Formats.FP16, cut).name());
  }

  @Test
  void sumsStartAtZeroSoThereMustBeOne() {
    assertRefused(
        "format = lns8-madam, expected one that has a zero, where sums start",
        () -> Accumulator.rounded(Formats.LNS8_MADAM));
    assertRefused(
        "format = e8m0, expected one that has a zero, where sums start",
        () -> Accumulator.rounded(Formats.E8M0));
  }

  @Test
  void everyStepRoundsOnceSoValuesAreThoseOfFloat32() {
    assertRefused(
        "format = posit32 of 32 bits, expected at most 16 bits or a floating-point format",
        () -> Accumulator.rounded(Formats.POSIT32));
    assertRefused(
        "format = float:e11m4, expected one whose values are those of float32",
        () -> Accumulator.rounded(Formats.parse("float:e11m4")));
    Projection chance = Formats.FP16.defaultProjection().with(Rounding.stochastic(8));
    assertRefused(
        "rounding = stochastic:8, expected one that is not stochastic",
        () -> new Rounded(Formats.FP16, chance));
  }

  @Test
  void chunksAreNotChunkedAgainAndHaveNoCodes() {
    Accumulator chunked = Accumulator.chunked(8, FP16, FP16);
    Accumulator bins = new LogBins(8, 24, 8);
    assertRefused(
        "within = " + chunked + ", expected neither chunks nor logarithmic bins",
        () -> new Chunked(8, chunked, FP16));
    assertRefused(
        "across = " + bins + ", expected neither chunks nor logarithmic bins",
        () -> new Chunked(8, FP16, bins));
    assertRefused("chunk = 0, expected 1 or more", () -> Accumulator.chunked(0, FP16, FP16));
  }

  @Test
  void parametersOutOfRangeAreRefused() {
    assertRefused(
        "bits = 1, expected 2 to 64", () -> new Fixed(1, 0, Rounding.NEAREST_EVEN, Overflow.WRAP));
    assertRefused(
        "fractionBits = 127, expected -64 to 126",
        () -> new Fixed(32, 127, Rounding.NEAREST_EVEN, Overflow.WRAP));
    assertRefused(
        "rounding = stochastic:3, expected one that is not stochastic",
        () -> new Fixed(32, 0, Rounding.stochastic(3), Overflow.WRAP));
    assertRefused(
        "entries = 3, expected a power of two from 1 to 32768", () -> new LogBins(3, 24, 8));
    assertRefused("bits = 65, expected 2 to 64", () -> new LogBins(8, 65, 8));
  }

  @Test
  void logarithmicBinsTakeNoDecodedNumbers() {
    LogBins bins = new LogBins(8, 24, 8);
    assertRefused(
        "accumulator = " + bins + ", expected another: it takes codes of logarithmic formats",
        () -> KernelProvider.kernels().matmulIn(bins));
  }
}
