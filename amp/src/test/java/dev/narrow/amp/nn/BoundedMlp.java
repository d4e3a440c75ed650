package dev.narrow.amp.nn;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.Role;
import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.LogFormat;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import java.util.ArrayList;
import java.util.List;

/**
 * The network of an MLP without any quantization, in float64, and beside each of its numbers a
 * bound on how far the quantized float32 network can be from it: running error analysis (Higham,
 * Accuracy and Stability of Numerical Algorithms, 3.3) with the unit roundoff of each role's
 * format.
 */
final class BoundedMlp {
  private static final double U32 = 0x1p-24;

  /** A matrix of numbers, row by row, and the bound of each. */
  static final class Bounded {
    final int rows;
    final int columns;
    final double[] value;
    final double[] bound;

    Bounded(int rows, int columns) {
      this.rows = rows;
      this.columns = columns;
      this.value = new double[rows * columns];
      this.bound = new double[rows * columns];
    }

    static Bounded exact(float[] values, int rows, int columns) {
      Bounded b = new Bounded(rows, columns);
      for (int i = 0; i < values.length; i++) {
        b.value[i] = values[i];
      }
      return b;
    }

    /** The largest magnitude that the computed number i can have. */
    double reach(int i) {
      return Math.abs(value[i]) + bound[i];
    }

    double largestReach() {
      double largest = 0;
      for (int i = 0; i < value.length; i++) {
        largest = Math.max(largest, reach(i));
      }
      return largest;
    }
  }

  final AmpPolicy policy;
  final List<Bounded> weights = new ArrayList<>();
  final List<Bounded> biases = new ArrayList<>();

  /** In the order of {@link Network#parameters}: weight and bias of each layer. */
  final List<Bounded> gradients = new ArrayList<>();

  double loss;
  double lossBound;

  BoundedMlp(AmpPolicy policy, Network mlp) {
    this.policy = policy;
    for (Parameter p : mlp.parameters()) {
      float[] values = p.value().toFloats();
      if (p.name().endsWith("weight")) {
        weights.add(Bounded.exact(values, p.value().shape().dim(0), p.value().shape().dim(1)));
      } else {
        biases.add(Bounded.exact(values, 1, values.length));
      }
    }
  }

  void run(float[] x, int samples, int[] labels, double lossScale) {
    List<Bounded> inputs = new ArrayList<>(); // as the layers see them
    List<Bounded> sums = new ArrayList<>(); // before ReLU
    Bounded h = Bounded.exact(x, samples, x.length / samples);
    for (int l = 0; l < weights.size(); l++) {
      inputs.add(quantize(Role.ACTIVATION, h));
      Bounded z = matmul(inputs.get(l), quantize(Role.WEIGHT, weights.get(l)));
      addBias(z, biases.get(l));
      sums.add(z);
      h = l + 1 < weights.size() ? relu(z) : z;
    }
    Bounded e = crossEntropy(h, labels, lossScale);
    for (int l = weights.size() - 1; l >= 0; l--) {
      e = quantize(Role.ACTIVATION_GRADIENT, e);
      gradients.addFirst(columnSums(e));
      gradients.addFirst(quantize(Role.WEIGHT_GRADIENT, matmul(transpose(inputs.get(l)), e)));
      if (l > 0) {
        e = matmul(e, transpose(quantize(Role.WEIGHT, weights.get(l))));
        mask(e, sums.get(l - 1));
      }
    }
  }

  /** The quantized number is Q(x^): the value stays, the bound grows by what Q can do to x^. */
  private Bounded quantize(Role role, Bounded x) {
    Quantizer q = policy.quantizer(role).orElse(null);
    if (q == null) {
      return x;
    }
    boolean stochastic = q.projection().rounding().isStochastic();
    double unit =
        switch (q.format()) {
          case FloatFormat f -> Math.scalb(1.0, stochastic ? 1 - f.precision() : -f.precision());
          case LogFormat f -> Math.pow(2, (stochastic ? 1.0 : 0.5) / f.gamma()) - 1 + U32;
          default -> throw new IllegalArgumentException("no relative bound: " + q.format());
        };
    double largest = x.largestReach();
    double scale =
        q.scaleRule() == ScaleRule.ONE ? 1 : 2 * largest / q.format().maxFinite(); // at most
    if (q.scaleRule() == ScaleRule.ONE && largest > q.format().maxFinite()) {
      throw new IllegalStateException("overflow is possible: no bound");
    }
    double floor = q.format().minPositive() * scale;
    Bounded y = new Bounded(x.rows, x.columns);
    for (int i = 0; i < x.value.length; i++) {
      y.value[i] = x.value[i];
      y.bound[i] = x.bound[i] + unit * x.reach(i) + (x.reach(i) == 0 ? 0 : floor);
    }
    return y;
  }

  private static Bounded matmul(Bounded a, Bounded b) {
    Bounded c = new Bounded(a.rows, b.columns);
    double gamma = a.columns * U32 / (1 - a.columns * U32);
    for (int i = 0; i < a.rows; i++) {
      for (int j = 0; j < b.columns; j++) {
        double sum = 0;
        double bound = 0;
        for (int k = 0; k < a.columns; k++) {
          int ik = i * a.columns + k;
          int kj = k * b.columns + j;
          sum += a.value[ik] * b.value[kj];
          bound +=
              Math.abs(a.value[ik]) * b.bound[kj]
                  + a.bound[ik] * b.reach(kj)
                  + gamma * a.reach(ik) * b.reach(kj)
                  + Float.MIN_VALUE;
        }
        c.value[i * c.columns + j] = sum;
        c.bound[i * c.columns + j] = bound;
      }
    }
    return c;
  }

  private static Bounded transpose(Bounded a) {
    Bounded t = new Bounded(a.columns, a.rows);
    for (int i = 0; i < a.rows; i++) {
      for (int j = 0; j < a.columns; j++) {
        t.value[j * a.rows + i] = a.value[i * a.columns + j];
        t.bound[j * a.rows + i] = a.bound[i * a.columns + j];
      }
    }
    return t;
  }

  private static void addBias(Bounded z, Bounded bias) {
    for (int i = 0; i < z.value.length; i++) {
      z.value[i] += bias.value[i % z.columns];
      z.bound[i] += U32 * z.reach(i);
    }
  }

  private static Bounded relu(Bounded z) {
    Bounded h = new Bounded(z.rows, z.columns);
    for (int i = 0; i < z.value.length; i++) {
      h.value[i] = Math.max(0, z.value[i]);
      h.bound[i] = z.bound[i]; // ReLU is 1-Lipschitz
    }
    return h;
  }

  /** Where the sign of a sum is not certain, its gradient may pass or not. */
  private static void mask(Bounded e, Bounded z) {
    for (int i = 0; i < e.value.length; i++) {
      boolean passes = z.value[i] > 0;
      if (Math.abs(z.value[i]) <= z.bound[i]) {
        e.bound[i] += Math.abs(e.value[i]);
      } else if (!passes) {
        e.bound[i] = 0;
      }
      if (!passes) {
        e.value[i] = 0;
      }
    }
  }

  /**
   * With logits off by at most d, a loss is off by at most 2 d (the gradient's 1-norm is at most
   * 2), and a probability by at most d / 2 (its derivatives are p (1 - p) and -p q). The float32
   * evaluation adds a relative error of a few units: of the subtraction of the maximum, the
   * exponential, the sum of C terms and the division.
   */
  private Bounded crossEntropy(Bounded z, int[] labels, double lossScale) {
    Bounded e = new Bounded(z.rows, z.columns);
    for (int i = 0; i < z.rows; i++) {
      double max = Double.NEGATIVE_INFINITY;
      double min = Double.POSITIVE_INFINITY;
      double off = 0;
      for (int j = i * z.columns; j < (i + 1) * z.columns; j++) {
        max = Math.max(max, z.value[j]);
        min = Math.min(min, z.value[j]);
        off = Math.max(off, z.bound[j]);
      }
      double sum = 0;
      for (int j = i * z.columns; j < (i + 1) * z.columns; j++) {
        sum += Math.exp(z.value[j] - max);
      }
      double evaluation = (2 * (max - min + 2 * off) + z.columns + 16) * 2 * U32;
      loss += (Math.log(sum) + max - z.value[i * z.columns + labels[i]]) / z.rows;
      lossBound += (2 * off + evaluation + (Math.log(sum) + max - min) * 4 * U32) / z.rows;
      for (int j = 0; j < z.columns; j++) {
        int at = i * z.columns + j;
        double p = Math.exp(z.value[at] - max) / sum;
        e.value[at] = (p - (j == labels[i] ? 1 : 0)) * lossScale / z.rows;
        e.bound[at] = (Math.min(1, off / 2) + evaluation) * lossScale / z.rows + Float.MIN_VALUE;
      }
    }
    lossBound += z.rows * U32 * (loss + lossBound);
    return e;
  }

  private static Bounded columnSums(Bounded e) {
    Bounded sums = new Bounded(1, e.columns);
    double gamma = e.rows * U32 / (1 - e.rows * U32);
    for (int i = 0; i < e.value.length; i++) {
      sums.value[i % e.columns] += e.value[i];
      sums.bound[i % e.columns] += e.bound[i] + gamma * e.reach(i);
    }
    return sums;
  }
}
