// Numbers of few bits between two kernels of your own: activations cross from one to the other as
// 8-bit logarithms, a quarter of the memory and of the traffic.
//
//   nvcc -std=c++17 -fmad=false -I kernels/src/main/cuda -ptx kernels/src/example/cuda/between_kernels.cu
//
// narrow.cuh is all that is needed: no library, no state. Its numbers are those of Narrow's Java to the
// bit, so that what these kernels write can be checked there, or read there as a tensor of LNS8 codes.
#include "narrow.cuh"

namespace {

constexpr float SCALE = 0.25f;  // of the codes; a power of two, so that dividing by it is exact

}  // namespace

// The first kernel: what yours computes, here max(0, slope x + offset), but for its last line, which
// wrote h[i] before. Rounding is stochastic, so that small changes from step to step are not lost; an
// element gets the same random word however the grid is cut, and on whichever GPU.
extern "C" __global__ void example_produce(const float* x, float slope, float offset, uint8_t* codes, int64_t n,
                                           uint64_t seed, uint64_t step) {
  const narrow::RandomBits random = {seed, step};
  const narrow::Rounding rounding = {narrow::Mode::stochastic, 16};
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += threads) {
    float h = narrow::fma(slope, x[i], offset);
    h = h > 0 ? h : 0;
    codes[i] = static_cast<uint8_t>(narrow::encode<narrow::LNS8>(h / SCALE, rounding, narrow::random_word(random, i)));
  }
}

// The second kernel reads them where it read h[i] before.
extern "C" __global__ void example_consume(const uint8_t* codes, const float* weight, float* y, int64_t n) {
  const int64_t threads = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += threads) {
    float h = SCALE * narrow::decode<narrow::LNS8>(codes[i]);
    y[i] = weight[i] * h;
  }
}
