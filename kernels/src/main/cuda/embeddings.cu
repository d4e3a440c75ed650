// Rows of tables by their numbers: the kernels of dev.narrow.kernels.Embeddings.
#include "planes.cuh"
#include "narrow.cuh"

namespace {

// Row p of y is row indices[p] of the table, which has so many; nan where there is no such row.
template <class Code>
__device__ __forceinline__ void gather(const Code* table, const int* indices, Code* y, int64_t width,
                                       int64_t rows, int64_t count, uint32_t nan) {
  for (narrow::PlaneWalk at(width, 1); at.plane < rows; at.next()) {
    const int64_t row = indices[at.plane];
    y[at.element] = row >= 0 && row < count ? table[row * width + at.place()] : static_cast<Code>(nan);
  }
}

}  // namespace

// Of codes of one byte, of two, and of four.
extern "C" __global__ void gather_rows_8(const uint8_t* table, const int* indices, uint8_t* y,
                                         int64_t width, int64_t rows, int64_t count, uint32_t nan) {
  gather(table, indices, y, width, rows, count, nan);
}

extern "C" __global__ void gather_rows_16(const uint16_t* table, const int* indices, uint16_t* y,
                                          int64_t width, int64_t rows, int64_t count, uint32_t nan) {
  gather(table, indices, y, width, rows, count, nan);
}

extern "C" __global__ void gather_rows_32(const uint32_t* table, const int* indices, uint32_t* y,
                                          int64_t width, int64_t rows, int64_t count, uint32_t nan) {
  gather(table, indices, y, width, rows, count, nan);
}

// Adds the rows of dy to those of the table that they belong to. Group g is the places starts[g] to
// starts[g + 1] - 1 of order: the rows of dy for the table's row targets[g], in their order.
extern "C" __global__ void add_rows_f32(const float* dy, const int* order, const int* starts,
                                        const int* targets, float* table, int64_t width,
                                        int64_t groups) {
  for (narrow::PlaneWalk at(width, 1); at.plane < groups; at.next()) {
    float* to = table + targets[at.plane] * width + at.place();
    float s = *to;
    const int end = starts[at.plane + 1];
#pragma unroll 4
    for (int i = starts[at.plane]; i < end; i++) {
      s = narrow::canonical(s + dy[order[i] * width + at.place()]);
    }
    *to = s;
  }
}

// The same where nobody has grouped them: of the places that have one index the first one's warp adds
// all their rows, in their order, and nobody else writes to that row of the table.
extern "C" __global__ void add_rows_of_f32(const float* dy, const int* indices, float* table, int64_t width,
                                           int64_t n, int64_t count) {
  constexpr unsigned warp = 0xffffffffu;
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int64_t p = narrow::thread_of_grid() / 32; p < n; p += narrow::threads_of_grid() / 32) {
    const int index = indices[p];
    bool is_first = index >= 0 && index < count;
    for (int64_t q = 0; is_first && q < p; q += 32) {
      is_first = !__any_sync(warp, q + lane < p && indices[q + lane] == index);
    }
    float* to = table + index * width;
    for (int64_t q = p; is_first && q < n; q += 32) {
      unsigned same = __ballot_sync(warp, q + lane < n && indices[q + lane] == index);
      for (; same != 0; same &= same - 1) {
        const float* from = dy + (q + __ffs(same) - 1) * width;
        for (int64_t column = lane; column < width; column += 32) {
          to[column] = narrow::canonical(to[column] + from[column]);
        }
      }
    }
  }
}
