package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Tensor;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.function.Executable;

@Tag("scalar")
@Tag("simd")
class ArithmeticTest {
  private static final Backend BACKEND = Backend.cpu(1);

  @Example
  void operationsAreThoseOfTheirNames() {
    Tensor x = Tensor.of(new float[] {6, 8, -1, 0}, 2, 2);
    Tensor y = Tensor.of(new float[] {3, 2, 4, 0}, 2, 2);
    float[] z = new float[4];
    Tensor out = Tensor.of(z, 2, 2);
    BACKEND.add(x, y, out);
    assertSameBits(new float[] {9, 10, 3, 0}, z, "x + y");
    BACKEND.subtract(x, y, out);
    assertSameBits(new float[] {3, 6, -5, 0}, z, "x - y");
    BACKEND.multiply(x, y, out);
    assertSameBits(new float[] {18, 16, -4, 0}, z, "x y");
    BACKEND.divide(x, y, out);
    assertSameBits(new float[] {2, 4, -0.25f, Float.NaN}, z, "x / y");
    BACKEND.multiplyRow(x, Tensor.of(new float[] {2, 10}, 2), out);
    assertSameBits(new float[] {12, 80, -2, 0}, z, "x row");
    BACKEND.clamp(0f, 6.5f, x, x);
    assertSameBits(new float[] {6, 6.5f, 0, 0}, x.toFloats(), "clamp, in place");
    BACKEND.subtract(x, y, y);
    assertSameBits(new float[] {3, 4.5f, -4, 0}, y.toFloats(), "x - y, in place");
    BACKEND.multiply(x, x, x);
    assertSameBits(new float[] {36, 42.25f, 0, 0}, x.toFloats(), "x x, in place");
  }

  @Example
  void limitsPassWhatIsNotBeyondThem() {
    float infinity = Float.POSITIVE_INFINITY;
    float[] x = {-infinity, -0f, 0f, infinity, Float.NaN};
    Tensor values = Tensor.of(x, 5);
    BACKEND.clamp(-infinity, infinity, values, values);
    assertSameBits(new float[] {-infinity, -0f, 0f, infinity, Float.NaN}, x, "no limits");
    BACKEND.clamp(0f, 0f, values, values);
    assertSameBits(new float[] {0, -0f, 0, 0, Float.NaN}, x, "0 to 0");
  }

  /** An element is kept by its word and by nothing else. */
  @Property(tries = 100)
  void dropoutTakesTheWordOfTheElement(
      @ForAll @IntRange(min = 0, max = 3000) int n,
      @ForAll @FloatRange(min = 0f, max = 1f, maxIncluded = false) float probability,
      @ForAll long seed) {
    float[] x = new Data(seed).anyBits(n);
    RandomBits bits = new RandomBits(seed, 7);
    float[] y = new float[n];
    BACKEND.dropout(probability, bits, Tensor.of(x, n), Tensor.of(y, n));
    double limit = Math.rint(probability * 0x1p32);
    float factor = 1f / (1f - probability);
    for (int i = 0; i < n; i++) {
      boolean kept = Integer.toUnsignedLong(bits.word(i)) >= limit;
      assertSameBits(kept ? Lanes.canonical(x[i] * factor) : 0f, y[i], "y " + i);
    }
  }

  /** The gradient is the same operation: what passed forward passes back, by the same factor. */
  @Example
  void theGradientOfDropoutHasTheSameMask() {
    RandomBits bits = new RandomBits(1, 2);
    Tensor ones = Tensor.of(Data.filled(5000, 1f), 50, 100);
    Tensor y = Tensor.zeros(50, 100);
    Tensor dx = Tensor.zeros(5000);
    BACKEND.dropout(0.3f, bits, ones, y);
    BACKEND.dropout(0.3f, bits, ones.reshape(5000), dx);
    assertSameBits(y.toFloats(), dx.toFloats(), "mask");
    int kept = 0;
    for (float value : y.toFloats()) {
      kept += value == 0f ? 0 : 1;
    }
    // 3500 are expected, with a standard deviation of 32; these bits are always the same.
    assertTrue(Math.abs(kept - 3500) < 100, "kept " + kept);
    BACKEND.dropout(0.3f, bits.withStream(3), ones, dx.reshape(50, 100));
    assertTrue(!y.equals(dx.reshape(50, 100)), "another stream");
  }

  @Example
  void threadsDoNotChangeTheBits() {
    Tensor x = Tensor.of(new Data(1).uniform(70_001), 70_001);
    Tensor one = Tensor.zeros(70_001);
    BACKEND.dropout(0.5f, new RandomBits(5, 0), x, one);
    for (int threads : new int[] {2, 3, 8}) {
      Tensor other = Tensor.zeros(70_001);
      Backend.cpu(threads).dropout(0.5f, new RandomBits(5, 0), x, other);
      assertSameBits(one.toFloats(), other.toFloats(), threads + " threads");
    }
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Example
  void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
    float[] values = Data.filled(4, 42f);
    Tensor z = Tensor.of(values, 2, 2);
    Tensor x = Tensor.zeros(2, 2);
    Tensor other = Tensor.zeros(4);
    RandomBits bits = new RandomBits(0, 0);
    assertRefused("y has shape [4], expected [2, 2]", () -> BACKEND.add(x, other, z));
    assertRefused("z has shape [2, 2], expected [4]", () -> BACKEND.multiply(other, other, z));
    assertRefused("row has shape [4], expected [2]", () -> BACKEND.multiplyRow(x, other, z));
    assertRefused("low = NaN, expected a number", () -> BACKEND.clamp(Float.NaN, 0f, x, z));
    assertRefused("high = 1.0, expected low = 2.0 or more", () -> BACKEND.clamp(2f, 1f, x, z));
    assertRefused(
        "probability = 1.0, expected 0 or more and below 1", () -> BACKEND.dropout(1f, bits, x, z));
    assertRefused(
        "probability = NaN, expected 0 or more and below 1",
        () -> BACKEND.dropout(Float.NaN, bits, x, z));
    assertSameBits(Data.filled(4, 42f), values, "z");
  }
}
