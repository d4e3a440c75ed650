package dev.narrow.kernels;

import static dev.narrow.kernels.Data.assertSameBits;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.util.Arrays;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Tag;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.function.Executable;

@Tag("scalar")
@Tag("simd")
class AttentionTest {
  private static final Backend BACKEND = Backend.cpu(1);

  /** Operands and results of both passes. */
  private static final class Case {
    final int sequences;
    final int queries;
    final int keys;
    final Attention attention;
    final int width;
    final float[] q;
    final float[] k;
    final float[] v;
    final float[] dy;
    final float[] y;
    final float[] dq;
    final float[] dk;
    final float[] dv;

    Case(Data data, int sequences, int queries, int keys, Attention attention, int specialPeriod) {
      this.sequences = sequences;
      this.queries = queries;
      this.keys = keys;
      this.attention = attention;
      width = attention.heads() * attention.dim();
      q = data.mostlyUniform(sequences * queries * width, specialPeriod);
      k = data.mostlyUniform(sequences * keys * width, specialPeriod);
      v = data.mostlyUniform(sequences * keys * width, specialPeriod);
      dy = data.mostlyUniform(sequences * queries * width, specialPeriod);
      y = data.uniform(q.length); // what results hold before must not count
      dq = data.uniform(q.length);
      dk = data.uniform(k.length);
      dv = data.uniform(k.length);
    }

    /** The same operands, results of its own. */
    Case(Case other) {
      sequences = other.sequences;
      queries = other.queries;
      keys = other.keys;
      attention = other.attention;
      width = other.width;
      q = other.q;
      k = other.k;
      v = other.v;
      dy = other.dy;
      y = new float[q.length];
      dq = new float[q.length];
      dk = new float[k.length];
      dv = new float[k.length];
    }

    private Tensor of(float[] values, int rows) {
      return Tensor.of(values, sequences, rows, width);
    }

    Case run(int threads) {
      Case results = new Case(this);
      Backend backend = Backend.cpu(threads);
      backend.attention(
          of(q, queries), of(k, keys), of(v, keys), attention, of(results.y, queries));
      backend.attentionBackward(
          of(q, queries),
          of(k, keys),
          of(v, keys),
          attention,
          of(dy, queries),
          of(results.dq, queries),
          of(results.dk, keys),
          of(results.dv, keys));
      return results;
    }

    private int at(int sequence, int rows, int row, int head) {
      return (sequence * rows + row) * width + head * attention.dim();
    }

    private float product(float[] a, int aOffset, float[] b, int bOffset) {
      float sum = 0f;
      for (int d = 0; d < attention.dim(); d++) {
        sum = Math.fma(a[aOffset + d], b[bOffset + d], sum);
      }
      return sum;
    }

    /** The definition in straight loops, query by query, each sum over just its terms. */
    Case reference() {
      Case r = new Case(this);
      for (int s = 0; s < sequences; s++) {
        for (int h = 0; h < attention.heads(); h++) {
          reference(r, s, h);
        }
      }
      for (float[] result : new float[][] {r.y, r.dq, r.dk, r.dv}) {
        for (int i = 0; i < result.length; i++) {
          result[i] = Lanes.canonical(result[i] + 0f);
        }
      }
      return r;
    }

    private void reference(Case r, int s, int h) {
      for (int i = 0; i < queries; i++) {
        int query = at(s, queries, i, h);
        int seen = attention.causal() ? i + 1 : keys;
        float[] scores = new float[seen];
        float[] dp = new float[seen];
        for (int j = 0; j < seen; j++) {
          int key = at(s, keys, j, h);
          scores[j] = product(q, query, k, key) * attention.scale();
          dp[j] = product(dy, query, v, key);
        }
        float[] p = SoftmaxTest.reference(scores, 1, seen);
        Lanes dot = new Lanes();
        for (int j = 0; j < seen; j++) {
          dot.addProduct(dp[j], p[j]);
        }
        for (int j = 0; j < seen; j++) {
          int key = at(s, keys, j, h);
          float ds = (dp[j] - dot.sum()) * p[j] * attention.scale();
          for (int d = 0; d < attention.dim(); d++) {
            r.y[query + d] = Math.fma(p[j], v[key + d], r.y[query + d]);
            r.dq[query + d] = Math.fma(ds, k[key + d], r.dq[query + d]);
            r.dk[key + d] = Math.fma(ds, q[query + d], r.dk[key + d]);
            r.dv[key + d] = Math.fma(p[j], dy[query + d], r.dv[key + d]);
          }
        }
      }
    }

    void assertSame(Case actual, String what) {
      assertSameBits(y, actual.y, what + ", y");
      assertSameBits(dq, actual.dq, what + ", dq");
      assertSameBits(dk, actual.dk, what + ", dk");
      assertSameBits(dv, actual.dv, what + ", dv");
    }

    /** What y is worth to dy, in double, for other operands; y beside it if asked for. */
    double worth(double[] q, double[] k, double[] v, double[] y) {
      double worth = 0;
      for (int pair = 0; pair < sequences * attention.heads(); pair++) {
        int s = pair / attention.heads();
        int h = pair % attention.heads();
        for (int i = 0; i < queries; i++) {
          int query = at(s, queries, i, h);
          double[] p = new double[attention.causal() ? i + 1 : keys];
          Arrays.setAll(
              p,
              j -> {
                double sum = 0;
                for (int d = 0; d < attention.dim(); d++) {
                  sum += q[query + d] * k[at(s, keys, j, h) + d];
                }
                return StrictMath.exp(sum * attention.scale());
              });
          double sum = Arrays.stream(p).sum();
          for (int d = 0; d < attention.dim(); d++) {
            double value = 0;
            for (int j = 0; j < p.length; j++) {
              value += p[j] / sum * v[at(s, keys, j, h) + d];
            }
            y[query + d] = value;
            worth += value * dy[query + d];
          }
        }
      }
      return worth;
    }
  }

  private static Attention attention(Data data, boolean causal) {
    return causal
        ? Attention.causal(1 + data.below(3), 1 + data.below(20))
        : Attention.full(1 + data.below(3), 1 + data.below(20));
  }

  @Property(tries = 60)
  void bothPassesGiveTheBitsOfStraightLoops(
      @ForAll @IntRange(min = 0, max = 2) int sequences,
      @ForAll @IntRange(min = 0, max = 40) int queries,
      @ForAll @IntRange(min = 0, max = 40) int keys,
      @ForAll boolean causal,
      @ForAll long seed) {
    Data data = new Data(seed);
    Case c =
        new Case(
            data, sequences, queries, causal ? queries : keys, attention(data, causal), 1 << 30);
    c.reference().assertSame(c.run(1), c.attention.toString());
  }

  /** An infinity or a NaN is seen by the queries that see its key, and by no other. */
  @Property(tries = 60)
  void whatIsMaskedIsNoTerm(
      @ForAll @IntRange(min = 1, max = 40) int time,
      @ForAll @IntRange(min = 30, max = 1000) int period,
      @ForAll boolean causal,
      @ForAll long seed) {
    Data data = new Data(seed);
    Case c = new Case(data, 1, time, time, attention(data, causal), period);
    c.reference().assertSame(c.run(1), c.attention.toString());
  }

  /** Half of the smallest negative number is -0, which a masked term might turn into +0. */
  @Example
  void aZeroIsPositive() {
    for (boolean causal : new boolean[] {false, true}) {
      Attention attention = causal ? Attention.causal(1, 2) : Attention.full(1, 2);
      Case c = new Case(new Data(6), 1, 3, 3, attention, 1 << 30);
      Arrays.fill(c.q, 0f);
      Arrays.fill(c.v, -Float.MIN_VALUE);
      Arrays.fill(c.dy, -Float.MIN_VALUE);
      Case actual = c.run(1);
      c.reference().assertSame(actual, "causal " + causal);
      assertSameBits(0f, actual.y[2], "y");
      assertSameBits(0f, actual.dv[4], "dv");
    }
  }

  /** Several blocks, shared out by heads. */
  @Example
  void neitherBlocksNorThreadsChangeTheBits() {
    for (boolean causal : new boolean[] {false, true}) {
      for (int period : new int[] {1 << 30, 2000}) {
        Attention attention = causal ? Attention.causal(3, 9) : Attention.full(3, 9);
        Case c = new Case(new Data(period), 2, 150, 150, attention, period);
        Case one = c.run(1);
        c.reference().assertSame(one, "blocks, causal " + causal);
        for (int threads : new int[] {2, 3, 8}) {
          one.assertSame(c.run(threads), threads + " threads, causal " + causal);
        }
      }
    }
  }

  /** More scores than are kept, so that those of each block of keys are made again. */
  @Example
  void scoresMadeAgainAreTheSame() {
    for (boolean causal : new boolean[] {false, true}) {
      Attention attention = causal ? Attention.causal(1, 3) : Attention.full(1, 3);
      Case c = new Case(new Data(1), 1, 1030, causal ? 1030 : 1025, attention, 1 << 30);
      c.q[0] = Float.POSITIVE_INFINITY;
      c.dy[3 * 1000] = Float.NaN;
      c.reference().assertSame(c.run(1), "causal " + causal);
    }
  }

  /**
   * y against double, gradients against differences of it. Scores are at most sqrt(dim) and off by
   * some dim sqrt(dim) units of 2^-24, probabilities by twice that, and v is below 1.
   */
  @Property(tries = 40)
  void bothPassesAreThoseOfTheDefinition(
      @ForAll @IntRange(min = 1, max = 7) int queries,
      @ForAll @IntRange(min = 1, max = 7) int keys,
      @ForAll boolean causal,
      @ForAll long seed) {
    Data data = new Data(seed);
    Attention attention = attention(data, causal);
    Case c = new Case(data, 1, queries, causal ? queries : keys, attention, 1 << 30);
    Case actual = c.run(1);
    double[] q = Differences.doubles(c.q);
    double[] k = Differences.doubles(c.k);
    double[] v = Differences.doubles(c.v);
    double[] y = new double[c.y.length];
    double[] any = y.clone();
    assertEquals(Differences.dot(y, c.dy), 0);
    double worth = c.worth(q, k, v, y);
    assertEquals(Differences.dot(y, c.dy), worth, 1e-9);
    int dim = attention.dim();
    double tolerance = 4 * (dim + 4) * Math.sqrt(dim) * 0x1p-24;
    for (int i = 0; i < y.length; i++) {
      assertEquals(y[i], actual.y[i], tolerance, "y " + i);
    }
    // ds has a factor dp, which is at most dim, and takes its error; a sum has at most 7 terms.
    double gradients = 7 * dim * tolerance + 0x1p-20;
    Differences.assertGradient(at -> c.worth(at, k, v, any), c.q, actual.dq, gradients, "dq");
    Differences.assertGradient(at -> c.worth(q, at, v, any), c.k, actual.dk, gradients, "dk");
    Differences.assertGradient(at -> c.worth(q, k, at, any), c.v, actual.dv, gradients, "dv");
  }

  /** The first query sees one key, whose probability is 1. */
  @Property(tries = 50)
  void theFirstRowOfCausalAttentionIsThatOfV(
      @ForAll @IntRange(min = 1, max = 70) int time, @ForAll long seed) {
    Data data = new Data(seed);
    Case c = new Case(data, 1, time, time, attention(data, true), 1 << 30);
    assertSameBits(Arrays.copyOf(c.v, c.width), Arrays.copyOf(c.run(1).y, c.width), "first row");
  }

  @Property(tries = 30)
  void sequencesDoNotSeeOneAnother(
      @ForAll @IntRange(min = 1, max = 20) int time, @ForAll boolean causal, @ForAll long seed) {
    Data data = new Data(seed);
    Case c = new Case(data, 3, time, time, attention(data, causal), 1 << 30);
    Case expected = c.run(1);
    for (float[] each :
        new float[][] {c.q, c.k, c.v, c.dy, expected.y, expected.dq, expected.dk, expected.dv}) {
      exchangeFirstAndLast(each);
    }
    expected.assertSame(c.run(1), "exchanged");
  }

  private static void exchangeFirstAndLast(float[] x) {
    int n = x.length / 3;
    float[] first = Arrays.copyOf(x, n);
    System.arraycopy(x, 2 * n, x, 0, n);
    System.arraycopy(first, 0, x, 2 * n, n);
  }

  /** A sum over keys is the same for any order of them only up to rounding, but heads are apart. */
  @Property(tries = 30)
  void aHeadIsAttentionOfItsColumns(
      @ForAll @IntRange(min = 1, max = 20) int time, @ForAll boolean causal, @ForAll long seed) {
    Data data = new Data(seed);
    int dim = 1 + data.below(9);
    Attention both = causal ? Attention.causal(2, dim) : Attention.full(2, dim);
    Attention one = causal ? Attention.causal(1, dim) : Attention.full(1, dim);
    Case c = new Case(data, 1, time, time, both, 1 << 30);
    Case actual = c.run(1);
    for (int h = 0; h < 2; h++) {
      Case head = new Case(data, 1, time, time, one, 1 << 30);
      copyColumns(c.q, head.q, h, dim);
      copyColumns(c.k, head.k, h, dim);
      copyColumns(c.v, head.v, h, dim);
      copyColumns(c.dy, head.dy, h, dim);
      Case expected = head.run(1);
      Case columns = new Case(head);
      copyColumns(actual.y, columns.y, h, dim);
      copyColumns(actual.dq, columns.dq, h, dim);
      copyColumns(actual.dk, columns.dk, h, dim);
      copyColumns(actual.dv, columns.dv, h, dim);
      expected.assertSame(columns, "head " + h);
    }
  }

  private static void copyColumns(float[] from, float[] to, int head, int dim) {
    for (int i = 0; i < to.length; i++) {
      to[i] = from[i / dim * 2 * dim + head * dim + i % dim];
    }
  }

  @Example
  void operandsOfAnyFormatAreDecoded() {
    Case c = new Case(new Data(2), 2, 5, 5, Attention.causal(2, 4), 1 << 30);
    Tensor q = Quantizer.of(Formats.E4M3FN).quantize(c.of(c.q, 5));
    Tensor k = Quantizer.of(Formats.BF16).quantize(c.of(c.k, 5));
    Tensor v = Quantizer.of(Formats.FP16).quantize(c.of(c.v, 5));
    Tensor expected = Tensor.zeros(2, 5, 8);
    BACKEND.attention(q.toFp32(), k.toFp32(), v.toFp32(), c.attention, expected);
    Tensor actual = Tensor.zeros(2, 5, 8);
    BACKEND.attention(q, k, v, c.attention, actual);
    assertSameBits(expected.toFloats(), actual.toFloats(), "y");
  }

  private static void assertRefused(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Example
  void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() {
    float[] values = Data.filled(24, 42f);
    Tensor y = Tensor.of(values, 2, 3, 4);
    Tensor q = Tensor.zeros(2, 3, 4);
    Attention causal = Attention.causal(2, 2);
    Attention full = Attention.full(2, 2);
    assertRefused(
        "q has shape [3, 4], expected 3 axes",
        () -> BACKEND.attention(Tensor.zeros(3, 4), q, q, causal, y));
    assertRefused(
        "q has shape [2, 3, 4], expected an innermost extent of 6, 2 heads of 3",
        () -> BACKEND.attention(q, q, q, Attention.full(2, 3), y));
    assertRefused(
        "k has shape [2, 5, 4], expected [2, 3, 4]",
        () -> BACKEND.attention(q, Tensor.zeros(2, 5, 4), Tensor.zeros(2, 5, 4), causal, y));
    assertRefused(
        "k has shape [1, 5, 4], expected [2, 5, 4]",
        () -> BACKEND.attention(q, Tensor.zeros(1, 5, 4), Tensor.zeros(1, 5, 4), full, y));
    assertRefused(
        "v has shape [2, 3, 4], expected [2, 5, 4]",
        () -> BACKEND.attention(q, Tensor.zeros(2, 5, 4), q, full, y));
    assertRefused(
        "y has shape [2, 5, 4], expected [2, 3, 4]",
        () -> BACKEND.attention(q, q, q, full, Tensor.zeros(2, 5, 4)));
    assertRefused(
        "y shares memory with v, expected memory of its own",
        () -> BACKEND.attention(q, q, y, full, y));
    assertRefused(
        "dv shares memory with dk, expected memory of its own",
        () -> BACKEND.attentionBackward(q, q, q, full, q, Tensor.zeros(2, 3, 4), y, y));
    assertRefused(
        "dq shares memory with dy, expected memory of its own",
        () -> BACKEND.attentionBackward(q, q, q, full, y, y, q, q));
    assertSameBits(Data.filled(24, 42f), values, "y");
    assertRefused("heads = 0, expected 1 or more", () -> Attention.full(0, 4));
    assertRefused("dim = 0, expected 1 to 1073741823", () -> Attention.causal(2, 0));
    assertRefused("dim = 65536, expected 1 to 65535", () -> Attention.causal(1 << 15, 1 << 16));
    assertRefused(
        "scale = NaN, expected a finite value", () -> new Attention(1, 1, false, Float.NaN));
  }
}
