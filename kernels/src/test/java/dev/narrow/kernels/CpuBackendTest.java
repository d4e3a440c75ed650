package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

@Tag("scalar")
@Tag("simd")
class CpuBackendTest {
  private final Backend backend = Backend.cpu(1);

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Test
  void describesHowItComputes() {
    String kernels = KernelProvider.kernels().name();
    assertEquals("cpu, ORDERED, " + kernels + ", 1 thread", backend.describe());
    assertEquals("cpu, ORDERED, " + kernels + ", 3 threads", Backend.cpu(3).describe());
    assertEquals(Summation.ORDERED, backend.summation());
    assertRefused("threads = 0, expected 1 or more", () -> Backend.cpu(0));
  }

  @Test
  void sumsAreMadeInTheAccumulatorThatIsAskedFor() {
    Accumulator fp16 = Accumulator.rounded(Formats.FP16);
    Backend half = backend.with(fp16);
    String kernels = KernelProvider.kernels().name();
    assertEquals(
        "cpu, ORDERED, sums in fp16 each step, " + kernels + ", 1 thread", half.describe());
    Backend exact = backend.with(Accumulator.exact());
    assertEquals("cpu, EXACT, " + kernels + ", 1 thread", exact.describe());
    assertEquals(Summation.EXACT, exact.summation());
    assertEquals(backend, exact.with(Accumulator.fp32()));
    Tensor a = Tensor.of(new float[] {0x1p40f, 1, -0x1p40f}, 1, 3);
    Tensor b = Tensor.of(new float[] {1, 1, 1}, 3, 1);
    float[] out = new float[1];
    backend.matmul(a, b, Tensor.of(out, 1, 1));
    assertSameBits(0f, out[0], "1 is swamped in fp32");
    exact.matmul(a, b, Tensor.of(out, 1, 1));
    assertSameBits(1f, out[0], "exact");
    half.matmul(a, b, Tensor.of(out, 1, 1));
    assertSameBits(Float.POSITIVE_INFINITY, out[0], "fp16 overflows");
    assertRefused(
        "a has floats, expected codes of a logarithmic format where sums are made in log bins",
        () -> backend.with(new Accumulator.LogBins(8, 24, 8)).matmul(a, b, Tensor.of(out, 1, 1)));
  }

  /** Large enough to be shared out, batched, of codes, and with an epilogue. */
  @Test
  void neitherThreadsNorTheWayToAProductChangeItsAccumulator() {
    Data data = new Data(15);
    float[] values = data.uniform(140 * 130);
    Tensor a = Tensor.of(data.uniform(150 * 140), 150, 140);
    Tensor b = Quantizer.of(Formats.FP16).quantize(Tensor.of(values, 140, 130));
    Tensor decoded = Tensor.of(b.toFloats(), 140, 130);
    Accumulator fp64 = Accumulator.fp64();
    float[] expected =
        Terms.multiply(
            new ScalarAccumulatorMatmul(fp64), a.toFloats(), decoded.toFloats(), 150, 130, 140);
    for (int threads : new int[] {1, 3}) {
      Backend wide = Backend.cpu(threads).with(fp64);
      float[] out = new float[expected.length];
      wide.matmul(a, b, Tensor.of(out, 150, 130));
      assertSameBits(expected, out, threads + " threads");
      float[] sum = new float[expected.length];
      Matmul relu = Matmul.plain().activation(Activation.RELU);
      wide.matmul(
          relu, Matrices.of(a), Matrices.of(decoded), Matrices.of(Tensor.of(sum, 150, 130)));
      for (int i = 0; i < sum.length; i++) {
        assertSameBits(expected[i] <= 0 ? 0f : expected[i], sum[i], "relu " + i);
      }
      float[] batch = new float[expected.length];
      wide.matmul(Tensor.of(a.toFloats(), 5, 30, 140), decoded, Tensor.of(batch, 5, 30, 130));
      assertSameBits(expected, batch, "batch");
    }
  }

  @Test
  void productsAreThoseOfTheirNames() {
    Tensor a = Tensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    Tensor b = Tensor.of(new float[] {1, 0, 2, 1, 0, 3}, 3, 2);
    float[] out = new float[4];
    backend.matmul(a, b, Tensor.of(out, 2, 2));
    assertSameBits(new float[] {5, 11, 14, 23}, out, "a b");
    Matmul biased = Matmul.plain().bias(Tensor.of(new float[] {100, -200}, 2));
    Matrices left = Matrices.of(a);
    Matrices right = Matrices.of(b);
    Matrices target = Matrices.of(Tensor.of(out, 2, 2));
    backend.matmul(biased, left, right, target);
    assertSameBits(new float[] {105, -189, 114, -177}, out, "a b + bias");
    backend.matmul(biased.alpha(2f).beta(-1f).activation(Activation.RELU), left, right, target);
    assertSameBits(new float[] {5, 11, 14, 23}, out, "relu(2 a b + bias - out)");
    Tensor c = Tensor.of(new float[] {1, 0, 0, 1, 1, 1}, 2, 3);
    backend.matmul(Matmul.plain(), left, Matrices.of(c).transposed(), target);
    assertSameBits(new float[] {1, 6, 4, 15}, out, "a cᵀ");
    float[] square = new float[9];
    Matrices nine = Matrices.of(Tensor.of(square, 3, 3));
    backend.matmul(Matmul.plain(), left.transposed(), Matrices.of(c), nine);
    assertSameBits(new float[] {5, 4, 4, 7, 5, 5, 9, 6, 6}, square, "aᵀ c");
    backend.matmul(Matmul.plain().beta(1f), left.transposed(), Matrices.of(c), nine);
    assertSameBits(new float[] {10, 8, 8, 14, 10, 10, 18, 12, 12}, square, "aᵀ c + out");
    float[] y = new float[2];
    backend.matvec(a, Tensor.of(new float[] {1, 10, 100}, 3), Tensor.of(y, 2));
    assertSameBits(new float[] {321, 654}, y, "a x");
  }

  private void biased(Tensor a, Tensor b, Tensor bias, Tensor out) {
    backend.matmul(Matmul.plain().bias(bias), Matrices.of(a), Matrices.of(b), Matrices.of(out));
  }

  /** Large enough to be shared out. */
  @Test
  void threadsDoNotChangeAProduct() {
    Data data = new Data(5);
    Tensor a = Tensor.of(data.uniform(150 * 140), 150, 140);
    Tensor b = Tensor.of(data.uniform(140 * 130), 140, 130);
    float[] one = new float[150 * 130];
    backend.matmul(a, b, Tensor.of(one, 150, 130));
    for (int threads : new int[] {2, 3, 8}) {
      float[] out = new float[one.length];
      Backend.cpu(threads).matmul(a, b, Tensor.of(out, 150, 130));
      assertSameBits(one, out, threads + " threads");
    }
  }

  @Test
  void elementwiseOperationsMayWorkInPlace() {
    float[] values = {-1, 0, 2, 3};
    Tensor x = Tensor.of(values, 2, 2);
    backend.relu(x, x);
    assertSameBits(new float[] {0, 0, 2, 3}, values, "relu");
    float[] gradient = {5, 6, 7, 8};
    Tensor dy = Tensor.of(gradient, 2, 2);
    backend.reluBackward(x, dy, dy);
    assertSameBits(new float[] {0, 0, 7, 8}, gradient, "reluBackward");
    backend.addRow(x, Tensor.of(new float[] {10, 20}, 2), x);
    assertSameBits(new float[] {10, 20, 12, 23}, values, "addRow");
    backend.scale(0.5f, x, x);
    assertSameBits(new float[] {5, 10, 6, 11.5f}, values, "scale");
    backend.addScaled(2f, dy, x);
    assertSameBits(new float[] {5, 10, 20, 27.5f}, values, "addScaled");
    backend.exp2(dy, dy);
    assertSameBits(new float[] {1, 1, 128, 256}, gradient, "exp2");
  }

  @Test
  void reductionsSeeAllElements() {
    Tensor x = Tensor.of(new float[] {1, 2, 3, -4, 5, 6}, 3, 2);
    assertEquals(13f, backend.sum(x));
    assertEquals(91f, backend.sumOfSquares(x));
    assertEquals(new Scan(6f, 0, -1), backend.scan(x));
    float[] sums = new float[2];
    backend.sumRows(x, Tensor.of(sums, 2));
    assertSameBits(new float[] {9, 4}, sums, "sumRows");
  }

  /**
   * A slice of a heap array is worked on where it is; native memory gives the same through a copy.
   */
  @Test
  void memoryAnywhereGivesTheSame() {
    Data data = new Data(9);
    float[] a = data.uniform(6);
    float[] b = data.uniform(6);
    float[] expected = new float[4];
    backend.matmul(Tensor.of(a, 2, 3), Tensor.of(b, 3, 2), Tensor.of(expected, 2, 2));

    float[] large = new float[20];
    System.arraycopy(a, 0, large, 1, 6);
    System.arraycopy(b, 0, large, 8, 6);
    MemorySegment segment = MemorySegment.ofArray(large);
    backend.matmul(
        Tensor.of(segment.asSlice(4, 24), 2, 3),
        Tensor.of(segment.asSlice(32, 24), 3, 2),
        Tensor.of(segment.asSlice(60, 16), 2, 2));
    float[] slice = new float[4];
    System.arraycopy(large, 15, slice, 0, 4);
    assertSameBits(expected, slice, "slices");

    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(16, 4);
      backend.matmul(
          Tensor.of(arena.allocateFrom(ValueLayout.JAVA_FLOAT, a), 2, 3),
          Tensor.of(arena.allocateFrom(ValueLayout.JAVA_FLOAT, b), 3, 2),
          Tensor.of(out, 2, 2));
      assertSameBits(expected, out.toArray(ValueLayout.JAVA_FLOAT), "native");
      MemorySegment logits = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 0f, 0f);
      Tensor x = Tensor.of(logits, 1, 2);
      assertEquals(
          (float) Math.log(2), backend.softmaxCrossEntropy(x, new int[] {1}, 4f, x), 1e-7f);
      assertSameBits(new float[] {2, -2}, logits.toArray(ValueLayout.JAVA_FLOAT), "gradient");
    }
  }

  @Test
  void shapesThatDoNotFitAreRefusedBeforeAnythingIsWritten() {
    Tensor a = Tensor.zeros(2, 3);
    Tensor b = Tensor.zeros(3, 4);
    float[] values = Data.filled(8, 42f);
    Tensor out = Tensor.of(values, 2, 4);
    assertRefused(
        "b = [4, 2] of fp32[4, 2] gives 4 terms to a sum, expected 3 for a = [2, 3] of fp32[2, 3]",
        () -> backend.matmul(a, Tensor.zeros(4, 2), out));
    assertRefused(
        "out = [4, 2] of fp32[4, 2], expected [2, 4] for a = [2, 3] of fp32[2, 3]"
            + " and b = [3, 4] of fp32[3, 4]",
        () -> backend.matmul(a, b, Tensor.of(values, 4, 2)));
    assertRefused("bias has shape [2], expected [4]", () -> biased(a, b, Tensor.zeros(2), out));
    assertRefused(
        "tensor has shape [6], expected two axes or more",
        () -> backend.matmul(Tensor.zeros(6), b, out));
    assertRefused("y has shape [2, 4], expected [3, 4]", () -> backend.relu(b, out));
    assertRefused("dy has shape [3, 4], expected [2, 4]", () -> backend.reluBackward(out, b, out));
    assertRefused(
        "row has shape [3], expected [4]", () -> backend.addRow(out, Tensor.zeros(3), out));
    assertRefused("y has shape [2], expected [4]", () -> backend.sumRows(out, Tensor.zeros(2)));
    assertSameBits(Data.filled(8, 42f), values, "out");
  }

  @Test
  void sharedMemoryIsRefusedWhereItWouldBeReadAfterItIsWritten() {
    float[] values = Data.filled(20, 42f);
    MemorySegment memory = MemorySegment.ofArray(values);
    Tensor a = Tensor.of(memory.asSlice(0, 16), 2, 2);
    Tensor b = Tensor.zeros(2, 2);
    Tensor shifted = Tensor.of(memory.asSlice(4, 16), 2, 2);
    String message = "out shares memory with %s, expected memory of its own";
    assertRefused(message.formatted("a"), () -> backend.matmul(a, b, a));
    assertRefused(message.formatted("b"), () -> backend.matmul(b, a, shifted));
    assertRefused(
        message.formatted("bias"), () -> biased(b, b, Tensor.of(memory.asSlice(0, 8), 2), a));
    assertRefused(
        "y shares memory with x, expected memory of its own", () -> backend.relu(a, shifted));
    assertRefused(
        "dx shares memory with dy, expected memory of its own",
        () -> backend.reluBackward(b, a, shifted));
    assertRefused(
        "gradient shares memory with logits, expected memory of its own",
        () -> backend.softmaxCrossEntropy(a, new int[] {0, 1}, 1f, shifted));
    assertSameBits(Data.filled(20, 42f), values, "memory");
  }

  @Test
  void labelsOutsideOfTheClassesAreRefused() {
    Tensor x = Tensor.zeros(2, 3);
    assertRefused(
        "labels[1] = 3, expected 0 to 2",
        () -> backend.softmaxCrossEntropy(x, new int[] {0, 3}, 1f, x));
    assertRefused(
        "labels has 1 elements, expected 2, one for each row",
        () -> backend.softmaxCrossEntropy(x, new int[] {0}, 1f, x));
    Tensor empty = Tensor.zeros(0, 3);
    assertRefused(
        "logits has shape [0, 3], expected at least one row and one class",
        () -> backend.softmaxCrossEntropy(empty, new int[0], 1f, empty));
  }

  @Test
  void operandsOfOtherFormatsAreDecoded() {
    Tensor half = Quantizer.of(Formats.FP16).quantize(Tensor.of(new float[] {1, 2, 3, 4}, 2, 2));
    float[] out = new float[4];
    backend.matmul(half, half, Tensor.of(out, 2, 2));
    assertSameBits(new float[] {7, 10, 15, 22}, out, "fp16");
  }

  @Test
  void memoryThatMustNotBeWrittenIsOnlyRead() {
    Tensor readOnly = Tensor.of(MemorySegment.ofArray(new float[4]).asReadOnly(), 2, 2);
    assertRefused(
        "y is read-only, expected memory to write to",
        () -> backend.relu(Tensor.zeros(2, 2), readOnly));
    backend.relu(readOnly, Tensor.zeros(2, 2));
  }
}
