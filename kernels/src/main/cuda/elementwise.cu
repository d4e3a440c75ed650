// Operations on single elements of float32 tensors: the kernels of dev.narrow.kernels.Elementwise
// and TensorArithmetic. An output may be one of the operands.
//
// All take any number of blocks and threads. Where every pointer is a multiple of 16 bytes, four
// elements are loaded and stored at a time.
#include "grid.cuh"
#include "narrow.cuh"

namespace {

using narrow::in_quads;
using narrow::thread_of_grid;
using narrow::threads_of_grid;

// y[i] = f(x[i]).
template <class F>
__device__ __forceinline__ void map(const float* x, float* y, int64_t n, F f) {
  int64_t quads = in_quads(x, y) ? n / 4 : 0;
  for (int64_t i = thread_of_grid(); i < quads; i += threads_of_grid()) {
    float4 v = reinterpret_cast<const float4*>(x)[i];
    v.x = f(v.x);
    v.y = f(v.y);
    v.z = f(v.z);
    v.w = f(v.w);
    reinterpret_cast<float4*>(y)[i] = v;
  }
  for (int64_t i = 4 * quads + thread_of_grid(); i < n; i += threads_of_grid()) {
    y[i] = f(x[i]);
  }
}

// z[i] = f(x[i], y[i]).
template <class F>
__device__ __forceinline__ void combine(const float* x, const float* y, float* z, int64_t n, F f) {
  int64_t quads = in_quads(x, y, z) ? n / 4 : 0;
  for (int64_t i = thread_of_grid(); i < quads; i += threads_of_grid()) {
    float4 v = reinterpret_cast<const float4*>(x)[i];
    float4 w = reinterpret_cast<const float4*>(y)[i];
    v.x = f(v.x, w.x);
    v.y = f(v.y, w.y);
    v.z = f(v.z, w.z);
    v.w = f(v.w, w.w);
    reinterpret_cast<float4*>(z)[i] = v;
  }
  for (int64_t i = 4 * quads + thread_of_grid(); i < n; i += threads_of_grid()) {
    z[i] = f(x[i], y[i]);
  }
}

// y[i] = f(x[i], row[i mod columns]).
template <class F>
__device__ __forceinline__ void with_row(const float* x, const float* row, uint32_t columns,
                                         float* y, int64_t n, F f) {
  int64_t quads = in_quads(x, y) ? n / 4 : 0;
  for (int64_t i = thread_of_grid(); i < quads; i += threads_of_grid()) {
    float4 v = reinterpret_cast<const float4*>(x)[i];
    uint32_t column = (uint32_t)(4 * i % columns);
    v.x = f(v.x, row[column]);
    column = column + 1 == columns ? 0 : column + 1;
    v.y = f(v.y, row[column]);
    column = column + 1 == columns ? 0 : column + 1;
    v.z = f(v.z, row[column]);
    column = column + 1 == columns ? 0 : column + 1;
    v.w = f(v.w, row[column]);
    reinterpret_cast<float4*>(y)[i] = v;
  }
  for (int64_t i = 4 * quads + thread_of_grid(); i < n; i += threads_of_grid()) {
    y[i] = f(x[i], row[i % columns]);
  }
}

}  // namespace

// ---------------------------------------------------------------------------------------------
// Functions of one element
// ---------------------------------------------------------------------------------------------

extern "C" __global__ void relu_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return v <= 0.0f ? 0.0f : v; });
}

extern "C" __global__ void exp_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return narrow::exp(v); });
}

extern "C" __global__ void exp2_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return narrow::exp2(v); });
}

extern "C" __global__ void log_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return narrow::log(v); });
}

extern "C" __global__ void tanh_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return narrow::tanh(v); });
}

extern "C" __global__ void erf_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return narrow::erf(v); });
}

extern "C" __global__ void reciprocal_sqrt_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return narrow::reciprocal_sqrt(v); });
}

extern "C" __global__ void sigmoid_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return narrow::sigmoid(v); });
}

extern "C" __global__ void gelu_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return narrow::gelu(v); });
}

extern "C" __global__ void gelu_tanh_f32(const float* x, float* y, int64_t n) {
  map(x, y, n, [](float v) { return narrow::gelu_tanh(v); });
}

extern "C" __global__ void scale_f32(float factor, const float* x, float* y, int64_t n) {
  map(x, y, n, [=](float v) { return narrow::canonical(factor * v); });
}

// NaN passes, and so does a zero of either sign where a limit is zero.
extern "C" __global__ void clamp_f32(float low, float high, const float* x, float* y, int64_t n) {
  map(x, y, n, [=](float v) {
    v = v < low ? low : v;
    return v > high ? high : v;
  });
}

// ---------------------------------------------------------------------------------------------
// Functions of two elements
// ---------------------------------------------------------------------------------------------

extern "C" __global__ void relu_gradient_f32(const float* y, const float* dy, float* dx,
                                             int64_t n) {
  combine(y, dy, dx, n, [](float v, float d) { return v > 0.0f ? d : 0.0f; });
}

extern "C" __global__ void gelu_gradient_f32(const float* x, const float* dy, float* dx,
                                             int64_t n) {
  combine(x, dy, dx, n,
          [](float v, float d) { return narrow::canonical(narrow::gelu_gradient(v) * d); });
}

extern "C" __global__ void gelu_tanh_gradient_f32(const float* x, const float* dy, float* dx,
                                                  int64_t n) {
  combine(x, dy, dx, n,
          [](float v, float d) { return narrow::canonical(narrow::gelu_tanh_gradient(v) * d); });
}

extern "C" __global__ void add_f32(const float* x, const float* y, float* z, int64_t n) {
  combine(x, y, z, n, [](float v, float w) { return narrow::canonical(v + w); });
}

extern "C" __global__ void subtract_f32(const float* x, const float* y, float* z, int64_t n) {
  combine(x, y, z, n, [](float v, float w) { return narrow::canonical(v - w); });
}

extern "C" __global__ void multiply_f32(const float* x, const float* y, float* z, int64_t n) {
  combine(x, y, z, n, [](float v, float w) { return narrow::canonical(v * w); });
}

extern "C" __global__ void divide_f32(const float* x, const float* y, float* z, int64_t n) {
  combine(x, y, z, n, [](float v, float w) { return narrow::canonical(v / w); });
}

// y = factor x + y, rounded once.
extern "C" __global__ void add_scaled_f32(float factor, const float* x, float* y, int64_t n) {
  combine(x, y, y, n,
          [=](float v, float w) { return narrow::canonical(narrow::fma(factor, v, w)); });
}

extern "C" __global__ void add_row_f32(const float* x, const float* row, int columns, float* y,
                                       int64_t n) {
  with_row(x, row, (uint32_t)columns, y, n,
           [](float v, float w) { return narrow::canonical(v + w); });
}

extern "C" __global__ void multiply_row_f32(const float* x, const float* row, int columns,
                                            float* y, int64_t n) {
  with_row(x, row, (uint32_t)columns, y, n,
           [](float v, float w) { return narrow::canonical(v * w); });
}

// ---------------------------------------------------------------------------------------------
// Dropout
// ---------------------------------------------------------------------------------------------

// y = factor x where the element's random word is at least the threshold, else +0.
extern "C" __global__ void dropout_f32(uint64_t seed, uint64_t stream, uint32_t threshold,
                                       float factor, const float* x, float* y, int64_t n) {
  narrow::RandomBits random = {seed, stream};
  bool quads = in_quads(x, y);
  for (int64_t i = thread_of_grid(); 4 * i < n; i += threads_of_grid()) {
    uint32_t words[4];
    narrow::random_words(random, (uint64_t)i, words);
    if (quads && 4 * i + 4 <= n) {
      float4 v = reinterpret_cast<const float4*>(x)[i];
      v.x = words[0] >= threshold ? narrow::canonical(factor * v.x) : 0.0f;
      v.y = words[1] >= threshold ? narrow::canonical(factor * v.y) : 0.0f;
      v.z = words[2] >= threshold ? narrow::canonical(factor * v.z) : 0.0f;
      v.w = words[3] >= threshold ? narrow::canonical(factor * v.w) : 0.0f;
      reinterpret_cast<float4*>(y)[i] = v;
    } else {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (4 * i + j < n) {
          float v = narrow::canonical(factor * x[4 * i + j]);
          y[4 * i + j] = words[j] >= threshold ? v : 0.0f;
        }
      }
    }
  }
}
