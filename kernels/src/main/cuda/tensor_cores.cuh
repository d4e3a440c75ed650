// Instructions of tensor cores and of asynchronous copies, and what they do where there are none: on
// the processor. Fragments are those of mma.m16n8k16 (PTX ISA, Matrix fragments): with g = lane / 4 and
// t = lane % 4 a thread has rows g and g + 8 of A, column g of B, rows g and g + 8 and columns 2 t and
// 2 t + 1 of C.
#ifndef NARROW_TENSOR_CORES_CUH
#define NARROW_TENSOR_CORES_CUH

#include "narrow.cuh"

namespace narrow {

__device__ __forceinline__ int lane_of_warp() { return static_cast<int>(threadIdx.x % 32); }

// ---------------------------------------------------------------------------------------------
// Asynchronous copies
// ---------------------------------------------------------------------------------------------

#if defined(NARROW_EMULATOR)
// A copy is done when it is waited for, and until then there is NaN in its place.
namespace detail {

struct PendingCopy {
  void* to;
  const void* from;
  int bytes;
};

struct PendingCopies {
  PendingCopy copies[64];
  int count = 0;
};

inline PendingCopies pending_copies[1024];  // of the threads of a block: blocks run one after another

// In steps of fixed sizes, which a compiler that watches memory sees as accesses of the kernel.
inline void write_16(void* to, const uint64_t words[2]) {
  memcpy(to, &words[0], 8);
  memcpy(static_cast<char*>(to) + 8, &words[1], 8);
}

}  // namespace detail
#endif

// 16 bytes to shared memory, the first so many of them from global memory, zeros behind; both places
// are multiples of 16. From sm_80 on, and in the emulator, they are there after wait_for_copies.
__device__ __forceinline__ void copy_16(void* to, const void* from, int bytes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  uint32_t shared = static_cast<uint32_t>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(from), "r"(bytes)
               : "memory");
#elif defined(__CUDA_ARCH__)
  uint4 value = make_uint4(0, 0, 0, 0);
  if (bytes == 16) {
    value = *static_cast<const uint4*>(from);
  } else {  // halves
    uint32_t words[4] = {0, 0, 0, 0};
#pragma unroll
    for (int i = 0; i < 8; i++) {
      if (2 * i < bytes) {
        words[i / 2] |= static_cast<uint32_t>(static_cast<const uint16_t*>(from)[i]) << (16 * (i % 2));
      }
    }
    value = make_uint4(words[0], words[1], words[2], words[3]);
  }
  *static_cast<uint4*>(to) = value;
#elif defined(NARROW_EMULATOR)
  detail::PendingCopies& pending = detail::pending_copies[threadIdx.x];
  const uint64_t nan[2] = {~uint64_t{0}, ~uint64_t{0}};
  detail::write_16(to, nan);
  pending.copies[pending.count++] = {to, from, bytes};
#endif
}

// Until all copies of this thread are done; a barrier then shows them to the block.
__device__ __forceinline__ void wait_for_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" ::: "memory");
#elif defined(NARROW_EMULATOR)
  detail::PendingCopies& pending = detail::pending_copies[threadIdx.x];
  for (int i = 0; i < pending.count; i++) {
    uint64_t words[2] = {0, 0};
    for (int j = 0; j < pending.copies[i].bytes / 2; j++) {
      uint16_t element;
      memcpy(&element, static_cast<const char*>(pending.copies[i].from) + 2 * j, 2);
      words[j / 4] |= static_cast<uint64_t>(element) << (16 * (j % 4));
    }
    detail::write_16(pending.copies[i].to, words);
  }
  pending.count = 0;
#endif
}

// ---------------------------------------------------------------------------------------------
// Fragments
// ---------------------------------------------------------------------------------------------

// Four 8x8 matrices of 16-bit elements from shared memory: lane l names row l % 8 of matrix l / 8, at
// a multiple of 16 bytes, and gets elements 2 t and 2 t + 1 of row g of each. Transposed, it gets rows
// 2 t and 2 t + 1 of column g.
template <bool Transposed>
__device__ __forceinline__ void load_matrices(const uint16_t* row, uint32_t fragment[4]) {
#if defined(__CUDA_ARCH__)
  uint32_t shared = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  if (Transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                 : "r"(shared)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(fragment[0]), "=r"(fragment[1]), "=r"(fragment[2]), "=r"(fragment[3])
                 : "r"(shared)
                 : "memory");
  }
#elif defined(NARROW_EMULATOR)
  const uint64_t* rows = narrow_emulator::warp_exchange(0xffffffffu, reinterpret_cast<uintptr_t>(row),
                                                        "ldmatrix", __LINE__);
  int g = lane_of_warp() / 4;
  int t = lane_of_warp() % 4;
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 2; j++) {
      int matrix_row = Transposed ? 2 * t + j : g;
      int column = Transposed ? g : 2 * t + j;
      uint16_t element = reinterpret_cast<const uint16_t*>(rows[8 * i + matrix_row])[column];
      fragment[i] = j == 0 ? element : fragment[i] | static_cast<uint32_t>(element) << 16;
    }
  }
#endif
}

// What the elements in a word are to a multiplication: two, or four.
struct OfFp16 {
  static constexpr bool is_bf16 = false;
  static NARROW_FN float decode(uint32_t code) { return narrow::decode<FP16>(code); }
};
struct OfBf16 {
  static constexpr bool is_bf16 = true;
  static NARROW_FN float decode(uint32_t code) { return narrow::decode<BF16>(code); }
};

struct OfE4m3 {
  static constexpr bool is_e5m2 = false;
  static NARROW_FN float decode(uint32_t code) { return narrow::decode<E4M3FN>(code); }
};
struct OfE5m2 {
  static constexpr bool is_e5m2 = true;
  static NARROW_FN float decode(uint32_t code) { return narrow::decode<E5M2>(code); }
};

// c += a b for a 16x16 and b 16x8, in fp32. In which order, and how it is rounded, is the hardware's.
// bf16 needs sm_80.
template <class Element>
__device__ __forceinline__ void multiply(float c[4], const uint32_t a[4], const uint32_t b[2]) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  if constexpr (Element::is_bf16) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#elif defined(__CUDA_ARCH__)
#pragma unroll
  for (int i = 0; i < 2; i++) {  // the halves of k
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[2 * i]), "r"(a[2 * i + 1]), "r"(b[i]));
  }
#elif defined(NARROW_EMULATOR)
  auto exchange = [](uint32_t low, uint32_t high, uint64_t all[32]) {
    uint64_t both = static_cast<uint64_t>(high) << 32 | low;
    memcpy(all, narrow_emulator::warp_exchange(0xffffffffu, both, "mma", __LINE__), 32 * sizeof both);
  };
  uint64_t left[2][32];  // rows g and g + 8, of the first half of k and of the second
  uint64_t right[32];
  exchange(a[0], a[1], left[0]);
  exchange(a[2], a[3], left[1]);
  exchange(b[0], b[1], right);
  int g = lane_of_warp() / 4;
  int t = lane_of_warp() % 4;
  for (int i = 0; i < 4; i++) {
    int down = 32 * (i / 2);
    int column = 2 * t + i % 2;
    for (int k = 0; k < 16; k++) {
      int source = k % 8 / 2;
      int place = 16 * (k % 2);
      uint32_t x = static_cast<uint32_t>(left[k / 8][4 * g + source] >> (down + place)) & 0xffff;
      uint32_t y = static_cast<uint32_t>(right[4 * column + source] >> (32 * (k / 8) + place)) & 0xffff;
      c[i] = narrow::fma(Element::decode(x), Element::decode(y), c[i]);
    }
  }
#endif
}

}  // namespace narrow

#endif
