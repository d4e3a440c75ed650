package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;

import dev.narrow.kernels.BatchNormalizations;
import dev.narrow.kernels.LayerArguments;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/** {@link BatchNormalizations} on a device: batchnorm.cu. */
interface CudaBatchNormalizations extends BatchNormalizations {
  /** What computes. */
  Gpu gpu();

  /** Images as planes: x is [samples, channels, size]. */
  record Planes(long samples, long channels, long size) {
    Planes(Tensor x) {
      this(
          x.shape().dim(0),
          x.shape().dim(1),
          x.shape().rank() == 4 ? (long) x.shape().dim(2) * x.shape().dim(3) : 1);
    }

    long count() {
      return samples * channels;
    }

    long elements() {
      return samples * channels * size;
    }

    /** How many elements a channel has. */
    float ofChannel() {
      return (float) (samples * size);
    }
  }

  @Override
  default void batchMoments(Tensor x, Tensor mean, Tensor variance) {
    if (!gpu().holds(named("x", x), named("mean", mean), named("variance", variance))) {
      gpu().cpu().batchMoments(x, mean, variance);
      return;
    }
    LayerArguments.expectBatchMoments(x, mean, variance);
    Planes planes = new Planes(x);
    try (DeviceValues means = DeviceValues.write(gpu(), mean, "mean");
        DeviceValues variances = DeviceValues.write(gpu(), variance, "variance");
        DeviceValues in = DeviceValues.read(gpu(), x, "x");
        DeviceScratch sums = gpu().device().scratch(Float.BYTES * planes.count())) {
      sumOverSamples(in.pointer(), planes, sums.pointer(), planes.ofChannel(), means.pointer());
      Kernel squares = gpu().kernel("batchnorm", "plane_squares_f32");
      squares.launchOver(
          planes.count(),
          Gpu.ROWS,
          squares
              .arguments()
              .add(in.pointer())
              .add(means.pointer())
              .add(sums.pointer())
              .add(planes.size())
              .add(planes.channels())
              .add(planes.count()));
      gpu()
          .sumSamples(
              sums.pointer(),
              planes.samples(),
              planes.channels(),
              planes.ofChannel(),
              variances.pointer());
      means.store();
      variances.store();
    }
  }

  /** y[c] = the sum over channel c of x / divisor. A plane of one element is its own sum. */
  private void sumOverSamples(long x, Planes planes, long scratch, float divisor, long y) {
    long sums = x;
    if (planes.size() > 1) {
      gpu()
          .sumColumns(
              "sum_columns_f32", x, planes.size(), planes.elements(), scratch, planes.count());
      sums = scratch;
    }
    gpu().sumSamples(sums, planes.samples(), planes.channels(), divisor, y);
  }

  @Override
  default void updateMoments(
      float momentum,
      int elements,
      Tensor mean,
      Tensor variance,
      Tensor runningMean,
      Tensor runningVariance) {
    if (!gpu()
        .holds(
            named("mean", mean),
            named("variance", variance),
            named("runningMean", runningMean),
            named("runningVariance", runningVariance))) {
      gpu().cpu().updateMoments(momentum, elements, mean, variance, runningMean, runningVariance);
      return;
    }
    LayerArguments.expectUpdateMoments(
        momentum, elements, mean, variance, runningMean, runningVariance);
    try (DeviceValues means = DeviceValues.update(gpu(), runningMean, "runningMean");
        DeviceValues variances = DeviceValues.update(gpu(), runningVariance, "runningVariance");
        DeviceValues batchMeans = DeviceValues.read(gpu(), mean, "mean");
        DeviceValues batchVariances = DeviceValues.read(gpu(), variance, "variance")) {
      move(momentum, batchMeans, 1f, means);
      move(momentum, batchVariances, (float) (elements / (elements - 1.0)), variances);
      means.store();
      variances.store();
    }
  }

  private void move(float momentum, DeviceValues batch, float factor, DeviceValues running) {
    Kernel kernel = gpu().kernel("batchnorm", "move_moments_f32");
    kernel.launchOver(
        running.size(),
        Gpu.THREADS,
        kernel
            .arguments()
            .add(momentum)
            .add(factor)
            .add(batch.pointer())
            .add(running.pointer())
            .add(running.size()));
  }

  @Override
  default void inverseDeviation(Tensor variance, float epsilon, Tensor inverse) {
    if (!gpu().holds(named("variance", variance), named("inverse", inverse))) {
      gpu().cpu().inverseDeviation(variance, epsilon, inverse);
      return;
    }
    LayerArguments.expectInverseDeviation(variance, epsilon, inverse);
    try (DeviceValues to = DeviceValues.write(gpu(), inverse, "inverse");
        DeviceValues from = DeviceValues.read(gpu(), variance, "variance")) {
      Kernel kernel = gpu().kernel("batchnorm", "inverse_deviation_f32");
      kernel.launchOver(
          to.size(),
          Gpu.THREADS,
          kernel.arguments().add(from.pointer()).add(epsilon).add(to.pointer()).add(to.size()));
      to.store();
    }
  }

  @Override
  default void batchNormalize(Tensor x, Tensor mean, Tensor inverse, Tensor y) {
    if (gpu().holds(named("x", x), named("mean", mean), named("inverse", inverse), named("y", y))) {
      normalize(x, mean, inverse, null, null, y);
    } else {
      gpu().cpu().batchNormalize(x, mean, inverse, y);
    }
  }

  @Override
  default void batchNormalize(
      Tensor x, Tensor mean, Tensor inverse, Tensor gamma, Tensor beta, Tensor y) {
    if (gpu()
        .holds(
            named("x", x),
            named("mean", mean),
            named("inverse", inverse),
            named("gamma", gamma),
            named("beta", beta),
            named("y", y))) {
      normalize(x, mean, inverse, gamma, beta, y);
    } else {
      gpu().cpu().batchNormalize(x, mean, inverse, gamma, beta, y);
    }
  }

  private void normalize(
      Tensor x,
      Tensor mean,
      Tensor inverse,
      @Nullable Tensor gamma,
      @Nullable Tensor beta,
      Tensor y) {
    LayerArguments.expectBatchNormalize(x, mean, inverse, gamma, beta, y);
    Planes planes = new Planes(x);
    try (DeviceValues out = DeviceValues.write(gpu(), y, "y");
        DeviceValues in = DeviceValues.read(gpu(), x, "x");
        DeviceValues means = DeviceValues.read(gpu(), mean, "mean");
        DeviceValues inverses = DeviceValues.read(gpu(), inverse, "inverse");
        @Nullable DeviceValues factors =
            gamma == null ? null : DeviceValues.read(gpu(), gamma, "gamma");
        @Nullable DeviceValues addends =
            beta == null ? null : DeviceValues.read(gpu(), beta, "beta")) {
      if (planes.elements() > 0) {
        Kernel kernel = gpu().kernel("batchnorm", "batch_normalize_f32");
        kernel.launchOver(
            planes.elements(),
            Gpu.ELEMENTS,
            kernel
                .arguments()
                .add(in.pointer())
                .add(means.pointer())
                .add(inverses.pointer())
                .add(DeviceValues.pointerOf(factors))
                .add(DeviceValues.pointerOf(addends))
                .add(out.pointer())
                .add(planes.size())
                .add(planes.channels())
                .add(planes.elements()));
      }
      out.store();
    }
  }

  @Override
  default void batchNormalizeBackward(Tensor x, Tensor mean, Tensor inverse, Tensor dy, Tensor dx) {
    if (gpu()
        .holds(
            named("x", x),
            named("mean", mean),
            named("inverse", inverse),
            named("dy", dy),
            named("dx", dx))) {
      backward(x, mean, inverse, null, dy, dx, null, null);
    } else {
      gpu().cpu().batchNormalizeBackward(x, mean, inverse, dy, dx);
    }
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
    if (gpu()
        .holds(
            named("x", x),
            named("mean", mean),
            named("inverse", inverse),
            named("gamma", gamma),
            named("dy", dy),
            named("dx", dx),
            named("dgamma", dgamma),
            named("dbeta", dbeta))) {
      backward(x, mean, inverse, gamma, dy, dx, dgamma, dbeta);
    } else {
      gpu().cpu().batchNormalizeBackward(x, mean, inverse, gamma, dy, dx, dgamma, dbeta);
    }
  }

  private void backward(
      Tensor x,
      Tensor mean,
      Tensor inverse,
      @Nullable Tensor gamma,
      Tensor dy,
      Tensor dx,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta) {
    LayerArguments.expectBatchNormalizeBackward(x, mean, inverse, gamma, dy, dx, dgamma, dbeta);
    Planes planes = new Planes(x);
    try (@Nullable DeviceValues gammas =
            dgamma == null ? null : DeviceValues.write(gpu(), dgamma, "dgamma");
        @Nullable DeviceValues betas =
            dbeta == null ? null : DeviceValues.write(gpu(), dbeta, "dbeta");
        DeviceValues below = DeviceValues.write(gpu(), dx, "dx");
        DeviceValues in = DeviceValues.read(gpu(), x, "x");
        DeviceValues above = DeviceValues.read(gpu(), dy, "dy");
        DeviceValues means = DeviceValues.read(gpu(), mean, "mean");
        DeviceValues inverses = DeviceValues.read(gpu(), inverse, "inverse");
        @Nullable DeviceValues factors =
            gamma == null ? null : DeviceValues.read(gpu(), gamma, "gamma");
        DeviceScratch ofPlanes = gpu().device().scratch(2 * Float.BYTES * planes.count());
        DeviceScratch ofChannels = gpu().device().scratch(2 * Float.BYTES * planes.channels())) {
      long plain = betas == null ? ofChannels.pointer() : betas.pointer();
      long products =
          gammas == null
              ? ofChannels.pointer() + Float.BYTES * planes.channels()
              : gammas.pointer();
      sumGradients(planes, in, means, inverses, above, ofPlanes, plain, products);
      if (planes.elements() > 0) {
        Kernel kernel = gpu().kernel("batchnorm", "batch_normalize_gradient_f32");
        kernel.launchOver(
            planes.elements(),
            Gpu.ELEMENTS,
            kernel
                .arguments()
                .add(in.pointer())
                .add(means.pointer())
                .add(inverses.pointer())
                .add(DeviceValues.pointerOf(factors))
                .add(above.pointer())
                .add(plain)
                .add(products)
                .add(planes.ofChannel())
                .add(below.pointer())
                .add(planes.size())
                .add(planes.channels())
                .add(planes.elements()));
      }
      below.store();
      if (gammas != null) {
        gammas.store();
      }
      if (betas != null) {
        betas.store();
      }
    }
  }

  /** The sums over channels of dy, and of its products with the normalized x. */
  private void sumGradients(
      Planes planes,
      DeviceValues x,
      DeviceValues means,
      DeviceValues inverses,
      DeviceValues dy,
      DeviceScratch scratch,
      long plain,
      long products) {
    long productsOfPlanes = scratch.pointer() + Float.BYTES * planes.count();
    Kernel kernel = gpu().kernel("batchnorm", "plane_products_f32");
    kernel.launchOver(
        planes.count(),
        Gpu.ROWS,
        kernel
            .arguments()
            .add(x.pointer())
            .add(means.pointer())
            .add(inverses.pointer())
            .add(dy.pointer())
            .add(scratch.pointer())
            .add(productsOfPlanes)
            .add(planes.size())
            .add(planes.channels())
            .add(planes.count()));
    gpu().sumSamples(scratch.pointer(), planes.samples(), planes.channels(), 1f, plain);
    gpu().sumSamples(productsOfPlanes, planes.samples(), planes.channels(), 1f, products);
  }
}
