// Steps of optimizers: the kernels of dev.narrow.kernels.OptimizerSteps, each in one pass.
//
// The kernels NAME_f32 take float32 tensors. The kernels NAME_coded take any mixture of float32 and
// of codes under one scale, which are decoded, updated and encoded to nearest on the way.
#include "grid.cuh"
#include "narrow.cuh"

// ---------------------------------------------------------------------------------------------
// Unscale and check
// ---------------------------------------------------------------------------------------------

// One of a list of tensors that are divided into chunks, which are numbered through.
struct UnscaleTensor {
  float* values;
  int64_t n;
  int64_t first_chunk;
};

namespace {

constexpr int64_t UNSCALE_CHUNK = 4096;

// Of a whole chunk, how many times four elements a thread loads before it stores any.
constexpr int UNSCALE_DEPTH = 4;

__device__ __forceinline__ float unscaled(float factor, float x, int64_t i, int& first) {
  float value = narrow::canonical(x * factor);
  if (!narrow::is_finite(value) && (int)i < first) {
    first = (int)i;
  }
  return value;
}

__device__ __forceinline__ float4 unscaled4(float factor, float4 v, int64_t quad, int& first) {
  v.x = unscaled(factor, v.x, 4 * quad, first);
  v.y = unscaled(factor, v.y, 4 * quad + 1, first);
  v.z = unscaled(factor, v.z, 4 * quad + 2, first);
  v.w = unscaled(factor, v.w, 4 * quad + 3, first);
  return v;
}

}  // namespace

// x = factor x in all tensors; first[t], which starts at 2^31 - 1, becomes the index of the first
// element of tensor t that is then not finite. A chunk belongs to a block of whole warps.
extern "C" __global__ void unscale_f32(float factor, const UnscaleTensor* tensors, int count,
                                       int64_t chunks, int* first) {
  for (int64_t chunk = blockIdx.x; chunk < chunks; chunk += gridDim.x) {
    int low = 0;  // the last tensor that begins at this chunk or before is its own
    int high = count - 1;
    while (low < high) {
      int middle = (low + high + 1) / 2;
      if (tensors[middle].first_chunk <= chunk) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    float* x = tensors[low].values;
    int64_t from = (chunk - tensors[low].first_chunk) * UNSCALE_CHUNK;
    int64_t rest = tensors[low].n - from;
    int64_t to = from + (rest < UNSCALE_CHUNK ? rest : UNSCALE_CHUNK);
    int bad = 0x7fffffff;
    int64_t quad = from / 4 + threadIdx.x;
    int64_t quads_end = narrow::in_quads(x) ? to / 4 : from / 4;
    int64_t step = blockDim.x;
    for (; quad + (UNSCALE_DEPTH - 1) * step < quads_end; quad += UNSCALE_DEPTH * step) {
      float4 v[UNSCALE_DEPTH];
#pragma unroll
      for (int j = 0; j < UNSCALE_DEPTH; j++) {
        v[j] = reinterpret_cast<const float4*>(x)[quad + j * step];
      }
#pragma unroll
      for (int j = 0; j < UNSCALE_DEPTH; j++) {
        int64_t at = quad + j * step;
        reinterpret_cast<float4*>(x)[at] = unscaled4(factor, v[j], at, bad);
      }
    }
    for (; quad < quads_end; quad += step) {
      float4 v = reinterpret_cast<const float4*>(x)[quad];
      reinterpret_cast<float4*>(x)[quad] = unscaled4(factor, v, quad, bad);
    }
    for (int64_t i = 4 * quads_end + threadIdx.x; i < to; i += blockDim.x) {
      x[i] = unscaled(factor, x[i], i, bad);
    }
    if (__any_sync(0xffffffffu, bad != 0x7fffffff)) {
      for (int half = 16; half >= 1; half /= 2) {
        int other = __shfl_xor_sync(0xffffffffu, bad, half);
        bad = other < bad ? other : bad;
      }
      if (threadIdx.x % 32 == 0) {
        atomicMin(&first[low], bad);
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Operands
// ---------------------------------------------------------------------------------------------

// Codes under one scale, or float32 values with scale 1. The kind is one of the following.
struct Coded {
  void* codes;
  int32_t kind;
  float scale;  // finite, above 0
  narrow::Special special;
};

namespace {

enum Kind : int32_t { KIND_F32, KIND_FP16, KIND_BF16, KIND_E4M3FN, KIND_E5M2, KIND_LNS8 };

struct Plain {
  float* values;
};

__device__ __forceinline__ const void* memory(const Plain& x) { return x.values; }

__device__ __forceinline__ const void* memory(const Coded& x) { return x.codes; }

__device__ __forceinline__ float load(const Plain& x, int64_t i) { return x.values[i]; }

__device__ __forceinline__ void store(const Plain& x, int64_t i, float value) {
  x.values[i] = value;
}

__device__ __forceinline__ void load4(const Plain& x, int64_t quad, float* values) {
  float4 v = reinterpret_cast<const float4*>(x.values)[quad];
  values[0] = v.x;
  values[1] = v.y;
  values[2] = v.z;
  values[3] = v.w;
}

__device__ __forceinline__ void store4(const Plain& x, int64_t quad, const float* values) {
  float4 v;
  v.x = values[0];
  v.y = values[1];
  v.z = values[2];
  v.w = values[3];
  reinterpret_cast<float4*>(x.values)[quad] = v;
}

template <class Format>
__device__ __forceinline__ uint32_t code(const Coded& x, float value) {
  return Format::encode(narrow::canonical(value / x.scale), x.special);
}

template <class Format>
__device__ __forceinline__ float value(const Coded& x, uint32_t code) {
  return narrow::canonical(Format::decode(code) * x.scale);
}

template <class Format, class Code>
__device__ __forceinline__ void load4_as(const Coded& x, int64_t quad, float* values) {
  Code v = reinterpret_cast<const Code*>(x.codes)[quad];
  values[0] = value<Format>(x, v.x);
  values[1] = value<Format>(x, v.y);
  values[2] = value<Format>(x, v.z);
  values[3] = value<Format>(x, v.w);
}

template <class Format>
__device__ __forceinline__ void store4_as_bytes(const Coded& x, int64_t quad,
                                                const float* values) {
  reinterpret_cast<uint32_t*>(x.codes)[quad] =
      code<Format>(x, values[0]) | code<Format>(x, values[1]) << 8 |
      code<Format>(x, values[2]) << 16 | code<Format>(x, values[3]) << 24;
}

template <class Format>
__device__ __forceinline__ void store4_as_shorts(const Coded& x, int64_t quad,
                                                 const float* values) {
  uint2 codes;
  codes.x = code<Format>(x, values[0]) | code<Format>(x, values[1]) << 16;
  codes.y = code<Format>(x, values[2]) | code<Format>(x, values[3]) << 16;
  reinterpret_cast<uint2*>(x.codes)[quad] = codes;
}

__device__ __forceinline__ float load(const Coded& x, int64_t i) {
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(x.codes);
  const uint16_t* shorts = reinterpret_cast<const uint16_t*>(x.codes);
  switch (x.kind) {
    case KIND_FP16:
      return value<narrow::FP16>(x, shorts[i]);
    case KIND_BF16:
      return value<narrow::BF16>(x, shorts[i]);
    case KIND_E4M3FN:
      return value<narrow::E4M3FN>(x, bytes[i]);
    case KIND_E5M2:
      return value<narrow::E5M2>(x, bytes[i]);
    case KIND_LNS8:
      return value<narrow::LNS8>(x, bytes[i]);
    default:
      return reinterpret_cast<const float*>(x.codes)[i];
  }
}

__device__ __forceinline__ void store(const Coded& x, int64_t i, float value) {
  uint8_t* bytes = reinterpret_cast<uint8_t*>(x.codes);
  uint16_t* shorts = reinterpret_cast<uint16_t*>(x.codes);
  switch (x.kind) {
    case KIND_FP16:
      shorts[i] = (uint16_t)code<narrow::FP16>(x, value);
      break;
    case KIND_BF16:
      shorts[i] = (uint16_t)code<narrow::BF16>(x, value);
      break;
    case KIND_E4M3FN:
      bytes[i] = (uint8_t)code<narrow::E4M3FN>(x, value);
      break;
    case KIND_E5M2:
      bytes[i] = (uint8_t)code<narrow::E5M2>(x, value);
      break;
    case KIND_LNS8:
      bytes[i] = (uint8_t)code<narrow::LNS8>(x, value);
      break;
    default:
      reinterpret_cast<float*>(x.codes)[i] = value;
  }
}

__device__ __forceinline__ void load4(const Coded& x, int64_t quad, float* values) {
  switch (x.kind) {
    case KIND_FP16:
      load4_as<narrow::FP16, ushort4>(x, quad, values);
      break;
    case KIND_BF16:
      load4_as<narrow::BF16, ushort4>(x, quad, values);
      break;
    case KIND_E4M3FN:
      load4_as<narrow::E4M3FN, uchar4>(x, quad, values);
      break;
    case KIND_E5M2:
      load4_as<narrow::E5M2, uchar4>(x, quad, values);
      break;
    case KIND_LNS8:
      load4_as<narrow::LNS8, uchar4>(x, quad, values);
      break;
    default:
      load4(Plain{reinterpret_cast<float*>(x.codes)}, quad, values);
  }
}

__device__ __forceinline__ void store4(const Coded& x, int64_t quad, const float* values) {
  switch (x.kind) {
    case KIND_FP16:
      store4_as_shorts<narrow::FP16>(x, quad, values);
      break;
    case KIND_BF16:
      store4_as_shorts<narrow::BF16>(x, quad, values);
      break;
    case KIND_E4M3FN:
      store4_as_bytes<narrow::E4M3FN>(x, quad, values);
      break;
    case KIND_E5M2:
      store4_as_bytes<narrow::E5M2>(x, quad, values);
      break;
    case KIND_LNS8:
      store4_as_bytes<narrow::LNS8>(x, quad, values);
      break;
    default:
      store4(Plain{reinterpret_cast<float*>(x.codes)}, quad, values);
  }
}

// ---------------------------------------------------------------------------------------------
// Steps of one element
// ---------------------------------------------------------------------------------------------

struct Sgd {
  float learning_rate, momentum, weight_decay;
  int nesterov;

  __device__ __forceinline__ void operator()(float g, float& v, float& w) const {
    float decayed = narrow::fma(weight_decay, w, g);
    float velocity = narrow::fma(momentum, v, decayed);
    v = narrow::canonical(velocity);
    float direction = nesterov ? narrow::fma(momentum, velocity, decayed) : velocity;
    w = narrow::canonical(narrow::fma(-learning_rate, direction, w));
  }
};

struct AdamW {
  float beta1, beta2, epsilon, step_size, root, keep;

  __device__ __forceinline__ void operator()(float g, float& m, float& v, float& w) const {
    float take1 = 1.0f - beta1;
    float take2 = 1.0f - beta2;
    float first = narrow::fma(beta1, m, take1 * g);
    float second = narrow::fma(beta2, v, take2 * (g * g));
    m = narrow::canonical(first);
    v = narrow::canonical(second);
    float divisor = narrow::sqrt(second) / root + epsilon;
    w = narrow::canonical(narrow::fma(-step_size, first / divisor, w * keep));
  }
};

// What the three forms of Madam have in common: the root of the second moment, in float64.
struct Normalized {
  double correction;
  float bound;

  __device__ __forceinline__ float operator()(float g, float& r) const {
    constexpr double beta = 0.999;
    double gradient = g;
    double root = r;
    double v = beta * (root * root) + (1 - beta) * (gradient * gradient);
    r = narrow::canonical((float)narrow::sqrt(v));
    double normalized = narrow::clamp(gradient / narrow::sqrt(v / correction), -(double)bound,
                                      (double)bound);
    return gradient == 0 ? 0.0f : narrow::canonical((float)normalized);
  }
};

struct Madam {
  Normalized normalized;
  float learning_rate, bound;

  __device__ __forceinline__ void operator()(float g, float& r, float& w) const {
    float t = normalized(g, r);
    t = narrow::exp(narrow::canonical(-learning_rate * t * narrow::signum(w)));
    w = narrow::canonical(narrow::clamp(w * t, -bound, bound));
  }
};

struct LnsMadam {
  Normalized normalized;
  float learning_rate, bound;

  __device__ __forceinline__ void operator()(float g, float& r, float& w) const {
    float t = narrow::rint(normalized(g, r));
    t = narrow::exp2(narrow::canonical(-learning_rate * t * narrow::signum(w)));
    w = narrow::canonical(narrow::clamp(w * t, -bound, bound));
  }
};

struct IntegerMadam {
  Normalized normalized;
  float factor, precision, most, bound;

  __device__ __forceinline__ void operator()(float g, float& r, float& k, float& w) const {
    float t = normalized(g, r);
    float move = narrow::rint(factor * t) * narrow::signum(w);
    k = narrow::canonical(narrow::clamp(k + move, 0.0f, most));
    t = narrow::exp(narrow::canonical(-precision * k));
    w = narrow::canonical(narrow::copy_sign(bound * t, w));
  }
};

// ---------------------------------------------------------------------------------------------
// All elements
// ---------------------------------------------------------------------------------------------

// Of a rule that keeps one number for each parameter.
template <class Step, class Operand>
__device__ __forceinline__ void update(const Step& step, const Operand& g, const Operand& a,
                                       const Operand& w, int64_t n) {
  int64_t quads = narrow::in_quads(memory(g), memory(a), memory(w)) ? n / 4 : 0;
  for (int64_t i = narrow::thread_of_grid(); i < quads; i += narrow::threads_of_grid()) {
    float gradient[4], state[4], weight[4];
    load4(g, i, gradient);
    load4(a, i, state);
    load4(w, i, weight);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      step(gradient[j], state[j], weight[j]);
    }
    store4(a, i, state);
    store4(w, i, weight);
  }
  for (int64_t i = 4 * quads + narrow::thread_of_grid(); i < n; i += narrow::threads_of_grid()) {
    float state = load(a, i);
    float weight = load(w, i);
    step(load(g, i), state, weight);
    store(a, i, state);
    store(w, i, weight);
  }
}

// Of a rule that keeps two.
template <class Step, class Operand>
__device__ __forceinline__ void update(const Step& step, const Operand& g, const Operand& a,
                                       const Operand& b, const Operand& w, int64_t n) {
  int64_t quads = narrow::in_quads(memory(g), memory(a), memory(b), memory(w)) ? n / 4 : 0;
  for (int64_t i = narrow::thread_of_grid(); i < quads; i += narrow::threads_of_grid()) {
    float gradient[4], first[4], second[4], weight[4];
    load4(g, i, gradient);
    load4(a, i, first);
    load4(b, i, second);
    load4(w, i, weight);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      step(gradient[j], first[j], second[j], weight[j]);
    }
    store4(a, i, first);
    store4(b, i, second);
    store4(w, i, weight);
  }
  for (int64_t i = 4 * quads + narrow::thread_of_grid(); i < n; i += narrow::threads_of_grid()) {
    float first = load(a, i);
    float second = load(b, i);
    float weight = load(w, i);
    step(load(g, i), first, second, weight);
    store(a, i, first);
    store(b, i, second);
    store(w, i, weight);
  }
}

}  // namespace

// ---------------------------------------------------------------------------------------------
// Kernels
// ---------------------------------------------------------------------------------------------

extern "C" __global__ void sgd_f32(float learning_rate, float momentum, float weight_decay,
                                   int nesterov, float* g, float* v, float* w, int64_t n) {
  update(Sgd{learning_rate, momentum, weight_decay, nesterov}, Plain{g}, Plain{v}, Plain{w}, n);
}

extern "C" __global__ void sgd_coded(float learning_rate, float momentum, float weight_decay,
                                     int nesterov, Coded g, Coded v, Coded w, int64_t n) {
  update(Sgd{learning_rate, momentum, weight_decay, nesterov}, g, v, w, n);
}

extern "C" __global__ void adamw_f32(float beta1, float beta2, float epsilon, float step_size,
                                     float root, float keep, float* g, float* m, float* v,
                                     float* w, int64_t n) {
  update(AdamW{beta1, beta2, epsilon, step_size, root, keep}, Plain{g}, Plain{m}, Plain{v},
         Plain{w}, n);
}

extern "C" __global__ void adamw_coded(float beta1, float beta2, float epsilon, float step_size,
                                       float root, float keep, Coded g, Coded m, Coded v, Coded w,
                                       int64_t n) {
  update(AdamW{beta1, beta2, epsilon, step_size, root, keep}, g, m, v, w, n);
}

extern "C" __global__ void madam_f32(double correction, float gradient_bound, float learning_rate,
                                     float bound, float* g, float* r, float* w, int64_t n) {
  update(Madam{{correction, gradient_bound}, learning_rate, bound}, Plain{g}, Plain{r}, Plain{w},
         n);
}

extern "C" __global__ void madam_coded(double correction, float gradient_bound,
                                       float learning_rate, float bound, Coded g, Coded r, Coded w,
                                       int64_t n) {
  update(Madam{{correction, gradient_bound}, learning_rate, bound}, g, r, w, n);
}

extern "C" __global__ void lns_madam_f32(double correction, float gradient_bound,
                                         float learning_rate, float bound, float* g, float* r,
                                         float* w, int64_t n) {
  update(LnsMadam{{correction, gradient_bound}, learning_rate, bound}, Plain{g}, Plain{r},
         Plain{w}, n);
}

extern "C" __global__ void lns_madam_coded(double correction, float gradient_bound,
                                           float learning_rate, float bound, Coded g, Coded r,
                                           Coded w, int64_t n) {
  update(LnsMadam{{correction, gradient_bound}, learning_rate, bound}, g, r, w, n);
}

extern "C" __global__ void integer_madam_f32(double correction, float gradient_bound, float factor,
                                             float precision, float most, float bound, float* g,
                                             float* r, float* k, float* w, int64_t n) {
  update(IntegerMadam{{correction, gradient_bound}, factor, precision, most, bound}, Plain{g},
         Plain{r}, Plain{k}, Plain{w}, n);
}

extern "C" __global__ void integer_madam_coded(double correction, float gradient_bound,
                                               float factor, float precision, float most,
                                               float bound, Coded g, Coded r, Coded k, Coded w,
                                               int64_t n) {
  update(IntegerMadam{{correction, gradient_bound}, factor, precision, most, bound}, g, r, k, w,
         n);
}
