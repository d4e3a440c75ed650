// Rows of tables by their numbers: the kernels of dev.narrow.kernels.Embeddings.
#include "planes.cuh"
#include "narrow.cuh"

namespace {

// Row p of y is row indices[p] of the table.
template <class Code>
__device__ __forceinline__ void gather(const Code* table, const int* indices, Code* y, int64_t width,
                                       int64_t rows) {
  for (narrow::PlaneWalk at(width, 1); at.plane < rows; at.next()) {
    y[at.element] = table[indices[at.plane] * width + at.place()];
  }
}

}  // namespace

// Of codes of one byte, of two, and of four.
extern "C" __global__ void gather_rows_8(const uint8_t* table, const int* indices, uint8_t* y,
                                         int64_t width, int64_t rows) {
  gather(table, indices, y, width, rows);
}

extern "C" __global__ void gather_rows_16(const uint16_t* table, const int* indices, uint16_t* y,
                                          int64_t width, int64_t rows) {
  gather(table, indices, y, width, rows);
}

extern "C" __global__ void gather_rows_32(const uint32_t* table, const int* indices, uint32_t* y,
                                          int64_t width, int64_t rows) {
  gather(table, indices, y, width, rows);
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
