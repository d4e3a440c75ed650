// Products with few rows or columns on tensor cores, above all of a matrix with a vector: what counts
// is to read the large matrix once, as it is, 16 bytes at a time.
//
// The large matrix, [outer, k], has the part of A in mma.m16n8k16, and the small one, in fp16, that of
// B. Where k is innermost in memory: a sum does not mind in which order its terms come if both operands
// have the same one, so a thread takes 16 consecutive elements of a row, and what it gives to the tensor
// core as terms 2 t, 2 t + 1, 2 t + 8 and 2 t + 9 are four of these. Where the outer index is: the rows
// of A may have any order too, and a thread takes 16 consecutive elements of each of its four terms,
// which are rows g and g + 8 of eight products.
//
// Sums are divided along k into parts whose length depends on the extents alone. Each part is written
// to memory, and a second kernel adds them up in their order: the bits do not depend on the grid.
#include "matrices.cuh"
#include "packed.cuh"
#include "tensor_cores.cuh"

namespace {

using narrow::Kind;

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / 32;
constexpr int ROWS = 16 * WARPS;  // of the large matrix in a block
constexpr int TERMS = 128;        // at a time: two loads of 16 codes for each of two rows

// Four more than there are: the threads of half a warp read 8 bytes each from different banks then.
constexpr int PITCH = TERMS + 4;

struct Part {
  const void* large;    // [outer, terms]
  int64_t outer;
  int64_t terms;
  int64_t stride;       // from an outer index to the next, or from a term to the next
  const uint16_t* few;  // [few_outer, terms]
  int64_t few_outer;
  int64_t few_stride;
  int64_t few_term_stride;
  float* sums;  // [parts, few_outer, outer]
  int64_t length;  // of a part, a multiple of TERMS
};

// 16 elements of a row as they lie in memory.
template <Kind K>
struct Sixteen {
  static constexpr int bytes = K == Kind::fp16 ? 2 : 1;
  uint32_t words[4 * bytes];
};

// Those of a row from a column on, of so many rows and columns; zeros where there are none. The columns
// are the index that is innermost in memory.
template <Kind K>
__device__ __forceinline__ Sixteen<K> load_16(const Part& part, bool whole, int64_t row, int64_t rows,
                                              int64_t column, int64_t columns) {
  constexpr int bytes = Sixteen<K>::bytes;
  Sixteen<K> result = {};
  const int64_t first = row * part.stride + column;
  if (row < rows && whole && columns - column >= 16) {
    const uint4* from =
        reinterpret_cast<const uint4*>(static_cast<const char*>(part.large) + first * bytes);
#pragma unroll
    for (int i = 0; i < bytes; i++) {
#if defined(__CUDA_ARCH__)
      const uint4 loaded = __ldcs(from + i);  // read once: the caches are left to others
#else
      const uint4 loaded = from[i];
#endif
      result.words[4 * i] = loaded.x;
      result.words[4 * i + 1] = loaded.y;
      result.words[4 * i + 2] = loaded.z;
      result.words[4 * i + 3] = loaded.w;
    }
  } else if (row < rows) {
#pragma unroll
    for (int i = 0; i < 16; i++) {
      if (column + i < columns) {
        const uint32_t code = bytes == 2 ? static_cast<const uint16_t*>(part.large)[first + i]
                                         : static_cast<const uint8_t*>(part.large)[first + i];
        result.words[i * bytes / 4] |= code << (8 * bytes * (i % (4 / bytes)));
      }
    }
  }
  return result;
}

// Four of them, as fp16.
template <Kind K>
__device__ __forceinline__ narrow::Halves four(const Sixteen<K>& of, int i) {
  if constexpr (K == Kind::fp16) {
    return {of.words[2 * i], of.words[2 * i + 1]};
  } else {
    return K == Kind::lns8   ? narrow::halves_of_lns8(of.words[i])
           : K == Kind::e4m3 ? narrow::halves_of_e4m3(of.words[i])
                             : narrow::halves_of_e5m2(of.words[i]);
  }
}

// TERMS terms of the small matrix into shared memory.
template <int Few>
__device__ __forceinline__ void load_few(const Part& part, bool whole, int64_t k, uint16_t* to) {
  constexpr int pieces = TERMS / 4;
  for (int i = static_cast<int>(threadIdx.x); i < Few * pieces; i += THREADS) {
    const int row = i / pieces;
    const int at = i % pieces * 4;
    const int64_t first = row * part.few_stride + (k + at) * part.few_term_stride;
    uint2 halves = make_uint2(0, 0);
    if (row < part.few_outer && whole && part.terms - k - at >= 4) {
      halves = *reinterpret_cast<const uint2*>(part.few + first);
    } else if (row < part.few_outer) {
      uint32_t words[2] = {0, 0};
#pragma unroll
      for (int j = 0; j < 4; j++) {
        if (k + at + j < part.terms) {
          words[j / 2] |= static_cast<uint32_t>(part.few[first + j * part.few_term_stride]) << (16 * (j % 2));
        }
      }
      halves = make_uint2(words[0], words[1]);
    }
    *reinterpret_cast<uint2*>(to + row * PITCH + at) = halves;
  }
}

template <Kind K, int Few>
__device__ __forceinline__ void multiply_part(const Part& part, uint16_t* shared) {
  constexpr int groups = Few / 8;
  const int lane = narrow::lane_of_warp();
  const int g = lane / 4;
  const int t = lane % 4;
  const bool whole = part.stride * Sixteen<K>::bytes % 16 == 0 &&
                     reinterpret_cast<uintptr_t>(part.large) % 16 == 0;
  const bool few_whole = part.few_term_stride == 1 && part.few_stride % 4 == 0 &&
                         reinterpret_cast<uintptr_t>(part.few) % 8 == 0;
  const int64_t down = narrow::ceil_div(part.outer, ROWS);
  const int64_t blocks = down * narrow::ceil_div(part.terms, part.length);
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    const int64_t first_row = block % down * ROWS + static_cast<int>(threadIdx.x) / 32 * 16;
    const int64_t index = block / down;
    const int64_t start = index * part.length;
    const int64_t end = part.terms - start < part.length ? part.terms : start + part.length;
    float sums[groups][4] = {};
    Sixteen<K> now[2][2];  // of rows g and g + 8, two of each
#pragma unroll
    for (int i = 0; i < 4; i++) {
      now[i / 2][i % 2] = load_16<K>(part, whole, first_row + g + i / 2 * 8, part.outer,
                                     start + i % 2 * 64 + 16 * t, part.terms);
    }
    uint16_t* few = shared;
    for (int64_t k = start; k < end; k += TERMS) {
      load_few<Few>(part, few_whole, k, few);
      __syncthreads();  // it is there, and nobody reads what was loaded two times ago
      Sixteen<K> next[2][2] = {};
      if (k + TERMS < end) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
          next[i / 2][i % 2] =
              load_16<K>(part, whole, first_row + g + i / 2 * 8, part.outer,
                         k + TERMS + i % 2 * 64 + 16 * t, part.terms);
        }
      }
#pragma unroll
      for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
          const narrow::Halves upper = four(now[0][i], j);
          const narrow::Halves lower = four(now[1][i], j);
          const uint32_t a[4] = {upper.low, lower.low, upper.high, lower.high};
#pragma unroll
          for (int n = 0; n < groups; n++) {
            const uint2 loaded =
                *reinterpret_cast<const uint2*>(few + (8 * n + g) * PITCH + 64 * i + 16 * t + 4 * j);
            const uint32_t b[2] = {loaded.x, loaded.y};
            narrow::multiply<narrow::OfFp16>(sums[n], a, b);
          }
        }
      }
#pragma unroll
      for (int i = 0; i < 4; i++) {
        now[i / 2][i % 2] = next[i / 2][i % 2];
      }
      few = few == shared ? shared + Few * PITCH : shared;
    }
    __syncthreads();
#pragma unroll
    for (int n = 0; n < groups; n++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int64_t row = first_row + g + e / 2 * 8;
        const int64_t column = 8 * n + 2 * t + e % 2;
        if (row < part.outer && column < part.few_outer) {
          part.sums[(index * part.few_outer + column) * part.outer + row] = sums[n][e];
        }
      }
    }
  }
}

constexpr int PITCH_OF_SUMS = 140;

// A warp writes 8 sums, 16 apart, of each of 4 rows at a time: padded so that each goes to a bank of its own.
__device__ __forceinline__ int place_of_sum(int row, int outer) {
  return row * PITCH_OF_SUMS + outer + outer / 16;
}

// The same where the outer index is innermost in memory. A block has 128 outer indices, and each of its
// warps every eighth 16 terms; their sums are added in the order of the warps.
template <Kind K, int Few>
__device__ __forceinline__ void multiply_across(const Part& part, uint16_t* few, float* sums_of_warps) {
  constexpr int groups = Few / 8;
  constexpr int tiles = 8;  // of 16 outer indices
  static_assert(TERMS == 16 * WARPS && ROWS == 16 * tiles, "each warp has 16 of the terms");
  const int lane = narrow::lane_of_warp();
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int g = lane / 4;
  const int t = lane % 4;
  const bool whole = part.stride * Sixteen<K>::bytes % 16 == 0 &&
                     reinterpret_cast<uintptr_t>(part.large) % 16 == 0;
  const bool few_whole = part.few_term_stride == 1 && part.few_stride % 4 == 0 &&
                         reinterpret_cast<uintptr_t>(part.few) % 8 == 0;
  const int64_t across = narrow::ceil_div(part.outer, ROWS);
  const int64_t blocks = across * narrow::ceil_div(part.terms, part.length);
  for (int64_t block = blockIdx.x; block < blocks; block += gridDim.x) {
    const int64_t first = block % across * ROWS;
    const int64_t index = block / across;
    const int64_t start = index * part.length;
    const int64_t end = part.terms - start < part.length ? part.terms : start + part.length;
    float sums[groups][tiles][4] = {};
    for (int64_t k = start; k < end; k += TERMS) {
      Sixteen<K> rows[4];  // of terms 2 t, 2 t + 1, 2 t + 8, 2 t + 9
#pragma unroll
      for (int i = 0; i < 4; i++) {
        rows[i] = load_16<K>(part, whole, k + 16 * warp + 2 * t + i % 2 + i / 2 * 8, end, first + 16 * g,
                             part.outer);
      }
      __syncthreads();  // nobody reads what was loaded before
      load_few<Few>(part, few_whole, k, few);
      __syncthreads();
      uint32_t b[groups][2];
#pragma unroll
      for (int n = 0; n < groups; n++) {
        const uint16_t* from = few + (8 * n + g) * PITCH + 16 * warp + 2 * t;
        b[n][0] = *reinterpret_cast<const uint32_t*>(from);
        b[n][1] = *reinterpret_cast<const uint32_t*>(from + 8);
      }
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const narrow::Halves z[4] = {four(rows[0], j), four(rows[1], j), four(rows[2], j),
                                     four(rows[3], j)};
#pragma unroll
        for (int i = 0; i < 2; i++) {
          const uint32_t w[4] = {i == 0 ? z[0].low : z[0].high, i == 0 ? z[1].low : z[1].high,
                                 i == 0 ? z[2].low : z[2].high, i == 0 ? z[3].low : z[3].high};
          const uint32_t a[4] = {narrow::detail::permute(w[0], w[1], 0x5410u),
                                 narrow::detail::permute(w[0], w[1], 0x7632u),
                                 narrow::detail::permute(w[2], w[3], 0x5410u),
                                 narrow::detail::permute(w[2], w[3], 0x7632u)};
#pragma unroll
          for (int n = 0; n < groups; n++) {
            narrow::multiply<narrow::OfFp16>(sums[n][2 * j + i], a, b[n]);
          }
        }
      }
    }
#pragma unroll
    for (int n = 0; n < groups; n++) {
      __syncthreads();
#pragma unroll
      for (int i = 0; i < tiles; i++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
          const int outer = 16 * g + 2 * i + e / 2;
          sums_of_warps[place_of_sum(warp * 8 + 2 * t + e % 2, outer)] = sums[n][i][e];
        }
      }
      __syncthreads();
      for (int i = static_cast<int>(threadIdx.x); i < 8 * ROWS; i += THREADS) {
        float sum = 0.0f;
        for (int w = 0; w < WARPS; w++) {
          sum += sums_of_warps[place_of_sum(8 * w + i / ROWS, i % ROWS)];
        }
        const int64_t column = 8 * n + i / ROWS;
        const int64_t outer = first + i % ROWS;
        if (outer < part.outer && column < part.few_outer) {
          part.sums[(index * part.few_outer + column) * part.outer + outer] = sum;
        }
      }
    }
  }
}

}  // namespace

#define SKINNY(NAME, KIND, FEW)                                                                   \
  extern "C" __global__ void __launch_bounds__(THREADS, (FEW) > 16 ? 1 : 2) NAME(const Part part) { \
    __align__(16) __shared__ uint16_t shared[2 * (FEW) * PITCH];                                  \
    multiply_part<Kind::KIND, FEW>(part, shared);                                                 \
  }

#define ACROSS(NAME, KIND, FEW)                                                        \
  extern "C" __global__ void __launch_bounds__(THREADS, 1) NAME(const Part part) {     \
    __align__(16) __shared__ uint16_t few[(FEW) * PITCH];                              \
    __shared__ float sums_of_warps[WARPS * 8 * PITCH_OF_SUMS];                         \
    multiply_across<Kind::KIND, FEW>(part, few, sums_of_warps);                        \
  }

#define SKINNIES(KIND)             \
  SKINNY(skinny_##KIND##_8, KIND, 8)   \
  SKINNY(skinny_##KIND##_16, KIND, 16) \
  SKINNY(skinny_##KIND##_64, KIND, 64) \
  ACROSS(skinny_across_##KIND##_8, KIND, 8)   \
  ACROSS(skinny_across_##KIND##_16, KIND, 16)

SKINNIES(fp16)
SKINNIES(e4m3)
SKINNIES(e5m2)
SKINNIES(lns8)

namespace {

struct Whole {
  const float* sums;  // [parts, few_outer, outer]
  int64_t parts;
  int64_t outer;
  int64_t few_outer;
  narrow::Target out;
  narrow::Scales scales;
  narrow::Epilogue epilogue;
  int32_t is_large_left;  // whether the outer index of the large matrix is the row of the result
  int32_t unused;
};

}  // namespace

// Adds up the parts of each sum and stores it.
extern "C" __global__ void skinny_sum(const Whole whole) {
  const int64_t n = whole.outer * whole.few_outer;
  const int64_t threads = gridDim.x * static_cast<int64_t>(blockDim.x);
  for (int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; i < n; i += threads) {
    float sum = 0.0f;
    for (int64_t part = 0; part < whole.parts; part++) {
      sum += whole.sums[part * n + i];
    }
    const int64_t outer = i % whole.outer;
    const int64_t few = i / whole.outer;
    const int64_t row = whole.is_large_left ? outer : few;
    const int64_t column = whole.is_large_left ? few : outer;
    const int64_t to = narrow::place(whole.out.view, 0, row, column);
    const float old = whole.epilogue.beta != 0 ? narrow::load(whole.out, to) : 0.0f;
    sum = narrow::scaled(whole.scales, sum, row, column);
    narrow::store(whole.out, to, narrow::finish(whole.epilogue, sum, column, old));
  }
}
