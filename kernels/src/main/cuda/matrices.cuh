// Products of matrices: where elements lie, which tile a block computes, and what is done to sums
// before they are stored. Indices are of 64 bits: a matrix may have more than 2^31 elements.
#ifndef NARROW_MATRICES_CUH
#define NARROW_MATRICES_CUH

#include "narrow.cuh"

namespace narrow {

// Element (i, j) of matrix m lies m step + i row_stride + j column_stride elements from data.
struct View {
  void* data;
  int64_t step;
  int64_t row_stride;
  int64_t column_stride;
};

NARROW_FN int64_t place(const View& view, int64_t matrix, int64_t row, int64_t column) {
  return matrix * view.step + row * view.row_stride + column * view.column_stride;
}

// So many products of [rows, terms] and [terms, columns].
struct Extents {
  int64_t count;
  int64_t rows;
  int64_t columns;
  int64_t terms;
};

NARROW_FN int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A part of a result, from (row, column) of a matrix on.
struct Tile {
  int64_t matrix;
  int64_t row;
  int64_t column;
};

NARROW_FN int64_t count_tiles(const Extents& extents, int height, int width) {
  return extents.count * ceil_div(extents.rows, height) * ceil_div(extents.columns, width);
}

// Tiles in an order in which those that run at a time read few rows and columns: down eight tiles, then
// to the next column of tiles.
NARROW_FN Tile tile_at(int64_t index, const Extents& extents, int height, int width) {
  constexpr int64_t band = 8;
  int64_t down = ceil_div(extents.rows, height);
  int64_t across = ceil_div(extents.columns, width);
  int64_t matrix = index / (down * across);
  int64_t rest = index - matrix * down * across;
  int64_t first = rest / (band * across) * band;
  int64_t rows_of_band = down - first < band ? down - first : band;
  int64_t in_band = rest - first * across;
  return {matrix, (first + in_band % rows_of_band) * height, in_band / rows_of_band * width};
}

// What is done to a sum: see dev.narrow.kernels.Matmul.
struct Epilogue {
  const float* bias;  // of each column, or null
  float alpha;
  float beta;
  int32_t activation;  // none, ReLU, GELU
  int32_t unused;
};

// The value of an element of the product before the activation; old is looked at where beta is not 0.
NARROW_FN float before_activation(const Epilogue& epilogue, float sum, int64_t column, float old) {
  float value = epilogue.alpha == 1.0f ? sum : epilogue.alpha * sum;
  if (epilogue.bias != nullptr) {
    value += epilogue.bias[column];
  }
  if (epilogue.beta != 0) {
    value = fma(epilogue.beta, old, value);
  }
  return canonical(value);
}

NARROW_FN float activated(const Epilogue& epilogue, float value) {
  if (epilogue.activation == 1) {
    return value <= 0 ? 0.0f : value;
  }
  return epilogue.activation == 2 ? gelu(value) : value;
}

// The value to be stored.
NARROW_FN float finish(const Epilogue& epilogue, float sum, int64_t column, float old) {
  return activated(epilogue, before_activation(epilogue, sum, column, old));
}

// What the elements of a matrix are.
enum class Kind : int32_t { fp32, fp16, bf16, e4m3, e5m2, lns8 };

// A result in one of these formats, each element encoded to nearest even after it is divided by the
// scale, 1 in most. A scale of 0 is infinity here: all elements become zero.
struct Target {
  View view;
  float divisor;
  Kind kind;
};

NARROW_FN float load(const Target& target, int64_t place) {
  const void* data = target.view.data;
  float scale = is_finite(target.divisor) ? target.divisor : 0.0f;
  switch (target.kind) {
    case Kind::fp32:
      return static_cast<const float*>(data)[place];
    case Kind::fp16:
      return canonical(scale * decode<FP16>(static_cast<const uint16_t*>(data)[place]));
    case Kind::bf16:
      return canonical(scale * decode<BF16>(static_cast<const uint16_t*>(data)[place]));
    case Kind::e4m3:
      return canonical(scale * decode<E4M3FN>(static_cast<const uint8_t*>(data)[place]));
    case Kind::e5m2:
      return canonical(scale * decode<E5M2>(static_cast<const uint8_t*>(data)[place]));
    case Kind::lns8:
      break;
  }
  return canonical(scale * decode<LNS8>(static_cast<const uint8_t*>(data)[place]));
}

NARROW_FN void store(const Target& target, int64_t place, float value) {
  void* data = target.view.data;
  if (target.kind == Kind::fp32) {
    static_cast<float*>(data)[place] = value;
    return;
  }
  float quotient = target.divisor == 1.0f ? value : canonical(value / target.divisor);
  switch (target.kind) {
    case Kind::fp16:
      static_cast<uint16_t*>(data)[place] = static_cast<uint16_t>(encode<FP16>(quotient));
      break;
    case Kind::bf16:
      static_cast<uint16_t*>(data)[place] = static_cast<uint16_t>(encode<BF16>(quotient));
      break;
    case Kind::e4m3:
      static_cast<uint8_t*>(data)[place] = static_cast<uint8_t>(encode<E4M3FN>(quotient));
      break;
    case Kind::e5m2:
      static_cast<uint8_t*>(data)[place] = static_cast<uint8_t>(encode<E5M2>(quotient));
      break;
    default:
      static_cast<uint8_t*>(data)[place] = static_cast<uint8_t>(encode<LNS8>(quotient));
  }
}

// The factors of the operands' decoded elements, and with them the powers of two that packed.cuh leaves
// in: value (i, j) = sum * a[i] * (b[j] * both), each step rounded.
struct Scales {
  const float* rows;     // of A, or null
  const float* columns;  // of B, or null
  float both;
  int32_t single;  // bit 0: rows is one factor for all rows; bit 1: columns is one for all columns
};

// Of factors on either side of 1 the product comes first: no step overflows, or underflows, where the
// result does not.
NARROW_FN float scaled(const Scales& scales, float sum, int64_t row, int64_t column) {
  float first = scales.both;
  if (scales.columns != nullptr) {
    first *= scales.columns[scales.single & 2 ? 0 : column];
  }
  const float second = scales.rows == nullptr ? 1.0f : scales.rows[scales.single & 1 ? 0 : row];
  return (first > 1) == (second > 1) ? sum * first * second : sum * (first * second);
}

}  // namespace narrow

#endif
