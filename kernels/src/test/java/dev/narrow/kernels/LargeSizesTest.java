package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Sizes whose products do not fit in an int, or whose work space would take gigabytes if it were
 * not bounded: the tests run with a heap of one. Strides of 0 make large operands of small tensors.
 */
@Tag("scalar")
@Tag("simd")
class LargeSizesTest {
  private static final Backend ONE = Backend.cpu(1);

  private static Tensor ones(int n) {
    return Tensor.of(Data.filled(n, 1f), n);
  }

  private static float productOfOnes(Backend backend, Tensor one, int k) {
    float[] sum = {42f};
    Matrices row = new Matrices(one, 0, 1, 0, 1, k, 0, 0);
    backend.matmul(Matmul.plain(), row, row.transposed(), Matrices.of(Tensor.of(sum, 1, 1)));
    return sum[0];
  }

  @Test
  void sumsMayHaveHundredsOfMillionsOfTerms() {
    int k = (1 << 27) + 24; // times 16 columns of a vector, more than an int
    assertEquals((float) k, productOfOnes(ONE.with(Accumulator.fp64()), ones(1), k));
    int longer = (1 << 28) + 1; // times 8 rows of a block, more than an int
    assertEquals(0x1p24f, productOfOnes(ONE, ones(1), longer)); // where 1 more is lost
  }

  /** Which the bits do not show: panels of all rows at once, or of one block of terms at a time. */
  @Test
  void longRowsOfCodesArePackedInParts() {
    Data data = new Data(21);
    int k = (1 << 19) + 300;
    Tensor a = Quantizer.of(Formats.E4M3FN).quantize(Tensor.of(data.uniform(4 * k), 4, k));
    Tensor b = Tensor.of(data.uniform(k * 2), k, 2);
    float[] expected = new float[8];
    ONE.matmul(a.toFp32(), b, Tensor.of(expected, 4, 2));
    float[] out = new float[8];
    ONE.matmul(a, b, Tensor.of(out, 4, 2));
    assertSameBits(expected, out, "four rows");
    float[] one = new float[2];
    ONE.matmul(a.slice(3, 4), b, Tensor.of(one, 1, 2));
    assertSameBits(new float[] {expected[6], expected[7]}, one, "one row");
  }

  @Test
  void sumsInBinsAreMadeOfSomeColumnsAtATime() {
    Tensor one = Quantizer.of(Formats.LNS8).quantize(ones(1));
    int k = 1 << 21;
    float[] sums = new float[64];
    ONE.with(new Accumulator.LogBins(8, 40, 8))
        .matmul(
            Matmul.plain(),
            new Matrices(one, 0, 1, 0, 1, k, 0, 0),
            new Matrices(one, 0, 1, 0, k, 64, 0, 0),
            Matrices.of(Tensor.of(sums, 1, 64)));
    assertSameBits(Data.filled(64, k * one.toFloats()[0] * one.toFloats()[0]), sums, "sums");
  }

  @Test
  void anOperandOfMoreElementsThanAnIntCountsIsRefused() {
    Matrices a = new Matrices(ones(1), 0, 1, 0, 2, 1 << 30, 0, 0);
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () ->
                    ONE.matmul(
                        Matmul.plain(),
                        a,
                        a.transposed(),
                        Matrices.of(Tensor.of(Data.filled(4, 42f), 2, 2))))
            .getMessage();
    assertEquals(
        "a = [2, 1073741824] of fp32[1], expected at most 2^31 - 1 elements in each matrix",
        message);
  }

  /** As large as the image: half a million taps, more than a block of patches has rows. */
  @Test
  void kernelsMayBeAsLargeAsImages() {
    Data data = new Data(22);
    for (int size : new int[] {33, 700}) {
      StraightConvolution straight =
          new StraightConvolution(Convolution.unit(), 1, 1, size + 1, size + 1, 1, size, size);
      float[] x = data.uniform(straight.inputSize());
      float[] weight = data.uniform(straight.weightSize());
      float[] dy = data.uniform(straight.outputSize());
      Tensor image = Tensor.of(x, 1, 1, size + 1, size + 1);
      Tensor above = Tensor.of(dy, 1, 1, 2, 2);
      float[] y = new float[4];
      ONE.convolve(
          straight.how(), image, Tensor.of(weight, 1, 1, size, size), Tensor.of(y, 1, 1, 2, 2));
      assertSameBits(straight.forward(x, weight, new float[0]), y, "forward " + size);
      float[] expected = straight.backwardWeight(x, dy);
      for (int threads : new int[] {1, 3}) {
        float[] dweight = new float[weight.length];
        Tensor target = Tensor.of(dweight, 1, 1, size, size);
        Backend.cpu(threads).convolveBackwardWeight(straight.how(), image, above, target);
        assertSameBits(expected, dweight, "weights " + size);
      }
    }
  }

  /** 16 MB, or the terms of one position where there are more. */
  @Test
  void theWorkspaceOfAConvolutionIsBounded() {
    for (int i = 0; i < 31; i++) {
      for (int terms : new int[] {1 << i, (1 << i) - 1, Integer.MAX_VALUE}) {
        long positions = Correlation.positions(terms, 4);
        assertTrue(positions >= 1 && positions * terms <= Math.max(1 << 22, terms));
        assertEquals(positions, Correlation.positions(4, terms));
      }
    }
  }

  /** Its area is 2^62, but all it meets in every place is the image. */
  @Test
  void aWindowMayBeFarLargerThanTheImage() {
    int size = Integer.MAX_VALUE;
    Pooling how = new Pooling(size, size, 1, 1, size / 2, size / 2, false);
    float[] x = {1, 2, 3, 4, 8, 6};
    Tensor image = Tensor.of(x, 1, 1, 2, 3);
    float[] y = new float[6];
    Tensor out = Tensor.of(y, 1, 1, 2, 3);
    assertEquals(2, how.outputHeight(2));
    int[] argmax = new int[6];
    ONE.maxPool(how, image, out, argmax);
    assertSameBits(Data.filled(6, 8f), y, "maxima");
    assertArrayEquals(new int[] {4, 4, 4, 4, 4, 4}, argmax);
    ONE.averagePool(how, image, out);
    assertSameBits(Data.filled(6, 4f), y, "averages");
    float[] dx = new float[6];
    ONE.averagePoolBackward(how, out, Tensor.of(dx, 1, 1, 2, 3));
    assertSameBits(Data.filled(6, 6 * (4f / 6)), dx, "gradient");
    Pooling counting = new Pooling(size, size, 1, 1, size / 2, size / 2, true);
    ONE.averagePool(counting, image, out);
    assertSameBits(Data.filled(6, 24f / ((float) size * size)), y, "of the area");
  }

  @Test
  void moreChannelsThanTheFactorsOfWhichFitAreRefused() {
    int channels = Integer.MAX_VALUE / 5 + 1;
    Storage pretended =
        new Storage() {
          @Override
          public long byteSize() {
            return 4L * channels;
          }

          @Override
          public MemorySegment segment() {
            return MemorySegment.NULL;
          }

          @Override
          public boolean isHost() {
            return true;
          }

          @Override
          public void read(long offset, MemorySegment to) {}

          @Override
          public void write(long offset, MemorySegment from) {}

          @Override
          public Object owner() {
            return this;
          }

          @Override
          public long address() {
            return 0;
          }

          @Override
          public boolean isReadOnly() {
            return false;
          }

          @Override
          public boolean overlaps(Storage other) {
            return false;
          }

          @Override
          public boolean sameAs(Storage other) {
            return false;
          }
        };
    Tensor x = Tensor.of(pretended, Shape.of(1, channels), Formats.FP32, Scales.one());
    Tensor one = ones(1);
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> ONE.batchNormalizeBackward(x, one, one, one, one))
            .getMessage();
    assertEquals("x has shape [1, 429496730], expected at most 429496729 channels", message);
  }
}
