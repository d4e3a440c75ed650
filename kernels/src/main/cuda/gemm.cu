// Products of matrices on tensor cores: fp16, bf16, and 8-bit codes that become fp16 on the way into
// shared memory. Sums are in fp32, in an order that is the hardware's.
//
// A block computes tiles of 128x128, eight warps 64x32 each. While it multiplies one slice of 32 terms
// in shared memory the next one is on its way. Of which index neighbours in memory are neighbours is
// known at compile time for each operand: k (letter k below) or the row of A or column of B (letter m),
// which ldmatrix transposes. Elements that are not so, or not at multiples of 16 bytes, are loaded one
// by one.
#include "matrices.cuh"
#include "packed.cuh"
#include "tensor_cores.cuh"

namespace {

using narrow::Extents;
using narrow::Kind;
using narrow::View;

constexpr int TILE = 128;
constexpr int TERMS = 32;
constexpr int THREADS = 256;

// Eight elements more than a row has: rows of 16 bytes that ldmatrix reads together lie in different
// banks then.
constexpr int PITCH_K = TERMS + 8;
constexpr int PITCH_M = TILE + 8;

// Elements of a slice of an operand in shared memory, in either arrangement.
constexpr int SLICE = TILE * PITCH_K;
static_assert(TERMS * PITCH_M <= SLICE, "a slice holds either arrangement");

struct Product {
  View a;
  View b;
  narrow::Target out;
  Extents extents;
  narrow::Scales scales;
  narrow::Epilogue epilogue;
  Kind a_kind;
  Kind b_kind;
};

// One matrix of an operand, as the loader sees it: [outer, k].
struct Side {
  const void* data;
  int64_t outer;
  int64_t terms;
  int64_t outer_stride;
  int64_t term_stride;
  Kind kind;
  bool whole;  // whether 16 bytes can be loaded at a time
};

__device__ __forceinline__ int size_of(Kind kind) {
  return kind == Kind::fp16 || kind == Kind::bf16 ? 2 : 1;
}

template <bool AlongK>
__device__ __forceinline__ Side side_of(const View& view, int64_t matrix, int64_t outer, int64_t terms,
                                        int64_t outer_stride, int64_t term_stride, Kind kind) {
  int64_t size = size_of(kind);
  const void* data = static_cast<const char*>(view.data) + matrix * view.step * size;
  int64_t inner = AlongK ? term_stride : outer_stride;
  int64_t other = AlongK ? outer_stride : term_stride;
  bool whole = inner == 1 && other * size % 16 == 0 && reinterpret_cast<uintptr_t>(data) % 16 == 0;
  return {data, outer, terms, outer_stride, term_stride, kind, whole};
}

// How many of n elements from `from` on lie below the end.
__device__ __forceinline__ int below(int64_t from, int64_t end, int n) {
  return end - from >= n ? n : end > from ? static_cast<int>(end - from) : 0;
}

// Elements at a time along the inner index, as the codes of one load: 16 bytes.
struct Codes {
  uint32_t words[4];
};

// Up to 16 bytes of elements (outer, k) on, along k or along the outer index; zeros where there are none.
template <bool AlongK, int Size>
__device__ __forceinline__ Codes gather(const Side& side, int64_t outer, int64_t k) {
  constexpr int n = 16 / Size;
  bool inside = AlongK ? outer < side.outer : k < side.terms;
  int count = inside ? (AlongK ? below(k, side.terms, n) : below(outer, side.outer, n)) : 0;
  int64_t first = outer * side.outer_stride + k * side.term_stride;
  Codes codes = {{0, 0, 0, 0}};
  if (Size == 1 && side.whole && count == n) {
    uint4 loaded = *reinterpret_cast<const uint4*>(static_cast<const uint8_t*>(side.data) + first);
    return {{loaded.x, loaded.y, loaded.z, loaded.w}};
  }
  int64_t stride = AlongK ? side.term_stride : side.outer_stride;
#pragma unroll
  for (int i = 0; i < n; i++) {
    if (i < count) {
      uint32_t code = Size == 2 ? static_cast<const uint16_t*>(side.data)[first + i * stride]
                                : static_cast<const uint8_t*>(side.data)[first + i * stride];
      codes.words[i * Size / 4] |= code << (8 * Size * (i % (4 / Size)));
    }
  }
  return codes;
}

__device__ __forceinline__ narrow::Halves halves_of(Kind kind, uint32_t codes) {
  return kind == Kind::lns8   ? narrow::halves_of_lns8(codes)
         : kind == Kind::e4m3 ? narrow::halves_of_e4m3(codes)
                              : narrow::halves_of_e5m2(codes);
}

// A slice of an operand on its way to shared memory.
template <bool AlongK, bool Coded>
struct Loader {
  Side side;
  int64_t outer;  // of the tile
  Codes codes;    // of this thread, if they are of one byte

  static constexpr int pitch = AlongK ? PITCH_K : PITCH_M;

  // Of the inner index there are so many in a row of the slice.
  static constexpr int row = AlongK ? TERMS : TILE;

  __device__ __forceinline__ bool is_coded() const { return Coded && side.kind != Kind::fp16; }

  // Begins to load the slice from term k on.
  __device__ __forceinline__ void begin(int64_t k, uint16_t* slice) {
    if (is_coded()) {
      int inner = static_cast<int>(threadIdx.x) * 16 % row;
      int other = static_cast<int>(threadIdx.x) * 16 / row;
      codes = gather<AlongK, 1>(side, outer + (AlongK ? other : inner), k + (AlongK ? inner : other));
      return;
    }
#pragma unroll
    for (int i = 0; i < TILE * TERMS / 8 / THREADS; i++) {
      int chunk = static_cast<int>(threadIdx.x) + i * THREADS;
      int inner = chunk * 8 % row;
      int other = chunk * 8 / row;
      int64_t at_outer = outer + (AlongK ? other : inner);
      int64_t at_k = k + (AlongK ? inner : other);
      uint16_t* to = slice + other * pitch + inner;
      if (side.whole) {
        bool inside = AlongK ? at_outer < side.outer : at_k < side.terms;
        int count = inside ? (AlongK ? below(at_k, side.terms, 8) : below(at_outer, side.outer, 8)) : 0;
        int64_t first = count > 0 ? at_outer * side.outer_stride + at_k * side.term_stride : 0;
        narrow::copy_16(to, static_cast<const uint16_t*>(side.data) + first, 2 * count);
      } else {
        Codes halves = gather<AlongK, 2>(side, at_outer, at_k);
        *reinterpret_cast<uint4*>(to) =
            make_uint4(halves.words[0], halves.words[1], halves.words[2], halves.words[3]);
      }
    }
  }

  // Decodes what was loaded: it is there after the next barrier.
  __device__ __forceinline__ void end(uint16_t* slice) {
    if (!is_coded()) {
      return;
    }
    int inner = static_cast<int>(threadIdx.x) * 16 % row;
    int other = static_cast<int>(threadIdx.x) * 16 / row;
    uint4* to = reinterpret_cast<uint4*>(slice + other * pitch + inner);
#pragma unroll
    for (int i = 0; i < 2; i++) {
      narrow::Halves first = halves_of(side.kind, codes.words[2 * i]);
      narrow::Halves second = halves_of(side.kind, codes.words[2 * i + 1]);
      to[i] = make_uint4(first.low, first.high, second.low, second.high);
    }
  }
};

// The fragments of 16 rows of A from (row, k) of a slice on.
template <bool AlongK>
__device__ __forceinline__ void load_a(const uint16_t* slice, int row, int k, uint32_t fragment[4]) {
  int lane = narrow::lane_of_warp();
  int down = lane % 16;
  int right = lane / 16 * 8;
  if (AlongK) {
    narrow::load_matrices<false>(slice + (row + down) * PITCH_K + k + right, fragment);
  } else {
    down = lane / 8 % 2 * 8;
    right = lane % 8 + lane / 16 * 8;
    narrow::load_matrices<true>(slice + (k + right) * PITCH_M + row + down, fragment);
  }
}

// The fragments of 16 columns of B: two of eight.
template <bool AlongK>
__device__ __forceinline__ void load_b(const uint16_t* slice, int column, int k, uint32_t fragment[4]) {
  int lane = narrow::lane_of_warp();
  if (AlongK) {
    int right = lane % 8 + lane / 16 * 8;
    int down = lane / 8 % 2 * 8;
    narrow::load_matrices<false>(slice + (column + right) * PITCH_K + k + down, fragment);
  } else {
    int right = lane / 16 * 8;
    int down = lane % 16;
    narrow::load_matrices<true>(slice + (k + down) * PITCH_M + column + right, fragment);
  }
}

// A warp's part of a tile: two of them down, four across.
constexpr int PART_ROWS = 64;
constexpr int PART_COLUMNS = 32;

using Sums = float[PART_ROWS / 16][PART_COLUMNS / 8][4];

// Through shared memory, first the upper half of the tile, then the lower one: so neighbours are
// stored by neighbours, and what is done to a sum is in the code only once.
__device__ __forceinline__ void store_tile(const Product& product, const narrow::Tile& tile, const Sums& sums,
                                           int half, int part_column, float* shared) {
  constexpr int pitch = TILE + 4;
  static_assert(PART_ROWS * pitch * sizeof(float) <= 4 * SLICE * sizeof(uint16_t), "half a tile fits");
  const int lane = narrow::lane_of_warp();
  for (int turn = 0; turn < 2; turn++) {
    __syncthreads();  // nobody reads what lies there
    if (turn == half) {
#pragma unroll
      for (int i = 0; i < PART_ROWS / 16; i++) {
#pragma unroll
        for (int j = 0; j < PART_COLUMNS / 8; j++) {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const int row = 16 * i + lane / 4 + e / 2 * 8;
            const int column = part_column + 8 * j + lane % 4 * 2 + e % 2;
            shared[row * pitch + column] = sums[i][j][e];
          }
        }
      }
    }
    __syncthreads();
    const int64_t column = tile.column + threadIdx.x % TILE;
    const int64_t first = tile.row + turn * PART_ROWS;
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x) / TILE; i < PART_ROWS; i += THREADS / TILE) {
      const int64_t row = first + i;
      if (row < product.extents.rows && column < product.extents.columns) {
        const int64_t to = narrow::place(product.out.view, tile.matrix, row, column);
        const float old = product.epilogue.beta != 0 ? narrow::load(product.out, to) : 0.0f;
        const float sum = narrow::scaled(product.scales, shared[i * pitch + threadIdx.x % TILE], row, column);
        narrow::store(product.out, to, narrow::finish(product.epilogue, sum, column, old));
      }
    }
  }
  __syncthreads();  // before the next tile's first slice is loaded
}

template <class Element, bool Coded, bool AAlongK, bool BAlongK>
__device__ __forceinline__ void gemm(const Product& product, uint16_t* shared) {
  constexpr int rows = PART_ROWS;
  constexpr int columns = PART_COLUMNS;
  const Extents& extents = product.extents;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int warp_row = warp / 4 * rows;
  const int warp_column = warp % 4 * columns;
  const int64_t tiles = narrow::count_tiles(extents, TILE, TILE);
  const int slices = static_cast<int>(narrow::ceil_div(extents.terms, TERMS));
  for (int64_t index = blockIdx.x; index < tiles; index += gridDim.x) {
    const narrow::Tile tile = narrow::tile_at(index, extents, TILE, TILE);
    Loader<AAlongK, Coded> a = {
        side_of<AAlongK>(product.a, tile.matrix, extents.rows, extents.terms, product.a.row_stride,
                         product.a.column_stride, product.a_kind),
        tile.row,
        {}};
    Loader<BAlongK, Coded> b = {
        side_of<BAlongK>(product.b, tile.matrix, extents.columns, extents.terms, product.b.column_stride,
                         product.b.row_stride, product.b_kind),
        tile.column,
        {}};
    Sums sums = {};
    a.begin(0, shared);
    b.begin(0, shared + SLICE);
    a.end(shared);
    b.end(shared + SLICE);
    for (int slice = 0; slice < slices; slice++) {
      const uint16_t* a_slice = shared + slice % 2 * (2 * SLICE);
      const uint16_t* b_slice = a_slice + SLICE;
      uint16_t* a_next = shared + (slice + 1) % 2 * (2 * SLICE);
      uint16_t* b_next = a_next + SLICE;
      narrow::wait_for_copies();
      __syncthreads();  // the slice is there, and nobody reads the one before it
      const bool more = slice + 1 < slices;
      if (more) {
        a.begin((slice + int64_t{1}) * TERMS, a_next);
        b.begin((slice + int64_t{1}) * TERMS, b_next);
      }
#pragma unroll
      for (int k = 0; k < TERMS; k += 16) {
        uint32_t left[rows / 16][4];
        uint32_t right[columns / 16][4];
#pragma unroll
        for (int i = 0; i < rows / 16; i++) {
          load_a<AAlongK>(a_slice, warp_row + 16 * i, k, left[i]);
        }
#pragma unroll
        for (int j = 0; j < columns / 16; j++) {
          load_b<BAlongK>(b_slice, warp_column + 16 * j, k, right[j]);
        }
#pragma unroll
        for (int i = 0; i < rows / 16; i++) {
#pragma unroll
          for (int j = 0; j < columns / 8; j++) {
            narrow::multiply<Element>(sums[i][j], left[i], right[j / 2] + j % 2 * 2);
          }
        }
      }
      if (more) {
        a.end(a_next);
        b.end(b_next);
      }
    }
    store_tile(product, tile, sums, warp / 4, warp_column, reinterpret_cast<float*>(shared));
  }
}

}  // namespace

// Blocks on a multiprocessor. Two are 128 registers a thread, which is too few to decode as well, and
// for the addresses of the one arrangement that no layer of a network has.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define BLOCKS_EACH(CODED, A_ALONG_K, B_ALONG_K) 1
#else
#define BLOCKS_EACH(CODED, A_ALONG_K, B_ALONG_K) ((CODED) || (!(A_ALONG_K) && (B_ALONG_K)) ? 1 : 2)
#endif

#define GEMM(NAME, ELEMENT, CODED, A_ALONG_K, B_ALONG_K)                                   \
  extern "C" __global__ void                                                               \
  __launch_bounds__(THREADS, BLOCKS_EACH(CODED, A_ALONG_K, B_ALONG_K)) NAME(const Product product) { \
    __align__(16) __shared__ uint16_t shared[4 * SLICE];                                   \
    gemm<narrow::ELEMENT, CODED, A_ALONG_K, B_ALONG_K>(product, shared);                   \
  }

#define GEMMS(NAME, ELEMENT, CODED)              \
  GEMM(NAME##_kk, ELEMENT, CODED, true, true)    \
  GEMM(NAME##_km, ELEMENT, CODED, true, false)   \
  GEMM(NAME##_mk, ELEMENT, CODED, false, true)   \
  GEMM(NAME##_mm, ELEMENT, CODED, false, false)

// Elements of either operand are fp16.
GEMMS(gemm_fp16, OfFp16, false)

// They are fp16, E4M3, E5M2 or LNS8.
GEMMS(gemm_codes, OfFp16, true)

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
GEMMS(gemm_bf16, OfBf16, false)
#endif

// ---------------------------------------------------------------------------------------------
// Codes to fp16 beforehand
// ---------------------------------------------------------------------------------------------

namespace {

template <Kind K>
__device__ __forceinline__ void unpack(const uint8_t* codes, uint16_t* halves, int64_t n) {
  const int64_t threads = gridDim.x * static_cast<int64_t>(blockDim.x);
  const bool whole = ((reinterpret_cast<uintptr_t>(codes) | reinterpret_cast<uintptr_t>(halves)) & 15) == 0;
  for (int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x; 16 * i < n; i += threads) {
    if (whole && 16 * i + 16 <= n) {
      const uint4 loaded = reinterpret_cast<const uint4*>(codes)[i];
      const uint32_t words[4] = {loaded.x, loaded.y, loaded.z, loaded.w};
#pragma unroll
      for (int j = 0; j < 2; j++) {
        const narrow::Halves first = halves_of(K, words[2 * j]);
        const narrow::Halves second = halves_of(K, words[2 * j + 1]);
        reinterpret_cast<uint4*>(halves)[2 * i + j] =
            make_uint4(first.low, first.high, second.low, second.high);
      }
    } else {
      for (int64_t j = 16 * i; j < n && j < 16 * i + 16; j++) {
        halves[j] = static_cast<uint16_t>(halves_of(K, codes[j]).low);
      }
    }
  }
}

}  // namespace

extern "C" __global__ void unpack_e4m3(const uint8_t* codes, uint16_t* halves, int64_t n) {
  unpack<Kind::e4m3>(codes, halves, n);
}

extern "C" __global__ void unpack_e5m2(const uint8_t* codes, uint16_t* halves, int64_t n) {
  unpack<Kind::e5m2>(codes, halves, n);
}

extern "C" __global__ void unpack_lns8(const uint8_t* codes, uint16_t* halves, int64_t n) {
  unpack<Kind::lns8>(codes, halves, n);
}
