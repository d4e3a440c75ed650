// From numbers to codes and back: encode, decode, fake quantization, blocks with scales of their own,
// largest magnitudes, and the sums of the error report. What a code is, quant's Quantizer says.
//
// All but the error sums go over the elements in quads, four consecutive ones whose first index is a
// multiple of four: as many as a block of random words has, and 16 bytes of float32.
#include "narrow.cuh"

namespace {

using narrow::bits;
using narrow::canonical;
using narrow::from_bits;
using narrow::is_nan;

// Quads that a thread loads before it works on the first. Two keep more bytes in flight than memory
// takes to answer; more would make code that drivers take long to compile.
constexpr int UNROLL = 2;

// The same where much is done with each, and where next to nothing is.
constexpr int UNROLL_FEW = 1;
constexpr int UNROLL_AMAX = 4;

// ---------------------------------------------------------------------------------------------
// Memory
// ---------------------------------------------------------------------------------------------

template <int Bytes>
struct Words;
template <>
struct Words<4> {
  using type = unsigned int;
};
template <>
struct Words<8> {
  using type = uint2;
};
template <>
struct Words<16> {
  using type = uint4;
};

template <class T>
struct Quad {
  T at[4];

  // An index that is not a constant would put the quad into local memory.
  __device__ __forceinline__ T get(int j) const { return j < 2 ? (j == 0 ? at[0] : at[1]) : j == 2 ? at[2] : at[3]; }

  __device__ __forceinline__ void set(int j, T value) {
    at[0] = j == 0 ? value : at[0];
    at[1] = j == 1 ? value : at[1];
    at[2] = j == 2 ? value : at[2];
    at[3] = j == 3 ? value : at[3];
  }
};

template <class T>
using QuadWords = typename Words<4 * sizeof(T)>::type;

// Nothing is read twice: the caches are left to others.
template <class T>
__device__ __forceinline__ Quad<T> load(const T* from) {
  const QuadWords<T>* words = reinterpret_cast<const QuadWords<T>*>(from);
#if defined(__CUDA_ARCH__)
  QuadWords<T> loaded = __ldcs(words);
#else
  QuadWords<T> loaded = *words;
#endif
  Quad<T> quad;
  memcpy(&quad, &loaded, sizeof quad);
  return quad;
}

template <class T>
__device__ __forceinline__ void store(T* to, const Quad<T>& quad) {
  QuadWords<T> words;
  memcpy(&words, &quad, sizeof words);
#if defined(__CUDA_ARCH__)
  __stcs(reinterpret_cast<QuadWords<T>*>(to), words);
#else
  *reinterpret_cast<QuadWords<T>*>(to) = words;
#endif
}

template <class T>
__device__ __forceinline__ bool is_aligned(const T* pointer) {
  return reinterpret_cast<uintptr_t>(pointer) % (4 * sizeof(T)) == 0;
}

// The quads of a thread in a tile: from element first on, one in each row of the block's threads.
// Elements that do not exist read as zero.
template <int Unroll, class T>
__device__ __forceinline__ void load_tile(const T* __restrict__ in, int64_t n, int64_t first, int64_t row, bool whole,
                                          Quad<T> quads[Unroll]) {
  if (whole) {
#pragma unroll
    for (int k = 0; k < Unroll; k++) {
      quads[k] = load(in + first + k * row);
    }
  } else {
#pragma unroll
    for (int k = 0; k < Unroll; k++) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        int64_t i = first + k * row + j;
        quads[k].at[j] = i < n ? in[i] : static_cast<T>(0);
      }
    }
  }
}

// How many elements of the quad exist.
__device__ __forceinline__ int count_of(int64_t at, int64_t n) {
  return at >= n ? 0 : n - at < 4 ? static_cast<int>(n - at) : 4;
}

// Calls work(i, count, quad) for the quads from element i on, of which count exist. The threads of a
// warp call it together, also those that have nothing left to do.
template <int Unroll, class In, class Work>
__device__ __forceinline__ void read_quads(const In* __restrict__ in, int64_t n, const Work& work) {
  const int64_t row = 4 * static_cast<int64_t>(blockDim.x);
  const int64_t tile = Unroll * row;
  for (int64_t start = blockIdx.x * tile; start < n; start += gridDim.x * tile) {
    const int64_t first = start + 4 * static_cast<int64_t>(threadIdx.x);
    Quad<In> quads[Unroll];
    load_tile<Unroll>(in, n, first, row, is_aligned(in) && n - start >= tile, quads);
#pragma unroll
    for (int k = 0; k < Unroll; k++) {
      work(first + k * row, count_of(first + k * row, n), quads[k]);
    }
  }
}

// The same with a quad of results: work(i, count, quad, result).
template <int Unroll = UNROLL, class In, class Out, class Work>
__device__ __forceinline__ void for_each_quad(const In* __restrict__ in, Out* __restrict__ out, int64_t n,
                                              const Work& work) {
  const int64_t row = 4 * static_cast<int64_t>(blockDim.x);
  const int64_t tile = Unroll * row;
  for (int64_t start = blockIdx.x * tile; start < n; start += gridDim.x * tile) {
    const int64_t first = start + 4 * static_cast<int64_t>(threadIdx.x);
    const bool whole = is_aligned(in) && is_aligned(out) && n - start >= tile;
    Quad<In> quads[Unroll];
    load_tile<Unroll>(in, n, first, row, whole, quads);
#pragma unroll
    for (int k = 0; k < Unroll; k++) {
      const int64_t at = first + k * row;
      Quad<Out> result;
      work(at, count_of(at, n), quads[k], result);
      if (whole) {
        store(out + at, result);
      } else {
#pragma unroll
        for (int j = 0; j < 4; j++) {
          if (at + j < n) {
            out[at + j] = result.at[j];
          }
        }
      }
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Scales
// ---------------------------------------------------------------------------------------------

// Division by a number that the launch knows, of dividends below 2^31: the quotient is dividend *
// multiplier / 2^shift, with shift = 31 + ceil(log2 divisor) and multiplier = ceil(2^shift / divisor)
// (Granlund and Montgomery, "Division by invariant integers using multiplication", PLDI 1994).
struct Divisor {
  uint32_t divisor;
  uint32_t multiplier;
  uint32_t shift;
};

__device__ __forceinline__ uint32_t divide(uint32_t dividend, const Divisor& by) {
  return static_cast<uint32_t>((static_cast<uint64_t>(dividend) * by.multiplier) >> by.shift);
}

// Which element has which scale. The tensor is a row of matrices; in each, so many rows and columns
// share a scale. All granularities of quant are of this kind. A factor is scale * outer.
struct Grid {
  const float* scales;  // null if there is but one
  const float* outer;   // one number for the whole tensor; null if there is none
  float one;
  uint32_t matrix_step;  // scales from a matrix to the next, from a row of the grid to the next, ...
  uint32_t row_step;
  uint32_t column_step;
  Divisor width;    // of a matrix
  Divisor height;
  Divisor rows;     // that share a scale
  Divisor columns;
};

__device__ __forceinline__ uint32_t scale_index(const Grid& grid, int64_t element) {
  uint32_t i = static_cast<uint32_t>(element);
  uint32_t row = divide(i, grid.width);
  uint32_t column = i - row * grid.width.divisor;
  uint32_t matrix = divide(row, grid.height);
  uint32_t in_matrix = row - matrix * grid.height.divisor;
  return matrix * grid.matrix_step + divide(in_matrix, grid.rows) * grid.row_step +
         divide(column, grid.columns) * grid.column_step;
}

// Whether all elements of a quad have the scale of its first. From row to row scales come again, so
// that the first and the last say nothing where the quad goes on in another row.
__device__ __forceinline__ bool shares_scale(const Grid& grid, int64_t at, int count) {
  uint32_t last = static_cast<uint32_t>(at + count - 1);
  return divide(static_cast<uint32_t>(at), grid.width) == divide(last, grid.width) &&
         scale_index(grid, at) == scale_index(grid, last);
}

// The scales of a quad: of each element where they differ.
struct QuadScales {
  Quad<float> of;
  bool same;
};

__device__ __forceinline__ float outer_of(const Grid& grid) {
  return grid.outer == nullptr ? 1.0f : __ldg(grid.outer);
}

// A product with 1 would make a NaN another one.
__device__ __forceinline__ float factor_of(const Grid& grid, float scale, float outer) {
  return grid.outer == nullptr ? scale : scale * outer;
}

__device__ __forceinline__ QuadScales scales_of(const Grid& grid, float outer, int64_t at, int count) {
  QuadScales scales;
  scales.same = true;
  float first = grid.one;
  if (grid.scales != nullptr && count > 0) {
    scales.same = shares_scale(grid, at, count);
    first = __ldg(grid.scales + scale_index(grid, at));
    if (!scales.same) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        float scale = __ldg(grid.scales + scale_index(grid, at + (j < count ? j : 0)));
        scales.of.at[j] = factor_of(grid, scale, outer);
      }
      return scales;
    }
  }
  first = factor_of(grid, first, outer);
#pragma unroll
  for (int j = 0; j < 4; j++) {
    scales.of.at[j] = first;
  }
  return scales;
}

// fl(x / divisor): a product where the divisor is a power of two with a normal reciprocal, which is
// the same number. A NaN operand is the result, the dividend first.
struct Quotient {
  float divisor;
  float reciprocal;  // 0 if there is none

  __device__ __forceinline__ explicit Quotient(float by) : divisor(by), reciprocal(0) {
    uint32_t field = bits(by) >> 23;
    if ((bits(by) & 0x7fffffu) == 0 && field - 1 < 253) {
      reciprocal = from_bits((254 - field) << 23);
    }
  }

  __device__ __forceinline__ float of(float x) const {
    float quotient = reciprocal != 0 ? x * reciprocal : x / divisor;
    if (is_nan(quotient)) {
      quotient = is_nan(x) ? x : is_nan(divisor) ? divisor : canonical(quotient);
    }
    return quotient;
  }
};

// Under a factor of zero all elements become zero.
__device__ __forceinline__ float divisor_of(float factor) {
  return factor == 0 ? from_bits(0x7f800000u) : factor;
}

// ---------------------------------------------------------------------------------------------
// Encoders
// ---------------------------------------------------------------------------------------------

// A format that narrow.cuh names, to nearest even, with the codes of any saturation.
template <class Format>
struct Named {
  static constexpr bool random = false;
  static constexpr int at_once = 4;  // elements of a quad in one turn of a loop
  narrow::Special special;

  __device__ __forceinline__ uint32_t encode(float x, uint32_t) const { return Format::encode(x, special); }
  __device__ __forceinline__ float decode(uint32_t code) const { return Format::decode(code); }
};

// Any deterministic projection of any format.
struct Steps {
  static constexpr bool random = false;
  static constexpr int at_once = 4;
  narrow::StepFunction steps;
  const float* values;  // of the codes

  __device__ __forceinline__ uint32_t encode(float x, uint32_t) const { return narrow::encode(steps, x); }
  __device__ __forceinline__ float decode(uint32_t code) const { return __ldg(values + code); }
};

// Stochastic rounding of a format that is a row of parameters.
template <class Format>
struct Stochastic {
  static constexpr bool random = true;
  static constexpr int at_once = 1;
  Format format;
  narrow::Rounding rounding;
  narrow::RandomBits source;
  const float* values;  // of the codes

  __device__ __forceinline__ uint32_t encode(float x, uint32_t word) const {
    return narrow::encode(format, rounding, x, word);
  }
  __device__ __forceinline__ float decode(uint32_t code) const { return __ldg(values + code); }
};

template <class Encoder>
__device__ __forceinline__ Quad<uint32_t> words_of(const Encoder& encoder, int64_t at) {
  Quad<uint32_t> words = {{0, 0, 0, 0}};
  if constexpr (Encoder::random) {
    narrow::random_words(encoder.source, static_cast<uint64_t>(at) >> 2, words.at);
  }
  return words;
}

template <class Encoder, class Code>
__device__ __forceinline__ void encode_all(const float* x, Code* codes, int64_t n, const Grid& factors,
                                           const Encoder& encoder) {
  constexpr int unroll = Encoder::random ? UNROLL_FEW : UNROLL;
  const float outer = outer_of(factors);
  for_each_quad<unroll>(x, codes, n, [&](int64_t at, int count, const Quad<float>& from, Quad<Code>& to) {
    QuadScales scales = scales_of(factors, outer, at, count);
    Quad<uint32_t> words = words_of(encoder, at);
    Quotient quotient(divisor_of(scales.of.at[0]));
#pragma unroll Encoder::at_once
    for (int j = 0; j < 4; j++) {
      if (!scales.same) {
        quotient = Quotient(divisor_of(scales.of.get(j)));
      }
      to.set(j, static_cast<Code>(encoder.encode(quotient.of(from.get(j)), words.get(j))));
    }
  });
}

// What formats lack that a tensor of floats can hold, and keeps.
struct Kept {
  int32_t zero;
  int32_t nan;
};

template <class Encoder>
__device__ __forceinline__ float projected(const Encoder& encoder, const Kept& kept, float quotient, uint32_t word) {
  bool keep = quotient == 0 ? kept.zero : kept.nan && is_nan(quotient);
  return keep ? quotient : encoder.decode(encoder.encode(quotient, word));
}

template <class Encoder>
__device__ __forceinline__ void fake_all(const float* x, float* y, int64_t n, const Grid& factors, const Kept& kept,
                                         const Encoder& encoder) {
  const float outer = outer_of(factors);
  for_each_quad<UNROLL_FEW>(x, y, n, [&](int64_t at, int count, const Quad<float>& from, Quad<float>& to) {
    QuadScales scales = scales_of(factors, outer, at, count);
    Quad<uint32_t> words = words_of(encoder, at);
    Quotient quotient(divisor_of(scales.of.at[0]));
#pragma unroll Encoder::at_once
    for (int j = 0; j < 4; j++) {
      if (!scales.same) {
        quotient = Quotient(divisor_of(scales.of.get(j)));
      }
      float value = projected(encoder, kept, quotient.of(from.get(j)), words.get(j));
      to.set(j, canonical(scales.of.get(j) * value));
    }
  });
}

template <class Code, class Decode>
__device__ __forceinline__ void decode_all(const Code* codes, float* y, int64_t n, const Grid& factors,
                                           const Decode& decode) {
  const float outer = outer_of(factors);
  for_each_quad(codes, y, n, [&](int64_t at, int count, const Quad<Code>& from, Quad<float>& to) {
    QuadScales scales = scales_of(factors, outer, at, count);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      to.at[j] = canonical(scales.of.at[j] * decode(from.at[j]));
    }
  });
}

// ---------------------------------------------------------------------------------------------
// Scales from the largest magnitudes
// ---------------------------------------------------------------------------------------------

// The bits of a magnitude that counts: those of an infinity or a NaN do not.
__device__ __forceinline__ uint32_t finite_magnitude(float x) {
  uint32_t magnitude = bits(x) & 0x7fffffffu;
  return magnitude < 0x7f800000u ? magnitude : 0;
}

__device__ __forceinline__ uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

__device__ __forceinline__ uint32_t amax_of(const Quad<float>& quad) {
  return larger(larger(finite_magnitude(quad.at[0]), finite_magnitude(quad.at[1])),
                larger(finite_magnitude(quad.at[2]), finite_magnitude(quad.at[3])));
}

// How amax becomes a scale before it is rounded to its format. A quotient is rounded so that amax is not
// beyond the largest value, a ratio to nearest.
enum class Rule : int32_t { power_of_two, quotient, ratio, amax };

// How amax decides a scale: quant's ScaleRule and ScaleSearch.
struct ScaleRule {
  Rule rule;
  int32_t e4m3fn;      // whether scales are rounded to it, saturating
  int32_t block_bits;  // of blocks of 2^block_bits elements, 4 to 128
  int32_t most;        // power of two: the exponent of the format's largest value
  float largest;       // the format's largest value; 1 where amax itself is the scale
  uint64_t threshold;  // power of two: the least fraction of 52 bits from which on the exponent is one more
  const uint32_t* outer_amax;  // of the tensor, in bits; null if there is one level
  float* outer;                // becomes the outer scale; null if there is one level
  float outer_most;            // the largest value of the format times that of the scales' format
  float zero_amax;             // the scale where all elements are zero
  float zero_scale;            // the scale where it underflows its format
};

// To which format scales are rounded where no rule says so.
struct ScaleFormat {
  narrow::StepFunction steps;
  const float* values;  // of its codes; null if scales are rounded no further
};

constexpr float LEAST_NORMAL = 0x1p-126f;

__device__ __forceinline__ float normal(float scale) { return scale > LEAST_NORMAL ? scale : LEAST_NORMAL; }

__device__ __forceinline__ float power_of_two_scale(const ScaleRule& rule, uint32_t amax) {
  int32_t exponent;
  uint64_t significand = narrow::detail::normalized(amax, exponent);
  exponent += ((significand << 1) >> 12 >= rule.threshold ? 1 : 0) - rule.most;
  int32_t limit = 127 - rule.most;  // so that the largest value is finite
  exponent = exponent < limit ? exponent : limit;
  exponent = exponent < 127 ? exponent : 127;
  return exponent < -126 ? 0x1p-127f : from_bits(static_cast<uint32_t>(exponent + 127) << 23);
}

// amax divided by the largest value, rounded so that amax is not beyond it.
__device__ __forceinline__ float quotient_scale(const ScaleRule& rule, float amax) {
  float scale = amax / rule.largest;
  while (amax / scale > rule.largest) {
    scale = from_bits(bits(scale) + 1);
  }
  while (bits(scale * rule.largest) == 0x7f800000u) {
    scale = from_bits(bits(scale) - 1);
  }
  return normal(scale);
}

// The scale above all others, 1 if there is none. The first thread of the launch stores it.
__device__ __forceinline__ float find_outer(const ScaleRule& rule) {
  if (rule.outer_amax == nullptr) {
    return 1;
  }
  float amax = from_bits(__ldg(rule.outer_amax));
  float outer = amax == 0 ? 1.0f : normal(amax / rule.outer_most);
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    *rule.outer = outer;
  }
  return outer;
}

// The scale below the outer one. round: to the scales' format.
template <class Round>
__device__ __forceinline__ float scale_of(const ScaleRule& rule, float outer, uint32_t amax, const Round& round) {
  if (amax == 0) {
    return rule.zero_amax;
  }
  float scale = rule.rule == Rule::power_of_two ? power_of_two_scale(rule, amax)
                : rule.rule == Rule::quotient   ? quotient_scale(rule, from_bits(amax))
                : rule.rule == Rule::ratio      ? from_bits(amax) / rule.largest / outer
                                                : normal(from_bits(amax));
  if (rule.e4m3fn) {
    scale = narrow::decode<narrow::E4M3FN>(narrow::encode_saturating<narrow::E4M3FN>(scale));
  } else if (scale != 0) {
    scale = round(scale);
  }
  return scale == 0 ? rule.zero_scale : scale;
}

// ---------------------------------------------------------------------------------------------
// Blocks
// ---------------------------------------------------------------------------------------------

// Codes of blocks of consecutive elements under scales that their amax decides, and the scale of each.
template <int Unroll, class Encoder, class Out, class Write>
__device__ __forceinline__ void for_each_block(const float* x, Out* out, int64_t n, float* scales,
                                               const ScaleRule& rule, const Encoder& encoder, const Write& write) {
  const float outer = find_outer(rule);
  for_each_quad<Unroll>(x, out, n, [&](int64_t at, int count, const Quad<float>& from, Quad<Out>& to) {
    uint32_t largest = amax_of(from);
    const int lanes = 1 << (rule.block_bits - 2);  // that share a block
    for (int lane = 1; lane < lanes; lane *= 2) {
      largest = larger(largest, __shfl_xor_sync(0xffffffffu, largest, lane));
    }
    const float scale = scale_of(rule, outer, largest, [](float unrounded) { return unrounded; });
    if (count > 0 && (threadIdx.x & (lanes - 1)) == 0) {
      scales[at >> rule.block_bits] = scale;
    }
    const float factor = scale * outer;
    Quotient quotient(divisor_of(factor));
    Quad<uint32_t> words = words_of(encoder, at);
#pragma unroll Encoder::at_once
    for (int j = 0; j < 4; j++) {
      to.set(j, write(quotient.of(from.get(j)), words.get(j), factor));
    }
  });
}

// ---------------------------------------------------------------------------------------------
// Sums over threads
// ---------------------------------------------------------------------------------------------

__device__ __forceinline__ uint32_t largest_of_warp(uint32_t value) {
  for (int lane = 16; lane > 0; lane /= 2) {
    value = larger(value, __shfl_xor_sync(0xffffffffu, value, lane));
  }
  return value;
}

// What is there, or was a moment ago, which is not larger.
__device__ __forceinline__ uint32_t glance(uint32_t* amax) {
#if defined(__CUDA_ARCH__)
  return *reinterpret_cast<volatile uint32_t*>(amax);
#else
  return atomicMax(amax, 0u);
#endif
}

// Many raise the same number, and few of them do: who does not need not wait in line.
__device__ __forceinline__ void raise(uint32_t* amax, uint32_t value) {
  if (value > glance(amax)) {
    atomicMax(amax, value);
  }
}

// As quant's ErrorChunk has them.
constexpr int CHUNK = 4096;
constexpr int LANES = 16;

}  // namespace

// ---------------------------------------------------------------------------------------------
// Kernels
// ---------------------------------------------------------------------------------------------
//
// x, y: float32; codes: of 8 or 16 bits; n elements. All launches are of 256 threads at most, a
// multiple of 32, and any number of blocks: of four blocks a multiprocessor has 32 KiB under way, and
// so many registers that none spill.

#define NARROW_ENCODE(name, Code, Encoder)                                                                  \
  extern "C" __global__ void __launch_bounds__(256, 4)                                                         \
      encode_##name(const float* x, Code* codes, int64_t n, Grid factors, Encoder encoder) {               \
    encode_all(x, codes, n, factors, encoder);                                                              \
  }

#define NARROW_FAKE(name, Encoder)                                                                          \
  extern "C" __global__ void __launch_bounds__(256, 4)                                                         \
      fake_##name(const float* x, float* y, int64_t n, Grid factors, Kept kept, Encoder encoder) {         \
    fake_all(x, y, n, factors, kept, encoder);                                                              \
  }

// Blocks of 2^rule.block_bits elements, of which n has a whole number, and a scale for each.
#define NARROW_BLOCKS(name, Code, Encoder)                                                                  \
  extern "C" __global__ void __launch_bounds__(256, 4) encode_blocks_##name(                                   \
      const float* x, Code* codes, int64_t n, float* scales, ScaleRule rule, Encoder encoder) {            \
    constexpr int unroll = Encoder::random ? UNROLL_FEW : UNROLL;                                           \
    for_each_block<unroll>(x, codes, n, scales, rule, encoder, [&](float quotient, uint32_t word, float) { \
      return static_cast<Code>(encoder.encode(quotient, word));                                             \
    });                                                                                                     \
  }

#define NARROW_FAKE_BLOCKS(name, Encoder)                                                                   \
  extern "C" __global__ void __launch_bounds__(256, 4) fake_blocks_##name(                                     \
      const float* x, float* y, int64_t n, float* scales, ScaleRule rule, Kept kept, Encoder encoder) {    \
    for_each_block<UNROLL_FEW>(x, y, n, scales, rule, encoder, [&](float quotient, uint32_t word, float factor) { \
      return canonical(factor * projected(encoder, kept, quotient, word));                                  \
    });                                                                                                     \
  }

#define NARROW_DECODE(name, Code, Format)                                                                   \
  extern "C" __global__ void __launch_bounds__(256, 4)                                                         \
      decode_##name(const Code* codes, float* y, int64_t n, Grid factors) {                                \
    decode_all(codes, y, n, factors, [](uint32_t code) { return narrow::decode<Format>(code); });          \
  }

#define NARROW_NAMED(name, Code, Format)     \
  NARROW_ENCODE(name, Code, Named<Format>)   \
  NARROW_FAKE(name, Named<Format>)           \
  NARROW_DECODE(name, Code, Format)

NARROW_NAMED(fp16, uint16_t, narrow::FP16)
NARROW_NAMED(bf16, uint16_t, narrow::BF16)
NARROW_NAMED(e4m3fn, uint8_t, narrow::E4M3FN)
NARROW_NAMED(e5m2, uint8_t, narrow::E5M2)
NARROW_NAMED(e2m1, uint8_t, narrow::E2M1)
NARROW_NAMED(lns8, uint8_t, narrow::LNS8)

#define NARROW_ANY(name, Encoder)                  \
  NARROW_ENCODE(name##_8, uint8_t, Encoder)        \
  NARROW_ENCODE(name##_16, uint16_t, Encoder)      \
  NARROW_FAKE(name, Encoder)

NARROW_ANY(steps, Steps)
NARROW_ANY(stochastic_float, Stochastic<narrow::FloatFormat>)
NARROW_ANY(stochastic_fixed, Stochastic<narrow::FixedFormat>)
NARROW_ANY(stochastic_posit, Stochastic<narrow::PositFormat>)
NARROW_ANY(stochastic_log, Stochastic<narrow::LogFormat>)

#define NARROW_NAMED_BLOCKS(name, Format)               \
  NARROW_BLOCKS(name, uint8_t, Named<Format>)           \
  NARROW_FAKE_BLOCKS(name, Named<Format>)

NARROW_NAMED_BLOCKS(e4m3fn, narrow::E4M3FN)
NARROW_NAMED_BLOCKS(e5m2, narrow::E5M2)
NARROW_NAMED_BLOCKS(e2m1, narrow::E2M1)
NARROW_NAMED_BLOCKS(lns8, narrow::LNS8)
NARROW_BLOCKS(steps, uint8_t, Steps)
NARROW_FAKE_BLOCKS(steps, Steps)
NARROW_BLOCKS(stochastic_float, uint8_t, Stochastic<narrow::FloatFormat>)
NARROW_FAKE_BLOCKS(stochastic_float, Stochastic<narrow::FloatFormat>)

// Any format of up to 16 bits: values has the value of each code, and mask the bits of a code.
extern "C" __global__ void __launch_bounds__(256, 4) decode_table_8(const uint8_t* codes, float* y, int64_t n,
                                                                 Grid factors, const float* values, uint32_t mask) {
  decode_all(codes, y, n, factors, [&](uint32_t code) { return __ldg(values + (code & mask)); });
}

extern "C" __global__ void __launch_bounds__(256, 4) decode_table_16(const uint16_t* codes, float* y, int64_t n,
                                                                  Grid factors, const float* values, uint32_t mask) {
  decode_all(codes, y, n, factors, [&](uint32_t code) { return __ldg(values + (code & mask)); });
}

// float32 numbers under scales.
extern "C" __global__ void __launch_bounds__(256, 4) decode_fp32(const float* x, float* y, int64_t n, Grid factors) {
  const float outer = outer_of(factors);
  for_each_quad(x, y, n, [&](int64_t at, int count, const Quad<float>& from, Quad<float>& to) {
    QuadScales scales = scales_of(factors, outer, at, count);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      to.at[j] = canonical(scales.of.at[j] * from.at[j]);
    }
  });
}

// The largest finite magnitude of all elements and of what is there already, in bits: as unsigned
// integers they sort like the numbers, and the order in which they come does not matter.
extern "C" __global__ void __launch_bounds__(256, 4) amax_tensor(const float* x, int64_t n, uint32_t* amax) {
  uint32_t largest = 0;
  read_quads<UNROLL_AMAX>(x, n, [&](int64_t, int, const Quad<float>& quad) { largest = larger(largest, amax_of(quad)); });
  __shared__ uint32_t of_warps[32];
  largest = largest_of_warp(largest);
  if (threadIdx.x % 32 == 0) {
    of_warps[threadIdx.x / 32] = largest;
  }
  __syncthreads();
  if (threadIdx.x < 32) {
    largest = largest_of_warp(threadIdx.x < blockDim.x / 32 ? of_warps[threadIdx.x] : 0);
    if (threadIdx.x == 0) {
      raise(amax, largest);
    }
  }
}

// The same of the elements of each scale.
extern "C" __global__ void __launch_bounds__(256, 4) amax_grid(const float* x, int64_t n, uint32_t* amax, Grid grid) {
  read_quads<UNROLL>(x, n, [&](int64_t at, int count, const Quad<float>& quad) {
    uint32_t first = count > 0 ? scale_index(grid, at) : 0;
    bool shared = count > 0 && shares_scale(grid, at, count);
    uint32_t of_warp = __shfl_sync(0xffffffffu, first, 0);
    if (__all_sync(0xffffffffu, shared && first == of_warp)) {
      uint32_t largest = largest_of_warp(amax_of(quad));
      if (threadIdx.x % 32 == 0) {
        raise(amax + first, largest);
      }
    } else if (shared) {
      raise(amax + first, amax_of(quad));
    } else {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (j < count) {
          raise(amax + scale_index(grid, at + j), finite_magnitude(quad.at[j]));
        }
      }
    }
  });
}

// The same of the columns of a matrix. Rows are taken together to rows of `width` elements, a multiple of
// four and of the columns: a block goes down a strip of 1024 of these, so that a thread's four columns
// stay the same, and there is one number of each column that it finds in the end.
extern "C" __global__ void __launch_bounds__(256, 4) amax_columns(const float* x, int64_t n, uint32_t* amax,
                                                               uint32_t columns, uint32_t width) {
  constexpr uint32_t strip = 4 * 256;
  __shared__ uint32_t found[strip];
  const uint32_t strips = (width + strip - 1) / strip;
  const uint32_t left = blockIdx.x % strips * strip + 4 * threadIdx.x;
  const int64_t rows = (n + width - 1) / width;
  const int64_t step = gridDim.x / strips;
  const bool aligned = is_aligned(x);
  Quad<uint32_t> largest = {{0, 0, 0, 0}};
  if (left < width && blockIdx.x / strips < step) {
#pragma unroll 4
    for (int64_t row = blockIdx.x / strips; row < rows; row += step) {
      const int64_t at = row * width + left;
      Quad<float> quad = {{0, 0, 0, 0}};
      if (aligned && n - at >= 4) {
        quad = load(x + at);
      } else {
#pragma unroll
        for (int j = 0; j < 4; j++) {
          quad.at[j] = at + j < n ? x[at + j] : 0.0f;
        }
      }
#pragma unroll
      for (int j = 0; j < 4; j++) {
        largest.at[j] = larger(largest.at[j], finite_magnitude(quad.at[j]));
      }
    }
  }
  for (uint32_t i = threadIdx.x; i < strip; i += blockDim.x) {
    found[i] = 0;
  }
  __syncthreads();
  // of fewer columns than a strip has, several threads have the same
  const uint32_t first = left % columns;
#pragma unroll
  for (int j = 0; j < 4; j++) {
    if (left < width) {
      atomicMax(found + (columns < strip ? (first + j) % columns : 4 * threadIdx.x + j), largest.at[j]);
    }
  }
  __syncthreads();
  for (uint32_t i = threadIdx.x; i < strip && i < columns; i += blockDim.x) {
    raise(amax + (columns < strip ? i : (blockIdx.x % strips * strip + i) % columns), found[i]);
  }
}

// Scales in the place of the largest magnitudes from which they follow.
extern "C" __global__ void __launch_bounds__(256, 4) scales_of_amax(float* scales, int64_t n, ScaleRule rule,
                                                                 ScaleFormat format) {
  const float outer = find_outer(rule);
  for (int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; i < n;
       i += gridDim.x * static_cast<int64_t>(blockDim.x)) {
    scales[i] = scale_of(rule, outer, bits(scales[i]), [&](float scale) {
      return format.values == nullptr ? scale : __ldg(format.values + narrow::encode(format.steps, scale));
    });
  }
}

// The power of two with which numbers under scales whose largest is found become fp16 numbers.
// The power takes its place.
extern "C" __global__ void unit_of_scales(float* unit, const float* outer, float largest) {
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    float scale = outer == nullptr ? *unit : *unit * __ldg(outer);
    double most = static_cast<double>(scale) * largest;
    uint64_t field;
    memcpy(&field, &most, sizeof field);
    int32_t exponent = most > 0 ? static_cast<int32_t>(field >> 52) - 1023 - 14 : 0;
    exponent = exponent < -126 ? -126 : exponent > 127 ? 127 : exponent;
    *unit = from_bits(static_cast<uint32_t>(exponent + 127) << 23);
  }
}

// The moments of values before and after quantization, in chunks: sums of x^2, y^2, x y and (x - y)^2
// in float64, four for each chunk, over the elements that are finite before and after; and counts of
// the others, [0] not finite before, [1] only after, to which it adds. Lane i of a chunk adds elements
// i, i + 16, ... in this order, and then the lanes are added in a tree.
extern "C" __global__ void __launch_bounds__(256, 4) error_moments(const float* x, const float* y, int64_t n,
                                                                double* sums, unsigned long long* counts) {
  const int64_t chunks = (n + CHUNK - 1) / CHUNK;
  const int lane = threadIdx.x % LANES;
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x / LANES;
  unsigned long long before = 0;
  unsigned long long after = 0;
  // the two halves of a warp go on together
  for (int64_t pair = (static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / 32 * 2; pair < chunks;
       pair += step) {
    const int64_t chunk = pair + threadIdx.x % 32 / LANES;
    const int64_t start = chunk * CHUNK;
    const int64_t end = start + CHUNK < n ? start + CHUNK : n;
    double signal = 0;
    double energy = 0;
    double product = 0;
    double noise = 0;
#pragma unroll 8
    for (int64_t i = start + lane; i < end; i += LANES) {
      bool finite_before = narrow::is_finite(x[i]);
      bool both = finite_before && narrow::is_finite(y[i]);
      before += finite_before ? 0 : 1;
      after += finite_before && !both ? 1 : 0;
      double a = both ? x[i] : 0.0f;
      double b = both ? y[i] : 0.0f;
      signal += a * a;
      energy += b * b;
      product += a * b;
      noise += (a - b) * (a - b);
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
      signal += __shfl_xor_sync(0xffffffffu, signal, half);
      energy += __shfl_xor_sync(0xffffffffu, energy, half);
      product += __shfl_xor_sync(0xffffffffu, product, half);
      noise += __shfl_xor_sync(0xffffffffu, noise, half);
    }
    if (lane == 0 && chunk < chunks) {
      sums[4 * chunk] = signal;
      sums[4 * chunk + 1] = energy;
      sums[4 * chunk + 2] = product;
      sums[4 * chunk + 3] = noise;
    }
  }
  if (before > 0) {
    atomicAdd(counts, before);
  }
  if (after > 0) {
    atomicAdd(counts + 1, after);
  }
}
