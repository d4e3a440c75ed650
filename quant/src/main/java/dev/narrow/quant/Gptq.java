package dev.narrow.quant;

import dev.narrow.formats.Saturation;
import java.util.Comparator;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Rounding of weights that makes up for each error in the weights still to be rounded, so that the
 * layer's outputs change least (Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: accurate post-training
 * quantization for generative pre-trained transformers", 2022, arXiv 2210.17323, algorithm 1).
 *
 * <p>With H = 2 X^T X plus damping and H^-1 = U^T U, columns q = 1, 2, ... are rounded in turn; the
 * error (w_q - quant(w_q)) / U_qq times row q of U is subtracted from the columns after it, at once
 * within a block of 128 columns, and block by block beyond. All in float64; a weight is rounded to
 * float32 as its turn comes, then by the quantizer.
 *
 * <p>What the paper leaves open: scales and zero points are those that the quantizer gives the
 * original weights, whatever its granularity ("static groups" in the authors' code), so that they
 * do not depend on the order of columns. Weights that have grown beyond the range become its end,
 * whatever the quantizer's saturation says of overflow. As in the authors' code, weights of inputs
 * that are zero in every sample become zero, before scales are found; unlike there, such inputs do
 * not enter the mean of the diagonal.
 *
 * <p>The result is the same bits on any number of threads. Memory: 12 bytes for each pair of
 * inputs, and 4 for each weight.
 *
 * @param damping what is added to the diagonal of H, in units of its mean, 0 to 1; the paper has
 *     0.01
 * @param activationOrder whether columns come in the order of their inputs' energy, the largest
 *     first, instead of their own
 */
public record Gptq(double damping, boolean activationOrder) implements WeightRounding {
  /** Columns whose errors are carried to the rest together: the block size of the paper. */
  private static final int BLOCK = 128;

  /** Rows that one thread works on at a time. */
  private static final int ROWS = 64;

  /** The paper's choices: damping 0.01, columns in their order. */
  public static final Gptq DEFAULT = new Gptq(0.01, false);

  /**
   * Checks the damping.
   *
   * @throws IllegalArgumentException if it is out of range
   */
  public Gptq {
    if (!(damping >= 0 && damping <= 1)) {
      throw new IllegalArgumentException("damping = " + damping + ", expected 0 to 1");
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalArgumentException also if activations or weights are not finite, there are no
   *     activations, the quantizer rounds stochastically, or H is not positive definite, which more
   *     damping makes it
   */
  @Override
  public Tensor quantize(
      Tensor weight, Quantizer quantizer, @Nullable Tensor activations, DoubleConsumer progress) {
    if (activations == null) {
      throw new IllegalArgumentException("activations = null, expected them for " + this);
    }
    Matrices.requireLayer(weight, activations);
    if (quantizer.projection().rounding().isStochastic()) {
      throw new IllegalArgumentException(
          "rounding = "
              + quantizer.projection().rounding()
              + ", expected one that is not stochastic with "
              + this);
    }
    int rows = weight.shape().dim(0);
    int n = weight.shape().dim(1);
    int samples = activations.shape().dim(0);
    Floats x = Floats.of(activations, "activations");
    float[] weights = Floats.of(weight, "weight").copy(rows * n);
    Matrices.requireFinite("activations", x.array(), x.offset(), samples * n);
    Matrices.requireFinite("weight", weights, 0, weights.length);

    double[] energy = energy(x, samples, n);
    for (int i = 0; i < weights.length; i++) {
      weights[i] = energy[i % n] == 0 ? 0 : weights[i];
    }
    int[] order = order(energy);
    double square = (double) n * n;
    Progress done = new Progress(progress, square * (samples / 2.0 + n / 3.0 + rows / 2.0));
    double[][] u = InverseHessian.factor(x, samples, energy, order, damping, done);
    Quantizer clamping = clamping(quantizer);
    Scales scales = clamping.scales(Tensor.of(weights, rows, n));
    IntStream.range(0, Math.ceilDiv(rows, ROWS))
        .parallel()
        .forEach(part -> {
          int from = part * ROWS;
          int to = Math.min(rows, from + ROWS);
          new Part(weights, weight.shape(), clamping, scales, from, to).compensate(u, order);
          done.add(square / 2 * (to - from));
        });
    return clamping.quantize(Tensor.of(weights, rows, n), scales, null);
  }

  private static Quantizer clamping(Quantizer quantizer) {
    Saturation s = quantizer.projection().saturation();
    return quantizer.with(
        new Saturation(
            Saturation.Overflow.MAX_FINITE,
            s.infinity(),
            s.nan(),
            s.underflow(),
            s.flushInputs(),
            s.flushResults()));
  }

  /** The diagonal of X^T X. */
  private static double[] energy(Floats x, int samples, int n) {
    double[] energy = new double[n];
    for (int s = 0; s < samples; s++) {
      for (int i = 0; i < n; i++) {
        double value = x.array()[x.offset() + s * n + i];
        energy[i] += value * value;
      }
    }
    return energy;
  }

  private int[] order(double[] energy) {
    IntStream columns = IntStream.range(0, energy.length);
    return activationOrder
        ? columns
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -energy[i]))
            .mapToInt(i -> i)
            .toArray()
        : columns.toArray();
  }

  /** Some rows, from the original weights to those that only need to be rounded. */
  private static final class Part {
    private final float[] weights;
    private final Shape shape;
    private final Granularity granularity;
    private final int from;
    private final int n;
    private final double[][] w; // in the order of columns, as errors are made up for
    private final double[][] errors; // of the block, divided by the diagonal of U

    private final Factors all;
    private final Factors column; // one factor for each row
    private final float[] values; // of a column
    private final Encoding encoding;

    Part(float[] weights, Shape shape, Quantizer quantizer, Scales scales, int from, int to) {
      this.weights = weights;
      this.shape = shape;
      this.granularity = scales.granularity();
      this.from = from;
      this.n = shape.dim(1);
      this.w = new double[to - from][n];
      this.errors = new double[to - from][BLOCK];
      this.all = Factors.of(scales, quantizer.division());
      this.column =
          new Factors(
              new float[to - from],
              quantizer.division(),
              scales.hasZeroPoints() ? new int[to - from] : null);
      this.values = new float[to - from];
      Floats floats = Floats.of(Tensor.of(values, values.length), "values");
      this.encoding = new Encoding(quantizer, null, floats);
    }

    void compensate(double[][] u, int[] order) {
      for (int r = 0; r < w.length; r++) {
        for (int i = 0; i < n; i++) {
          w[r][i] = weights[(from + r) * n + order[i]];
        }
      }
      for (int begin = 0; begin < n; begin += BLOCK) {
        int end = Math.min(n, begin + BLOCK);
        for (int q = begin; q < end; q++) {
          round(q, order[q], u[q], begin, end);
        }
        for (int tile = end; tile < n; tile += Rows.TILE) {
          for (int r = 0; r < w.length; r++) {
            int last = Math.min(n, tile + Rows.TILE);
            Rows.subtract(w[r], tile, last, u, begin, errors[r], end - begin);
          }
        }
      }
    }

    /** Fixes column q and carries its error to the rest of the block. */
    private void round(int q, int original, double[] u, int begin, int end) {
      for (int r = 0; r < w.length; r++) {
        int element = (from + r) * n + original;
        int scale = granularity.scale(shape, element);
        column.factors[r] = all.factors[scale];
        column.divisors[r] = all.divisors[scale];
        if (column.zeroPoints != null && all.zeroPoints != null) {
          column.zeroPoints[r] = all.zeroPoints[scale];
        }
        values[r] = (float) w[r][q];
        weights[element] = values[r];
      }
      encoding.fake(0, values.length, column, 0, 1);
      for (int r = 0; r < w.length; r++) {
        double error = (w[r][q] - values[r]) / u[q];
        errors[r][q - begin] = error;
        double[] row = w[r];
        for (int j = q + 1; j < end; j++) {
          row[j] -= error * u[j];
        }
      }
    }
  }

  @Override
  public String toString() {
    return "gptq:" + damping + (activationOrder ? ":act-order" : "");
  }
}
