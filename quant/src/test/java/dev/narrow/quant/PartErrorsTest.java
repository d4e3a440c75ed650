package dev.narrow.quant;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class PartErrorsTest {
  private static final Granularity ROWS = new Granularity.PerAxis(0);

  /** The second row is rounded, the third one overflows, and the first is as it was. */
  @Test
  void theWorstRowsComeFirst() {
    Tensor x = Tensor.of(new float[] {1, 2, 1.0625f, 2, 1, 1e9f}, 3, 2);
    PartErrors rows = PartErrors.measure(x, Quantizer.of(Formats.E4M3FN).quantize(x), ROWS);
    assertEquals(List.of(2, 1, 0), rows.worst(10));
    assertEquals(List.of(2), rows.worst(1));
    assertEquals(Double.NEGATIVE_INFINITY, rows.sqnrDb(2)); // 1e9 became NaN
    assertEquals(1.0625 * 1.0625 + 4, rows.signal(1));
    assertEquals(0.0625 * 0.0625, rows.noise(1));
    assertEquals(Double.POSITIVE_INFINITY, rows.sqnrDb(0));
    assertThrows(IllegalArgumentException.class, () -> rows.worst(-1));
  }

  @Provide
  Arbitrary<Granularity> parts() {
    return Arbitraries.of(
        ROWS,
        new Granularity.PerTensor(),
        new Granularity.PerAxis(1),
        new Granularity.PerAxis(-1),
        new Granularity.PerBlock(-1, 4),
        new Granularity.PerBlock(0, 2),
        new Granularity.PerTile(2, 5));
  }

  /** Whatever the parts are, and however scales lie across them. */
  @Property(tries = 100)
  void theReportsOfAllPartsAreThatOfTheWhole(
      @ForAll long seed, @ForAll("parts") Granularity parts, @ForAll("parts") Granularity scales) {
    float[] values = new float[3 * 5 * 11];
    Random random = new Random(seed);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor x = Tensor.of(values, 3, 5, 11);
    Tensor quantized =
        Quantizer.of(Formats.INT4).with(scales).with(Scaling.of(ScaleRule.MIN_TO_MAX)).quantize(x);
    PartErrors errors = PartErrors.measure(x, quantized, parts);
    QuantizationError merged = QuantizationError.NONE;
    for (int part = 0; part < errors.count(); part++) {
      QuantizationError error = QuantizationError.measure(x, quantized, parts, part);
      assertEquals(errors.signal(part), error.signal(), 1e-12 * error.signal());
      assertEquals(errors.noise(part), error.noise(), 1e-12 * error.noise());
      merged = merged.merge(error);
    }
    QuantizationError whole = QuantizationError.measure(x, quantized);
    assertEquals(whole.before(), merged.before());
    assertEquals(whole.after(), merged.after());
    assertEquals(whole.maxUlps(), merged.maxUlps());
    assertEquals(whole.meanUlps(), merged.meanUlps(), 1e-14);
  }

  @Test
  void aPartMustBeOneOfTheTensors() {
    Tensor x = Tensor.zeros(3, 2);
    assertThrows(IndexOutOfBoundsException.class, () -> QuantizationError.measure(x, x, ROWS, 3));
    assertThrows(
        IllegalArgumentException.class, () -> PartErrors.measure(x, x.reshape(2, 3), ROWS));
  }
}
