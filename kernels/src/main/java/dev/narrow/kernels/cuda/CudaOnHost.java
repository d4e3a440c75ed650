package dev.narrow.kernels.cuda;

import dev.narrow.kernels.Attention;
import dev.narrow.kernels.Attentions;
import dev.narrow.kernels.BatchNormalizations;
import dev.narrow.kernels.Convolution;
import dev.narrow.kernels.Convolutions;
import dev.narrow.kernels.Embeddings;
import dev.narrow.kernels.Losses;
import dev.narrow.kernels.Pooling;
import dev.narrow.kernels.Poolings;
import dev.narrow.quant.Tensor;

/**
 * What has no kernel yet: the processor does it on copies of the operands, with the bits that it
 * always has.
 */
interface CudaOnHost
    extends Convolutions, Poolings, Attentions, Embeddings, BatchNormalizations, Losses {
  /** What computes. */
  Gpu gpu();

  @Override
  default void convolve(Convolution how, Tensor x, Tensor weight, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().convolve(how, on.read(x, "x"), on.read(weight, "weight"), on.write(y, "y"));
    on.store();
  }

  @Override
  default void convolve(Convolution how, Tensor x, Tensor weight, Tensor bias, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .convolve(
            how,
            on.read(x, "x"),
            on.read(weight, "weight"),
            on.read(bias, "bias"),
            on.write(y, "y"));
    on.store();
  }

  @Override
  default void convolveBackwardInput(Convolution how, Tensor weight, Tensor dy, Tensor dx) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .convolveBackwardInput(
            how, on.read(weight, "weight"), on.read(dy, "dy"), on.write(dx, "dx"));
    on.store();
  }

  @Override
  default void convolveBackwardWeight(Convolution how, Tensor x, Tensor dy, Tensor dweight) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .convolveBackwardWeight(
            how, on.read(x, "x"), on.read(dy, "dy"), on.write(dweight, "dweight"));
    on.store();
  }

  @Override
  default void convolveBackwardBias(Tensor dy, Tensor dbias) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().convolveBackwardBias(on.read(dy, "dy"), on.write(dbias, "dbias"));
    on.store();
  }

  @Override
  default void maxPool(Pooling how, Tensor x, Tensor y, int[] argmax) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().maxPool(how, on.read(x, "x"), on.write(y, "y"), argmax);
    on.store();
  }

  @Override
  default void maxPoolBackward(Tensor dy, int[] argmax, Tensor dx) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().maxPoolBackward(on.read(dy, "dy"), argmax, on.write(dx, "dx"));
    on.store();
  }

  @Override
  default void averagePool(Pooling how, Tensor x, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().averagePool(how, on.read(x, "x"), on.write(y, "y"));
    on.store();
  }

  @Override
  default void averagePoolBackward(Pooling how, Tensor dy, Tensor dx) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().averagePoolBackward(how, on.read(dy, "dy"), on.write(dx, "dx"));
    on.store();
  }

  @Override
  default void averagePlanes(Tensor x, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().averagePlanes(on.read(x, "x"), on.write(y, "y"));
    on.store();
  }

  @Override
  default void averagePlanesBackward(Tensor dy, Tensor dx) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().averagePlanesBackward(on.read(dy, "dy"), on.write(dx, "dx"));
    on.store();
  }

  @Override
  default void attention(Tensor q, Tensor k, Tensor v, Attention attention, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .attention(on.read(q, "q"), on.read(k, "k"), on.read(v, "v"), attention, on.write(y, "y"));
    on.store();
  }

  @Override
  default void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      Attention attention,
      Tensor dy,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .attentionBackward(
            on.read(q, "q"),
            on.read(k, "k"),
            on.read(v, "v"),
            attention,
            on.read(dy, "dy"),
            on.write(dq, "dq"),
            on.write(dk, "dk"),
            on.write(dv, "dv"));
    on.store();
  }

  @Override
  default void embedding(Tensor table, int[] indices, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().embedding(on.read(table, "table"), indices, on.write(y, "y"));
    on.store();
  }

  @Override
  default void addEmbeddingBackward(int[] indices, Tensor dy, Tensor dtable) {
    HostOperands on = new HostOperands(gpu().device());
    gpu().cpu().addEmbeddingBackward(indices, on.read(dy, "dy"), on.write(dtable, "dtable"));
    on.store();
  }

  @Override
  default void batchMoments(Tensor x, Tensor mean, Tensor variance) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .batchMoments(on.read(x, "x"), on.write(mean, "mean"), on.write(variance, "variance"));
    on.store();
  }

  @Override
  default void updateMoments(
      float momentum,
      int elements,
      Tensor mean,
      Tensor variance,
      Tensor runningMean,
      Tensor runningVariance) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .updateMoments(
            momentum,
            elements,
            on.read(mean, "mean"),
            on.read(variance, "variance"),
            on.write(runningMean, "runningMean"),
            on.write(runningVariance, "runningVariance"));
    on.store();
  }

  @Override
  default void inverseDeviation(Tensor variance, float epsilon, Tensor inverse) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .inverseDeviation(on.read(variance, "variance"), epsilon, on.write(inverse, "inverse"));
    on.store();
  }

  @Override
  default void batchNormalize(Tensor x, Tensor mean, Tensor inverse, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .batchNormalize(
            on.read(x, "x"), on.read(mean, "mean"), on.read(inverse, "inverse"), on.write(y, "y"));
    on.store();
  }

  @Override
  default void batchNormalize(
      Tensor x, Tensor mean, Tensor inverse, Tensor gamma, Tensor beta, Tensor y) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .batchNormalize(
            on.read(x, "x"),
            on.read(mean, "mean"),
            on.read(inverse, "inverse"),
            on.read(gamma, "gamma"),
            on.read(beta, "beta"),
            on.write(y, "y"));
    on.store();
  }

  @Override
  default void batchNormalizeBackward(Tensor x, Tensor mean, Tensor inverse, Tensor dy, Tensor dx) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .batchNormalizeBackward(
            on.read(x, "x"),
            on.read(mean, "mean"),
            on.read(inverse, "inverse"),
            on.read(dy, "dy"),
            on.write(dx, "dx"));
    on.store();
  }

  @Override
  default void batchNormalizeBackward(
      Tensor x,
      Tensor mean,
      Tensor inverse,
      Tensor gamma,
      Tensor dy,
      Tensor dx,
      Tensor dgamma,
      Tensor dbeta) {
    HostOperands on = new HostOperands(gpu().device());
    gpu()
        .cpu()
        .batchNormalizeBackward(
            on.read(x, "x"),
            on.read(mean, "mean"),
            on.read(inverse, "inverse"),
            on.read(gamma, "gamma"),
            on.read(dy, "dy"),
            on.write(dx, "dx"),
            on.write(dgamma, "dgamma"),
            on.write(dbeta, "dbeta"));
    on.store();
  }

  @Override
  default float softmaxCrossEntropy(Tensor logits, int[] labels, float seed, Tensor gradient) {
    HostOperands on = new HostOperands(gpu().device());
    float result =
        gpu()
            .cpu()
            .softmaxCrossEntropy(
                on.read(logits, "logits"), labels, seed, on.write(gradient, "gradient"));
    on.store();
    return result;
  }
}
