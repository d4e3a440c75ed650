package dev.narrow.bench;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is timed is what is claimed, and is charged right. */
class EncodeBenchmarkTest {
  private static final int N = EncodeBenchmark.N;

  private final EncodeBenchmark benchmark = new EncodeBenchmark();
  private final EncodeBenchmark.Values values = new EncodeBenchmark.Values();
  private final EncodeBenchmark.Traffic traffic = new EncodeBenchmark.Traffic();

  @ParameterizedTest
  @ValueSource(strings = {"fp16", "bf16", "e4m3fn", "e5m2", "lns8"})
  void codesAreThoseOfTheFormat(String name) {
    NumericFormat format = Formats.parse(name);
    values.draw();
    EncodeBenchmark.Coded coded = new EncodeBenchmark.Coded();
    coded.format = name;
    coded.encode(values);
    Object codes = benchmark.encode(values, coded, traffic);
    int bytesPerCode = format.width() / 8;
    assertEquals((long) N * (4 + bytesPerCode), traffic.bytes);
    float[] expected = new float[N];
    for (int i = 0; i < N; i++) {
      int code = format.encode(values.source[i], format.defaultProjection());
      expected[i] = format.decode(code);
      int actual = bytesPerCode == 1 ? ((byte[]) codes)[i] & 0xff : ((short[]) codes)[i] & 0xffff;
      assertEquals(code, actual);
    }
    assertArrayEquals(expected, benchmark.decode(values, coded, traffic));
    assertArrayEquals(expected, benchmark.quantize(values, coded, traffic));
    assertEquals((long) N * (2 * (4 + bytesPerCode) + 16), traffic.bytes);
  }

  @Test
  void theCopyCopies() {
    values.draw();
    assertTrue(values.source[0] != 0);
    assertArrayEquals(values.source, benchmark.copy(values, traffic));
    assertEquals(8L * N, traffic.bytes);
  }
}
