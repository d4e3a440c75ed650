package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;

import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;

@Tag("scalar")
@Tag("simd")
class PatchesTest {
  /** Taps in either direction, positions before, in and after the elements. */
  private static TapAxis axis(Data data) {
    int extent = 1 + data.below(7);
    int positions = data.below(2) == 0 ? extent : 1 + data.below(7);
    int step = data.below(2) == 0 ? 1 : 1 + data.below(3);
    return new TapAxis(
        extent, 1 + data.below(4), data.below(13) - 6, data.below(7) - 3, step, positions);
  }

  private static boolean exists(TapAxis axis, int position, int tap) {
    int index = axis.index(position, tap);
    return index >= 0 && index < axis.extent();
  }

  /** Any range of positions, which begins and ends anywhere in a sample. */
  @Property(tries = 1000)
  void everyRangeOfPositionsIsWrittenOut(@ForAll long seed) {
    Data data = new Data(seed);
    TapAxis y = axis(data);
    TapAxis x = axis(data);
    int samples = 1 + data.below(3);
    int channels = 1 + data.below(2);
    int inPlane = y.extent() * x.extent();
    float[] in = data.uniform(samples * channels * inPlane);
    int plane = y.positions() * x.positions();
    int from = data.below(samples * plane);
    int n = 1 + data.below(samples * plane - from);
    float[] expected = new float[channels * y.taps() * x.taps() * n];
    int i = 0;
    for (int c = 0; c < channels; c++) {
      for (int ty = 0; ty < y.taps(); ty++) {
        for (int tx = 0; tx < x.taps(); tx++) {
          for (int p = from; p < from + n; p++) {
            int py = p % plane / x.positions();
            int px = p % x.positions();
            int start = (p / plane * channels + c) * inPlane;
            if (exists(y, py, ty) && exists(x, px, tx)) {
              expected[i] = in[start + y.index(py, ty) * x.extent() + x.index(px, tx)];
            }
            i++;
          }
        }
      }
    }
    int rows = channels * y.taps() * x.taps();
    int first = data.below(rows);
    float[] columns = Data.filled(expected.length, 42f);
    Patches patches = new Patches(y, x, in, channels * inPlane);
    patches.gather(0, 0, rows, from, n, columns);
    assertSameBits(expected, columns, y + ", " + x + ", from " + from);
    float[] some = Data.filled((rows - first) * n, 42f);
    patches.gather(0, first, rows - first, from, n, some);
    float[] last = Arrays.copyOfRange(expected, first * n, expected.length);
    assertSameBits(last, some, "from row " + first);
  }
}
