// CUDA C++ on the processor: whole __global__ functions, compiled by a host compiler with this header
// included first.
//
// One block runs at a time. Its threads take turns: each runs until it ends or has to wait for others,
// at a barrier or in an operation of its warp. The order of turns is a choice (see Order): a kernel that
// is right gives the same results in every order, so one that forgets a barrier shows it. What CUDA
// leaves undefined (barriers that some threads miss, a lane outside its own mask) ends the launch with a
// message; memory that nobody has written holds a pattern.
#ifndef NARROW_EMULATOR_H
#define NARROW_EMULATOR_H

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "asynchrony.h"

// ---------------------------------------------------------------------------------------------
// The language
// ---------------------------------------------------------------------------------------------

// Shared memory lies in a section of its own, which is refilled with a pattern before each block.
#define __shared__ static __attribute__((section("narrow_shared")))
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline
#define __restrict__ __restrict
#define __align__(n) alignas(n)
#define __launch_bounds__(...)
#define __grid_constant__
#if defined(NARROW_LIST_KERNELS)
#define __global__ __global__  // stays, for the script that reads the names of the kernels
#else
#define __global__
#endif
#define NARROW_DYNAMIC_SHARED(type, name) \
  type* const name = reinterpret_cast<type*>(narrow_emulator::dynamic_shared())

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(2) uchar2 {
  unsigned char x, y;
};
struct alignas(4) uchar4 {
  unsigned char x, y, z, w;
};
struct alignas(4) ushort2 {
  unsigned short x, y;
};
struct alignas(8) ushort4 {
  unsigned short x, y, z, w;
};

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline double2 make_double2(double x, double y) { return {x, y}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline uchar2 make_uchar2(unsigned char x, unsigned char y) { return {x, y}; }
inline uchar4 make_uchar4(unsigned char x, unsigned char y, unsigned char z, unsigned char w) {
  return {x, y, z, w};
}
inline ushort2 make_ushort2(unsigned short x, unsigned short y) { return {x, y}; }
inline ushort4 make_ushort4(unsigned short x, unsigned short y, unsigned short z,
                            unsigned short w) {
  return {x, y, z, w};
}

extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
constexpr int warpSize = 32;

// ---------------------------------------------------------------------------------------------
// The scheduler: emulator.cpp
// ---------------------------------------------------------------------------------------------

namespace narrow_emulator {

enum class Order { FORWARD, REVERSE, RANDOM };

// A kernel with its parameters laid out as CUDA lays them out: each at the next multiple of its
// alignment.
struct Kernel {
  const char* name;
  int parameters;
  const size_t* offsets;  // one more than parameters: the last is the size of the whole
  const size_t* sizes;
  const bool* pointers;
  void (*thread)(const unsigned char* arguments);
  Kernel* next;
};

extern Kernel* kernels;

struct Launch {
  const Kernel* kernel;
  const unsigned char* arguments;
  dim3 grid;
  dim3 block;
  size_t dynamic_shared;
  Order order;
  uint64_t seed;
};

// Runs all blocks. Returns null, or what was wrong, valid until the next launch. One launch at a time.
const char* launch(const Launch& launch);

// Whether what was wrong with the last launch is an address.
bool has_illegal_address();

void* dynamic_shared();
size_t dynamic_shared_bytes();
void block_barrier(int line);
// Waits for the lanes of the mask and gives the 32 values they came with.
const uint64_t* warp_exchange(unsigned mask, uint64_t value, const char* operation, int line);
unsigned lane();

// For asynchrony.cpp. A launch that has failed does not go on.
[[noreturn]] __attribute__((format(printf, 1, 2))) void fail(const char* format, ...);
void wait_until_woken(const char* operation, int line);
void wake(unsigned thread);
unsigned block_threads();
Order order_of_launch();
uint64_t random_bits();

// For races.cpp. Intervals are counted over all launches: each block begins one, and each barrier.
struct Progress {
  uint64_t launch_start = 1;
  uint64_t block_start = 1;
  uint64_t interval = 1;
  bool fenced = false;  // the launch has called __threadfence
};
Progress& progress_of_launch();
const char* kernel_name();
unsigned thread_index();
uint32_t warp_interval();  // operations of the warp since the last barrier
bool is_running();         // or between two launches
bool is_shared(uint64_t address);

#if defined(NARROW_RACES)
void atomic_access(const volatile void* pointer, size_t bytes);
#define NARROW_NOT_OBSERVED __attribute__((no_sanitize_thread))
#else
inline void atomic_access(const volatile void*, size_t) {}
#define NARROW_NOT_OBSERVED
#endif

template <auto Function>
struct Entry;

template <class... A, void (*Function)(A...)>
struct Entry<Function> {
  static constexpr int COUNT = sizeof...(A);

  struct Layout {
    size_t offsets[COUNT + 1] = {};
    size_t sizes[COUNT + 1] = {sizeof(A)..., 0};
    bool pointers[COUNT + 1] = {std::is_pointer_v<A>..., false};

    constexpr Layout() {
      size_t alignments[] = {alignof(A)..., 1};
      size_t at = 0;
      for (int i = 0; i <= COUNT; i++) {
        at = (at + alignments[i] - 1) / alignments[i] * alignments[i];
        offsets[i] = at;
        at += sizes[i];
      }
    }
  };

  static constexpr Layout LAYOUT{};

  template <size_t... I>
  static void call(const unsigned char* arguments, std::index_sequence<I...>) {
    Function(*reinterpret_cast<const A*>(arguments + LAYOUT.offsets[I])...);
  }

  static void thread(const unsigned char* arguments) {
    call(arguments, std::index_sequence_for<A...>());
  }
};

template <auto Function>
struct Registration {
  Kernel kernel;

  explicit Registration(const char* name) {
    using E = Entry<Function>;
    kernel = {name,      E::COUNT, E::LAYOUT.offsets, E::LAYOUT.sizes, E::LAYOUT.pointers,
              E::thread, kernels};
    kernels = &kernel;
  }
};

template <class T>
uint64_t pack(T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
  uint64_t result = 0;
  memcpy(&result, &value, sizeof value);
  return result;
}

template <class T>
T unpack(uint64_t bits) {
  T result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

template <class T>
T shuffle(unsigned mask, T value, int source, const char* operation, int line) {
  return unpack<T>(warp_exchange(mask, pack(value), operation, line)[source]);
}

}  // namespace narrow_emulator

#define NARROW_EMULATED_KERNEL(name) \
  static narrow_emulator::Registration<&name> narrow_registration_##name(#name);

// ---------------------------------------------------------------------------------------------
// Threads together
// ---------------------------------------------------------------------------------------------

inline void __syncthreads(int line = __builtin_LINE()) { narrow_emulator::block_barrier(line); }

inline void __syncwarp(unsigned mask = 0xffffffffu, int line = __builtin_LINE()) {
  narrow_emulator::warp_exchange(mask, 0, "__syncwarp", line);
}

// A shuffle of part of the warp stays in its segment of width lanes: what would come from outside is
// the lane's own value (CUDA C++ Programming Guide, Warp Shuffle Functions).
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, int line = __builtin_LINE()) {
  int lane = int(narrow_emulator::lane());
  int from = (lane & -width) + (source & (width - 1));
  return narrow_emulator::shuffle(mask, value, from, "__shfl_sync", line);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 int line = __builtin_LINE()) {
  int lane = int(narrow_emulator::lane());
  int from = lane - int(delta);
  return narrow_emulator::shuffle(mask, value, from < (lane & -width) ? lane : from,
                                  "__shfl_up_sync", line);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   int line = __builtin_LINE()) {
  int lane = int(narrow_emulator::lane());
  int from = lane + int(delta);
  return narrow_emulator::shuffle(mask, value, from >= (lane & -width) + width ? lane : from,
                                  "__shfl_down_sync", line);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, int line = __builtin_LINE()) {
  int lane = int(narrow_emulator::lane());
  int from = lane ^ lanes;
  return narrow_emulator::shuffle(mask, value, from >= (lane & -width) + width ? lane : from,
                                  "__shfl_xor_sync", line);
}

inline unsigned narrow_emulator_ballot(unsigned mask, bool vote, const char* operation, int line) {
  const uint64_t* votes = narrow_emulator::warp_exchange(mask, vote ? 1 : 0, operation, line);
  unsigned result = 0;
  for (int i = 0; i < 32; i++) {
    if (mask >> i & 1 && votes[i] == 1) {
      result |= 1u << i;
    }
  }
  return result;
}

inline unsigned __ballot_sync(unsigned mask, int vote, int line = __builtin_LINE()) {
  return narrow_emulator_ballot(mask, vote != 0, "__ballot_sync", line);
}

inline int __any_sync(unsigned mask, int vote, int line = __builtin_LINE()) {
  return narrow_emulator_ballot(mask, vote != 0, "__any_sync", line) != 0;
}

inline int __all_sync(unsigned mask, int vote, int line = __builtin_LINE()) {
  return narrow_emulator_ballot(mask, vote == 0, "__all_sync", line) == 0;
}

// Threads take turns only where they wait, so that every plain operation is atomic.
template <class T>
struct NarrowEmulatorAtomic {
  static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned> ||
                    std::is_same_v<T, unsigned long long>,
                "atomics are for int, unsigned and unsigned long long");

  template <class Operation>
  NARROW_NOT_OBSERVED static T update(T* address, Operation operation) {
    narrow_emulator::atomic_access(address, sizeof(T));
    T old = *address;
    *address = operation(old);
    return old;
  }
};

#define NARROW_ATOMIC(name, expression)                                                     \
  template <class T>                                                                        \
  T name(T* address, std::common_type_t<T> value) {                                         \
    return NarrowEmulatorAtomic<T>::update(address, [value]([[maybe_unused]] T old) { return expression; }); \
  }
NARROW_ATOMIC(atomicMax, old > value ? old : value)
NARROW_ATOMIC(atomicMin, old < value ? old : value)
NARROW_ATOMIC(atomicOr, old | value)
NARROW_ATOMIC(atomicAnd, old & value)
NARROW_ATOMIC(atomicXor, old ^ value)
NARROW_ATOMIC(atomicExch, value)
#undef NARROW_ATOMIC

template <class T>
NARROW_NOT_OBSERVED T atomicAdd(T* address, std::common_type_t<T> value) {
  if constexpr (std::is_floating_point_v<T>) {
    narrow_emulator::atomic_access(address, sizeof(T));
    T old = *address;
    *address = old + value;
    return old;
  } else {
    // Unsigned, since CUDA's addition wraps.
    return NarrowEmulatorAtomic<T>::update(address, [value](T old) {
      return T(std::make_unsigned_t<T>(old) + std::make_unsigned_t<T>(value));
    });
  }
}

template <class T>
T atomicCAS(T* address, std::common_type_t<T> expected, std::common_type_t<T> value) {
  return NarrowEmulatorAtomic<T>::update(
      address, [expected, value](T old) { return old == expected ? value : old; });
}

inline void __threadfence() { narrow_emulator::progress_of_launch().fenced = true; }
inline void __threadfence_block() {}

// ---------------------------------------------------------------------------------------------
// One thread alone
// ---------------------------------------------------------------------------------------------

template <class T>
T __ldg(const T* address) {
  return *address;
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll((unsigned long long)x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }

#define NARROW_MIN_MAX(T)                                \
  inline T min(T a, T b) { return b < a ? b : a; }       \
  inline T max(T a, T b) { return a < b ? b : a; }
NARROW_MIN_MAX(int)
NARROW_MIN_MAX(unsigned)
NARROW_MIN_MAX(long)
NARROW_MIN_MAX(unsigned long)
NARROW_MIN_MAX(long long)
NARROW_MIN_MAX(unsigned long long)
#undef NARROW_MIN_MAX
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

#endif
