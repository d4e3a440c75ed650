// Products whose operands are found element by element, tile by tile, with the bits of the processor:
// what convolutions and attention are. As products.cu, but for where the elements lie.
//
// ORDERED: one accumulator for each sum, from +0, that takes its terms ascending by fused multiply-add;
// terms that do not exist are not taken at all, since +0 added to -0 is +0. EXACT: exact.cuh.
//
// A Problem counts its tiles, and a Block is one of them:
//   Block(problem, index, height, width)      the same for all threads of a block of the grid
//   row, rows, column, columns                where it begins, and where the result ends
//   begin, end                                the terms that any of its sums has
//   Place place_of_column(j), place_of_term(k)
//   takes(i, k)                               whether the sums of row i have term k
//   takes_all(k, n)                           whether all sums of the tile have the terms k to k + n - 1
//   a(i, term), b(column, term)               the factors, for places
//   store(i, column, sum)                     for the place of a column
//   a_along_terms(), b_along_terms()          whether terms that follow one another are neighbours in memory
#ifndef NARROW_TILES_CUH
#define NARROW_TILES_CUH

#include "exact.cuh"
#include "grid.cuh"

namespace narrow {

constexpr int TILE_THREADS = 256;
constexpr int TILE_SIDE = 16;   // of the square of a block's threads
constexpr int TILE_TERMS = 16;  // that are in shared memory at a time

// Where exact sums are made: what their operands count.
struct ExactUnits {
  Units a;
  Units b;
  int32_t unit;  // the exponent of what the sums count
  int32_t unused;
};

struct OrderedSum {
  using Element = float;
  using Result = float;
  static constexpr bool EXACT = false;
  float value;

  static __device__ __forceinline__ float of(float x, const Units&) { return x; }
  __device__ __forceinline__ void add(float a, float b) { value = fma(a, b, value); }
  __device__ __forceinline__ float result() const { return value; }
};

struct DoubleSum {
  using Element = float;
  using Result = float;
  static constexpr bool EXACT = false;
  double value;

  static __device__ __forceinline__ float of(float x, const Units&) { return x; }
  __device__ __forceinline__ void add(float a, float b) {
    value = ::fma(static_cast<double>(a), static_cast<double>(b), value);
  }
  __device__ __forceinline__ float result() const { return static_cast<float>(value); }
};

template <class Integer>
struct ExactSum {
  using Element = typename Integer::Element;
  using Result = Fixed;
  static constexpr bool EXACT = true;
  Integer value;

  static __device__ __forceinline__ Element of(float x, const Units& units) { return Integer::of(x, units); }
  __device__ __forceinline__ void add(Element a, Element b) { value.add(a, b); }
  __device__ __forceinline__ Fixed result() const { return value.fixed(); }
};

// The shared memory of a block.
template <class Sum, int Down, int Across, class Place>
struct TileMemory {
  static constexpr int height = TILE_SIDE * Down;
  static constexpr int width = TILE_SIDE * Across;
  typename Sum::Result sums[Across][TILE_THREADS];
  typename Sum::Element a[TILE_TERMS][height + 1];
  typename Sum::Element b[TILE_TERMS][width + 1];
  Place columns[width];
  Place terms[TILE_TERMS];
  int has_special;
};

// The sum of the terms that are not finite: infinity, or NaN; 0 if all are.
template <class Block>
__device__ __forceinline__ float special_sum(const Block& block, int64_t i, int64_t j) {
  const auto column = block.place_of_column(j);
  float sum = 0.0f;
#pragma unroll 1
  for (int64_t k = block.begin; k < block.end; k++) {
    if (block.takes(i, k)) {
      const auto term = block.place_of_term(k);
      const float x = block.a(i, term);
      const float y = block.b(column, term);
      if (!is_finite(x) || !is_finite(y)) {
        sum += x * y;
      }
    }
  }
  return sum;
}

// A thread has Down x Across elements of a tile, TILE_SIDE apart.
template <class Block, class Sum, int Down, int Across, class Problem, class Memory>
__device__ __forceinline__ void sum_tiles(const Problem& problem, const ExactUnits& units, Memory& memory) {
  using Element = typename Sum::Element;
  constexpr int height = Memory::height;
  constexpr int width = Memory::width;
  const int thread = static_cast<int>(threadIdx.x);
  const int thread_row = thread / TILE_SIDE;
  const int thread_column = thread % TILE_SIDE;
  const int64_t tiles = problem.tiles(height, width);
  for (int64_t index = blockIdx.x; index < tiles; index += gridDim.x) {
    const Block block(problem, index, height, width);
    if (block.row >= block.rows || block.column >= block.columns) {
      continue;
    }
    Sum sums[Down][Across] = {};
    auto place_terms = [&](int64_t k) {
      if (thread < TILE_TERMS && k + thread < block.end) {
        memory.terms[thread] = block.place_of_term(k + thread);
      }
    };
    auto element = [&](float x, const Units& of) {
      if (Sum::EXACT && !is_finite(x)) {
        atomicOr(&memory.has_special, 1);
        return Sum::of(0.0f, of);
      }
      return Sum::of(x, of);
    };
    auto load_a = [&](int64_t k, int at, int at_row) {
      const int64_t i = block.row + at_row;
      const bool is_there = i < block.rows && k + at < block.end && block.takes(i, k + at);
      memory.a[at][at_row] = is_there ? element(block.a(i, memory.terms[at]), units.a) : Element{};
    };
    auto load_b = [&](int64_t k, int at, int at_column) {
      const bool is_there = block.column + at_column < block.columns && k + at < block.end;
      memory.b[at][at_column] =
          is_there ? element(block.b(memory.columns[at_column], memory.terms[at]), units.b) : Element{};
    };
    auto add = [&](int t) {
      Element left[Down];
      Element right[Across];
#pragma unroll
      for (int i = 0; i < Down; i++) {
        left[i] = memory.a[t][thread_row + TILE_SIDE * i];
      }
#pragma unroll
      for (int j = 0; j < Across; j++) {
        right[j] = memory.b[t][thread_column + TILE_SIDE * j];
      }
#pragma unroll
      for (int i = 0; i < Down; i++) {
#pragma unroll
        for (int j = 0; j < Across; j++) {
          sums[i][j].add(left[i], right[j]);
        }
      }
    };
    // Some of the rows do not have term t.
    auto add_some = [&](int64_t k, int t) {
#pragma unroll
      for (int i = 0; i < Down; i++) {
        if (block.takes(block.row + thread_row + TILE_SIDE * i, k + t)) {
#pragma unroll
          for (int j = 0; j < Across; j++) {
            sums[i][j].add(memory.a[t][thread_row + TILE_SIDE * i], memory.b[t][thread_column + TILE_SIDE * j]);
          }
        }
      }
    };
    __syncthreads();  // nobody reads what the tile before has left
    if (thread == 0) {
      memory.has_special = 0;
    }
    for (int j = thread; j < width; j += TILE_THREADS) {
      if (block.column + j < block.columns) {
        memory.columns[j] = block.place_of_column(block.column + j);
      }
    }
    place_terms(block.begin);
    for (int64_t k = block.begin; k < block.end; k += TILE_TERMS) {
      __syncthreads();  // the places are there, and nobody reads the slice before
#pragma unroll
      for (int i = 0; i < Down; i++) {
        const int e = thread + TILE_THREADS * i;
        block.a_along_terms() ? load_a(k, e % TILE_TERMS, e / TILE_TERMS) : load_a(k, e / height, e % height);
      }
#pragma unroll 4
      for (int i = 0; i < Across; i++) {
        const int e = thread + TILE_THREADS * i;
        block.b_along_terms() ? load_b(k, e % TILE_TERMS, e / TILE_TERMS) : load_b(k, e / width, e % width);
      }
      __syncthreads();
      place_terms(k + TILE_TERMS);
      if (Sum::EXACT || block.takes_all(k, TILE_TERMS)) {  // what is not there is 0 in exact sums
#pragma unroll
        for (int t = 0; t < TILE_TERMS; t++) {
          add(t);
        }
      } else {
        const int n = block.end - k < TILE_TERMS ? static_cast<int>(block.end - k) : TILE_TERMS;
#pragma unroll 1
        for (int t = 0; t < n; t++) {
          add_some(k, t);
        }
      }
    }
    __syncthreads();
    // Registers have no index: a row of the thread's sums at a time goes through shared memory, where each
    // thread reads what it has written, so that what is done to a sum is in the code once.
#pragma unroll 1
    for (int turn = 0; turn < Down; turn++) {
#pragma unroll
      for (int i = 0; i < Down; i++) {
#pragma unroll
        for (int j = 0; j < Across; j++) {
          if (i == turn) {
            memory.sums[j][thread] = sums[i][j].result();
          }
        }
      }
      const int64_t i = block.row + thread_row + TILE_SIDE * turn;
#pragma unroll 1
      for (int at = 0; at < Across; at++) {
        const int64_t j = block.column + thread_column + TILE_SIDE * at;
        if (i < block.rows && j < block.columns) {
          float sum;
          if constexpr (Sum::EXACT) {
            sum = round_to_float(memory.sums[at][thread], units.unit);
            if (memory.has_special != 0) {
              const float special = special_sum(block, i, j);
              sum = special != 0 ? special : sum;
            }
          } else {
            sum = memory.sums[at][thread];
          }
          block.store(i, memory.columns[thread_column + TILE_SIDE * at], canonical(sum));
        }
      }
    }
  }
}

// The same exactly for any float32 numbers, a thread for each sum.
template <class Block, class Problem>
__device__ __forceinline__ void sum_wide(const Problem& problem, int64_t* words) {
  const int64_t n = problem.tiles(1, 1);
  for (int64_t index = thread_of_grid(); index < n; index += threads_of_grid()) {
    const Block block(problem, index, 1, 1);
    if (block.row >= block.rows || block.column >= block.columns) {
      continue;
    }
    const auto column = block.place_of_column(block.column);
    WideSum sum(words);
#pragma unroll 1
    for (int64_t k = block.begin; k < block.end; k++) {
      if (block.takes(block.row, k)) {
        const auto term = block.place_of_term(k);
        sum.add(block.a(block.row, term), block.b(column, term));
      }
    }
    block.store(block.row, column, sum.value());
  }
}

}  // namespace narrow

// Kernels for a Problem and its Block: NAME_f32_16, _32 and _64 for results of so many rows or more in
// tiles 128 wide, _f32_small for little ones, _f64, and _exact_64, _exact_128 and _exact_wide. So many
// blocks share a multiprocessor, and its registers.
#define NARROW_TILES(NAME, EACH, PROBLEM, BLOCK, PLACE, SUM, DOWN, ACROSS)                                 \
  extern "C" __global__ void __launch_bounds__(narrow::TILE_THREADS, EACH)                                 \
      NAME(const PROBLEM problem, const narrow::ExactUnits units) {                                        \
    __align__(16) __shared__ narrow::TileMemory<SUM, DOWN, ACROSS, PLACE> memory;                          \
    narrow::sum_tiles<BLOCK, SUM, DOWN, ACROSS>(problem, units, memory);                                   \
  }

#define NARROW_PRODUCT(NAME, EACH, PROBLEM, BLOCK, PLACE)                                                  \
  NARROW_TILES(NAME##_f32_16, EACH, PROBLEM, BLOCK, PLACE, narrow::OrderedSum, 1, 8)                       \
  NARROW_TILES(NAME##_f32_32, EACH, PROBLEM, BLOCK, PLACE, narrow::OrderedSum, 2, 8)                       \
  NARROW_TILES(NAME##_f32_64, EACH, PROBLEM, BLOCK, PLACE, narrow::OrderedSum, 4, 8)                       \
  NARROW_TILES(NAME##_f32_small, EACH, PROBLEM, BLOCK, PLACE, narrow::OrderedSum, 2, 2)                    \
  NARROW_TILES(NAME##_f64, EACH, PROBLEM, BLOCK, PLACE, narrow::DoubleSum, 4, 4)                           \
  NARROW_TILES(NAME##_exact_64, EACH, PROBLEM, BLOCK, PLACE, narrow::ExactSum<narrow::Sum64>, 4, 4)        \
  NARROW_TILES(NAME##_exact_128, EACH, PROBLEM, BLOCK, PLACE, narrow::ExactSum<narrow::Sum128>, 2, 2)      \
  extern "C" __global__ void __launch_bounds__(narrow::WIDE_THREADS)                                       \
      NAME##_exact_wide(const PROBLEM problem, const narrow::ExactUnits) {                                 \
    __shared__ int64_t words[narrow::WIDE_WORDS];                                                          \
    narrow::sum_wide<BLOCK>(problem, words);                                                               \
  }

#endif
