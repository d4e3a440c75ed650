// Instructions that compute capability 9.0 has and others have not (PTX ISA 8.0, sm_90a), and what they do
// where there are none: in the emulator, which has models of them that read the same addresses and
// descriptors.
//
// Addresses of shared memory are numbers of 32 bits here, as in the instructions.
#ifndef NARROW_HOPPER_CUH
#define NARROW_HOPPER_CUH

#include "narrow.cuh"

namespace narrow {

// What the driver's cuTensorMapEncodeTiled writes.
struct alignas(64) TensorMap {
  uint64_t words[16];
};

// All dynamic shared memory of a block.
__device__ __forceinline__ void* dynamic_shared() {
#if defined(__CUDA_ARCH__)
  extern __shared__ unsigned char bytes[];
  return bytes;
#elif defined(NARROW_EMULATOR)
  return narrow_emulator::dynamic_shared();
#endif
}

__device__ __forceinline__ uint32_t shared_address(const void* pointer) {
#if defined(__CUDA_ARCH__)
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
#elif defined(NARROW_EMULATOR)
  return narrow_emulator::shared_address(pointer);
#endif
}

// ---------------------------------------------------------------------------------------------
// Barriers in shared memory
// ---------------------------------------------------------------------------------------------

// A barrier of 8 bytes whose phases are over when so many have arrived, and all bytes that were expected.
__device__ __forceinline__ void barrier_init(uint32_t barrier, uint32_t count) {
#if defined(__CUDA_ARCH__)
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
#elif defined(NARROW_EMULATOR)
  narrow_emulator::barrier_init(barrier, count);
#endif
}

// Shows the barriers that this thread has made to copies of boxes; to the block, __syncthreads does.
__device__ __forceinline__ void barrier_fence() {
#if defined(__CUDA_ARCH__)
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  asm volatile("fence.proxy.async;" ::: "memory");
#elif defined(NARROW_EMULATOR)
  narrow_emulator::barrier_fence();
#endif
}

__device__ __forceinline__ void barrier_arrive(uint32_t barrier) {
#if defined(__CUDA_ARCH__)
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
#elif defined(NARROW_EMULATOR)
  narrow_emulator::barrier_arrive(barrier, 0);
#endif
}

// Arrives, and lets the phase wait for so many bytes besides.
__device__ __forceinline__ void barrier_arrive_expecting(uint32_t barrier, uint32_t bytes) {
#if defined(__CUDA_ARCH__)
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
#elif defined(NARROW_EMULATOR)
  narrow_emulator::barrier_arrive(barrier, bytes);
#endif
}

// Waits a while until the phase of this parity is over, and returns whether it is. The phase before the
// first one has parity 1.
__device__ __forceinline__ bool barrier_try_wait(uint32_t barrier, uint32_t parity) {
#if defined(__CUDA_ARCH__)
  uint32_t done;
  asm volatile(
      "{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
      : "=r"(done)
      : "r"(barrier), "r"(parity)
      : "memory");
  return done != 0;
#elif defined(NARROW_EMULATOR)
  return narrow_emulator::barrier_try_wait(barrier, parity, __LINE__);
#endif
}

__device__ __forceinline__ uint64_t global_nanoseconds() {
#if defined(__CUDA_ARCH__)
  uint64_t time;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time));
  return time;
#elif defined(NARROW_EMULATOR)
  return narrow_emulator::global_timer();
#endif
}

__device__ __forceinline__ void trap() {
#if defined(__CUDA_ARCH__)
  asm volatile("trap;");
#elif defined(NARROW_EMULATOR)
  narrow_emulator::trap();
#endif
}

// ---------------------------------------------------------------------------------------------
// Copies of boxes
// ---------------------------------------------------------------------------------------------

// The box of a tensor of three axes whose first element is at (x, y, z), innermost axis first, to shared
// memory; zeros where there is no tensor. Its bytes arrive at the barrier.
__device__ __forceinline__ void copy_box(uint32_t to, const TensorMap& map, int32_t x, int32_t y, int32_t z,
                                         uint32_t barrier) {
#if defined(__CUDA_ARCH__)
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
      "[%0], [%1, {%2, %3, %4}], [%5];" ::"r"(to),
      "l"(&map), "r"(x), "r"(y), "r"(z), "r"(barrier)
      : "memory");
#elif defined(NARROW_EMULATOR)
  const int32_t place[3] = {x, y, z};
  narrow_emulator::copy_box(to, &map, place, 3, barrier);
#endif
}

// ---------------------------------------------------------------------------------------------
// Products of warpgroups
// ---------------------------------------------------------------------------------------------

#define NARROW_FLOATS_8(d, i)                                                                     \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]),     \
      "+f"(d[i + 6]), "+f"(d[i + 7])
#define NARROW_FLOATS_64(d, i)                                                                    \
  NARROW_FLOATS_8(d, i), NARROW_FLOATS_8(d, i + 8), NARROW_FLOATS_8(d, i + 16),                   \
      NARROW_FLOATS_8(d, i + 24), NARROW_FLOATS_8(d, i + 32), NARROW_FLOATS_8(d, i + 40),         \
      NARROW_FLOATS_8(d, i + 48), NARROW_FLOATS_8(d, i + 56)

// Registers that the threads of this warpgroup have from here on; all of its warps must call it.
template <int Registers>
__device__ __forceinline__ void take_registers() {
#if defined(__CUDA_ARCH__)
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}

template <int Registers>
__device__ __forceinline__ void give_registers() {
#if defined(__CUDA_ARCH__)
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
#endif
}

// What was done to sums in registers is seen by products that begin from here on.
__device__ __forceinline__ void products_fence() {
#if defined(__CUDA_ARCH__)
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#elif defined(NARROW_EMULATOR)
  narrow_emulator::warpgroup_fence();
#endif
}

// Ends a group of products.
__device__ __forceinline__ void products_commit() {
#if defined(__CUDA_ARCH__)
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#elif defined(NARROW_EMULATOR)
  narrow_emulator::warpgroup_commit();
#endif
}

// Until all groups but the last so many have ended.
template <int Groups>
__device__ __forceinline__ void products_wait() {
#if defined(__CUDA_ARCH__)
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Groups) : "memory");
#elif defined(NARROW_EMULATOR)
  narrow_emulator::warpgroup_wait(Groups);
#endif
}

// After products_wait, before the sums are used: the compiler does not know that they change there.
__device__ __forceinline__ void settle([[maybe_unused]] float (&d)[128]) {
#if defined(__CUDA_ARCH__)
  asm volatile("" : NARROW_FLOATS_64(d, 0), NARROW_FLOATS_64(d, 64)::"memory");
#endif
}

__device__ __forceinline__ void settle([[maybe_unused]] float (&d)[64]) {
#if defined(__CUDA_ARCH__)
  asm volatile("" : NARROW_FLOATS_64(d, 0)::"memory");
#endif
}

// A matrix in shared memory in rows of 128 bytes, of which eight are exchanged among themselves in 16
// bytes (PTX ISA, Matrix descriptor format; Swizzling modes, 128B). Bytes between groups of eight rows, and,
// where the rows do not lie along k, between groups of 64 of their elements.
__device__ __forceinline__ uint64_t matrix_descriptor(uint32_t address, uint32_t groups, uint32_t columns) {
  constexpr uint64_t exchange_128 = uint64_t{1} << 62;
  return exchange_128 | uint64_t{(groups & 0x3ffff) >> 4} << 32 | uint64_t{(columns & 0x3ffff) >> 4} << 16 |
         uint64_t{(address & 0x3ffff) >> 4};
}

#define NARROW_WGMMA_256(TYPE)                                                                    \
  asm volatile(                                                                                   \
      "{ .reg .pred p; setp.ne.b32 p, %130, 0; "                                                  \
      "wgmma.mma_async.sync.aligned.m64n256k16.f32." TYPE "." TYPE " {"                           \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "  \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "  \
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "  \
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "  \
      "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "  \
      "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "  \
      "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "  \
      "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, "  \
      "%128, %129, p, 1, 1, %131, %132; }"                                                        \
      : NARROW_FLOATS_64(d, 0), NARROW_FLOATS_64(d, 64)                                           \
      : "l"(a), "l"(b), "r"(static_cast<int>(adds)), "n"(static_cast<int>(AAlongM)),              \
        "n"(static_cast<int>(BAlongN)))

#define NARROW_WGMMA_128(A, B)                                                                    \
  asm volatile(                                                                                   \
      "{ .reg .pred p; setp.ne.b32 p, %66, 0; "                                                   \
      "wgmma.mma_async.sync.aligned.m64n128k32.f32." A "." B " {"                                 \
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "  \
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "  \
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "  \
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "  \
      "%64, %65, p, 1, 1; }"                                                                      \
      : NARROW_FLOATS_64(d, 0)                                                                    \
      : "l"(a), "l"(b), "r"(static_cast<int>(adds)))

#if defined(NARROW_EMULATOR)
namespace detail {

// Of all codes.
template <class Element, int Codes>
struct Numbers {
  float all[Codes];

  Numbers() {
    for (int code = 0; code < Codes; code++) {
      all[code] = Element::decode(static_cast<uint32_t>(code));
    }
  }

  static const Numbers table;
};

template <class Element, int Codes>
const Numbers<Element, Codes> Numbers<Element, Codes>::table;

template <class Element, int Codes>
inline narrow_emulator::Elements elements() {
  return {Numbers<Element, Codes>::table.all, Codes == 256 ? 1 : 2};
}

}  // namespace detail
#endif

// d += a b, or d = a b, in fp32, for a of 64 x 16 and b of 16 x 256 elements of 16 bits, given by their
// descriptors; of d the thread has the fragment that PTX ISA names for wgmma.m64nNk16. Begins; see
// products_wait.
template <class Element, bool AAlongM, bool BAlongN>
__device__ __forceinline__ void multiply_64x256(float (&d)[128], uint64_t a, uint64_t b, bool adds) {
#if defined(__CUDA_ARCH__)
  if constexpr (Element::is_bf16) {
    NARROW_WGMMA_256("bf16");
  } else {
    NARROW_WGMMA_256("f16");
  }
#elif defined(NARROW_EMULATOR)
  const narrow_emulator::Elements elements = detail::elements<Element, 65536>();
  narrow_emulator::warpgroup_product(d, a, b, 256, adds, AAlongM, BAlongN, elements, elements);
#endif
}

// The same for a of 64 x 32 and b of 32 x 128 elements of 8 bits, both along k. Sums are not of fp32's
// precision: NVIDIA does not say of which.
template <class A, class B>
__device__ __forceinline__ void multiply_64x128(float (&d)[64], uint64_t a, uint64_t b, bool adds) {
#if defined(__CUDA_ARCH__)
  if constexpr (!A::is_e5m2 && !B::is_e5m2) {
    NARROW_WGMMA_128("e4m3", "e4m3");
  } else if constexpr (!A::is_e5m2) {
    NARROW_WGMMA_128("e4m3", "e5m2");
  } else if constexpr (!B::is_e5m2) {
    NARROW_WGMMA_128("e5m2", "e4m3");
  } else {
    NARROW_WGMMA_128("e5m2", "e5m2");
  }
#elif defined(NARROW_EMULATOR)
  narrow_emulator::warpgroup_product(d, a, b, 128, adds, false, false, detail::elements<A, 256>(),
                                     detail::elements<B, 256>());
#endif
}

}  // namespace narrow

#endif
