// Elements of images [n, c, h, w], whose channels are planes: where each element lies, without a
// division for each.
#ifndef NARROW_PLANES_CUH
#define NARROW_PLANES_CUH

#include "grid.cuh"

namespace narrow {

// Goes over the elements of planes, a thread of the grid after another, as it would by
//   for (int64_t i = thread_of_grid(); i < n; i += threads_of_grid())
// and knows the plane and the channel of each.
struct PlaneWalk {
  int64_t element;
  int64_t plane;
  int64_t channel;

  __device__ __forceinline__ PlaneWalk(int64_t size, int64_t channels)
      : element(thread_of_grid()), size(size), channels(channels) {
    plane = element / size;
    rest = element - plane * size;
    channel = plane % channels;
    const int64_t step = threads_of_grid();
    plane_step = step / size;
    rest_step = step - plane_step * size;
    channel_step = plane_step % channels;
  }

  // The place in the plane.
  __device__ __forceinline__ int64_t place() const { return rest; }

  __device__ __forceinline__ void next() {
    element += threads_of_grid();
    plane += plane_step;
    channel += channel_step;
    rest += rest_step;
    if (rest >= size) {
      rest -= size;
      plane++;
      channel++;
    }
    if (channel >= channels) {
      channel -= channels;
    }
  }

 private:
  int64_t size;
  int64_t channels;
  int64_t rest;
  int64_t plane_step;
  int64_t rest_step;
  int64_t channel_step;
};

}  // namespace narrow

#endif
