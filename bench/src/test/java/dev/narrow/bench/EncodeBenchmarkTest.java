package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is timed is what is claimed, and is charged right. */
class EncodeBenchmarkTest {
  private static final int N = 1 << 12;

  private final EncodeBenchmark benchmark = new EncodeBenchmark();
  private final EncodeBenchmark.Count count = new EncodeBenchmark.Count();

  private static EncodeBenchmark.Arrays arrays(String format) {
    EncodeBenchmark.Arrays arrays = new EncodeBenchmark.Arrays();
    arrays.format = format;
    arrays.n = N;
    arrays.prepare();
    return arrays;
  }

  @ParameterizedTest
  @ValueSource(strings = {"fp16", "bf16", "e4m3fn", "e5m2", "lns8", "tf32"})
  void codesAreThoseOfTheFormat(String name) {
    NumericFormat format = Formats.parse(name);
    EncodeBenchmark.Arrays arrays = arrays(name);
    Object codes = benchmark.encode(arrays, count);
    float[] expected = new float[N];
    for (int i = 0; i < N; i++) {
      int code = format.encode(arrays.source[i], format.defaultProjection());
      expected[i] = format.decode(code);
      int actual =
          switch (codes) {
            case byte[] bytes -> bytes[i] & 0xff;
            case short[] shorts -> shorts[i] & 0xffff;
            default -> ((int[]) codes)[i];
          };
      assertEquals(code, actual);
    }
    assertArrayEquals(expected, benchmark.decode(arrays, count));
    assertArrayEquals(expected, benchmark.quantize(arrays, count));
    assertEquals(3L * N, count.elements);
  }

  @ParameterizedTest
  @ValueSource(strings = {"e4m3fn", "bf16"})
  void theCopiesMoveAsManyBytesAsTheFormat(String name) {
    EncodeBenchmark.Arrays arrays = arrays(name);
    int traffic = N * (4 + Formats.parse(name).width() / 8);
    assertEquals(traffic, arrays.copySource.length + arrays.copyTarget.length);
    arrays.copyTarget = new byte[arrays.copySource.length];
    assertArrayEquals(arrays.copySource, benchmark.copy(arrays, count));
    arrays.copyTarget = new byte[arrays.copySource.length];
    assertArrayEquals(arrays.copySource, benchmark.arraycopy(arrays, count));
    assertEquals(2L * N, count.elements);
  }

  @Test
  void theReportSetsRatesBesideTheCopy() {
    var bytes = new ByteArrayOutputStream();
    EncodeReport.print(
        Map.of("    65536 bf16", Map.of("copy", 10.0, "encode", 8.0, "decode", 9.5)),
        List.of("no torch: not there"),
        new PrintStream(bytes, true, StandardCharsets.UTF_8));
    String text = bytes.toString(StandardCharsets.UTF_8);
    assertTrue(text.contains("10.00"), text);
    assertTrue(text.contains("8.00 / 0.80"), text);
    assertTrue(text.contains("9.50 / 0.95"), text);
    assertTrue(text.contains("no torch"), text);
  }
}
