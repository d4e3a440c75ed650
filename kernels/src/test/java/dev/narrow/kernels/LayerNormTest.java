package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static dev.narrow.kernels.Lanes.canonical;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.function.Executable;

/** Layer norm and RMS norm, both passes. */
@Tag("scalar")
@Tag("simd")
class LayerNormTest {
  private static final Backend BACKEND = Backend.cpu(1);

  /** Operands and results of one normalization; RMS norm where there is no mean. */
  private static final class Case {
    final int rows;
    final int n;
    final boolean rms;
    final float epsilon;
    final float[] x;
    final float[] weight;
    final float @Nullable [] bias;
    final float[] dy;
    final float[] y;
    final float[] mean;
    final float[] inverse;
    final float[] dx;
    final float[] dweight;
    final float[] dbias;

    Case(Data data, int rows, int n, boolean rms, float epsilon, int specialPeriod) {
      this.rows = rows;
      this.n = n;
      this.rms = rms;
      this.epsilon = epsilon;
      x = data.mostlyUniform(rows * n, specialPeriod);
      weight = data.mostlyUniform(n, specialPeriod);
      bias = rms || data.below(4) == 0 ? null : data.mostlyUniform(n, specialPeriod);
      dy = data.mostlyUniform(rows * n, specialPeriod);
      y = new float[rows * n];
      mean = new float[rows];
      inverse = new float[rows];
      dx = new float[rows * n];
      dweight = data.uniform(n); // results that are there already must not count
      dbias = data.uniform(n);
    }

    void run(Backend backend) {
      Tensor xs = Tensor.of(x, rows, n);
      Tensor w = Tensor.of(weight, n);
      Tensor inverses = Tensor.of(inverse, rows);
      Tensor dys = Tensor.of(dy, rows, n);
      Tensor dxs = Tensor.of(dx, rows, n);
      Tensor dws = Tensor.of(dweight, n);
      if (rms) {
        backend.rmsNorm(xs, w, epsilon, Tensor.of(y, rows, n), inverses);
        backend.rmsNormBackward(xs, w, inverses, dys, dxs, dws);
      } else {
        Tensor b = bias == null ? null : Tensor.of(bias, n);
        Tensor db = bias == null ? null : Tensor.of(dbias, n);
        Tensor means = Tensor.of(mean, rows);
        backend.layerNorm(xs, w, b, epsilon, Tensor.of(y, rows, n), means, inverses);
        backend.layerNormBackward(xs, w, means, inverses, dys, dxs, dws, db);
      }
    }

    /** The definition in straight loops, element by element. */
    Case reference() {
      Case r = new Case(this);
      for (int i = 0; i < rows; i++) {
        Lanes sum = new Lanes();
        for (int j = 0; j < n; j++) {
          sum.add(x[i * n + j]);
        }
        float mean = rms ? 0f : sum.sum() / n;
        Lanes squares = new Lanes();
        for (int j = 0; j < n; j++) {
          squares.addProduct(x[i * n + j] - mean, x[i * n + j] - mean);
        }
        float inverse = 1f / (float) Math.sqrt(squares.sum() / n + epsilon);
        r.mean[i] = canonical(mean);
        r.inverse[i] = canonical(inverse);
        Lanes g = new Lanes();
        Lanes gs = new Lanes();
        for (int j = 0; j < n; j++) {
          float s = canonical((x[i * n + j] - mean) * inverse);
          r.y[i * n + j] =
              canonical(bias == null ? s * weight[j] : Math.fma(s, weight[j], bias[j]));
          g.add(dy[i * n + j] * weight[j]);
          gs.addProduct(dy[i * n + j] * weight[j], s);
        }
        float gMean = rms ? 0f : g.sum() / n;
        float projection = gs.sum() / n;
        for (int j = 0; j < n; j++) {
          float s = (x[i * n + j] - mean) * inverse;
          float rest = Math.fma(-projection, s, dy[i * n + j] * weight[j] - gMean);
          r.dx[i * n + j] = canonical(rest * inverse);
        }
      }
      for (int j = 0; j < n; j++) {
        float dw = 0f;
        float db = 0f;
        for (int i = 0; i < rows; i++) {
          float s = (x[i * n + j] - r.mean[i]) * r.inverse[i];
          dw = Math.fma(dy[i * n + j], s, dw);
          db += dy[i * n + j];
        }
        r.dweight[j] = canonical(dw);
        r.dbias[j] = bias == null ? dbias[j] : canonical(db);
      }
      return r;
    }

    /** The same operands, results of its own. */
    Case(Case other) {
      rows = other.rows;
      n = other.n;
      rms = other.rms;
      epsilon = other.epsilon;
      x = other.x;
      weight = other.weight;
      bias = other.bias;
      dy = other.dy;
      y = new float[rows * n];
      mean = new float[rows];
      inverse = new float[rows];
      dx = new float[rows * n];
      dweight = other.dweight.clone();
      dbias = other.dbias.clone();
    }

    void assertSame(Case actual, String what) {
      assertSameBits(mean, actual.mean, what + ", mean");
      assertSameBits(inverse, actual.inverse, what + ", inverse");
      assertSameBits(y, actual.y, what + ", y");
      assertSameBits(dx, actual.dx, what + ", dx");
      assertSameBits(dweight, actual.dweight, what + ", dweight");
      if (!rms) {
        assertSameBits(dbias, actual.dbias, what + ", dbias");
      }
    }

    /** Forward in double, for other operands. */
    double[] forward(double[] x, double[] weight, double[] bias) {
      double[] y = new double[x.length];
      for (int i = 0; i < x.length / n; i++) {
        double mean = 0;
        for (int j = 0; j < n && !rms; j++) {
          mean += x[i * n + j] / n;
        }
        double variance = epsilon;
        for (int j = 0; j < n; j++) {
          variance += (x[i * n + j] - mean) * (x[i * n + j] - mean) / n;
        }
        for (int j = 0; j < n; j++) {
          y[i * n + j] = (x[i * n + j] - mean) / Math.sqrt(variance) * weight[j] + bias[j];
        }
      }
      return y;
    }
  }

  @Property(tries = 200)
  void bothPassesGiveTheBitsOfStraightLoops(
      @ForAll @IntRange(min = 0, max = 20) int rows,
      @ForAll @IntRange(min = 1, max = 70) int n,
      @ForAll boolean rms,
      @ForAll boolean special,
      @ForAll long seed) {
    Case actual = new Case(new Data(seed), rows, n, rms, 1e-5f, special ? 50 : 1 << 30);
    Case expected = actual.reference();
    actual.run(BACKEND);
    expected.assertSame(actual, "rms " + rms);
  }

  /** Large enough to be shared out, and for several blocks of rows. */
  @Example
  void threadsDoNotChangeTheBits() {
    for (boolean rms : new boolean[] {false, true}) {
      Case one = new Case(new Data(4), 291, 1003, rms, 1e-5f, 1 << 16);
      one.reference().assertSame(run(one, 1), "straight loops");
      for (int threads : new int[] {2, 3, 8}) {
        run(one, 1).assertSame(run(one, threads), threads + " threads");
      }
    }
  }

  private static Case run(Case operands, int threads) {
    Case results = new Case(operands);
    results.run(Backend.cpu(threads));
    return results;
  }

  /**
   * Values against double, gradients against differences of it. A standardized value is at most
   * sqrt(n) and its relative error a few units of 2^-24 for each term of the mean's lanes; weights
   * and dy are below 1, the variance of uniform values is above 1/16 here by epsilon.
   */
  @Property(tries = 60)
  void bothPassesAreThoseOfTheDefinition(
      @ForAll @IntRange(min = 1, max = 4) int rows,
      @ForAll @IntRange(min = 1, max = 40) int n,
      @ForAll boolean rms,
      @ForAll long seed) {
    Case c = new Case(new Data(seed), rows, n, rms, 0.0625f, 1 << 30);
    c.run(BACKEND);
    double[] x = Differences.doubles(c.x);
    double[] weight = Differences.doubles(c.weight);
    double[] bias = c.bias == null ? new double[n] : Differences.doubles(c.bias);
    double[] y = c.forward(x, weight, bias);
    double unit = 0x1p-24 * (n / 16 + 8) * Math.sqrt(n);
    for (int i = 0; i < y.length; i++) {
      assertEquals(y[i], c.y[i], 8 * unit, "y " + i);
    }
    // The inverse is at most 4, and dx has it as a factor; the differences are off by 2^-20 or so.
    double tolerance = 64 * unit + 0x1p-20;
    Differences.assertGradient(
        at -> Differences.dot(c.forward(at, weight, bias), c.dy), c.x, c.dx, tolerance, "dx");
    Differences.assertGradient(
        at -> Differences.dot(c.forward(x, at, bias), c.dy),
        c.weight,
        c.dweight,
        rows * tolerance,
        "dweight");
    if (c.bias != null) {
      Differences.assertGradient(
          at -> Differences.dot(c.forward(x, weight, at), c.dy),
          c.bias,
          c.dbias,
          rows * tolerance,
          "dbias");
    }
  }

  /** Without epsilon, a power of two passes through mean, variance and root exactly. */
  @Property(tries = 100)
  void aPowerOfTwoOfARowChangesNothing(
      @ForAll @IntRange(min = 2, max = 70) int n,
      @ForAll @IntRange(min = -20, max = 20) int power,
      @ForAll boolean rms,
      @ForAll long seed) {
    Case plain = new Case(new Data(seed), 1, n, rms, 0f, 1 << 30);
    Case scaled = new Case(plain);
    float factor = Math.scalb(1f, power);
    plain.run(BACKEND);
    for (int j = 0; j < n; j++) {
      scaled.x[j] *= factor; // the arrays of operands are shared: y of plain is computed already
    }
    scaled.run(BACKEND);
    assertSameBits(plain.y, scaled.y, "y");
    assertSameBits(plain.inverse[0] / factor, scaled.inverse[0], "inverse");
  }

  @Example
  void anyOuterAxesAndAnyFormatAndInPlace() {
    float[] values = {1, 2, 3, 6, -1, 1, -3, 3, 0, 0, 0, 0};
    Tensor x = Quantizer.of(Formats.FP16).quantize(Tensor.of(values, 3, 1, 4));
    Tensor weight = Tensor.of(new float[] {1, 1, 2, 2}, 4);
    float[] y = new float[12];
    float[] mean = new float[3];
    float[] inverse = new float[3];
    Tensor statistics = Tensor.of(inverse, 3, 1);
    BACKEND.layerNorm(
        x, weight, null, 1f, Tensor.of(y, 3, 1, 4), Tensor.of(mean, 3, 1), statistics);
    assertSameBits(new float[] {3, 0, 0}, mean, "mean");
    float first = 1f / (float) Math.sqrt(4.5f);
    float second = 1f / (float) Math.sqrt(6f);
    assertSameBits(new float[] {first, second, 1}, inverse, "inverse");
    assertSameBits(-2f * first, y[0], "y[0]");
    assertSameBits(3f * second * 2, y[7], "y[7]");
    Tensor inPlace = Tensor.of(values, 3, 1, 4);
    BACKEND.layerNorm(inPlace, weight, null, 1f, inPlace, Tensor.of(mean, 3, 1), statistics);
    assertSameBits(y, values, "in place");
  }

  @Property(tries = 50)
  void gradientsMayReplaceTheirOperands(
      @ForAll @IntRange(min = 1, max = 8) int rows,
      @ForAll @IntRange(min = 1, max = 40) int n,
      @ForAll boolean overX,
      @ForAll long seed) {
    Case c = new Case(new Data(seed), rows, n, false, 1e-5f, 1 << 30);
    c.run(BACKEND);
    Tensor x = Tensor.of(c.x, rows, n);
    Tensor dy = Tensor.of(c.dy, rows, n);
    float[] dweight = new float[n];
    BACKEND.layerNormBackward(
        x,
        Tensor.of(c.weight, n),
        Tensor.of(c.mean, rows),
        Tensor.of(c.inverse, rows),
        dy,
        overX ? x : dy,
        Tensor.of(dweight, n),
        null);
    assertSameBits(c.dx, overX ? c.x : c.dy, "dx");
    assertSameBits(c.dweight, dweight, "dweight");
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Example
  void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
    float[] memory = Data.filled(40, 42f);
    MemorySegment segment = MemorySegment.ofArray(memory);
    Tensor y = Tensor.of(segment.asSlice(0, 24), 2, 3);
    Tensor mean = Tensor.of(segment.asSlice(24, 8), 2);
    Tensor inverse = Tensor.of(segment.asSlice(32, 8), 2);
    Tensor x = Tensor.zeros(2, 3);
    Tensor w = Tensor.zeros(3);
    assertRefused(
        "weight has shape [2], expected [3]",
        () -> BACKEND.rmsNorm(x, Tensor.zeros(2), 0f, y, inverse));
    assertRefused(
        "bias has shape [4], expected [3]",
        () -> BACKEND.layerNorm(x, w, Tensor.zeros(4), 0f, y, mean, inverse));
    assertRefused(
        "mean has shape [3], expected [2]", () -> BACKEND.layerNorm(x, w, w, 0f, y, w, inverse));
    assertRefused(
        "inverse has shape [2, 1], expected [2]",
        () -> BACKEND.layerNorm(x, w, w, 0f, y, mean, inverse.reshape(2, 1)));
    assertRefused(
        "epsilon = -1.0, expected a finite value of 0 or more",
        () -> BACKEND.rmsNorm(x, w, -1f, y, inverse));
    assertRefused(
        "epsilon = NaN, expected a finite value of 0 or more",
        () -> BACKEND.rmsNorm(x, w, Float.NaN, y, inverse));
    assertRefused(
        "x has shape [2, 0], expected an innermost extent of 1 or more",
        () -> BACKEND.rmsNorm(Tensor.zeros(2, 0), w, 0f, y, inverse));
    assertRefused(
        "x is a scalar, expected one axis or more",
        () -> BACKEND.rmsNorm(Tensor.zeros(), w, 0f, y, inverse));
    assertRefused(
        "mean shares memory with y, expected memory of its own",
        () -> BACKEND.layerNorm(x, w, w, 0f, y, Tensor.of(segment.asSlice(16, 8), 2), inverse));
    assertRefused(
        "y shares memory with weight, expected memory of its own",
        () -> BACKEND.layerNorm(x, Tensor.of(segment.asSlice(8, 12), 3), w, 0f, y, mean, inverse));
    assertRefused(
        "inverse shares memory with x, expected memory of its own",
        () -> BACKEND.rmsNorm(y, w, 0f, y, Tensor.of(segment.asSlice(0, 8), 2)));
    assertRefused(
        "dbias shares memory with dweight, expected memory of its own",
        () -> {
          Tensor sums = Tensor.of(segment.asSlice(80, 12), 3);
          BACKEND.layerNormBackward(x, w, mean, inverse, x, y, sums, sums);
        });
    assertRefused(
        "dy has shape [3], expected [2, 3]", () -> BACKEND.rmsNormBackward(x, w, inverse, w, y, w));
    assertRefused(
        "dweight has shape [2, 3], expected [3]",
        () -> BACKEND.rmsNormBackward(x, w, inverse, x, y, y));
    assertSameBits(Data.filled(40, 42f), memory, "memory");
  }
}
