// Numbers of few bits and float32 functions, the same bits on a GPU as in Narrow's Java.
//
// For nvcc and, as plain C++17, for any compiler that is told not to contract a * b + c
// (-ffp-contract=off): include it in your own kernels. Everything is in namespace narrow, nothing
// needs to be linked, and nothing keeps state.
//
// Every function is a fixed sequence of IEEE 754 operations, each rounded once to nearest even, and
// of operations on bits. nvcc must keep subnormals and exact division and square root (its defaults:
// no --use_fast_math), and must not fuse: -fmad=false.
#ifndef NARROW_CUH
#define NARROW_CUH

#include <cstdint>

#if defined(__CUDACC__)
#define NARROW_FN __host__ __device__ __forceinline__
#else
#include <cmath>
#include <cstring>
#define NARROW_FN inline
#endif

namespace narrow {

// ---------------------------------------------------------------------------------------------
// Bits and single operations
// ---------------------------------------------------------------------------------------------

NARROW_FN uint32_t bits(float x) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(x);
#else
  uint32_t result;
  memcpy(&result, &x, sizeof result);
  return result;
#endif
}

NARROW_FN float from_bits(uint32_t x) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(x);
#else
  float result;
  memcpy(&result, &x, sizeof result);
  return result;
#endif
}

// a * b + c, rounded once.
NARROW_FN float fma(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
  return __fmaf_rn(a, b, c);
#else
  return ::fmaf(a, b, c);
#endif
}

// The square root, rounded once.
NARROW_FN float sqrt(float x) {
#if defined(__CUDA_ARCH__)
  return __fsqrt_rn(x);
#else
  return ::sqrtf(x);
#endif
}

NARROW_FN bool is_nan(float x) { return x != x; }

NARROW_FN bool is_finite(float x) { return (bits(x) & 0x7fffffffu) < 0x7f800000u; }

// A NaN that arithmetic has made is this one, since processors differ in which one they make.
NARROW_FN float canonical(float x) { return is_nan(x) ? from_bits(0x7fc00000u) : x; }

// ---------------------------------------------------------------------------------------------
// Elementary functions
// ---------------------------------------------------------------------------------------------

constexpr uint32_t INFINITY_BITS = 0x7f800000u;
constexpr uint32_t NAN_BITS = 0x7fc00000u;

// Java's comparisons, where C's leave room: +0 is above -0, and NaN is the result if there is one.

NARROW_FN float max(float a, float b) {
  if (a != a) return a;
  if (a == 0.0f && b == 0.0f) return from_bits(bits(a) & bits(b));
  return a >= b ? a : b;
}

NARROW_FN float min(float a, float b) {
  if (a != a) return a;
  if (a == 0.0f && b == 0.0f) return from_bits(bits(a) | bits(b));
  return a <= b ? a : b;
}

// x within low and high, neither of which is NaN: java.lang.Math.clamp.
NARROW_FN float clamp(float x, float low, float high) { return min(high, max(x, low)); }

NARROW_FN float abs(float x) { return from_bits(bits(x) & 0x7fffffffu); }

// The magnitude of one, the sign bit of the other.
NARROW_FN float copy_sign(float magnitude, float sign) {
  return from_bits((bits(magnitude) & 0x7fffffffu) | (bits(sign) & 0x80000000u));
}

// ±1, or x itself where it is ±0 or NaN.
NARROW_FN float signum(float x) { return x == 0.0f || is_nan(x) ? x : copy_sign(1.0f, x); }

// The nearest integer, half to even.
NARROW_FN float rint(float x) { return ::rintf(x); }

// java.lang.Math.max, min and clamp of doubles.
NARROW_FN double max(double a, double b) {
  if (a != a) return a;
  if (a == 0.0 && b == 0.0) return a + b;
  return a >= b ? a : b;
}

NARROW_FN double min(double a, double b) {
  if (a != a) return a;
  if (a == 0.0 && b == 0.0) return -(-a - b);
  return a <= b ? a : b;
}

NARROW_FN double clamp(double x, double low, double high) { return min(high, max(x, low)); }

// The square root of a double, rounded once.
NARROW_FN double sqrt(double x) {
#if defined(__CUDA_ARCH__)
  return __dsqrt_rn(x);
#else
  return ::sqrt(x);
#endif
}

// The following are dev.narrow.kernels.Elementary and Activations of Narrow's Java, operation by
// operation and under the same names; domains, special values and errors are stated there.

// 1.5 × 2^23: adding it rounds a small number to the nearest integer, held in the low bits.
constexpr float ROUNDER = 0x1.8p23f;

constexpr float LOG2_E = 0x1.715476p0f;

// ln(2) in two parts; the first has 16 bits, so that its product with an exponent is exact.
constexpr float LN2_HIGH = 0x1.62e4p-1f;
constexpr float LN2_LOW = 0x1.7f7d1cp-20f;

// exp(r) = 1 + r + r^2 (E0 + E1 r + ...) on |r| <= ln(2)/2, relative error 2^-28.25.
constexpr float E0 = 0x1.fffffcp-2f;
constexpr float E1 = 0x1.555494p-3f;
constexpr float E2 = 0x1.5558bep-5f;
constexpr float E3 = 0x1.123856p-7f;
constexpr float E4 = 0x1.6a3d04p-10f;

// ln(2) as a float32 and what is left over.
constexpr float LN2 = 0x1.62e43p-1f;
constexpr float LN2_REST = -0x1.05c61p-29f;

// 2^r = 1 + r ln(2) + r^2 (T0 + T1 r + ...) on |r| <= 1/2, relative error 2^-28.27.
constexpr float T0 = 0x1.ebfbdcp-3f;
constexpr float T1 = 0x1.c6af8ap-5f;
constexpr float T2 = 0x1.3b2deap-7f;
constexpr float T3 = 0x1.5f02fep-10f;
constexpr float T4 = 0x1.416026p-13f;

// From here exp2 exceeds the largest float32.
constexpr float EXP2_OVERFLOW = 128.0f;

// Below it exp2 rounds to zero.
constexpr float EXP2_UNDERFLOW = -150.0f;

// Above it exp exceeds the largest float32; 88.72283 = 128 ln(2), rounded down.
constexpr float EXP_OVERFLOW = 0x1.62e42ep6f;

// Below it exp rounds to zero; -103.97208 = -150 ln(2), rounded towards zero.
constexpr float EXP_UNDERFLOW = -0x1.9fe368p6f;

// log(1 + f) = f + f^2 (-1/2 + f (L0 + L1 f + ...)) on |f| <= 1/3, relative error 2^-27.68.
constexpr float L0 = 0x1.555506p-2f;
constexpr float L1 = -0x1.fffefcp-3f;
constexpr float L2 = 0x1.99d044p-3f;
constexpr float L3 = -0x1.559c44p-3f;
constexpr float L4 = 0x1.1ed662p-3f;
constexpr float L5 = -0x1.f332fep-4f;
constexpr float L6 = 0x1.1e678cp-3f;
constexpr float L7 = -0x1.07c878p-3f;

// The bits of 2/3: significands are taken from [2/3, 4/3), where log is small.
constexpr uint32_t TWO_THIRDS = 0x3f2aaaabu;

// tanh(x) = x + x^3 (H0 + H1 x^2 + ...) on |x| <= 0.98, relative error 2^-28.06.
constexpr float H0 = -0x1.555542p-2f;
constexpr float H1 = 0x1.110ce4p-3f;
constexpr float H2 = -0x1.b97ecep-5f;
constexpr float H3 = 0x1.60c51ep-6f;
constexpr float H4 = -0x1.06cb8ep-7f;
constexpr float H5 = 0x1.357706p-9f;
constexpr float H6 = -0x1.8b9556p-12f;

// From here tanh is taken from exp; 1 - tanh is below 1/4, so that its errors count little.
constexpr float TANH_LARGE = 0.98f;

// Above it tanh rounds to 1; 26 ln(2) / 2, rounded up.
constexpr float TANH_ONE = 0x1.205968p3f;

// erf(x) = x + x (R0 + R1 x^2 + ...) on |x| <= 29/32, relative error 2^-30.08.
constexpr float R0 = 0x1.06eba8p-3f;
constexpr float R1 = -0x1.81274p-2f;
constexpr float R2 = 0x1.ce2d62p-4f;
constexpr float R3 = -0x1.b800b6p-6f;
constexpr float R4 = 0x1.5443d8p-8f;
constexpr float R5 = -0x1.a5baaep-11f;
constexpr float R6 = 0x1.4e0becp-14f;

// From here erf is taken from the square root of 1 - erf.
constexpr float ERF_LARGE = 29.0f / 32;

constexpr float ERF_CENTRE = 1.5f;

// 1 - erf(x) = (C0 + C1 (x - 1.5) + ...)^2 on 29/32 <= x <= 3.92, relative error of erf 2^-29.05.
constexpr float C0 = 0x1.790c54p-3f;
constexpr float C1 = -0x1.4abf2ap-2f;
constexpr float C2 = 0x1.9bfa74p-3f;
constexpr float C3 = -0x1.87be54p-6f;
constexpr float C4 = -0x1.f76236p-6f;
constexpr float C5 = 0x1.9ce3a8p-7f;
constexpr float C6 = 0x1.abf0d8p-10f;
constexpr float C7 = -0x1.087812p-9f;
constexpr float C8 = 0x1.9497bep-13f;
constexpr float C9 = 0x1.85cc8ep-13f;
constexpr float C10 = -0x1.12a8ap-14f;
constexpr float C11 = 0x1.cc641ap-18f;

// Above it erf rounds to 1.
constexpr float ERF_ONE = 3.92f;

constexpr float MIN_NORMAL = 0x1p-126f;

// Makes any subnormal normal.
constexpr float SUBNORMAL_SCALE = 0x1p23f;

constexpr int32_t SUBNORMAL_EXPONENT = 23;

// Above it the logistic function rounds to 1; 26 ln(2), rounded up.
constexpr float SIGMOID_ONE = 0x1.205968p4f;

constexpr float SQRT_HALF = 0x1.6a09e6p-1f;

// 1 / √(2π), the largest value of the standard normal density.
constexpr float DENSITY = 0x1.988454p-2f;

// 2 √(2/π), and 0.044715 and three times that, times 2 √(2/π).
constexpr float LINEAR = 0x1.988454p0f;
constexpr float CUBIC = 0x1.2444f2p-4f;
constexpr float CUBIC_SLOPE = 0x1.b6676cp-3f;

// (exp(r) - 1 - r) / r^2 for |r| up to ln(2)/2.
NARROW_FN float exp_quotient(float r) {
  float q = fma(E4, r, E3);
  q = fma(q, r, E2);
  q = fma(q, r, E1);
  return fma(q, r, E0);
}

// The integer that adding ROUNDER left in the low bits.
NARROW_FN int32_t exponent(float shifted) { return (int32_t)(bits(shifted) - bits(ROUNDER)); }

NARROW_FN float power_of_two(int32_t exponent) {
  return from_bits(((uint32_t)exponent + 127u) << 23);
}

// (1 + large + small) 2^k; k is the integer in the low bits of shifted.
NARROW_FN float one_plus(float large, float small, float shifted) {
  float sum = 1.0f + large;
  float lost = (1.0f - sum) + large;
  float p = sum + (lost + small);
  int32_t k = exponent(shifted);
  int32_t half = k >> 1;
  return p * power_of_two(half) * power_of_two(k - half);
}

// e to the power x.
NARROW_FN float exp(float x) {
  float shifted = fma(x, LOG2_E, ROUNDER);
  float k = shifted - ROUNDER;
  float high = fma(k, -LN2_HIGH, x);
  float r = fma(k, -LN2_LOW, high);
  float rest = fma(k, -LN2_LOW, high - r);
  float result = one_plus(r, fma(r * r, exp_quotient(r), rest), shifted);
  result = x > EXP_OVERFLOW ? from_bits(INFINITY_BITS) : result;
  result = x < EXP_UNDERFLOW ? 0.0f : result;
  return is_nan(x) ? from_bits(NAN_BITS) : result;
}

// 2 to the power x.
NARROW_FN float exp2(float x) {
  float shifted = x + ROUNDER;
  float k = shifted - ROUNDER;
  float r = x - k;
  float linear = r * LN2;
  float rest = fma(r, LN2_REST, fma(r, LN2, -linear));
  float q = fma(T4, r, T3);
  q = fma(q, r, T2);
  q = fma(q, r, T1);
  q = fma(q, r, T0);
  float result = one_plus(linear, fma(r * r, q, rest), shifted);
  result = x >= EXP2_OVERFLOW ? from_bits(INFINITY_BITS) : result;
  result = x < EXP2_UNDERFLOW ? 0.0f : result;
  return is_nan(x) ? from_bits(NAN_BITS) : result;
}

// The natural logarithm.
NARROW_FN float log(float x) {
  bool small = x < MIN_NORMAL;
  uint32_t b = bits(small ? x * SUBNORMAL_SCALE : x);
  int32_t binade = (int32_t)(b - TWO_THIRDS) >> 23;
  float f = from_bits(b - ((uint32_t)binade << 23)) - 1.0f;
  float k = (float)(binade - (small ? SUBNORMAL_EXPONENT : 0));
  float q = fma(L7, f, L6);
  q = fma(q, f, L5);
  q = fma(q, f, L4);
  q = fma(q, f, L3);
  q = fma(q, f, L2);
  q = fma(q, f, L1);
  q = fma(q, f, L0);
  float t = fma(q, f, -0.5f);
  float base = k * LN2_HIGH;
  float high = base + f;
  float low = f - (high - base);
  float result = high + fma(f * f, t, fma(k, LN2_LOW, low));
  result = bits(x) == INFINITY_BITS ? x : result;
  result = x == 0.0f ? from_bits(INFINITY_BITS | 0x80000000u) : result;
  return x >= 0.0f ? result : from_bits(NAN_BITS);
}

// The hyperbolic tangent.
NARROW_FN float tanh(float x) {
  float a = abs(x);
  float z = x * x;
  float q = fma(H6, z, H5);
  q = fma(q, z, H4);
  q = fma(q, z, H3);
  q = fma(q, z, H2);
  q = fma(q, z, H1);
  q = fma(q, z, H0);
  float small = fma(q * z, a, a);
  float twice = a + a;
  float shifted = fma(twice, LOG2_E, ROUNDER);
  float k = shifted - ROUNDER;
  float r = fma(k, -LN2_LOW, fma(k, -LN2_HIGH, twice));
  float p = fma(r * r, exp_quotient(r), r);
  float scale = power_of_two(exponent(shifted));
  float large = 1.0f - 2.0f / fma(scale, p, scale + 1.0f);
  float result = a < TANH_LARGE ? small : large;
  result = a > TANH_ONE ? 1.0f : result;
  return is_nan(x) ? from_bits(NAN_BITS) : copy_sign(result, x);
}

// The error function.
NARROW_FN float erf(float x) {
  float a = abs(x);
  float z = x * x;
  float q = fma(R6, z, R5);
  q = fma(q, z, R4);
  q = fma(q, z, R3);
  q = fma(q, z, R2);
  q = fma(q, z, R1);
  q = fma(q, z, R0);
  float small = fma(q, a, a);
  float c = a - ERF_CENTRE;
  float p = fma(C11, c, C10);
  p = fma(p, c, C9);
  p = fma(p, c, C8);
  p = fma(p, c, C7);
  p = fma(p, c, C6);
  p = fma(p, c, C5);
  p = fma(p, c, C4);
  p = fma(p, c, C3);
  p = fma(p, c, C2);
  p = fma(p, c, C1);
  p = fma(p, c, C0);
  float large = fma(-p, p, 1.0f);
  float result = a < ERF_LARGE ? small : large;
  result = a > ERF_ONE ? 1.0f : result;
  return is_nan(x) ? from_bits(NAN_BITS) : copy_sign(result, x);
}

// 1 / sqrt(x), correctly rounded.
NARROW_FN float reciprocal_sqrt(float x) {
  float y = 1.0f / sqrt(x);
  float root = x * y;
  float rest = fma(x, y, -root);
  float d = fma(-rest, y, fma(-root, y, 1.0f));
  float result = fma(y * d, fma(d, 0.375f, 0.5f), y);
  result = x > 0.0f && bits(x) < INFINITY_BITS ? result : y;
  return canonical(result);
}

// The logistic function 1 / (1 + exp(-x)).
NARROW_FN float sigmoid(float x) {
  float shifted = fma(x, -LOG2_E, ROUNDER);
  float k = shifted - ROUNDER;
  float high = fma(k, -LN2_HIGH, -x);
  float r = fma(k, -LN2_LOW, high);
  float rest = fma(k, -LN2_LOW, high - r);
  float p = r + fma(r * r, exp_quotient(r), rest);
  int32_t signed_k = exponent(shifted);
  int32_t distance = signed_k < 0 ? (int32_t)(0u - (uint32_t)signed_k) : signed_k;
  int32_t half = distance >> 1;
  float s = power_of_two(-half) * power_of_two(half - distance);
  float base = 1.0f + s;
  float base_lost = s - (base - 1.0f);
  float factor = k < 0.0f ? s : 1.0f;
  float sum = fma(factor, p, base);
  float lost = fma(factor, p, base - sum) + base_lost;
  float y = 1.0f / sum;
  float d = fma(-y, lost, fma(-y, sum, 1.0f));
  float result = fma(d, y, y) * (k < 0.0f ? 1.0f : s);
  result = x > SIGMOID_ONE ? 1.0f : result;
  result = x < EXP_UNDERFLOW ? 0.0f : result;
  return is_nan(x) ? from_bits(NAN_BITS) : result;
}

// The Gaussian error linear unit, x/2 (1 + erf(x/sqrt(2))).
NARROW_FN float gelu(float x) {
  float e = erf(x * SQRT_HALF);
  float half = 0.5f * x;
  float result = fma(e, half, half);
  result = e == -1.0f ? -0.0f : result;
  result = x == 0.0f ? x : result;
  return canonical(result);
}

// p + a b, without a b where the bell curve in it is 0 and another factor perhaps infinite.
NARROW_FN float slope(float p, float a, float b, float bell) {
  float result = fma(a, b, p);
  return canonical(bell == 0.0f ? p : result);
}

// The derivative of gelu.
NARROW_FN float gelu_gradient(float x) {
  float e = erf(x * SQRT_HALF);
  float density = exp(-0.5f * x * x) * DENSITY;
  return slope(fma(e, 0.5f, 0.5f), x, density, density);
}

// The approximation of gelu by tanh.
NARROW_FN float gelu_tanh(float x) {
  float p = sigmoid(x * fma(x * x, CUBIC, LINEAR));
  return canonical(p == 0.0f ? -0.0f : p * x);
}

// The derivative of gelu_tanh.
NARROW_FN float gelu_tanh_gradient(float x) {
  float z = x * x;
  float v = x * fma(z, CUBIC, LINEAR);
  float s = sigmoid(-abs(v));
  float p = v < 0.0f ? s : 1.0f - s;
  float bell = fma(-s, s, s);
  return slope(p, x * bell, fma(z, CUBIC_SLOPE, LINEAR), bell);
}

// ---------------------------------------------------------------------------------------------
// Sums
// ---------------------------------------------------------------------------------------------

// A sum along a contiguous axis has sixteen lanes: lane j adds the elements i with i mod 16 = j,
// ascending, from +0. Then lane j and lane j + 8 are added for j below 8, then j and j + 4, j and
// j + 2, and 0 and 1: dev.narrow.kernels.ScalarKernels.tree. The lanes are overwritten.
constexpr int LANES = 16;

// Elements of a whole tensor that are summed so at a time; the sums of these chunks are a sequence
// that is summed the same way, until one is left.
constexpr int SUM_CHUNK = 4096;

NARROW_FN float tree(float* lanes) {
  for (int half = LANES / 2; half >= 1; half /= 2) {
    for (int j = 0; j < half; j++) {
      lanes[j] += lanes[j + half];
    }
  }
  return canonical(lanes[0]);
}

#if defined(__CUDACC__) || defined(NARROW_EMULATOR)

// The threads of a half-warp, which are the lanes of a sum; they may diverge from the other half.
__device__ __forceinline__ unsigned half_warp() { return 0xffffu << (threadIdx.x & 16u); }

// The same tree where each thread of a half-warp holds one lane: all sixteen get the sum.
__device__ __forceinline__ float tree(float lane) {
  for (int half = LANES / 2; half >= 1; half /= 2) {
    lane += __shfl_xor_sync(half_warp(), lane, half);
  }
  return canonical(lane);
}

#endif

}  // namespace narrow

#endif
