// Convolution of images and its gradients as products of matrices whose operands are never written out
// (implicit GEMM): the kernels of dev.narrow.kernels.Convolutions.
//
// With tap t of a kernel, in each axis, at position p of its output it meets element
// first + p step + t tap_step of the image, which is +0 where there is none. A position and a tap thus
// each have a Place, and the element that they meet lies where the sum of both says.
//
//   y and dx   a channel of the result for each row, a position for each column, terms (c, ty, tx)
//   dweight    an output channel for each row, a column (c, ty, tx), positions as terms, in runs of 1024
#include "matrices.cuh"
#include "tiles.cuh"

namespace {

using narrow::ceil_div;

// Along the height or the width.
struct Axis {
  int64_t image;    // elements
  int64_t output;   // positions of the kernel
  int64_t taps;
  int64_t stride;
  int64_t padding;
  int64_t dilation;
  int64_t divisor;  // the greatest common one of stride and dilation
};

struct Convolution {
  const float* in;       // what the taps meet: x, and dy for dx
  const float* factors;  // weight, and dy for dweight
  const float* bias;     // of each channel of the result, or null
  float* out;
  int64_t samples;
  int64_t groups;
  int64_t outputs;   // in each group
  int64_t channels;  // of the image, in each group
  Axis y;
  Axis x;
  int64_t first_run;  // of dweight
  int64_t runs;
};

// How taps meet what they meet: see TapAxis of the Java code. In 32 bits what is no product of anything:
// registers are few.
struct Taps {
  int64_t first;
  int32_t extent;
  int32_t taps;
  int32_t tap_step;
  int32_t step;
  int32_t positions;
  int32_t start;      // the element of the result at position 0, and from one to the next
  int32_t out_step;
  int32_t first_tap;  // tap 0 of the kernel, and from one to the next
  int32_t tap_stride;
};

__device__ __forceinline__ int32_t narrowed(int64_t x) { return static_cast<int32_t>(x); }

__device__ __forceinline__ Taps taps_of(const Axis& axis) {
  return {-axis.padding,
          narrowed(axis.image),
          narrowed(axis.taps),
          narrowed(axis.dilation),
          narrowed(axis.stride),
          narrowed(axis.output),
          0,
          1,
          0,
          1};
}

// The elements start, start + stride and so on of an image, and the taps by which they have gone into
// the output: see TapPhase of the Java code.
__device__ __forceinline__ Taps phase_of(const Axis& axis, int64_t start) {
  const int64_t tap_stride = axis.stride / axis.divisor;
  const int64_t most = axis.taps < tap_stride ? axis.taps : tap_stride;
  int64_t first = 0;
  while (first < most && (start + axis.padding - first * axis.dilation) % axis.stride != 0) {
    first++;
  }
  const int64_t taps = first < most ? (axis.taps - 1 - first) / tap_stride + 1 : 0;
  return {(start + axis.padding - first * axis.dilation) / axis.stride,
          narrowed(axis.output),
          narrowed(taps),
          narrowed(-(axis.dilation / axis.divisor)),
          1,
          narrowed(ceil_div(axis.image - start, axis.stride)),
          narrowed(start),
          narrowed(axis.stride),
          narrowed(first),
          narrowed(tap_stride)};
}

// Of a position or of a tap: what both say is added.
struct Place {
  int64_t y;
  int64_t x;
  uint64_t element;  // from the first one of the sample's group on: it may wrap where there is none
  int64_t other;     // in the result, or in the other operand
};

__device__ __forceinline__ Place place_at(int64_t y, int64_t x, int64_t width, int64_t plane_start,
                                          int64_t other) {
  const uint64_t row = static_cast<uint64_t>(y) * static_cast<uint64_t>(width);
  return {y, x, static_cast<uint64_t>(plane_start) + row + static_cast<uint64_t>(x), other};
}

// What both kinds of products have in common: a tile of a group.
struct Tile {
  const Convolution& problem;
  Taps y;
  Taps x;
  const float* in;  // of the group, in sample 0
  int64_t in_samples;
  int64_t row;
  int64_t rows;
  int64_t column;
  int64_t columns;
  int64_t begin;
  int64_t end;

  __device__ __forceinline__ explicit Tile(const Convolution& problem) : problem(problem) {}

  __device__ __forceinline__ int64_t in_plane() const { return static_cast<int64_t>(y.extent) * x.extent; }

  __device__ __forceinline__ int64_t positions() const { return static_cast<int64_t>(y.positions) * x.positions; }

  __device__ __forceinline__ float meet(const Place& a, const Place& b) const {
    const uint64_t at_y = static_cast<uint64_t>(a.y + b.y);
    const uint64_t at_x = static_cast<uint64_t>(a.x + b.x);
    const bool is_there = at_y < static_cast<uint64_t>(y.extent) && at_x < static_cast<uint64_t>(x.extent);
    return is_there ? in[a.element + b.element] : 0.0f;
  }

  // Position p of all samples, numbered as one.
  __device__ __forceinline__ Place place_of_position(int64_t p, int64_t other_samples, int64_t other_width) const {
    const int64_t sample = p / positions();
    const int64_t rest = p - sample * positions();
    const int64_t at_y = rest / x.positions;
    const int64_t at_x = rest - at_y * x.positions;
    const int64_t other =
        sample * other_samples + (y.start + at_y * y.out_step) * other_width + x.start + at_x * x.out_step;
    return place_at(y.first + at_y * y.step, x.first + at_x * x.step, x.extent, sample * in_samples, other);
  }
};

// y, or dx: its elements in phases, of those that the same taps have met.
template <bool Backward>
struct Correlation : Tile {
  const float* weight;  // of the group
  int64_t row_stride;
  int64_t first_channel;  // of the result's group
  int64_t out_plane;

  __device__ __forceinline__ Correlation(const Convolution& of, int64_t index, int height, int width) : Tile(of) {
    const int64_t x_phases = phases(of.x);
    rows = Backward ? of.channels : of.outputs;
    const int64_t down = ceil_div(rows, height);
    const int64_t across = ceil_div(most_columns(of), width);
    row = index % down * height;
    int64_t rest = index / down;
    column = rest % across * width;
    rest /= across;
    const int64_t group = rest % of.groups;
    const int64_t phase = rest / of.groups;
    y = Backward ? phase_of(of.y, phase / x_phases) : taps_of(of.y);
    x = Backward ? phase_of(of.x, phase % x_phases) : taps_of(of.x);
    const int64_t in_channels = Backward ? of.outputs : of.channels;
    in_samples = of.groups * in_channels * in_plane();
    in = of.in + group * in_channels * in_plane();
    columns = of.samples * positions();
    begin = 0;
    end = in_channels * y.taps * x.taps;
    const int64_t kernel = of.y.taps * of.x.taps;
    weight = of.factors + group * of.outputs * of.channels * kernel;
    row_stride = Backward ? kernel : of.channels * kernel;
    first_channel = group * rows;
    out_plane = Backward ? of.y.image * of.x.image : of.y.output * of.x.output;
  }

  static __device__ __forceinline__ bool a_along_terms() { return !Backward; }

  static __device__ __forceinline__ bool b_along_terms() { return false; }

  static __device__ __forceinline__ int64_t phases(const Axis& axis) {
    return !Backward ? 1 : axis.stride < axis.image ? axis.stride : axis.image;
  }

  static __device__ __forceinline__ int64_t most_columns(const Convolution& of) {
    return of.samples * (Backward ? ceil_div(of.y.image, of.y.stride) * ceil_div(of.x.image, of.x.stride)
                                  : of.y.output * of.x.output);
  }

  static __device__ __forceinline__ int64_t tiles(const Convolution& of, int height, int width) {
    return phases(of.y) * phases(of.x) * of.groups * ceil_div(Backward ? of.channels : of.outputs, height) *
           ceil_div(most_columns(of), width);
  }

  __device__ __forceinline__ Place place_of_column(int64_t j) const {
    return place_of_position(j, problem.groups * rows * out_plane,
                             Backward ? problem.x.image : problem.x.output);
  }

  __device__ __forceinline__ Place place_of_term(int64_t k) const {
    const int64_t taps = static_cast<int64_t>(y.taps) * x.taps;
    const int64_t c = k / taps;
    const int64_t ty = (k - c * taps) / x.taps;
    const int64_t tx = k - c * taps - ty * x.taps;
    const int64_t kernel = problem.y.taps * problem.x.taps;
    const int64_t tap =
        (y.first_tap + ty * y.tap_stride) * problem.x.taps + x.first_tap + tx * x.tap_stride;
    const int64_t channel = Backward ? c * problem.channels * kernel : c * kernel;
    return place_at(ty * y.tap_step, tx * x.tap_step, x.extent, c * in_plane(), channel + tap);
  }

  __device__ __forceinline__ bool takes(int64_t, int64_t) const { return true; }

  __device__ __forceinline__ bool takes_all(int64_t k, int n) const { return k + n <= end; }

  __device__ __forceinline__ float a(int64_t i, const Place& term) const {
    return weight[i * row_stride + term.other];
  }

  __device__ __forceinline__ float b(const Place& column_place, const Place& term) const {
    return meet(column_place, term);
  }

  __device__ __forceinline__ void store(int64_t i, const Place& column_place, float sum) const {
    const int64_t channel = first_channel + i;
    const float bias = problem.bias == nullptr ? -0.0f : problem.bias[channel];
    problem.out[column_place.other + channel * out_plane] = narrow::canonical(sum + bias);
  }
};

// Sums of dweight over runs of positions: [runs, output channel, (c, ty, tx)].
struct WeightGradient : Tile {
  static constexpr int64_t RUN = 1024;
  const float* dy;  // of the group
  float* out;       // of the run and the group

  __device__ __forceinline__ WeightGradient(const Convolution& of, int64_t index, int height, int width) : Tile(of) {
    rows = of.outputs;
    columns = of.channels * of.y.taps * of.x.taps;
    const int64_t down = ceil_div(rows, height);
    const int64_t across = ceil_div(columns, width);
    row = index % down * height;
    int64_t rest = index / down;
    column = rest % across * width;
    rest /= across;
    const int64_t group = rest % of.groups;
    const int64_t run = rest / of.groups;
    y = taps_of(of.y);
    x = taps_of(of.x);
    in_samples = of.groups * of.channels * in_plane();
    in = of.in + group * of.channels * in_plane();
    const int64_t all = of.samples * positions();
    begin = (of.first_run + run) * RUN;
    end = begin + RUN < all ? begin + RUN : all;
    dy = of.factors + group * rows * positions();
    out = of.out + (run * of.groups + group) * rows * columns;
  }

  static __device__ __forceinline__ bool a_along_terms() { return true; }

  static __device__ __forceinline__ bool b_along_terms() { return true; }

  static __device__ __forceinline__ int64_t tiles(const Convolution& of, int height, int width) {
    return of.runs * of.groups * ceil_div(of.outputs, height) *
           ceil_div(of.channels * of.y.taps * of.x.taps, width);
  }

  __device__ __forceinline__ Place place_of_column(int64_t j) const {
    const int64_t taps = static_cast<int64_t>(y.taps) * x.taps;
    const int64_t c = j / taps;
    const int64_t ty = (j - c * taps) / x.taps;
    const int64_t tx = j - c * taps - ty * x.taps;
    return place_at(ty * y.tap_step, tx * x.tap_step, x.extent, c * in_plane(), j);
  }

  __device__ __forceinline__ Place place_of_term(int64_t k) const {
    return place_of_position(k, problem.groups * rows * positions(), x.positions);
  }

  __device__ __forceinline__ bool takes(int64_t, int64_t) const { return true; }

  __device__ __forceinline__ bool takes_all(int64_t k, int n) const { return k + n <= end; }

  __device__ __forceinline__ float a(int64_t i, const Place& term) const {
    return dy[i * positions() + term.other];
  }

  __device__ __forceinline__ float b(const Place& column_place, const Place& term) const {
    return meet(column_place, term);
  }

  __device__ __forceinline__ void store(int64_t i, const Place& column_place, float sum) const {
    out[i * columns + column_place.other] = sum;
  }
};

// A convolution as a problem of each kind.
struct Forward : Convolution {
  __device__ __forceinline__ int64_t tiles(int height, int width) const {
    return Correlation<false>::tiles(*this, height, width);
  }
};

struct BackwardInput : Convolution {
  __device__ __forceinline__ int64_t tiles(int height, int width) const {
    return Correlation<true>::tiles(*this, height, width);
  }
};

struct BackwardWeight : Convolution {
  __device__ __forceinline__ int64_t tiles(int height, int width) const {
    return WeightGradient::tiles(*this, height, width);
  }
};

}  // namespace

NARROW_PRODUCT(convolve, 2, Forward, Correlation<false>, Place)
NARROW_PRODUCT(convolve_backward_input, 1, BackwardInput, Correlation<true>, Place)
NARROW_PRODUCT(convolve_backward_weight, 2, BackwardWeight, WeightGradient, Place)

// y = the sums of the runs, added in turn; with more, to what is in y.
extern "C" __global__ void add_runs_f32(const float* sums, int64_t runs, int64_t n, int more, float* y) {
  for (int64_t i = narrow::thread_of_grid(); i < n; i += narrow::threads_of_grid()) {
    float s = more != 0 ? narrow::canonical(y[i] + sums[i]) : sums[i];
#pragma unroll 8
    for (int64_t run = 1; run < runs; run++) {
      s = narrow::canonical(s + sums[run * n + i]);
    }
    y[i] = s;
  }
}
