// Exact sums of products of float32 numbers: fixed point, rounded once, so that no order changes them.
#ifndef NARROW_EXACT_CUH
#define NARROW_EXACT_CUH

#include "narrow.cuh"

namespace narrow {

// An operand of exact sums: its numbers are multiples of its unit. For 64-bit sums the unit is
// 1 / per_unit, and no number is more than 2^31 units; for 128-bit sums it is 2^(field - 150), field
// being the least exponent field of a number other than zero, where that of subnormals counts as 1.
struct Units {
  float per_unit;
  int32_t field;
};

// Two's complement.
struct Fixed {
  uint64_t low;
  uint64_t high;
};

__device__ __forceinline__ double scaled(double x, int32_t exponent) {
#if defined(__CUDA_ARCH__)
  return x * __longlong_as_double(static_cast<long long>(exponent + 1023) << 52);
#else
  return ::ldexp(x, exponent);
#endif
}

// significand * 2^exponent to the nearest float32. 63 bits, the last of them odd if any further one was
// set, are more than the 53 + 2 after which rounding again is innocuous (Boldo and Melquiond, 2005).
__device__ __forceinline__ float round_to_float(bool negative, uint64_t significand, int32_t exponent) {
  const uint64_t odd = significand >> 10 | ((significand & 0x3ff) != 0 ? 1 : 0);
  const double value = scaled(static_cast<double>(odd), exponent + 10);
  return static_cast<float>(negative ? -value : value);
}

__device__ __forceinline__ int leading_zeros(uint64_t x) { return __clzll(static_cast<long long>(x)); }

__device__ __forceinline__ float round_to_float(Fixed sum, int32_t unit) {
  const bool negative = sum.high >> 63 != 0;
  if (negative) {
    sum.low = 0 - sum.low;
    sum.high = ~sum.high + (sum.low == 0 ? 1 : 0);
  }
  if ((sum.low | sum.high) == 0) {
    return 0.0f;
  }
  // The highest bit to bit 62 of the upper word.
  const int zeros = sum.high != 0 ? leading_zeros(sum.high) : 64 + leading_zeros(sum.low);
  const int left = zeros - 1;
  uint64_t significand = sum.high;
  uint64_t rest = sum.low;
  if (left >= 64) {
    significand = sum.low << (left - 64);
    rest = 0;
  } else if (left > 0) {
    significand = sum.high << left | sum.low >> (64 - left);
    rest = sum.low << left;
  } else if (left < 0) {  // -2^127
    significand = sum.high >> 1;
    rest = sum.high << 63 | sum.low;
  }
  return round_to_float(negative, significand | (rest != 0 ? 1 : 0), unit + 64 - left);
}

// Sums of products of integers below 2^31.
struct Sum64 {
  using Element = int32_t;
  int64_t value;

  static __device__ __forceinline__ Element of(float x, const Units& units) {
    return static_cast<int32_t>(x * units.per_unit);
  }

  __device__ __forceinline__ void add(Element a, Element b) { value += static_cast<int64_t>(a) * b; }

  __device__ __forceinline__ Fixed fixed() const {
    return {static_cast<uint64_t>(value), static_cast<uint64_t>(value >> 63)};
  }
};

// Sums of products of float32 numbers: a significand of 24 bits with its sign, and how far it is to
// be shifted.
struct Sum128 {
  struct Element {
    int32_t significand;
    int32_t shift;
  };
  uint64_t low;
  uint64_t high;

  static __device__ __forceinline__ Element of(float x, const Units& units) {
    const uint32_t magnitude = bits(x) & 0x7fffffffu;
    const int32_t field = static_cast<int32_t>(magnitude >> 23);
    const int32_t fraction = static_cast<int32_t>(magnitude & 0x7fffffu);
    const int32_t significand = field == 0 ? fraction : fraction | 0x800000;
    const int32_t shift = significand == 0 ? 0 : (field == 0 ? 1 : field) - units.field;
    return {bits(x) >> 31 != 0 ? -significand : significand, shift};
  }

  __device__ __forceinline__ void add(Element a, Element b) {
    const int64_t product = static_cast<int64_t>(a.significand) * b.significand;
    const int32_t shift = a.shift + b.shift;
    const uint64_t bits = static_cast<uint64_t>(product);
    const uint64_t moved = bits << (shift & 63);
    // In two steps, since a shift by 64 is none.
    const uint64_t over = static_cast<uint64_t>((product >> 1) >> (63 - (shift & 63)));
    const bool far = shift >= 64;
    const uint64_t below = far ? 0 : moved;
    low += below;
    high += (far ? moved : over) + (low < below ? 1 : 0);
  }

  __device__ __forceinline__ Fixed fixed() const { return {low, high}; }
};

// Any float32 numbers: dev.narrow.kernels.ExactSum in shared memory, a thread of a block for each sum.
constexpr int WIDE_THREADS = 64;
constexpr int WIDE_DIGITS = 20;
constexpr int WIDE_WORDS = WIDE_DIGITS * WIDE_THREADS;

struct WideSum {
  static constexpr int DIGIT = 32;
  static constexpr int UNIT = -298;
  static constexpr uint64_t MASK = 0xffffffffu;

  int64_t* digits;  // WIDE_THREADS apart
  float special = 0.0f;

  // The words of the block.
  __device__ __forceinline__ explicit WideSum(int64_t* words) : digits(words + threadIdx.x) {
    for (int d = 0; d < WIDE_DIGITS; d++) {
      digits[d * WIDE_THREADS] = 0;
    }
  }

  __device__ __forceinline__ void add(float x, float y) {
    if (!is_finite(x) || !is_finite(y)) {
      special += x * y;
      return;
    }
    const Sum128::Element left = Sum128::of(x, {0, 1});
    const Sum128::Element right = Sum128::of(y, {0, 1});
    const int64_t term = static_cast<int64_t>(left.significand) * right.significand;
    const int64_t sign = term >> 63;
    const uint64_t significand = static_cast<uint64_t>((term ^ sign) - sign);
    const int32_t place = left.shift + right.shift;
    const int32_t shift = place % DIGIT;
    const uint64_t low = (significand & MASK) << shift;
    const uint64_t high = (significand >> DIGIT) << shift;
    const uint64_t middle = (low >> DIGIT) + (high & MASK);
    int64_t* digit = digits + place / DIGIT * WIDE_THREADS;
    digit[0] += (static_cast<int64_t>(low & MASK) ^ sign) - sign;
    digit[WIDE_THREADS] += (static_cast<int64_t>(middle & MASK) ^ sign) - sign;
    digit[2 * WIDE_THREADS] += (static_cast<int64_t>((high >> DIGIT) + (middle >> DIGIT)) ^ sign) - sign;
  }

  // The sum, rounded; afterwards there is none.
  __device__ __forceinline__ float value() {
    int64_t carry = 0;
    for (int d = 0; d < WIDE_DIGITS; d++) {
      const int64_t digit = digits[d * WIDE_THREADS] + carry;
      digits[d * WIDE_THREADS] = static_cast<int64_t>(static_cast<uint64_t>(digit) & MASK);
      carry = digit >> DIGIT;
    }
    const bool negative = carry < 0;
    uint64_t one = negative ? 1 : 0;
    int top = -1;
    for (int d = 0; d < WIDE_DIGITS; d++) {
      if (negative) {
        const uint64_t digit = (static_cast<uint64_t>(digits[d * WIDE_THREADS]) ^ MASK) + one;
        digits[d * WIDE_THREADS] = static_cast<int64_t>(digit & MASK);
        one = digit >> DIGIT;
      }
      top = digits[d * WIDE_THREADS] != 0 ? d : top;
    }
    float sum = 0.0f;
    if (top >= 0) {
      const int highest = top * DIGIT + 63 - leading_zeros(static_cast<uint64_t>(digits[top * WIDE_THREADS]));
      const int lowest = highest - 62;
      uint64_t significand = 0;
      bool sticky = false;
      for (int d = 0; d <= top; d++) {
        const uint64_t digit = static_cast<uint64_t>(digits[d * WIDE_THREADS]);
        const int shift = d * DIGIT - lowest;
        if (shift <= -DIGIT) {
          sticky |= digit != 0;
        } else if (shift < 0) {
          sticky |= (digit & ((static_cast<uint64_t>(1) << -shift) - 1)) != 0;
          significand |= digit >> -shift;
        } else {
          significand |= digit << shift;
        }
      }
      sum = round_to_float(negative, significand | (sticky ? 1 : 0), lowest + UNIT);
    }
    return canonical(special != 0 ? special : sum);
  }
};

}  // namespace narrow

#endif
