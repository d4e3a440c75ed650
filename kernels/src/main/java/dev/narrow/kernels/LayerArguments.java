package dev.narrow.kernels;

import static dev.narrow.kernels.Arguments.expectApart;
import static dev.narrow.kernels.Arguments.expectAxes;
import static dev.narrow.kernels.Arguments.expectSameOrApart;
import static dev.narrow.kernels.Arguments.expectShape;
import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.Arguments.Named;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What convolutions, poolings, batch norms, attention, embeddings and losses demand of their
 * operands, and the messages where it is not so: as {@link Arguments}, for all that implement
 * {@link Backend}. Every method throws {@link IllegalArgumentException} if an argument is not what
 * is expected of it, and names it.
 */
public final class LayerArguments {
  /** Channels whose factors fit in an array. */
  private static final int MOST_CHANNELS = Integer.MAX_VALUE / 5;

  private LayerArguments() {}

  // Convolutions

  /** The operands of {@link Convolutions#convolve}, with a bias or without. */
  public static void expectConvolution(
      Convolution how, Tensor x, Tensor weight, @Nullable Tensor bias, Tensor y) {
    expectConvolved(how, x, "x", weight, "weight", y, "y");
    expectApart(x, "x", y, "y");
    expectApart(weight, "weight", y, "y");
    if (bias != null) {
      expectShape(bias, "bias", weight.shape().dim(0));
      expectApart(bias, "bias", y, "y");
    }
  }

  /** The operands of {@link Convolutions#convolveBackwardInput}. */
  public static void expectConvolutionBackwardInput(
      Convolution how, Tensor weight, Tensor dy, Tensor dx) {
    expectConvolved(how, dx, "dx", weight, "weight", dy, "dy");
    expectApart(weight, "weight", dx, "dx");
    expectApart(dy, "dy", dx, "dx");
  }

  /** The operands of {@link Convolutions#convolveBackwardWeight}. */
  public static void expectConvolutionBackwardWeight(
      Convolution how, Tensor x, Tensor dy, Tensor dweight) {
    expectConvolved(how, x, "x", dweight, "dweight", dy, "dy");
    expectApart(x, "x", dweight, "dweight");
    expectApart(dy, "dy", dweight, "dweight");
  }

  /** The operands of {@link Convolutions#convolveBackwardBias}. */
  public static void expectConvolutionBackwardBias(Tensor dy, Tensor dbias) {
    expectAxes(dy, "dy", 4);
    expectShape(dbias, "dbias", dy.shape().dim(1));
    expectApart(dy, "dy", dbias, "dbias");
  }

  private static void expectConvolved(
      Convolution how,
      Tensor x,
      String xName,
      Tensor weight,
      String weightName,
      Tensor y,
      String yName) {
    expectAxes(x, xName, 4);
    expectAxes(weight, weightName, 4);
    expectAxes(y, yName, 4);
    Shape image = x.shape();
    Shape kernel = weight.shape();
    if (kernel.dim(0) % how.groups() != 0) {
      throw new IllegalArgumentException(
          "%s has shape %s, expected a multiple of %d output channels, one part for each group"
              .formatted(weightName, kernel, how.groups()));
    }
    if (image.dim(1) != (long) kernel.dim(1) * how.groups()) {
      throw new IllegalArgumentException(
          "%s has shape %s, expected %d channels in each of %d groups of %s of shape %s"
              .formatted(xName, image, kernel.dim(1), how.groups(), weightName, kernel));
    }
    expectShape(
        y,
        yName,
        image.dim(0),
        kernel.dim(0),
        how.outputHeight(image.dim(2), kernel.dim(2)),
        how.outputWidth(image.dim(3), kernel.dim(3)));
  }

  // Poolings

  /** The operands of {@link Poolings#maxPool}. */
  public static void expectMaxPool(Pooling how, Tensor x, Tensor y, int[] argmax) {
    expectMaxPool(how, x, y);
    expectLength(argmax, y, "y");
  }

  /** The same, whatever takes the indices. */
  public static void expectMaxPool(Pooling how, Tensor x, Tensor y) {
    expectPooled(how, x, "x", y, "y");
    expectApart(x, "x", y, "y");
  }

  /** The operands of {@link Poolings#maxPoolBackward}; no index is out of its plane. */
  public static void expectMaxPoolBackward(Tensor dy, int[] argmax, Tensor dx) {
    expectMaxPoolBackward(dy, dx);
    expectLength(argmax, dy, "dy");
    int inputs = dx.shape().stride(1);
    for (int i = 0; i < argmax.length; i++) {
      if (argmax[i] < 0 || argmax[i] >= inputs) {
        throw new IllegalArgumentException(
            "argmax[%d] = %d, expected an index in a plane of %d".formatted(i, argmax[i], inputs));
      }
    }
  }

  /** The same, whatever the indices are. */
  public static void expectMaxPoolBackward(Tensor dy, Tensor dx) {
    expectAxes(dx, "dx", 4);
    expectAxes(dy, "dy", 4);
    expectShape(
        dy, "dy", dx.shape().dim(0), dx.shape().dim(1), dy.shape().dim(2), dy.shape().dim(3));
    expectApart(dy, "dy", dx, "dx");
  }

  /** The operands of {@link Poolings#averagePool}; a window has at most 2^31 - 1 elements. */
  public static void expectAveragePool(Pooling how, Tensor x, Tensor y) {
    expectPooled(how, x, "x", y, "y");
    expectApart(x, "x", y, "y");
    PoolingPlane plane = new PoolingPlane(how, x.shape(), y.shape());
    int rows = plane.rows().taps();
    int columns = plane.columns().taps();
    if ((long) rows * columns > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "how = %s meets %d × %d elements and zeros of x of shape %s, expected at most 2^31 - 1"
              .formatted(how, rows, columns, x.shape()));
    }
  }

  /** The operands of {@link Poolings#averagePoolBackward}. */
  public static void expectAveragePoolBackward(Pooling how, Tensor dy, Tensor dx) {
    expectPooled(how, dx, "dx", dy, "dy");
    expectApart(dy, "dy", dx, "dx");
  }

  /** The operands of {@link Poolings#averagePlanes}. */
  public static void expectAveragePlanes(Tensor x, Tensor y) {
    expectPlanes(x, "x");
    expectShape(y, "y", x.shape().dim(0), x.shape().dim(1));
    expectApart(x, "x", y, "y");
  }

  /** The operands of {@link Poolings#averagePlanesBackward}. */
  public static void expectAveragePlanesBackward(Tensor dy, Tensor dx) {
    expectPlanes(dx, "dx");
    expectShape(dy, "dy", dx.shape().dim(0), dx.shape().dim(1));
    expectApart(dy, "dy", dx, "dx");
  }

  private static void expectPlanes(Tensor x, String name) {
    expectAxes(x, name, 4);
    if (x.shape().stride(1) == 0) {
      throw new IllegalArgumentException(
          name + " has shape " + x.shape() + ", expected at least one row and one column");
    }
  }

  private static void expectPooled(Pooling how, Tensor x, String xName, Tensor y, String yName) {
    expectPlanes(x, xName);
    expectShape(
        y,
        yName,
        x.shape().dim(0),
        x.shape().dim(1),
        how.outputHeight(x.shape().dim(2)),
        how.outputWidth(x.shape().dim(3)));
  }

  private static void expectLength(int[] argmax, Tensor y, String name) {
    if (argmax.length != y.shape().size()) {
      throw new IllegalArgumentException(
          "argmax has %d elements, expected %d, one for each of %s of shape %s"
              .formatted(argmax.length, y.shape().size(), name, y.shape()));
    }
  }

  // Batch normalization

  /**
   * How many channels x has: the second of its two or four axes.
   *
   * @return 0 to (2^31 - 1) / 5
   */
  public static int expectChannels(Tensor x) {
    if (x.shape().rank() != 2 && x.shape().rank() != 4) {
      throw new IllegalArgumentException(
          "x has shape " + x.shape() + ", expected [n, c, h, w] or [n, c]");
    }
    if (x.shape().dim(1) > MOST_CHANNELS) {
      throw new IllegalArgumentException(
          "x has shape " + x.shape() + ", expected at most " + MOST_CHANNELS + " channels");
    }
    return x.shape().dim(1);
  }

  /** The operands of {@link BatchNormalizations#batchMoments}. */
  public static void expectBatchMoments(Tensor x, Tensor mean, Tensor variance) {
    int channels = expectChannels(x);
    if (x.shape().size() == 0) {
      throw new IllegalArgumentException(
          "x has shape " + x.shape() + ", expected at least one element in each channel");
    }
    expectShape(mean, "mean", channels);
    expectShape(variance, "variance", channels);
    expectApart(new Named[] {named("x", x)}, named("mean", mean), named("variance", variance));
  }

  /** The arguments of {@link BatchNormalizations#updateMoments}. */
  public static void expectUpdateMoments(
      float momentum,
      int elements,
      Tensor mean,
      Tensor variance,
      Tensor runningMean,
      Tensor runningVariance) {
    if (!(momentum >= 0f && momentum <= 1f)) {
      throw new IllegalArgumentException("momentum = " + momentum + ", expected 0 to 1");
    }
    if (elements < 2) {
      throw new IllegalArgumentException(
          "elements = " + elements + ", expected 2 or more for an unbiased variance");
    }
    expectAxes(mean, "mean", 1);
    expectShape(variance, "variance", mean.shape());
    expectShape(runningMean, "runningMean", mean.shape());
    expectShape(runningVariance, "runningVariance", mean.shape());
    expectApart(
        new Named[] {named("mean", mean), named("variance", variance)},
        named("runningMean", runningMean),
        named("runningVariance", runningVariance));
  }

  /** The arguments of {@link BatchNormalizations#inverseDeviation}. */
  public static void expectInverseDeviation(Tensor variance, float epsilon, Tensor inverse) {
    if (!(epsilon >= 0f && epsilon < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "epsilon = " + epsilon + ", expected a finite number that is 0 or more");
    }
    expectAxes(variance, "variance", 1);
    expectShape(inverse, "inverse", variance.shape());
    expectSameOrApart(variance, "variance", inverse, "inverse");
  }

  /** The operands of {@link BatchNormalizations#batchNormalize}. */
  public static void expectBatchNormalize(
      Tensor x,
      Tensor mean,
      Tensor inverse,
      @Nullable Tensor gamma,
      @Nullable Tensor beta,
      Tensor y) {
    int channels = expectChannels(x);
    expectShape(y, "y", x.shape());
    expectSameOrApart(x, "x", y, "y");
    expectFactor(channels, y, "y", mean, "mean");
    expectFactor(channels, y, "y", inverse, "inverse");
    expectFactor(channels, y, "y", gamma, "gamma");
    expectFactor(channels, y, "y", beta, "beta");
  }

  /**
   * The operands of {@link BatchNormalizations#batchNormalizeBackward}; gamma, dgamma and dbeta are
   * all there or all null.
   */
  public static void expectBatchNormalizeBackward(
      Tensor x,
      Tensor mean,
      Tensor inverse,
      @Nullable Tensor gamma,
      Tensor dy,
      Tensor dx,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta) {
    int channels = expectChannels(x);
    Arguments.expectOptional(dgamma, "dgamma", Shape.of(channels));
    Arguments.expectOptional(dbeta, "dbeta", Shape.of(channels));
    expectApart(
        new Named[] {
          named("x", x),
          named("mean", mean),
          named("inverse", inverse),
          named("gamma", gamma),
          named("dy", dy),
          named("dx", dx)
        },
        named("dgamma", dgamma),
        named("dbeta", dbeta));
    expectShape(dy, "dy", x.shape());
    expectShape(dx, "dx", x.shape());
    expectApart(x, "x", dx, "dx");
    expectSameOrApart(dy, "dy", dx, "dx");
    expectFactor(channels, dx, "dx", mean, "mean");
    expectFactor(channels, dx, "dx", inverse, "inverse");
    expectFactor(channels, dx, "dx", gamma, "gamma");
  }

  /** A tensor, if it is there, has a value for each channel, and is apart from the output. */
  private static void expectFactor(
      int channels, Tensor output, String outputName, @Nullable Tensor tensor, String name) {
    if (tensor != null) {
      expectShape(tensor, name, channels);
      expectApart(tensor, name, output, outputName);
    }
  }

  // Attention

  /** The operands of {@link Attentions#attention}. */
  public static void expectAttention(Tensor q, Tensor k, Tensor v, Attention attention, Tensor y) {
    expectFit(q, k, v, attention);
    expectShape(y, "y", q.shape());
    expectApart(new Named[] {named("q", q), named("k", k), named("v", v)}, named("y", y));
  }

  /** The operands of {@link Attentions#attentionBackward}. */
  public static void expectAttentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      Attention attention,
      Tensor dy,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    expectFit(q, k, v, attention);
    expectShape(dy, "dy", q.shape());
    expectShape(dq, "dq", q.shape());
    expectShape(dk, "dk", k.shape());
    expectShape(dv, "dv", k.shape());
    expectApart(
        new Named[] {named("q", q), named("k", k), named("v", v), named("dy", dy)},
        named("dq", dq),
        named("dk", dk),
        named("dv", dv));
  }

  private static void expectFit(Tensor q, Tensor k, Tensor v, Attention attention) {
    expectAxes(q, "q", 3);
    expectAxes(k, "k", 3);
    int width = attention.heads() * attention.dim();
    if (q.shape().dim(2) != width) {
      throw new IllegalArgumentException(
          "q has shape %s, expected an innermost extent of %d, %d heads of %d"
              .formatted(q.shape(), width, attention.heads(), attention.dim()));
    }
    int keys = attention.causal() ? q.shape().dim(1) : k.shape().dim(1);
    expectShape(k, "k", q.shape().dim(0), keys, width);
    expectShape(v, "v", k.shape());
  }

  // Embeddings and losses

  /** The operands of {@link Embeddings#embedding}; no index is out of the table. */
  public static void expectEmbedding(Tensor table, int[] indices, Tensor y) {
    expectRows(table, "table", indices, y, "y");
    expectApart(table, "table", y, "y");
  }

  /** The operands of {@link Embeddings#addEmbeddingBackward}; no index is out of the table. */
  public static void expectEmbeddingBackward(int[] indices, Tensor dy, Tensor dtable) {
    expectRows(dtable, "dtable", indices, dy, "dy");
    expectApart(dy, "dy", dtable, "dtable");
  }

  /** The operands of {@link Embeddings#embedding}, whatever the indices are. */
  public static void expectEmbedding(Tensor table, Tensor indices, Tensor y) {
    expectRows(table, "table", indices, y, "y");
    expectApart(table, "table", y, "y");
  }

  /** The operands of {@link Embeddings#addEmbeddingBackward}, whatever the indices are. */
  public static void expectEmbeddingBackward(Tensor indices, Tensor dy, Tensor dtable) {
    expectRows(dtable, "dtable", indices, dy, "dy");
    expectApart(dy, "dy", dtable, "dtable");
  }

  private static void expectRows(
      Tensor table, String tableName, Tensor indices, Tensor rows, String name) {
    expectWidth(table, tableName, rows, name);
    Indices.expect(indices, "indices", Arguments.outer(rows.shape()).size());
  }

  private static void expectWidth(Tensor table, String tableName, Tensor rows, String name) {
    expectAxes(table, tableName, 2);
    int width = table.shape().dim(1);
    Arguments.expectAnAxis(rows, name);
    int columns = rows.shape().dim(rows.shape().axis(-1));
    if (columns != width) {
      throw new IllegalArgumentException(
          "%s has shape %s, expected an innermost extent of %d for %s of shape %s"
              .formatted(name, rows.shape(), width, tableName, table.shape()));
    }
  }

  private static void expectRows(
      Tensor table, String tableName, int[] indices, Tensor rows, String name) {
    expectWidth(table, tableName, rows, name);
    int count = Arguments.outer(rows.shape()).size();
    if (indices.length != count) {
      throw new IllegalArgumentException(
          "indices has %d elements, expected %d, one for each row of %s"
              .formatted(indices.length, count, name));
    }
    int limit = table.shape().dim(0);
    for (int p = 0; p < indices.length; p++) {
      if (indices[p] < 0 || indices[p] >= limit) {
        throw new IllegalArgumentException(
            limit == 0
                ? "indices[%d] = %d, expected none for %s without rows"
                    .formatted(p, indices[p], tableName)
                : "indices[%d] = %d, expected 0 to %d".formatted(p, indices[p], limit - 1));
      }
    }
  }

  /** The operands of {@link Losses#softmaxCrossEntropy}; every label is a class. */
  public static void expectCrossEntropy(Tensor logits, int[] labels, Tensor gradient) {
    expectLogits(logits);
    int rows = logits.shape().dim(0);
    int classes = logits.shape().dim(1);
    if (labels.length != rows) {
      throw new IllegalArgumentException(
          "labels has " + labels.length + " elements, expected " + rows + ", one for each row");
    }
    for (int i = 0; i < labels.length; i++) {
      if (labels[i] < 0 || labels[i] >= classes) {
        throw new IllegalArgumentException(
            "labels[" + i + "] = " + labels[i] + ", expected 0 to " + (classes - 1));
      }
    }
    expectCrossEntropy(logits, gradient);
  }

  /** The same, whatever the labels are. */
  public static void expectCrossEntropy(Tensor logits, Tensor gradient) {
    expectLogits(logits);
    expectShape(gradient, "gradient", logits.shape());
    expectSameOrApart(logits, "logits", gradient, "gradient");
  }

  private static void expectLogits(Tensor logits) {
    expectAxes(logits, "logits", 2);
    if (logits.shape().size() == 0) {
      throw new IllegalArgumentException(
          "logits has shape " + logits.shape() + ", expected at least one row and one class");
    }
  }
}
