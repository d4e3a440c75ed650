// A ring of copies and products of one warpgroup, right and with mistakes, for the tests of the emulator's
// models: y = a b^T for a of 64 rows and b of 256, both of `slices` times 64 terms.
#include "hopper.cuh"
#include "tensor_cores.cuh"

namespace {

enum class Mistake {
  none,
  full,        // does not wait until a slice is there
  empty,       // does not wait until a slice may be overwritten
  early,       // gives a slice back before it is multiplied
  unfenced,    // does not fence registers
  unseen,      // does not show barriers to copies
  pattern,     // names another exchange of 16 bytes than the copy has made
  groups,      // names another distance of groups of rows
  unexpected,  // does not say how many bytes there will be
  endless,     // never copies
  unwaited,    // ends before its products do
};

constexpr uint32_t LINE = 128;
constexpr uint32_t GROUP = 8 * LINE;
constexpr uint32_t A_BYTES = 64 * LINE;
constexpr uint32_t STAGE = A_BYTES + 256 * LINE;
constexpr uint32_t STAGES = 2;

template <Mistake M>
__device__ __forceinline__ void wait(uint32_t barrier, uint32_t parity) {
  const uint64_t start = narrow::global_nanoseconds();
  while (!narrow::barrier_try_wait(barrier, parity)) {
    if (narrow::global_nanoseconds() - start > 10'000'000'000) {
      narrow::trap();
    }
  }
}

template <Mistake M>
__device__ __forceinline__ void ring(const narrow::TensorMap& a, const narrow::TensorMap& b, float* y,
                                     int slices) {
  char* const start = static_cast<char*>(narrow::dynamic_shared());
  const uint32_t base = narrow::shared_address(start) + (0 - narrow::shared_address(start)) % GROUP;
  const uint32_t full = base + STAGES * STAGE;
  const uint32_t empty = full + 8 * STAGES;
  if (threadIdx.x == 0) {
    for (uint32_t stage = 0; stage < STAGES; stage++) {
      narrow::barrier_init(full + 8 * stage, 1);
      narrow::barrier_init(empty + 8 * stage, 4);
    }
    if (M != Mistake::unseen) {
      narrow::barrier_fence();
    }
  }
  __syncthreads();
  if (threadIdx.x >= 128) {
    for (int slice = 0; slice < slices && threadIdx.x == 128 && M != Mistake::endless; slice++) {
      const uint32_t stage = static_cast<uint32_t>(slice) % STAGES;
      if (M != Mistake::empty) {
        wait<M>(empty + 8 * stage, static_cast<uint32_t>(slice) / STAGES % 2 ^ 1);
      }
      if (M == Mistake::unexpected) {
        narrow::barrier_arrive(full + 8 * stage);
      } else {
        narrow::barrier_arrive_expecting(full + 8 * stage, STAGE);
      }
      narrow::copy_box(base + stage * STAGE, a, 64 * slice, 0, 0, full + 8 * stage);
      narrow::copy_box(base + stage * STAGE + A_BYTES, b, 64 * slice, 0, 0, full + 8 * stage);
    }
    return;
  }
  const int lane = narrow::lane_of_warp();
  float sums[128];
  for (int slice = 0; slice < slices; slice++) {
    const uint32_t stage = static_cast<uint32_t>(slice) % STAGES;
    if (M != Mistake::full) {
      wait<M>(full + 8 * stage, static_cast<uint32_t>(slice) / STAGES % 2);
    }
    if (M != Mistake::unfenced) {
      narrow::products_fence();
    }
    for (uint32_t i = 0; i < 4; i++) {
      const uint32_t distance = M == Mistake::groups ? 2 * GROUP : GROUP;
      uint64_t left = narrow::matrix_descriptor(base + stage * STAGE + 32 * i, distance, 0);
      uint64_t right = narrow::matrix_descriptor(base + stage * STAGE + A_BYTES + 32 * i, GROUP, 0);
      if (M == Mistake::pattern) {
        right ^= uint64_t{1} << 62 | uint64_t{2} << 62;
      }
      narrow::multiply_64x256<narrow::OfFp16, false, false>(sums, left, right, slice > 0 || i > 0);
    }
    narrow::products_commit();
    if (M == Mistake::unwaited && slice == slices - 1) {
      return;
    }
    if (M == Mistake::early && lane == 0) {
      narrow::barrier_arrive(empty + 8 * stage);
    }
    if (M == Mistake::early && slice + 1 < slices) {  // as if the next slice's wait were enough
      narrow::products_wait<1>();
      continue;
    }
    narrow::products_wait<0>();
    if (M != Mistake::early && lane == 0) {
      narrow::barrier_arrive(empty + 8 * stage);
    }
  }
  const int row = static_cast<int>(threadIdx.x) / 32 * 16 + lane / 4;
  for (int i = 0; i < 128; i++) {
    y[(row + i / 2 % 2 * 8) * 256 + i / 4 * 8 + lane % 4 * 2 + i % 2] = sums[i];
  }
}

}  // namespace

#define RING(NAME)                                                                                  \
  extern "C" __global__ void planted_ring_##NAME(const __grid_constant__ narrow::TensorMap a,       \
                                                 const __grid_constant__ narrow::TensorMap b, float* y, \
                                                 int slices) {                                      \
    ring<Mistake::NAME>(a, b, y, slices);                                                           \
  }

RING(none)
RING(full)
RING(empty)
RING(early)
RING(unfenced)
RING(unseen)
RING(pattern)
RING(groups)
RING(unexpected)
RING(endless)
RING(unwaited)
