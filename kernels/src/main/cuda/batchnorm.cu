// Batch normalization of images, and sums over their channels: the kernels of
// dev.narrow.kernels.BatchNormalizations.
//
// A sum over a channel is the sum of each sample's plane in sixteen lanes, a half-warp for each, and
// then the samples in turn from +0, a thread for each channel.
#include "planes.cuh"
#include "rows.cuh"

using narrow::lane;
using narrow::PlaneWalk;

// y[c] = (sum over samples of sums[n, c]) / divisor.
extern "C" __global__ void sum_samples_f32(const float* sums, int64_t samples, int64_t channels,
                                           float divisor, float* y) {
  for (int64_t c = narrow::thread_of_grid(); c < channels; c += narrow::threads_of_grid()) {
    float s = 0.0f;
#pragma unroll 8
    for (int64_t n = 0; n < samples; n++) {
      s += sums[n * channels + c];
    }
    y[c] = narrow::canonical(s / divisor);
  }
}

// squares[p] = the sum over plane p of (x - mean)^2.
extern "C" __global__ void plane_squares_f32(const float* x, const float* means, float* squares,
                                             int64_t size, int64_t channels, int64_t planes) {
  for (int64_t p = narrow::first_row(); p < planes; p += narrow::rows_at_once()) {
    const float* from = x + p * size;
    const float mean = means[p % channels];
    const float s = narrow::sum(size, [=](float a, int64_t i) {
      const float deviation = from[i] - mean;
      return narrow::fma(deviation, deviation, a);
    });
    if (lane() == 0) {
      squares[p] = s;
    }
  }
}

// plain[p] = the sum over plane p of dy, products[p] that of dy (x - mean) inverse.
extern "C" __global__ void plane_products_f32(const float* x, const float* means, const float* inverses,
                                              const float* dy, float* plain, float* products,
                                              int64_t size, int64_t channels, int64_t planes) {
  for (int64_t p = narrow::first_row(); p < planes; p += narrow::rows_at_once()) {
    const float* from = x + p * size;
    const float* above = dy + p * size;
    const float mean = means[p % channels];
    const float inverse = inverses[p % channels];
    const float s = narrow::sum(size, [=](float a, int64_t i) { return a + above[i]; });
    const float product = narrow::sum(size, [=](float a, int64_t i) {
      return narrow::fma(above[i], (from[i] - mean) * inverse, a);
    });
    if (lane() == 0) {
      plain[p] = s;
      products[p] = product;
    }
  }
}

// running = (1 - momentum) running + momentum (batch factor), the last product and the sum in one.
extern "C" __global__ void move_moments_f32(float momentum, float factor, const float* batch,
                                            float* running, int64_t n) {
  for (int64_t i = narrow::thread_of_grid(); i < n; i += narrow::threads_of_grid()) {
    const float kept = (1.0f - momentum) * running[i];
    running[i] = narrow::canonical(narrow::fma(momentum, batch[i] * factor, kept));
  }
}

// inverse may be variance.
extern "C" __global__ void inverse_deviation_f32(const float* variance, float epsilon, float* inverse,
                                                 int64_t n) {
  for (int64_t i = narrow::thread_of_grid(); i < n; i += narrow::threads_of_grid()) {
    inverse[i] = narrow::canonical(1.0f / narrow::sqrt(variance[i] + epsilon));
  }
}

// y may be x. Without gamma and beta, which may be null, factor 1 and addend -0 change nothing.
extern "C" __global__ void batch_normalize_f32(const float* x, const float* means, const float* inverses,
                                               const float* gamma, const float* beta, float* y,
                                               int64_t size, int64_t channels, int64_t n) {
  for (PlaneWalk at(size, channels); at.element < n; at.next()) {
    const int64_t c = at.channel;
    const float normalized = (x[at.element] - means[c]) * inverses[c];
    const float factor = gamma == nullptr ? 1.0f : gamma[c];
    const float addend = beta == nullptr ? -0.0f : beta[c];
    y[at.element] = narrow::canonical(narrow::fma(normalized, factor, addend));
  }
}

// From the sums of dy and of dy z, with z = (x - mean) inverse: dx, which may be dy. m is how many
// elements a channel has.
extern "C" __global__ void batch_normalize_gradient_f32(const float* x, const float* means,
                                                        const float* inverses, const float* gamma,
                                                        const float* dy, const float* sums,
                                                        const float* products, float m, float* dx,
                                                        int64_t size, int64_t channels, int64_t n) {
  for (PlaneWalk at(size, channels); at.element < n; at.next()) {
    const int64_t c = at.channel;
    const float inverse = inverses[c];
    const float normalized = (x[at.element] - means[c]) * inverse;
    const float factor = (gamma == nullptr ? 1.0f : gamma[c]) * inverse;
    const float rest = narrow::fma(-normalized, products[c] / m, dy[at.element] - sums[c] / m);
    dx[at.element] = narrow::canonical(rest * factor);
  }
}
