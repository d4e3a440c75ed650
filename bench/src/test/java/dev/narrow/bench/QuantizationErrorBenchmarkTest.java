package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.quant.QuantizationError;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is timed is what is claimed, and is charged right. */
class QuantizationErrorBenchmarkTest {
  private static final int N = 1 << 14;

  /** The ratios of normal numbers are those of the formats: 31.5, 30.6 and 20.3 dB or so. */
  @ParameterizedTest
  @CsvSource({"e4m3fn, 31.5", "mxfp8, 30.65", "nvfp4, 20.5"})
  void theReportIsThatOfTheRecipe(String recipe, double decibels) {
    QuantizationErrorBenchmark benchmark = new QuantizationErrorBenchmark();
    QuantizationErrorBenchmark.Count count = new QuantizationErrorBenchmark.Count();
    QuantizationErrorBenchmark.Tensors tensors = new QuantizationErrorBenchmark.Tensors();
    tensors.recipe = recipe;
    tensors.n = N;
    tensors.prepare();
    QuantizationError error = benchmark.measure(tensors, count);
    assertEquals(decibels, error.sqnrDb(), 0.3);
    double sum = 0;
    for (float x : tensors.values) {
      sum += x;
    }
    byte codes = 0;
    for (byte code : tensors.codes) {
      codes += code;
    }
    assertEquals(sum, benchmark.read(tensors, count) - codes, 0.1);
    assertEquals(2L * N, count.elements);
  }
}
