// Products of float32 matrices with the bits of the processor: dev.narrow.kernels.Accumulator.
//
// ORDERED: one accumulator for each element, from +0, that takes the terms k ascending by fused
// multiply-add. EXACT: the exact sum in fixed point, rounded once; no order changes it. Terms that do
// not exist are not taken at all: +0 added to -0 is +0.
#include "exact.cuh"
#include "grid.cuh"
#include "matrices.cuh"

namespace {

using narrow::Extents;
using narrow::Fixed;
using narrow::Sum128;
using narrow::Sum64;
using narrow::Units;
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

struct ExactProduct {
  Product product;
  Units a;
  Units b;
  int32_t unit;  // the exponent of what the sums count: the product of both units
  int32_t unused;
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
          float sum = narrow::round_to_float(row_of_sums[j * THREADS + threadIdx.x], exact.unit);
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

// Any float32 numbers, a thread for each sum.
extern "C" __global__ void __launch_bounds__(narrow::WIDE_THREADS) matmul_exact_wide(const Product product) {
  __shared__ int64_t digits[narrow::WIDE_WORDS];
  const Extents& extents = product.extents;
  const int64_t n = extents.count * extents.rows * extents.columns;
  for (int64_t i = narrow::thread_of_grid(); i < n; i += narrow::threads_of_grid()) {
    const int64_t column = i % extents.columns;
    const int64_t row = i / extents.columns % extents.rows;
    const int64_t matrix = i / extents.columns / extents.rows;
    const float* a = static_cast<const float*>(product.a.data) + narrow::place(product.a, matrix, row, 0);
    const float* b = static_cast<const float*>(product.b.data) + narrow::place(product.b, matrix, 0, column);
    narrow::WideSum sum(digits);
#pragma unroll 1
    for (int64_t k = 0; k < extents.terms; k++) {
      sum.add(a[k * product.a.column_stride], b[k * product.b.row_stride]);
    }
    store_sum(product, matrix, row, column, sum.value());
  }
}
