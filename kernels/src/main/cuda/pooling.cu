// Maximum and average over windows of images, and their gradients: the kernels of
// dev.narrow.kernels.Poolings. No two threads write the same element, so every sum has its order.
#include "planes.cuh"
#include "rows.cuh"

using narrow::PlaneWalk;

namespace {

// A window's rows are from oy stride_y - padding_y on, as far as there are such, and so for columns.
struct Pooling {
  int64_t planes;
  int64_t height;
  int64_t width;
  int64_t output_height;
  int64_t output_width;
  int64_t window_y;
  int64_t window_x;
  int64_t stride_y;
  int64_t stride_x;
  int64_t padding_y;
  int64_t padding_x;
  int64_t padding_counts;
};

// Elements from first up to but without end.
struct Range {
  int64_t first;
  int64_t end;
};

__device__ __forceinline__ Range window(int64_t position, int64_t stride, int64_t padding, int64_t window,
                                        int64_t extent) {
  const int64_t first = position * stride - padding;
  return {first < 0 ? 0 : first, first + window < extent ? first + window : extent};
}

// The positions whose windows have the element.
__device__ __forceinline__ Range windows_of(int64_t element, int64_t stride, int64_t padding,
                                            int64_t window, int64_t positions) {
  const int64_t before = element + padding - window + 1;
  const int64_t last = (element + padding) / stride;
  return {before <= 0 ? 0 : (before + stride - 1) / stride, last < positions ? last + 1 : positions};
}

__device__ __forceinline__ float count(const Pooling& how, const Range& rows, const Range& columns) {
  return how.padding_counts != 0
             ? static_cast<float>(how.window_y * how.window_x)
             : static_cast<float>((rows.end - rows.first) * (columns.end - columns.first));
}

__device__ __forceinline__ Range rows_of(const Pooling& how, int64_t oy) {
  return window(oy, how.stride_y, how.padding_y, how.window_y, how.height);
}

__device__ __forceinline__ Range columns_of(const Pooling& how, int64_t ox) {
  return window(ox, how.stride_x, how.padding_x, how.window_x, how.width);
}

}  // namespace

// The first of the largest elements of each window, NaN being larger than any number, and its index
// in the plane.
extern "C" __global__ void max_pool_f32(const float* x, float* y, int* argmax, const Pooling how) {
  const int64_t outputs = how.output_height * how.output_width;
  for (PlaneWalk at(outputs, 1); at.plane < how.planes; at.next()) {
    const float* plane = x + at.plane * (how.height * how.width);
    const int64_t oy = at.place() / how.output_width;
    const Range rows = rows_of(how, oy);
    const Range columns = columns_of(how, at.place() - oy * how.output_width);
    int64_t index = rows.first * how.width + columns.first;
    float largest = plane[index];
    for (int64_t row = rows.first; row < rows.end; row++) {
      for (int64_t i = row * how.width + columns.first; i < row * how.width + columns.end; i++) {
        const float value = plane[i];
        if (value > largest || (narrow::is_nan(value) && !narrow::is_nan(largest))) {
          largest = value;
          index = i;
        }
      }
    }
    y[at.element] = largest;
    argmax[at.element] = static_cast<int>(index);
  }
}

// dx, all of it: dy added where argmax says, if that is in the plane, from +0, in the order of dy. A warp has a plane: of 32
// elements of dy those with one index take turns, the first first.
extern "C" __global__ void max_pool_gradient_f32(const float* dy, const int* argmax, float* dx,
                                                 int64_t outputs, int64_t inputs, int64_t planes) {
  constexpr unsigned warp = 0xffffffffu;
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int64_t p = narrow::thread_of_grid() / 32; p < planes; p += narrow::threads_of_grid() / 32) {
    float* to = dx + p * inputs;
    for (int64_t i = lane; i < inputs; i += 32) {
      to[i] = 0.0f;
    }
    for (int64_t first = 0; first < outputs; first += 32) {
      const int64_t i = first + lane;
      const int place = i < outputs ? argmax[p * outputs + i] : -1;
      const bool is_one = place >= 0 && place < inputs;
      const int index = is_one ? place : -1;
      const float value = is_one ? dy[p * outputs + i] : 0.0f;
      int turn = 0;
      for (int other = 0; other < 31; other++) {
        const int same = __shfl_sync(warp, index, other);
        turn += other < lane && same == index ? 1 : 0;
      }
      for (int now = 0; __any_sync(warp, is_one && turn >= now); now++) {
        __syncwarp();  // what was written before is there
        if (is_one && turn == now) {
          to[index] = narrow::canonical(to[index] + value);
        }
      }
    }
    __syncwarp();
  }
}

extern "C" __global__ void average_pool_f32(const float* x, float* y, const Pooling how) {
  const int64_t outputs = how.output_height * how.output_width;
  for (PlaneWalk at(outputs, 1); at.plane < how.planes; at.next()) {
    const float* plane = x + at.plane * (how.height * how.width);
    const int64_t oy = at.place() / how.output_width;
    const Range rows = rows_of(how, oy);
    const Range columns = columns_of(how, at.place() - oy * how.output_width);
    float sum = 0.0f;
    for (int64_t row = rows.first; row < rows.end; row++) {
      for (int64_t i = row * how.width + columns.first; i < row * how.width + columns.end; i++) {
        sum += plane[i];
      }
    }
    y[at.element] = narrow::canonical(sum / count(how, rows, columns));
  }
}

// Each element gathers its parts of the windows it is in, in the order of dy.
extern "C" __global__ void average_pool_gradient_f32(const float* dy, float* dx, const Pooling how) {
  const int64_t inputs = how.height * how.width;
  for (PlaneWalk at(inputs, 1); at.plane < how.planes; at.next()) {
    const float* above = dy + at.plane * (how.output_height * how.output_width);
    const int64_t row = at.place() / how.width;
    const int64_t column = at.place() - row * how.width;
    const Range down = windows_of(row, how.stride_y, how.padding_y, how.window_y, how.output_height);
    const Range across = windows_of(column, how.stride_x, how.padding_x, how.window_x, how.output_width);
    float sum = 0.0f;
    for (int64_t oy = down.first; oy < down.end; oy++) {
      for (int64_t ox = across.first; ox < across.end; ox++) {
        sum += above[oy * how.output_width + ox] / count(how, rows_of(how, oy), columns_of(how, ox));
      }
    }
    dx[at.element] = narrow::canonical(sum);
  }
}

// dx = dy / size all over the plane.
extern "C" __global__ void average_planes_gradient_f32(const float* dy, float* dx, int64_t size,
                                                       int64_t planes) {
  for (PlaneWalk at(size, 1); at.plane < planes; at.next()) {
    dx[at.element] = narrow::canonical(dy[at.plane] / static_cast<float>(size));
  }
}
