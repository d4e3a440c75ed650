// Kernels with mistakes, for the tests of the tests.
#include <cstdint>

// None.
extern "C" __global__ void planted_nothing(const int* x, int* y) { y[threadIdx.x] = x[threadIdx.x]; }

// Reverses a block through shared memory without waiting for the others.
extern "C" __global__ void planted_missing_barrier(const int* x, int* y) {
  __shared__ int part[256];
  part[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = part[blockDim.x - 1 - threadIdx.x];
}

// The last thread reads one element too many.
extern "C" __global__ void planted_read_out_of_bounds(const int* x, int* y) {
  y[threadIdx.x] = x[threadIdx.x + 1];
}

// The same in shared memory.
extern "C" __global__ void planted_shared_out_of_bounds(const int* x, int* y) {
  __shared__ int part[32];
  if (threadIdx.x < 32) {
    part[threadIdx.x] = x[threadIdx.x];
  }
  __syncthreads();
  y[threadIdx.x] = part[threadIdx.x % 33];
}

// Sixteen bytes at once from where four are aligned.
extern "C" __global__ void planted_misaligned(const int* x, int* y) {
  int4 four = *reinterpret_cast<const int4*>(x + threadIdx.x);
  y[threadIdx.x] = four.x;
}

// Every thread adds to the same sum as if it were alone.
extern "C" __global__ void planted_race(const int* x, int* y) { y[0] += x[threadIdx.x]; }

// Half of the block does not come to the barrier.
extern "C" __global__ void planted_divergent_barrier(const int* x, int* y) {
  if (threadIdx.x % 2 == 0) {
    __syncthreads();
  } else {
    __syncwarp(0xaaaaaaaau);
    __syncthreads();
  }
  y[threadIdx.x] = x[threadIdx.x];
}

// Half of the warp waits for lanes that wait at the barrier.
extern "C" __global__ void planted_deadlock(const int* x, int* y) {
  int value = x[threadIdx.x];
  if (threadIdx.x % 2 == 0) {
    value = __shfl_xor_sync(0xffffffffu, value, 1);
  }
  __syncthreads();
  y[threadIdx.x] = value;
}

// A lane that its own mask does not name.
extern "C" __global__ void planted_mask(const int* x, int* y) {
  y[threadIdx.x] = __shfl_sync(0x0000ffffu, x[threadIdx.x], 0);
}

// Memory that the host has and the device has not.
extern "C" __global__ void planted_null(const int* x, int* y) {
  const int* nothing = nullptr;
  y[threadIdx.x] = x[threadIdx.x] + nothing[threadIdx.x];
}

extern "C" __global__ void planted_division(const int* x, int* y) {
  y[threadIdx.x] = 100 / (x[threadIdx.x] - x[0]);
}

#include "tensor_cores.cuh"

// A barrier alone does not wait for asynchronous copies.
extern "C" __global__ void planted_missing_wait(const int* x, int* y) {
  __align__(16) __shared__ int part[64];
  if (threadIdx.x < 16) {
    narrow::copy_16(part + 4 * threadIdx.x, x + 4 * threadIdx.x, threadIdx.x < 15 ? 16 : 12);
  }
  __syncthreads();
  y[threadIdx.x] = part[threadIdx.x];
  __syncthreads();
  narrow::wait_for_copies();
}
