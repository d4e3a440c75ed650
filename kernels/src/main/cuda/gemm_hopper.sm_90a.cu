// Products of matrices of fp16, bf16, or E4M3 and E5M2 on compute capability 9.0, with sums in fp32.
//
// A block computes tiles of 128 rows and stays for as many as there are. Its first warpgroup brings slices
// of 128 bytes of terms of both operands to a ring in shared memory; each of the two others multiplies one
// half of the tile's rows. An operand whose rows (of A) or columns (of B) are neighbours in memory, and not its
// terms, lies in shared memory as it does there: letter m in the names below, and k otherwise.
//
// No wait is for ever. A mistake in the ring would be a GPU that hangs until it is reset, so whoever has
// waited for longer than any copy takes gives up: see wait().
#include "hopper.cuh"
#include "matrices.cuh"
#include "tensor_cores.cuh"

namespace {

using narrow::Extents;

constexpr int ROWS = 128;
constexpr int WARPGROUP = 128;
constexpr int CONSUMERS = 2;
constexpr int THREADS = (1 + CONSUMERS) * WARPGROUP;
constexpr int CONSUMER_ROWS = ROWS / CONSUMERS;

// Bytes in shared memory: of a row of a slice; of eight such rows, in which the exchange of 16 bytes
// repeats itself; of 64 such rows.
constexpr uint32_t LINE = 128;
constexpr uint32_t GROUP = 8 * LINE;
constexpr uint32_t BLOCK = 64 * LINE;

// Elements of 16 bits.
template <class Element, bool AAlongK, bool BAlongK>
struct Halves {
  static constexpr int TERMS = 64;
  static constexpr int COLUMNS = 256;
  static constexpr uint32_t STAGES = 4;
  static constexpr bool A_ALONG_K = AAlongK;
  static constexpr bool B_ALONG_K = BAlongK;
  static constexpr bool PROMOTES = false;

  static __device__ __forceinline__ void multiply(float (&d)[128], uint64_t a, uint64_t b, bool adds) {
    narrow::multiply_64x256<Element, !AAlongK, !BAlongK>(d, a, b, adds);
  }
};

// Elements of 8 bits, which must lie along k. Tensor cores keep about 14 bits of their sums (DeepSeek-V3
// Technical Report, 3.3.2), so that each slice's go to other registers where they are added in fp32: then
// the tile has half of the columns.
template <class A, class B>
struct Codes {
  static constexpr int TERMS = 128;
  static constexpr int COLUMNS = 128;
  static constexpr uint32_t STAGES = 6;
  static constexpr bool A_ALONG_K = true;
  static constexpr bool B_ALONG_K = true;
  static constexpr bool PROMOTES = true;

  static __device__ __forceinline__ void multiply(float (&d)[64], uint64_t a, uint64_t b, bool adds) {
    narrow::multiply_64x128<A, B>(d, a, b, adds);
  }
};

// Sums on their way to memory: of a warp 16 rows of 32 columns at a time, the rows so far apart that
// nobody waits for a bank.
constexpr int PART_COLUMNS = 32;
constexpr int PART_PITCH = PART_COLUMNS + 8;
constexpr uint32_t PART = 16 * PART_PITCH * sizeof(float);

// From the first multiple of GROUP on: the ring, the parts of all warps, the barriers.
template <class How>
struct Layout {
  static constexpr uint32_t A_BYTES = ROWS * LINE;
  static constexpr uint32_t STAGE = A_BYTES + How::COLUMNS * LINE;
  static constexpr uint32_t PARTS_AT = How::STAGES * STAGE;
  static constexpr uint32_t BARRIERS_AT = PARTS_AT + CONSUMERS * 4 * PART;
  static constexpr uint32_t SHARED = GROUP + BARRIERS_AT + How::STAGES * 2 * 8;
  static_assert(SHARED <= 218'240, "HopperGemm gives a block as much");
};

// Registers of a thread that copies, and of one that multiplies: 65536 in all.
constexpr int COPYING = 40;
constexpr int MULTIPLYING = 232;

constexpr uint64_t LONGEST_WAIT = 10'000'000'000;  // ns

struct Product {
  narrow::Target out;
  Extents extents;
  narrow::Scales scales;
  narrow::Epilogue epilogue;
  int32_t* failure;  // see wait()
  int32_t a_step;    // matrices from one product to the next: 1, or 0 where all have the same
  int32_t b_step;
};

// Where a thread is in the ring.
template <class How>
struct Place {
  uint32_t stage = 0;
  uint32_t parity = 0;

  __device__ __forceinline__ void next() {
    if (++stage == How::STAGES) {
      stage = 0;
      parity ^= 1;
    }
  }
};

template <class How>
struct Ring {
  uint32_t base;

  __device__ __forceinline__ uint32_t a(uint32_t stage) const { return base + stage * Layout<How>::STAGE; }
  __device__ __forceinline__ uint32_t b(uint32_t stage) const { return a(stage) + Layout<How>::A_BYTES; }
  __device__ __forceinline__ uint32_t full(uint32_t stage) const {
    return base + Layout<How>::BARRIERS_AT + stage * 8;
  }
  __device__ __forceinline__ uint32_t empty(uint32_t stage) const {
    return full(stage) + How::STAGES * 8;
  }
};

// Waits for a phase. After LONGEST_WAIT the launch fails, and with it the context. Where a place for
// failures is given, as for the first product on a device, which is there to be looked at, the thread writes
// 1 to it and returns false: then it must end.
__device__ __forceinline__ bool wait(uint32_t barrier, uint32_t parity, int32_t* failure) {
  if (narrow::barrier_try_wait(barrier, parity)) {
    return true;
  }
  const uint64_t start = narrow::global_nanoseconds();
  while (!narrow::barrier_try_wait(barrier, parity)) {
    if (narrow::global_nanoseconds() - start > LONGEST_WAIT) {
      if (failure == nullptr) {
        narrow::trap();
      } else {
        atomicExch(failure, 1);
      }
      return false;
    }
  }
  return true;
}

template <class How>
__device__ __forceinline__ void copy(const narrow::TensorMap& a, const narrow::TensorMap& b,
                                     const Product& product, const Ring<How>& ring) {
  const Extents& extents = product.extents;
  const int64_t tiles = narrow::count_tiles(extents, ROWS, How::COLUMNS);
  const int slices = static_cast<int>(narrow::ceil_div(extents.terms, How::TERMS));
  Place<How> place;
  for (int64_t index = blockIdx.x; index < tiles; index += gridDim.x) {
    const narrow::Tile tile = narrow::tile_at(index, extents, ROWS, How::COLUMNS);
    const int row = static_cast<int>(tile.row);
    const int column = static_cast<int>(tile.column);
    const int a_matrix = static_cast<int>(tile.matrix) * product.a_step;
    const int b_matrix = static_cast<int>(tile.matrix) * product.b_step;
    for (int slice = 0; slice < slices; slice++) {
      if (!wait(ring.empty(place.stage), place.parity ^ 1, product.failure)) {
        return;
      }
      const uint32_t full = ring.full(place.stage);
      narrow::barrier_arrive_expecting(full, Layout<How>::STAGE);
      const int term = slice * How::TERMS;
      if (How::A_ALONG_K) {
        narrow::copy_box(ring.a(place.stage), a, term, row, a_matrix, full);
      } else {
#pragma unroll
        for (int i = 0; i < ROWS / 64; i++) {
          narrow::copy_box(ring.a(place.stage) + i * BLOCK, a, row + 64 * i, term, a_matrix, full);
        }
      }
      if (How::B_ALONG_K) {
        narrow::copy_box(ring.b(place.stage), b, term, column, b_matrix, full);
      } else {
#pragma unroll
        for (int i = 0; i < How::COLUMNS / 64; i++) {
          narrow::copy_box(ring.b(place.stage) + i * BLOCK, b, column + 64 * i, term, b_matrix, full);
        }
      }
      place.next();
    }
  }
}

// Four neighbours of a row of the result, if they can be stored at once.
__device__ __forceinline__ void store_four(const narrow::Target& out, int64_t to, const float value[4]) {
  if (out.kind == narrow::Kind::fp32) {
    *reinterpret_cast<float4*>(static_cast<float*>(out.view.data) + to) =
        make_float4(value[0], value[1], value[2], value[3]);
    return;
  }
  uint32_t codes[4];
#pragma unroll
  for (int i = 0; i < 4; i++) {
    codes[i] = out.kind == narrow::Kind::fp16 ? narrow::encode<narrow::FP16>(value[i])
                                              : narrow::encode<narrow::BF16>(value[i]);
  }
  *reinterpret_cast<uint2*>(static_cast<uint16_t*>(out.view.data) + to) =
      make_uint2(codes[0] | codes[1] << 16, codes[2] | codes[3] << 16);
}

__device__ __forceinline__ bool stores_four(const narrow::Target& out) {
  const int64_t size = out.kind == narrow::Kind::fp32 ? 4 : 2;
  const int64_t places = out.view.step | out.view.row_stride;
  return (out.kind == narrow::Kind::fp32 || out.kind == narrow::Kind::fp16 ||
          out.kind == narrow::Kind::bf16) &&
         out.divisor == 1.0f && out.view.column_stride == 1 && places % 4 == 0 &&
         reinterpret_cast<uintptr_t>(out.view.data) % (4 * size) == 0;
}

// The sums of a warp, 16 rows from `row` on.
template <int COLUMNS>
__device__ __forceinline__ void store(const Product& product, const narrow::Tile& tile, int64_t row,
                                      const float (&sums)[COLUMNS / 2], float* part) {
  const int lane = narrow::lane_of_warp();
  const bool fours = stores_four(product.out) && product.epilogue.beta == 0;
#pragma unroll 1
  for (int turn = 0; turn < COLUMNS / PART_COLUMNS; turn++) {
    __syncwarp();  // nobody reads what lies there
#pragma unroll
    for (int j = 0; j < COLUMNS / 8; j++) {  // registers have no index: the turn is compared
      if (j / (PART_COLUMNS / 8) == turn) {
        const int at = lane / 4 * PART_PITCH + j % (PART_COLUMNS / 8) * 8 + lane % 4 * 2;
        *reinterpret_cast<float2*>(part + at) = make_float2(sums[4 * j], sums[4 * j + 1]);
        *reinterpret_cast<float2*>(part + at + 8 * PART_PITCH) =
            make_float2(sums[4 * j + 2], sums[4 * j + 3]);
      }
    }
    __syncwarp();
    const int64_t column = tile.column + turn * PART_COLUMNS + lane % 8 * 4;
#pragma unroll 1
    for (int i = lane / 8; i < 16; i += 4) {
      if (row + i >= product.extents.rows || column >= product.extents.columns) {
        continue;
      }
      const float* from = part + i * PART_PITCH + lane % 8 * 4;
      const int64_t to = narrow::place(product.out.view, tile.matrix, row + i, column);
      if (fours && column + 4 <= product.extents.columns) {
        const float4 loaded = *reinterpret_cast<const float4*>(from);
        float value[4] = {loaded.x, loaded.y, loaded.z, loaded.w};
#pragma unroll
        for (int e = 0; e < 4; e++) {
          const float sum = narrow::scaled(product.scales, value[e], row + i, column + e);
          value[e] = narrow::before_activation(product.epilogue, sum, column + e, 0.0f);
        }
        if (product.epilogue.activation != 0) {
#pragma unroll 1
          for (int e = 0; e < 4; e++) {  // its code only once: the values go round
            const float first = narrow::activated(product.epilogue, value[0]);
            value[0] = value[1];
            value[1] = value[2];
            value[2] = value[3];
            value[3] = first;
          }
        }
        store_four(product.out, to, value);
        continue;
      }
#pragma unroll 1
      for (int e = 0; e < 4 && column + e < product.extents.columns; e++) {
        const int64_t at = to + e * product.out.view.column_stride;
        const float old = product.epilogue.beta != 0 ? narrow::load(product.out, at) : 0.0f;
        const float sum = narrow::scaled(product.scales, from[e], row + i, column + e);
        narrow::store(product.out, at, narrow::finish(product.epilogue, sum, column + e, old));
      }
    }
  }
}

template <class How>
__device__ __forceinline__ void multiply(const Product& product, const Ring<How>& ring, int consumer,
                                         float* part) {
  const Extents& extents = product.extents;
  const int64_t tiles = narrow::count_tiles(extents, ROWS, How::COLUMNS);
  const int slices = static_cast<int>(narrow::ceil_div(extents.terms, How::TERMS));
  const int warp = static_cast<int>(threadIdx.x) % WARPGROUP / 32;
  const bool arrives = narrow::lane_of_warp() == 0;
  constexpr uint32_t a_step = How::A_ALONG_K ? 32 : 16 * LINE;  // bytes to the terms of the next product
  constexpr uint32_t b_step = How::B_ALONG_K ? 32 : 16 * LINE;
  Place<How> place;
  float sums[How::COLUMNS / 2];
  float totals[How::PROMOTES ? How::COLUMNS / 2 : 1];
  for (int64_t index = blockIdx.x; index < tiles; index += gridDim.x) {
    uint32_t before = 0;  // the stage that is still being multiplied
#pragma unroll 1
    for (int slice = 0; slice < slices; slice++) {
      if (!wait(ring.full(place.stage), place.parity, product.failure)) {
        narrow::products_wait<0>();
        return;
      }
      const uint32_t a = ring.a(place.stage) + static_cast<uint32_t>(consumer) * CONSUMER_ROWS * LINE;
      const uint32_t b = ring.b(place.stage);
      narrow::products_fence();
#pragma unroll
      for (int i = 0; i < 4; i++) {
        How::multiply(sums, narrow::matrix_descriptor(a + i * a_step, GROUP, BLOCK),
                      narrow::matrix_descriptor(b + i * b_step, GROUP, BLOCK),
                      i > 0 || (slice > 0 && !How::PROMOTES));
      }
      narrow::products_commit();
      if constexpr (How::PROMOTES) {
        narrow::products_wait<0>();
        narrow::settle(sums);
        if (arrives) {
          narrow::barrier_arrive(ring.empty(place.stage));
        }
#pragma unroll
        for (int i = 0; i < How::COLUMNS / 2; i++) {
          totals[i] = slice == 0 ? sums[i] : totals[i] + sums[i];
        }
      } else {
        narrow::products_wait<1>();
        if (slice > 0 && arrives) {  // the slice before has been read by this warp
          narrow::barrier_arrive(ring.empty(before));
        }
        before = place.stage;
      }
      place.next();
    }
    const narrow::Tile tile = narrow::tile_at(index, extents, ROWS, How::COLUMNS);
    const int64_t row = tile.row + consumer * CONSUMER_ROWS + warp * 16;
    if constexpr (How::PROMOTES) {
      store<How::COLUMNS>(product, tile, row, totals, part);
    } else {
      narrow::products_wait<0>();
      narrow::settle(sums);
      if (arrives) {
        narrow::barrier_arrive(ring.empty(before));
      }
      store<How::COLUMNS>(product, tile, row, sums, part);
    }
  }
}

template <class How>
__device__ __forceinline__ void gemm(const narrow::TensorMap& a, const narrow::TensorMap& b,
                                     const Product& product) {
  char* const start = static_cast<char*>(narrow::dynamic_shared());
  const uint32_t skipped = (0 - narrow::shared_address(start)) % GROUP;
  const Ring<How> ring = {narrow::shared_address(start) + skipped};
  if (threadIdx.x == 0) {
    for (uint32_t stage = 0; stage < How::STAGES; stage++) {
      narrow::barrier_init(ring.full(stage), 1);
      narrow::barrier_init(ring.empty(stage), CONSUMERS * 4);  // a lane of each warp
    }
    narrow::barrier_fence();
  }
  __syncthreads();
  const int warpgroup = static_cast<int>(threadIdx.x) / WARPGROUP;
  if (warpgroup == 0) {
    narrow::give_registers<COPYING>();
    if (threadIdx.x == 0) {
      copy(a, b, product, ring);
    }
  } else {
    narrow::take_registers<MULTIPLYING>();
    const int warp = static_cast<int>(threadIdx.x) / 32 - 4;
    float* part = reinterpret_cast<float*>(start + skipped + Layout<How>::PARTS_AT + warp * PART);
    multiply(product, ring, warpgroup - 1, part);
  }
}

}  // namespace

#define GEMM(NAME, ...)                                                                            \
  extern "C" __global__ void __launch_bounds__(THREADS, 1)                                         \
      NAME(const __grid_constant__ narrow::TensorMap a, const __grid_constant__ narrow::TensorMap b, \
           const __grid_constant__ Product product) {                                              \
    gemm<__VA_ARGS__>(a, b, product);                                                              \
  }

#define GEMMS(NAME, ELEMENT)                             \
  GEMM(NAME##_kk, Halves<narrow::ELEMENT, true, true>)   \
  GEMM(NAME##_km, Halves<narrow::ELEMENT, true, false>)  \
  GEMM(NAME##_mk, Halves<narrow::ELEMENT, false, true>)  \
  GEMM(NAME##_mm, Halves<narrow::ELEMENT, false, false>)

GEMMS(hopper_fp16, OfFp16)
GEMMS(hopper_bf16, OfBf16)
GEMM(hopper_e4m3_e4m3_kk, Codes<narrow::OfE4m3, narrow::OfE4m3>)
GEMM(hopper_e4m3_e5m2_kk, Codes<narrow::OfE4m3, narrow::OfE5m2>)
GEMM(hopper_e5m2_e4m3_kk, Codes<narrow::OfE5m2, narrow::OfE4m3>)
GEMM(hopper_e5m2_e5m2_kk, Codes<narrow::OfE5m2, narrow::OfE5m2>)
