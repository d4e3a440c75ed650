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
// Random words
// ---------------------------------------------------------------------------------------------

// A source of random words addressed by element: Philox4x32-10 (Salmon, Moraes, Dror, Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011) as RandomBits has it. What an element gets
// depends on nothing but seed, stream and index.
struct RandomBits {
  uint64_t seed;    // the key, low word first
  uint64_t stream;  // the upper half of the counter; the lower half is the index / 4
};

// The words of the elements 4 block to 4 block + 3.
NARROW_FN void random_words(const RandomBits& random, uint64_t block, uint32_t words[4]) {
  uint32_t c0 = static_cast<uint32_t>(block);
  uint32_t c1 = static_cast<uint32_t>(block >> 32);
  uint32_t c2 = static_cast<uint32_t>(random.stream);
  uint32_t c3 = static_cast<uint32_t>(random.stream >> 32);
  uint32_t k0 = static_cast<uint32_t>(random.seed);
  uint32_t k1 = static_cast<uint32_t>(random.seed >> 32);
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = static_cast<uint64_t>(0xd2511f53u) * c0;
    uint64_t p1 = static_cast<uint64_t>(0xcd9e8d57u) * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += 0x9e3779b9u;  // golden ratio
    k1 += 0xbb67ae85u;  // sqrt(3) - 1
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

// The word of the element with this index.
NARROW_FN uint32_t random_word(const RandomBits& random, uint64_t index) {
  uint32_t words[4];
  random_words(random, index >> 2, words);
  return words[index & 3];
}

// ---------------------------------------------------------------------------------------------
// Rounding
// ---------------------------------------------------------------------------------------------

// Which neighbour a number becomes: Rounding.Mode of the Java code, which has the definitions.
enum class Mode : int32_t {
  nearest_even,
  nearest_away,
  toward_zero,
  toward_positive,
  toward_negative,
  to_odd,
  stochastic,
  stochastic_a,
  stochastic_b
};

struct Rounding {
  Mode mode;
  int32_t random_bits;  // 1 to 32 in the stochastic modes, else 0
};

NARROW_FN uint64_t random_number(const Rounding& rounding, uint32_t word) {
  return static_cast<uint64_t>(word) >> (32 - rounding.random_bits);
}

// Whether the neighbour farther from zero is taken.
//   odd       whether the code of the neighbour nearer to zero is odd
//   fraction  the number's place between its neighbours in units of 2^-64, cut off
//   sticky    whether the cut lost anything
NARROW_FN bool rounds_up(const Rounding& rounding, bool negative, bool odd, uint64_t fraction, bool sticky,
                         uint32_t word) {
  constexpr uint64_t half = static_cast<uint64_t>(1) << 63;
  if (fraction == 0 && !sticky) {
    return false;
  }
  int n = rounding.random_bits;
  uint64_t one = static_cast<uint64_t>(1) << n;
  switch (rounding.mode) {
    case Mode::nearest_even:
      return fraction == half && !sticky ? odd : fraction >= half;
    case Mode::nearest_away:
      return fraction >= half;
    case Mode::toward_zero:
      return false;
    case Mode::toward_positive:
      return !negative;
    case Mode::toward_negative:
      return negative;
    case Mode::to_odd:
      return !odd;
    case Mode::stochastic_a:
      return (fraction >> (64 - n)) + random_number(rounding, word) >= one;
    case Mode::stochastic_b:
      return (fraction >> (63 - n)) + 2 * random_number(rounding, word) + 1 >= 2 * one;
    case Mode::stochastic:
      break;
  }
  uint64_t rest = fraction << n;
  uint64_t f = fraction >> (64 - n);
  bool more = rest == half && !sticky ? (f & 1) != 0 : rest >= half;
  return f + (more ? 1 : 0) + random_number(rounding, word) >= one;
}

// ---------------------------------------------------------------------------------------------
// Formats
// ---------------------------------------------------------------------------------------------
//
//   uint32_t code = narrow::encode<narrow::E4M3FN>(x);             // nearest even, as ml_dtypes
//   uint32_t code = narrow::encode_saturating<narrow::E4M3FN>(x);  // overflow to the largest (OCP)
//   uint32_t code = narrow::encode<narrow::E4M3FN>(x, {narrow::Mode::stochastic, 16}, word);
//   float y = narrow::decode<narrow::E4M3FN>(code);
//
// for FP16, BF16, E4M3FN, E5M2, E2M1 and LNS8. A code has zeros above its width, on the way in too.
// Any other format and saturation is a FloatFormat, a LogFormat or a StepFunction, further below.

// Codes of what a format cannot hold, positive and negative.
struct Special {
  uint32_t overflows[2];   // finite numbers that round to more than the largest
  uint32_t infinities[2];
  uint32_t nans[2];
};

// A floating-point format with the fields of IEEE 754 and the saturation of its numbers: the
// parameters of FloatFormat in the Java code, and the codes that follow from a projection. Of at most
// 16 bits.
struct FloatFormat {
  int32_t precision;   // bits of the significand, the hidden one included
  int32_t bias;        // what is subtracted from the exponent field
  uint32_t sign;       // the sign's bit, 0 in unsigned formats
  uint32_t largest;    // the code of the largest finite number
  int32_t subnormals;  // whether exponent field 0 has no hidden bit
  int32_t zero;        // whether there is a zero
  int32_t flush_inputs;      // whether subnormal float32 numbers count as zeros
  int32_t flush_results;     // whether subnormal results become zeros
  int32_t payload;           // whether a NaN's code has the upper bits of its payload
  uint32_t negative;         // in unsigned formats the code of negative numbers
  uint32_t zeros[2];         // codes of the float32 zeros
  uint32_t smallest[2];      // codes of numbers whose magnitude rounds to code 0
  Special special;
};

namespace detail {

// The code of a sign. An index that is not a constant would put parameters into local memory.
NARROW_FN uint32_t of_sign(const uint32_t codes[2], bool negative) { return negative ? codes[1] : codes[0]; }

// |x| = significand * 2^(exponent - 63), the top bit of the significand set, for x other than zero.
NARROW_FN uint64_t normalized(uint32_t magnitude, int32_t& exponent) {
  int32_t field = static_cast<int32_t>(magnitude >> 23);
  uint64_t significand = magnitude & 0x7fffffu;
  if (field > 0) {
    exponent = field - 127;
    return (significand | 0x800000u) << 40;
  }
  exponent = -86;  // of a significand of 64 bits
  for (int32_t step = 32; step > 0; step >>= 1) {
    if (significand >> (64 - step) == 0) {
      significand <<= step;
      exponent -= step;
    }
  }
  return significand;
}

// floor(significand * 2^shift / divisor), which is less than 2^64, and whether that is less.
// The low 40 bits of the significand are zero, and the divisor has at most 17.
NARROW_FN uint64_t quotient(uint64_t significand, int32_t shift, uint32_t divisor, bool& inexact) {
  uint64_t numerator = significand >> 40;
  uint64_t result = numerator / divisor;
  uint64_t rest = numerator % divisor;
  int32_t left = shift + 40;
  while (left > 0) {
    int32_t step = left < 40 ? left : 40;
    rest <<= step;
    result = (result << step) | (rest / divisor);
    rest %= divisor;
    left -= step;
  }
  inexact = rest != 0;
  if (left < 0) {
    int32_t drop = -left;
    inexact |= drop < 64 ? result << (64 - drop) != 0 : result != 0;
    result = drop < 64 ? result >> drop : 0;
  }
  return result;
}

}  // namespace detail

// The code that x becomes, rounded once: FloatFormat.round of the Java code for float32. The word
// decides in the stochastic modes only.
NARROW_FN uint32_t encode(const FloatFormat& format, const Rounding& rounding, float x, uint32_t word = 0) {
  uint32_t magnitude = bits(x) & 0x7fffffffu;
  bool negative = bits(x) >> 31 != 0;
  if (magnitude >= 0x7f800000u) {
    if (magnitude == 0x7f800000u) {
      return detail::of_sign(format.special.infinities, negative);
    }
    uint32_t payload = (magnitude & 0x7fffffu) >> (24 - format.precision);
    return detail::of_sign(format.special.nans, negative) | (format.payload ? payload : 0);
  }
  if (magnitude == 0 || (format.flush_inputs && magnitude < 0x800000u)) {
    return detail::of_sign(format.zeros, negative);
  }
  if (negative && format.sign == 0) {
    return format.negative;
  }
  int32_t exponent;
  uint64_t significand = detail::normalized(magnitude, exponent);
  int32_t fraction_bits = format.precision - 1;
  uint32_t hidden = 1u << fraction_bits;

  // floor is the code of the neighbour nearer to zero, codes going on beyond the largest
  int64_t floor = 0;
  uint64_t fraction;
  bool inexact;
  uint32_t first = format.zero ? 1 : 0;  // of the format's magnitudes
  int32_t first_exponent = static_cast<int32_t>(first >> fraction_bits) - format.bias;
  uint64_t first_significand =
      static_cast<uint64_t>(hidden | (first & (hidden - 1))) << (63 - fraction_bits);
  bool below = exponent < first_exponent || (exponent == first_exponent && significand < first_significand);
  if (!format.subnormals && below) {
    if (!format.zero) {
      return detail::of_sign(format.smallest, negative);
    }
    // the one gap whose width need not be a power of two: fraction = |x| / smallest
    uint32_t smallest = fraction_bits == 0 ? 2 : hidden + 1;  // times 2^(1 - precision - bias)
    int32_t shift = exponent + format.bias + fraction_bits + 1;
    fraction = detail::quotient(significand, shift < -256 ? -256 : shift, smallest, inexact);
  } else {
    // the significand's low bits are the fraction: more of them below the lowest normal exponent
    int32_t lowest = format.subnormals ? 1 - format.bias : -format.bias;
    int32_t drop = 63 - fraction_bits + (lowest > exponent ? lowest - exponent : 0);
    floor = drop < 64 ? static_cast<int64_t>(significand >> drop) : 0;
    fraction = drop <= 64 ? significand << (64 - drop) : drop < 128 ? significand >> (drop - 64) : 0;
    inexact = drop >= 128 || (drop > 64 && fraction << (drop - 64) != significand);
    if (exponent >= lowest) {
      floor += static_cast<int64_t>(exponent + format.bias - 1) * hidden;
    }
  }
  int64_t rounded = floor + (rounds_up(rounding, negative, (floor & 1) != 0, fraction, inexact, word) ? 1 : 0);
  if (rounded > static_cast<int64_t>(format.largest)) {
    return detail::of_sign(format.special.overflows, negative);
  }
  bool flush = format.subnormals && format.flush_results && rounded >> fraction_bits == 0;
  if (rounded == 0 || flush) {
    return detail::of_sign(format.smallest, negative);
  }
  return static_cast<uint32_t>(rounded) | (negative ? format.sign : 0);
}

// Two's complement or unsigned integers times 2^-fraction_bits: FixedFormat of the Java code.
struct FixedFormat {
  int32_t fraction_bits;
  int32_t least;         // the integers that encoding yields: at most 16 bits
  int32_t highest;
  int32_t flush_inputs;  // whether subnormal float32 numbers count as zeros
  uint32_t mask;         // the bits of a code
  uint32_t nan;          // the code of NaN
};

NARROW_FN uint32_t encode(const FixedFormat& format, const Rounding& rounding, float x, uint32_t word = 0) {
  uint32_t magnitude = bits(x) & 0x7fffffffu;
  bool negative = bits(x) >> 31 != 0;
  uint32_t end = static_cast<uint32_t>(negative ? format.least : format.highest) & format.mask;
  if (magnitude >= 0x7f800000u) {
    return magnitude == 0x7f800000u ? end : format.nan;
  }
  if (magnitude == 0 || (format.flush_inputs && magnitude < 0x800000u)) {
    return 0;
  }
  int32_t exponent;
  uint64_t significand = detail::normalized(magnitude, exponent);
  int32_t drop = 63 - exponent - format.fraction_bits;
  if (drop < 31) {
    return end;  // 2^32 or more
  }
  int64_t floor = drop < 64 ? static_cast<int64_t>(significand >> drop) : 0;
  uint64_t fraction = drop <= 64 ? significand << (64 - drop) : drop < 128 ? significand >> (drop - 64) : 0;
  bool inexact = drop >= 128 || (drop > 64 && fraction << (drop - 64) != significand);
  int64_t rounded = floor + (rounds_up(rounding, negative, (floor & 1) != 0, fraction, inexact, word) ? 1 : 0);
  rounded = negative ? -rounded : rounded;
  return rounded < format.least || rounded > format.highest ? end : static_cast<uint32_t>(rounded) & format.mask;
}

// A posit of at most 16 bits: PositFormat of the Java code.
struct PositFormat {
  int32_t width;
  int32_t exponent_bits;
  int32_t flush_inputs;     // whether subnormal float32 numbers count as zeros
  uint32_t infinities[2];
};

NARROW_FN uint32_t encode(const PositFormat& format, const Rounding& rounding, float x, uint32_t word = 0) {
  uint32_t magnitude = bits(x) & 0x7fffffffu;
  bool negative = bits(x) >> 31 != 0;
  uint32_t mask = (1u << format.width) - 1;
  int64_t largest = static_cast<int64_t>(mask >> 1);
  if (magnitude >= 0x7f800000u) {
    return magnitude == 0x7f800000u ? detail::of_sign(format.infinities, negative) : (mask >> 1) + 1;
  }
  if (magnitude == 0 || (format.flush_inputs && magnitude < 0x800000u)) {
    return 0;
  }
  int32_t exponent;
  uint64_t significand = detail::normalized(magnitude, exponent);
  int32_t regime = exponent >> format.exponent_bits;
  int64_t rounded = 1;
  if (regime >= format.width - 2) {
    rounded = largest;
  } else if (regime >= 2 - format.width) {
    // the infinite string of bits: the regime, then 64 bits of exponent and fraction, the last zero
    uint64_t run = regime >= 0 ? (static_cast<uint64_t>(2) << (regime + 1)) - 2 : 1;
    int32_t room = format.width - 1 - (regime >= 0 ? regime + 2 : 1 - regime);
    uint64_t rest = significand << 1;
    if (format.exponent_bits > 0) {
      uint64_t field = static_cast<uint64_t>(exponent) & ((1u << format.exponent_bits) - 1);
      rest = field << (64 - format.exponent_bits) | rest >> format.exponent_bits;
    }
    uint64_t floor = room == 0 ? run : run << room | rest >> (64 - room);
    bool up = rounds_up(rounding, negative, (floor & 1) != 0, rest << room, false, word);
    rounded = static_cast<int64_t>(floor) + (up ? 1 : 0);
    rounded = rounded > largest ? largest : rounded < 1 ? 1 : rounded;
  }
  return static_cast<uint32_t>(negative ? -rounded : rounded) & mask;
}

// A logarithmic format whose distances are logarithms: a sign and a magnitude m that stands for
// 2^((m - bias) / 2^gamma_bits), or for zero and NaN if m = 0 is reserved; and the codes that follow
// from a projection. LogFormat of the Java code.
struct LogFormat {
  int32_t gamma_bits;    // 0 to 15
  int32_t bias;          // the magnitude code of 1
  int32_t first;         // the first magnitude: 1 if 0 is reserved, else 0
  int32_t flush_inputs;  // whether subnormal float32 numbers count as zeros
  uint32_t sign;         // the sign's bit
  uint32_t largest;      // the largest magnitude
  uint32_t reaches;      // bits of the least float32 that is nearer to the first magnitude than to zero
  uint32_t underflows[2];  // codes of numbers that round to zero where 0 is reserved
  Special special;
  const uint32_t* steps;  // the first significands of 24 bits not below 2^(j / 2^gamma_bits)
};

namespace detail {

// The upper 64 bits of a product.
NARROW_FN uint64_t multiply_high(uint64_t a, uint64_t b) {
#if defined(__CUDA_ARCH__)
  return __umul64hi(a, b);
#else
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
#endif
}

// Whether significand * 2^-23 > 2^(numerator / 2^bits), for significands of 24 bits, 0 < numerator <
// 2^bits and bits up to 48: the power to within 2^-119, as a product of square roots of square roots.
// A significand so near to one of these 2^48 irrational numbers is not to be expected: there are
// 2^23 of them, 2^-23 apart.
NARROW_FN bool exceeds_power(uint32_t significand, uint64_t numerator, int32_t bits) {
  static const uint64_t roots[48][2] = {  // 2^(2^-i), i from 1, in units of 2^-127
      {0xb504f333f9de6484u, 0x597d89b3754abe9fu},
      {0x9837f0518db8a96fu, 0x46ad23182e42f6f6u},
      {0x8b95c1e3ea8bd6e6u, 0xfbe4628758a53c90u},
      {0x85aac367cc487b14u, 0xc5c95b8c2154c1b2u},
      {0x82cd8698ac2ba1d7u, 0x3e2a475b46520bffu},
      {0x8164d1f3bc030773u, 0x7be56527bd14def5u},
      {0x80b1ed4fd999ab6cu, 0x25335719b6e6fd20u},
      {0x8058d7d2d5e5f6b0u, 0x94d589f608ee4aa2u},
      {0x802c6436d0e04f50u, 0xff8ce94a6797b3ceu},
      {0x8016302f17467628u, 0x3690dfe44d11d008u},
      {0x800b179c82028fd0u, 0x945e54e2ae18f2f0u},
      {0x80058baf7fee3b5du, 0x1c718b38e549cb93u},
      {0x8002c5d00fdcfcb6u, 0xb6566a58c048be1fu},
      {0x800162e61bed4a48u, 0xe84c2e1a463473dau},
      {0x8000b17292f702a3u, 0xaa22beacca949013u},
      {0x800058b92abbae02u, 0x030c5fa5256f41feu},
      {0x80002c5c8dade4d7u, 0x1776c0f4dbea67d6u},
      {0x8000162e44eaf636u, 0x526be456600bdbe5u},
      {0x80000b1721fa7c18u, 0x8307016c1cd4e8b7u},
      {0x8000058b90de7e4cu, 0xecfc487503488bb2u},
      {0x800002c5c8678f36u, 0xcbfce50a6de60b14u},
      {0x80000162e431db9fu, 0x80b2347b5d62e516u},
      {0x800000b1721872d0u, 0xc7b08cf1e0114153u},
      {0x80000058b90c1aa8u, 0xa5c3736cb77e8e00u},
      {0x8000002c5c8605a4u, 0x635f2efc2362d978u},
      {0x800000162e4300e6u, 0x35cf4a109e3939bdu},
      {0x8000000b17217ff8u, 0x1bef9c551590cf83u},
      {0x800000058b90bfddu, 0x4e39cd52c0cfa27du},
      {0x80000002c5c85fe6u, 0xf72d669e0e76e412u},
      {0x8000000162e42ff1u, 0x8f9ad35186d0df28u},
      {0x80000000b17217f8u, 0x4cce71aa0dcfffe8u},
      {0x8000000058b90bfcu, 0x07a77ad56ed22aaau},
      {0x800000002c5c85fdu, 0xfc23cdead40da8d7u},
      {0x80000000162e42feu, 0xfc25eb1571853a66u},
      {0x800000000b17217fu, 0x7d97f692baacded5u},
      {0x80000000058b90bfu, 0xbead3b8b5dd254d8u},
      {0x8000000002c5c85fu, 0xdf4eedd62f084e68u},
      {0x800000000162e42fu, 0xefa58aef378bf587u},
      {0x8000000000b17217u, 0xf7d24a78a3c7ef03u},
      {0x800000000058b90bu, 0xfbe9067c93e474a6u},
      {0x80000000002c5c85u, 0xfdf47b8e5a72599fu},
      {0x8000000000162e42u, 0xfefa3bdb315934a3u},
      {0x80000000000b1721u, 0x7f7d1d7299b49c46u},
      {0x8000000000058b90u, 0xbfbe8e9a8d1c4ea0u},
      {0x800000000002c5c8u, 0x5fdf4745969ea76fu},
      {0x80000000000162e4u, 0x2fefa3a0df5373c0u},
      {0x800000000000b172u, 0x17f7d1cff4aac1e2u},
      {0x80000000000058b9u, 0x0bfbe8e7db95a2f1u}};
  double x = significand * 0x1p-23;
  double power = ::exp2(static_cast<double>(numerator) / static_cast<double>(static_cast<uint64_t>(1) << bits));
  double far = 0x1p-40;  // of the error of any exp2
  if (x > power + far || x < power - far) {
    return x > power;
  }
  uint64_t high = static_cast<uint64_t>(1) << 63;
  uint64_t low = 0;
  for (int32_t i = 0; i < bits; i++) {
    if ((numerator >> (bits - 1 - i) & 1) != 0) {
      uint64_t a = roots[i][0];
      uint64_t b = roots[i][1];
      uint64_t middle = multiply_high(high, b);
      uint64_t sum = middle + multiply_high(low, a);
      uint64_t next = high * a;
      uint64_t carry = sum < middle ? 1 : 0;
      uint64_t below = next + sum;
      carry += below < next ? 1 : 0;
      uint64_t above = multiply_high(high, a) + carry;
      high = (above << 1) | (below >> 63);
      low = below << 1;
    }
  }
  return static_cast<uint64_t>(significand) << 40 > high;
}

}  // namespace detail

// The code that x becomes, rounded once in the log domain: LogFormat.encode of the Java code for
// float32. The word decides in the stochastic modes only.
NARROW_FN uint32_t encode(const LogFormat& format, const Rounding& rounding, float x, uint32_t word = 0) {
  uint32_t magnitude = bits(x) & 0x7fffffffu;
  bool negative = bits(x) >> 31 != 0;
  if (magnitude >= 0x7f800000u) {
    return magnitude == 0x7f800000u ? detail::of_sign(format.special.infinities, negative) : detail::of_sign(format.special.nans, negative);
  }
  if (magnitude == 0 || (format.flush_inputs && magnitude < 0x800000u)) {
    return 0;
  }
  int32_t exponent;
  uint32_t significand = static_cast<uint32_t>(detail::normalized(magnitude, exponent) >> 40);
  int32_t step = 0;  // the last power not above the significand
  for (int32_t bit = format.gamma_bits - 1; bit >= 0; bit--) {
    int32_t candidate = step + (1 << bit);
    step = significand >= format.steps[candidate] ? candidate : step;
  }

  // floor is the magnitude of the neighbour nearer to zero, magnitudes going on both ways
  int32_t floor = exponent * (1 << format.gamma_bits) + format.bias + step;
  bool from_zero = floor < format.first;
  if (from_zero && format.first == 0) {
    return negative ? format.sign : 0;
  }
  bool exact = significand == 0x800000u;  // the only power among them
  bool up;
  switch (rounding.mode) {
    case Mode::toward_zero:
      up = false;
      break;
    case Mode::toward_positive:
      up = (from_zero || !exact) && !negative;
      break;
    case Mode::toward_negative:
      up = (from_zero || !exact) && negative;
      break;
    case Mode::to_odd:
      up = from_zero || (!exact && (floor & 1) == 0);
      break;
    default: {
      if (from_zero) {
        up = magnitude >= format.reaches;
        break;
      }
      // the fraction of a step from which numbers round up, in units of 2^-(n + 1)
      int32_t n = rounding.random_bits;
      uint64_t border = 2 * ((static_cast<uint64_t>(1) << n) - random_number(rounding, word));
      border -= rounding.mode == Mode::stochastic_a ? 0 : 1;
      bool whole = border == static_cast<uint64_t>(2) << n;
      uint64_t numerator = (static_cast<uint64_t>(step) << (n + 1)) + border;
      up = !exact && !whole && detail::exceeds_power(significand, numerator, format.gamma_bits + n + 1);
    }
  }
  int32_t rounded = (from_zero ? 0 : floor) + (up ? 1 : 0);
  if (rounded > static_cast<int32_t>(format.largest)) {
    return detail::of_sign(format.special.overflows, negative);
  }
  if (rounded == 0 && format.first != 0) {
    return detail::of_sign(format.underflows, negative);
  }
  return static_cast<uint32_t>(rounded) | (negative ? format.sign : 0);
}

// A deterministic projection of any format of at most 16 bits: code i is that of the float32 numbers
// whose bits, as unsigned integers, are at least starts[i] and less than starts[i + 1]. Runs of the
// Java code.
struct StepFunction {
  const uint32_t* starts;   // ascending, from 0
  const uint16_t* codes;
  const uint32_t* binades;  // of the 512 values of sign and exponent field: the run it begins in
};

NARROW_FN uint32_t encode(const StepFunction& steps, float x) {
  uint32_t binade = bits(x) >> 23;
  uint32_t low = steps.binades[binade];
  uint32_t high = steps.binades[binade + 1];
  while (low < high) {
    uint32_t middle = (low + high + 1) / 2;
    if (bits(x) >= steps.starts[middle]) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return steps.codes[low];
}

// A signed floating-point format with subnormals, all of whose numbers are float32 numbers.
template <int Width, int Precision, int Bias, uint32_t Largest, uint32_t Infinity, uint32_t Nan,
          bool Interchange = false>
struct SmallFloat {
  static constexpr int width = Width;

  // What becomes of what the format cannot hold in ml_dtypes, for FP16 in IEEE 754.
  static constexpr NARROW_FN Special special() {
    return {{Infinity, Infinity | sign}, {Infinity, Infinity | sign}, {Nan, Nan | sign}};
  }

  // The same in another rounding than to nearest: overflow in IEEE 754 stays inside where the
  // rounding is inward.
  static NARROW_FN Special special(const Rounding& rounding) {
    Special special = SmallFloat::special();
    bool inward = Interchange && (rounding.mode == Mode::toward_zero || rounding.mode == Mode::to_odd);
    if (inward || (Interchange && rounding.mode == Mode::toward_negative)) {
      special.overflows[0] = Largest;
    }
    if (inward || (Interchange && rounding.mode == Mode::toward_positive)) {
      special.overflows[1] = Largest | sign;
    }
    return special;
  }

  // The same saturating: overflow and infinity to the largest finite number (OCP OFP8).
  static constexpr NARROW_FN Special saturating() {
    return {{Largest, Largest | sign}, {Largest, Largest | sign}, {Nan, Nan | sign}};
  }

  static constexpr NARROW_FN FloatFormat format(const Special& special) {
    return {Precision, Bias, sign, Largest, 1, 1, 0, 0, Interchange, 0, {0, sign}, {0, sign}, special};
  }

  // To nearest even. The lower bits of a significand are rounded away by adding half of their range,
  // less one, and the lowest bit that stays; a carry runs into the exponent, as it should. Below the
  // smallest normal number, adding the float whose ulp is the smallest subnormal rounds so, and
  // leaves the code in the low bits of the sum.
  static NARROW_FN uint32_t encode(float x, const Special& special) {
    uint32_t magnitude = bits(x) & 0x7fffffffu;
    uint32_t code = ((magnitude + half - 1 + ((magnitude >> drop) & 1)) >> drop) - rebias;
    if (min_normal > 0 && magnitude < min_normal) {
      code = bits(from_bits(magnitude) + from_bits(magic)) - magic;
    }
    bool negative = bits(x) >> 31 != 0;
    if (code > Largest) {
      if (magnitude < 0x7f800000u) {
        return detail::of_sign(special.overflows, negative);
      }
      if (magnitude == 0x7f800000u) {
        return detail::of_sign(special.infinities, negative);
      }
      uint32_t nan = detail::of_sign(special.nans, negative);
      return Interchange ? nan | (magnitude & 0x7fffffu) >> drop : nan;
    }
    return code | (negative ? sign : 0);
  }

  static NARROW_FN uint32_t encode(float x, const Rounding& rounding, uint32_t word, const Special& special) {
    return narrow::encode(format(special), rounding, x, word);
  }

  // The code's fields in a float32's places are a number of the exponent bias 127: the product puts
  // that right, and normalizes subnormals.
  static NARROW_FN float decode(uint32_t code) {
    uint32_t magnitude = code & (sign - 1);
    uint32_t value = magnitude << drop;
    if (Bias != 127) {
      value = bits(from_bits(value) * from_bits((254 - Bias) << 23));
    }
    if (Infinity > Largest && magnitude > Largest) {
      uint32_t payload = Interchange ? magnitude << drop & 0x7fffffu : 0;
      value = magnitude == Infinity && Infinity != Nan ? 0x7f800000u : 0x7fc00000u | payload;
    }
    return from_bits(value | (code & sign) << (32 - Width));
  }

 private:
  static constexpr uint32_t sign = 1u << (Width - 1);
  static constexpr int drop = 24 - Precision;
  static constexpr uint32_t half = 1u << (drop - 1);
  static constexpr uint32_t rebias = static_cast<uint32_t>(127 - Bias) << (Precision - 1);
  static constexpr uint32_t min_normal = Bias == 127 ? 0 : static_cast<uint32_t>(128 - Bias) << 23;
  static constexpr uint32_t magic = static_cast<uint32_t>(128 - Bias + drop) << 23;
};

using FP16 = SmallFloat<16, 11, 15, 0x7bff, 0x7c00, 0x7e00, true>;
using BF16 = SmallFloat<16, 8, 127, 0x7f7f, 0x7f80, 0x7fc0>;
using E4M3FN = SmallFloat<8, 4, 7, 0x7e, 0x7f, 0x7f>;
using E5M2 = SmallFloat<8, 3, 15, 0x7b, 0x7c, 0x7e>;

// Without infinities and NaN: overflow to the largest number, NaN to -0, or saturating to the largest.
struct E2M1 : SmallFloat<4, 2, 1, 7, 7, 7> {
  static constexpr NARROW_FN Special special() { return {{7, 15}, {7, 15}, {8, 8}}; }
  static NARROW_FN Special special(const Rounding&) { return special(); }
  static constexpr NARROW_FN Special saturating() { return {{7, 15}, {7, 15}, {7, 7}}; }
};

// 8-bit logarithms: a sign and a magnitude m that stands for 2^((m - 64) / 8); m = 0 is zero, and NaN
// with the sign set. Overflow becomes the largest magnitude, infinity and NaN become NaN.
struct LNS8 {
  static constexpr int width = 8;

  static constexpr NARROW_FN Special special() { return {{0x7f, 0xff}, {0x80, 0x80}, {0x80, 0x80}}; }
  static NARROW_FN Special special(const Rounding&) { return special(); }
  static constexpr NARROW_FN Special saturating() { return {{0x7f, 0xff}, {0x7f, 0xff}, {0x80, 0x80}}; }

  // To the nearest logarithm: eight times the exponent, and how many of the half steps
  // 2^((2 i + 1) / 16) do not exceed the significand.
  static NARROW_FN uint32_t encode(float x, const Special& special) {
    uint32_t magnitude = bits(x) & 0x7fffffffu;
    bool negative = bits(x) >> 31 != 0;
    uint32_t fraction = magnitude & 0x7fffffu;
    bool a = fraction >= 0x2d583fu;
    bool b = fraction >= (a ? 0x4e248du : 0x11c3d4u);
    bool c = fraction >= (a ? (b ? 0x60ccdfu : 0x3d08a4u) : (b ? 0x1ef533u : 0x05aac4u));
    int32_t count = (a ? 4 : 0) + (b ? 2 : 0) + (c ? 1 : 0) + (fraction >= 0x75257eu ? 1 : 0);
    int32_t code = static_cast<int32_t>(magnitude >> 23) * 8 - (127 * 8 - 64) + count;
    if (code > 127) {
      if (magnitude < 0x7f800000u) {
        return detail::of_sign(special.overflows, negative);
      }
      if (magnitude == 0x7f800000u) {
        return detail::of_sign(special.infinities, negative);
      }
      return detail::of_sign(special.nans, negative);
    }
    return code < 1 ? 0 : static_cast<uint32_t>(code) | (negative ? 0x80 : 0);
  }

  static NARROW_FN uint32_t encode(float x, const Rounding& rounding, uint32_t word, const Special& special) {
    static const uint32_t steps[8] = {0x800000u, 0x8b95c2u, 0x9837f1u, 0xa5fed7u,
                                      0xb504f4u, 0xc5672bu, 0xd744fdu, 0xeac0c7u};
    LogFormat format = {3, 64, 1, 0, 0x80, 0x7f, 0x3b85aac4u, {0, 0}, special, steps};
    return narrow::encode(format, rounding, x, word);
  }

  // Correctly rounded.
  static NARROW_FN float decode(uint32_t code) {
    uint32_t magnitude = code & 0x7f;
    bool a = (magnitude & 1) != 0;
    bool b = (magnitude & 2) != 0;
    bool c = (magnitude & 4) != 0;
    uint32_t low = b ? (a ? 0x25fed7u : 0x1837f0u) : (a ? 0x0b95c2u : 0u);
    uint32_t high = b ? (a ? 0x6ac0c7u : 0x5744fdu) : (a ? 0x45672au : 0x3504f3u);
    uint32_t value = (((magnitude >> 3) + 119) << 23) | (c ? high : low);
    if (magnitude == 0) {
      return from_bits(code == 0 ? 0 : 0x7fc00000u);
    }
    return from_bits(value | (code & 0x80) << 24);
  }
};

// The code that x becomes: to nearest even, overflow, infinity and NaN as special() of the format.
template <class Format>
NARROW_FN uint32_t encode(float x) {
  return Format::encode(x, Format::special());
}

// The same, but overflow and infinity become the largest finite number of their sign.
template <class Format>
NARROW_FN uint32_t encode_saturating(float x) {
  return Format::encode(x, Format::saturating());
}

// The same as encode in any rounding; the word decides in the stochastic modes only.
template <class Format>
NARROW_FN uint32_t encode(float x, const Rounding& rounding, uint32_t word = 0) {
  return Format::encode(x, rounding, word, Format::special(rounding));
}

// The value of a code, correctly rounded to float32.
template <class Format>
NARROW_FN float decode(uint32_t code) {
  return Format::decode(code);
}

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
