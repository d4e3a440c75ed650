// The index arithmetic of products as plain C++, for ProductIndexTest.
#include "matrices.cuh"

extern "C" int64_t narrow_place(int64_t step, int64_t row_stride, int64_t column_stride, int64_t matrix,
                                int64_t row, int64_t column) {
  return narrow::place({nullptr, step, row_stride, column_stride}, matrix, row, column);
}

extern "C" int64_t narrow_count_tiles(int64_t count, int64_t rows, int64_t columns, int32_t size) {
  return narrow::count_tiles({count, rows, columns, 1}, size, size);
}

extern "C" void narrow_tile_at(int64_t index, int64_t count, int64_t rows, int64_t columns, int32_t size,
                               int64_t* tile) {
  narrow::Tile at = narrow::tile_at(index, {count, rows, columns, 1}, size, size);
  tile[0] = at.matrix;
  tile[1] = at.row;
  tile[2] = at.column;
}
