// Products of float32 matrices with the bits of the processor: dev.narrow.kernels.Accumulator.
//
// ORDERED: one accumulator for each element, from +0, that takes the terms k ascending by fused
// multiply-add. EXACT: the exact sum in fixed point, rounded once; no order changes it. Terms that do
// not exist are not taken at all: +0 added to -0 is +0.
#include "grid.cuh"
#include "matrices.cuh"

namespace {

using narrow::Extents;
using narrow::View;

struct Product {
  View a;
  View b;
  View out;
  Extents extents;
  narrow::Epilogue epilogue;
};

__device__ __forceinline__ void store_sum(const Product& product, int64_t matrix, int64_t row, int64_t column,
                                          float sum) {
  float* out = static_cast<float*>(product.out.data) + narrow::place(product.out, matrix, row, column);
  const float old = product.epilogue.beta != 0 ? *out : 0.0f;
  *out = narrow::finish(product.epilogue, sum, column, old);
}

// A slice of TERMS terms of a tile of both operands, k outermost; zeros where there are none. Threads
// that are neighbours load neighbours, if the operand has any.
constexpr int TERMS = 16;

template <int Tile, int Threads, class To>
__device__ __forceinline__ void load_slice(const float* data, int64_t outer, int64_t outer_end, int64_t k,
                                           int64_t k_end, int64_t outer_stride, int64_t k_stride, const To& to) {
  const bool along_k = k_stride == 1;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < Tile * TERMS; i += Threads) {
    const int at_k = along_k ? i % TERMS : i / Tile;
    const int at_outer = along_k ? i / TERMS : i % Tile;
    const bool inside = outer + at_outer < outer_end && k + at_k < k_end;
    to(at_k, at_outer, inside ? data[(outer + at_outer) * outer_stride + (k + at_k) * k_stride] : 0.0f);
  }
}

// ---------------------------------------------------------------------------------------------
// In order
// ---------------------------------------------------------------------------------------------

__device__ __forceinline__ float fma_in(float a, float b, float c) { return narrow::fma(a, b, c); }

__device__ __forceinline__ double fma_in(float a, float b, double c) {
  return ::fma(static_cast<double>(a), static_cast<double>(b), c);
}

constexpr int THREADS = 256;
constexpr int SIDE = 16;  // of the square of a block's threads

// A block has a square tile, and a thread Part x Part of its elements, SIDE apart. Both slices have
// TERMS rows of Part * SIDE + 1 floats, one behind the other.
template <class Sum, int Part>
__device__ __forceinline__ void ordered(const Product& product, float* shared) {
  constexpr int size = SIDE * Part;
  constexpr int pitch = size + 1;
  static_assert(Part * THREADS <= 2 * TERMS * pitch, "a thread's row of elements fits");
  float* a_slice = shared;
  float* b_slice = shared + TERMS * pitch;
  const Extents& extents = product.extents;
  const int thread_row = static_cast<int>(threadIdx.x) / SIDE;
  const int thread_column = static_cast<int>(threadIdx.x) % SIDE;
  const int64_t tiles = narrow::count_tiles(extents, size, size);
  for (int64_t index = blockIdx.x; index < tiles; index += gridDim.x) {
    const narrow::Tile tile = narrow::tile_at(index, extents, size, size);
    const float* a = static_cast<const float*>(product.a.data) + tile.matrix * product.a.step;
    const float* b = static_cast<const float*>(product.b.data) + tile.matrix * product.b.step;
    Sum sums[Part][Part] = {};
    auto add = [&](int t) {
      float left[Part];
      float right[Part];
#pragma unroll
      for (int i = 0; i < Part; i++) {
        left[i] = a_slice[t * pitch + thread_row + SIDE * i];
        right[i] = b_slice[t * pitch + thread_column + SIDE * i];
      }
#pragma unroll
      for (int i = 0; i < Part; i++) {
#pragma unroll
        for (int j = 0; j < Part; j++) {
          sums[i][j] = fma_in(left[i], right[j], sums[i][j]);
        }
      }
    };
    for (int64_t k = 0; k < extents.terms; k += TERMS) {
      __syncthreads();  // nobody reads the slice before it
      load_slice<size, THREADS>(a, tile.row, extents.rows, k, extents.terms, product.a.row_stride,
                                product.a.column_stride,
                                [=](int at_k, int at, float x) { a_slice[at_k * pitch + at] = x; });
      load_slice<size, THREADS>(b, tile.column, extents.columns, k, extents.terms, product.b.column_stride,
                                product.b.row_stride,
                                [=](int at_k, int at, float x) { b_slice[at_k * pitch + at] = x; });
      __syncthreads();
      if (extents.terms - k >= TERMS) {
#pragma unroll
        for (int t = 0; t < TERMS; t++) {
          add(t);
        }
      } else {
#pragma unroll 1
        for (int t = 0; t < static_cast<int>(extents.terms - k); t++) {
          add(t);
        }
      }
    }
    __syncthreads();
    // Registers have no index: a row of the thread's elements at a time goes through shared memory, where
    // each thread reads what it has written, so that the epilogue is in the code once.
#pragma unroll 1
    for (int turn = 0; turn < Part; turn++) {
#pragma unroll
      for (int i = 0; i < Part; i++) {
#pragma unroll
        for (int j = 0; j < Part; j++) {
          if (i == turn) {
            shared[j * THREADS + threadIdx.x] = static_cast<float>(sums[i][j]);
          }
        }
      }
#pragma unroll 1
      for (int j = 0; j < Part; j++) {
        const int64_t row = tile.row + thread_row + SIDE * turn;
        const int64_t column = tile.column + thread_column + SIDE * j;
        if (row < extents.rows && column < extents.columns) {
          store_sum(product, tile.matrix, row, column, shared[j * THREADS + threadIdx.x]);
        }
      }
    }
  }
}

}  // namespace

#define ORDERED(NAME, SUM, PART)                                                          \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) NAME(const Product product) {  \
    __shared__ float shared[2 * TERMS * (SIDE * PART + 1)];                               \
    ordered<SUM, PART>(product, shared);                                                  \
  }

ORDERED(matmul_f32, float, 8)
ORDERED(matmul_small_f32, float, 2)
ORDERED(matmul_f64, double, 4)

// y = a x for rows that follow one another, each sum in sixteen lanes and their tree.
extern "C" __global__ void matvec_f32(const float* a, const float* x, float* y, int64_t rows, int64_t columns) {
  constexpr int lanes = narrow::LANES;
  const int lane = static_cast<int>(threadIdx.x % lanes);
  for (int64_t row = narrow::thread_of_grid() / lanes; row < rows; row += narrow::threads_of_grid() / lanes) {
    float sum = 0.0f;
#pragma unroll 8
    for (int64_t k = lane; k < columns; k += lanes) {
      sum = narrow::fma(a[row * columns + k], x[k], sum);
    }
    sum = narrow::tree(sum);
    if (lane == 0) {
      y[row] = narrow::canonical(sum);
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Exact
// ---------------------------------------------------------------------------------------------

namespace {

// An operand of exact sums: its numbers are multiples of its unit. For 64-bit sums the unit is
// 1 / per_unit, and no number is more than 2^31 units; for 128-bit sums it is 2^(field - 150), field
// being the least exponent field of a number other than zero, where that of subnormals counts as 1.
struct Units {
  float per_unit;
  int32_t field;
};

struct ExactProduct {
  Product product;
  Units a;
  Units b;
  int32_t unit;  // the exponent of what the sums count: the product of both units
  int32_t unused;
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
    const uint32_t magnitude = narrow::bits(x) & 0x7fffffffu;
    const int32_t field = static_cast<int32_t>(magnitude >> 23);
    const int32_t fraction = static_cast<int32_t>(magnitude & 0x7fffffu);
    const int32_t significand = field == 0 ? fraction : fraction | 0x800000;
    const int32_t shift = significand == 0 ? 0 : (field == 0 ? 1 : field) - units.field;
    return {narrow::bits(x) >> 31 != 0 ? -significand : significand, shift};
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

// The sum of the terms that are not finite: infinity, or NaN; 0 if all are.
__device__ __forceinline__ float special_sum(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                                             int64_t terms) {
  float sum = 0.0f;
#pragma unroll 1
  for (int64_t k = 0; k < terms; k++) {
    const float x = a[k * a_stride];
    const float y = b[k * b_stride];
    if (!narrow::is_finite(x) || !narrow::is_finite(y)) {
      sum += x * y;
    }
  }
  return sum;
}

template <class Sum, int Part>
__device__ __forceinline__ void exact(const ExactProduct& exact, typename Sum::Element* a_slice,
                                      typename Sum::Element* b_slice, Fixed* row_of_sums, int* has_special) {
  using Element = typename Sum::Element;
  constexpr int size = SIDE * Part;
  constexpr int pitch = size + 1;
  const Product& product = exact.product;
  const Extents& extents = product.extents;
  const int thread_row = static_cast<int>(threadIdx.x) / SIDE;
  const int thread_column = static_cast<int>(threadIdx.x) % SIDE;
  const int64_t tiles = narrow::count_tiles(extents, size, size);
  for (int64_t index = blockIdx.x; index < tiles; index += gridDim.x) {
    const narrow::Tile tile = narrow::tile_at(index, extents, size, size);
    const float* a = static_cast<const float*>(product.a.data) + tile.matrix * product.a.step;
    const float* b = static_cast<const float*>(product.b.data) + tile.matrix * product.b.step;
    Sum sums[Part][Part] = {};
    __syncthreads();
    if (threadIdx.x == 0) {
      *has_special = 0;
    }
    for (int64_t k = 0; k < extents.terms; k += TERMS) {
      __syncthreads();  // nobody reads the slice before it
      auto element = [&](float x, const Units& units) {
        if (narrow::is_finite(x)) {
          return Sum::of(x, units);
        }
        atomicOr(has_special, 1);
        return Sum::of(0.0f, units);
      };
      load_slice<size, THREADS>(
          a, tile.row, extents.rows, k, extents.terms, product.a.row_stride, product.a.column_stride,
          [&](int at_k, int at, float x) { a_slice[at_k * pitch + at] = element(x, exact.a); });
      load_slice<size, THREADS>(
          b, tile.column, extents.columns, k, extents.terms, product.b.column_stride, product.b.row_stride,
          [&](int at_k, int at, float x) { b_slice[at_k * pitch + at] = element(x, exact.b); });
      __syncthreads();
#pragma unroll 4
      for (int t = 0; t < TERMS; t++) {  // terms that do not exist are 0 here
        Element left[Part];
        Element right[Part];
#pragma unroll
        for (int i = 0; i < Part; i++) {
          left[i] = a_slice[t * pitch + thread_row + SIDE * i];
          right[i] = b_slice[t * pitch + thread_column + SIDE * i];
        }
#pragma unroll
        for (int i = 0; i < Part; i++) {
#pragma unroll
          for (int j = 0; j < Part; j++) {
            sums[i][j].add(left[i], right[j]);
          }
        }
      }
    }
    __syncthreads();
#pragma unroll 1
    for (int turn = 0; turn < Part; turn++) {  // as in ordered
#pragma unroll
      for (int i = 0; i < Part; i++) {
#pragma unroll
        for (int j = 0; j < Part; j++) {
          if (i == turn) {
            row_of_sums[j * THREADS + threadIdx.x] = sums[i][j].fixed();
          }
        }
      }
#pragma unroll 1
      for (int j = 0; j < Part; j++) {
        const int64_t row = tile.row + thread_row + SIDE * turn;
        const int64_t column = tile.column + thread_column + SIDE * j;
        if (row < extents.rows && column < extents.columns) {
          float sum = round_to_float(row_of_sums[j * THREADS + threadIdx.x], exact.unit);
          if (*has_special != 0) {
            const float special =
                special_sum(a + row * product.a.row_stride, product.a.column_stride,
                            b + column * product.b.column_stride, product.b.row_stride, extents.terms);
            sum = special != 0 ? special : sum;
          }
          store_sum(product, tile.matrix, row, column, narrow::canonical(sum));
        }
      }
    }
  }
}

}  // namespace

#define EXACT(NAME, SUM, PART)                                                             \
  extern "C" __global__ void __launch_bounds__(THREADS, 2) NAME(const ExactProduct product) { \
    __align__(8) __shared__ SUM::Element a_slice[TERMS * (SIDE * PART + 1)];               \
    __align__(8) __shared__ SUM::Element b_slice[TERMS * (SIDE * PART + 1)];               \
    __align__(16) __shared__ Fixed row_of_sums[PART * THREADS];                            \
    __shared__ int has_special;                                                            \
    exact<SUM, PART>(product, a_slice, b_slice, row_of_sums, &has_special);                \
  }

EXACT(matmul_exact_64, Sum64, 4)
EXACT(matmul_exact_128, Sum128, 2)

// Any float32 numbers: dev.narrow.kernels.ExactSum in shared memory, a thread for each sum.
namespace {

constexpr int DIGITS = 20;
constexpr int DIGIT = 32;
constexpr int UNIT = -298;
constexpr int WIDE_THREADS = 64;

}  // namespace

extern "C" __global__ void __launch_bounds__(WIDE_THREADS) matmul_exact_wide(const Product product) {
  __shared__ int64_t digits_of_block[DIGITS * WIDE_THREADS];
  constexpr uint64_t mask = 0xffffffffu;
  int64_t* digits = digits_of_block + threadIdx.x;  // WIDE_THREADS apart
  const Extents& extents = product.extents;
  const int64_t n = extents.count * extents.rows * extents.columns;
  for (int64_t i = narrow::thread_of_grid(); i < n; i += narrow::threads_of_grid()) {
    const int64_t column = i % extents.columns;
    const int64_t row = i / extents.columns % extents.rows;
    const int64_t matrix = i / extents.columns / extents.rows;
    const float* a = static_cast<const float*>(product.a.data) + narrow::place(product.a, matrix, row, 0);
    const float* b = static_cast<const float*>(product.b.data) + narrow::place(product.b, matrix, 0, column);
    for (int d = 0; d < DIGITS; d++) {
      digits[d * WIDE_THREADS] = 0;
    }
    float special = 0.0f;
#pragma unroll 1
    for (int64_t k = 0; k < extents.terms; k++) {
      const float x = a[k * product.a.column_stride];
      const float y = b[k * product.b.row_stride];
      if (!narrow::is_finite(x) || !narrow::is_finite(y)) {
        special += x * y;
        continue;
      }
      const Sum128::Element left = Sum128::of(x, {0, 1});
      const Sum128::Element right = Sum128::of(y, {0, 1});
      const int64_t term = static_cast<int64_t>(left.significand) * right.significand;
      const int64_t sign = term >> 63;
      const uint64_t significand = static_cast<uint64_t>((term ^ sign) - sign);
      const int32_t place = left.shift + right.shift;
      const int32_t shift = place % DIGIT;
      const uint64_t low = (significand & mask) << shift;
      const uint64_t high = (significand >> DIGIT) << shift;
      const uint64_t middle = (low >> DIGIT) + (high & mask);
      int64_t* digit = digits + place / DIGIT * WIDE_THREADS;
      digit[0] += (static_cast<int64_t>(low & mask) ^ sign) - sign;
      digit[WIDE_THREADS] += (static_cast<int64_t>(middle & mask) ^ sign) - sign;
      digit[2 * WIDE_THREADS] += (static_cast<int64_t>((high >> DIGIT) + (middle >> DIGIT)) ^ sign) - sign;
    }
    int64_t carry = 0;
    for (int d = 0; d < DIGITS; d++) {
      const int64_t digit = digits[d * WIDE_THREADS] + carry;
      digits[d * WIDE_THREADS] = static_cast<int64_t>(static_cast<uint64_t>(digit) & mask);
      carry = digit >> DIGIT;
    }
    const bool negative = carry < 0;
    uint64_t one = negative ? 1 : 0;
    int top = -1;
    for (int d = 0; d < DIGITS; d++) {
      if (negative) {
        const uint64_t digit = (static_cast<uint64_t>(digits[d * WIDE_THREADS]) ^ mask) + one;
        digits[d * WIDE_THREADS] = static_cast<int64_t>(digit & mask);
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
    store_sum(product, matrix, row, column, narrow::canonical(special != 0 ? special : sum));
  }
}
