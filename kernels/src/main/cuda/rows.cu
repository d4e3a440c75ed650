// Sums, searches and norms along rows of float32 matrices: the kernels of
// dev.narrow.kernels.Reductions and Normalizations.
//
// An output that may be an operand is written by the thread that has read that element, after all sums
// over its row.
#include "rows.cuh"

namespace {

using narrow::extreme;
using narrow::first_row;
using narrow::lane;
using narrow::Larger;
using narrow::LANES;
using narrow::rows_at_once;
using narrow::Smaller;
using narrow::sum;
using narrow::thread_of_grid;
using narrow::threads_of_grid;

}  // namespace

// ---------------------------------------------------------------------------------------------
// Reductions
// ---------------------------------------------------------------------------------------------

// y[i] = the sum of row i. The last row may be shorter than the others: rows of n elements in all
// are also the chunks of a whole tensor.
extern "C" __global__ void sum_columns_f32(const float* x, int64_t columns, int64_t n, float* y,
                                           int64_t rows) {
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    const float* from = x + row * columns;
    int64_t rest = n - row * columns;
    float s = sum(rest < columns ? rest : columns, [=](float a, int64_t i) { return a + from[i]; });
    if (lane() == 0) {
      y[row] = s;
    }
  }
}

// The same of squares.
extern "C" __global__ void sum_of_squares_f32(const float* x, int64_t columns, int64_t n, float* y,
                                              int64_t rows) {
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    const float* from = x + row * columns;
    int64_t rest = n - row * columns;
    float s = sum(rest < columns ? rest : columns,
                  [=](float a, int64_t i) { return narrow::fma(from[i], from[i], a); });
    if (lane() == 0) {
      y[row] = s;
    }
  }
}

extern "C" __global__ void mean_columns_f32(const float* x, int64_t columns, float* y,
                                            int64_t rows) {
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    const float* from = x + row * columns;
    float s = sum(columns, [=](float a, int64_t i) { return a + from[i]; });
    if (lane() == 0) {
      y[row] = narrow::canonical(s / (float)columns);
    }
  }
}

extern "C" __global__ void max_columns_f32(const float* x, int64_t columns, float* y,
                                           int64_t rows) {
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    float value = extreme<Larger>(x + row * columns, columns);
    if (lane() == 0) {
      y[row] = value;
    }
  }
}

extern "C" __global__ void min_columns_f32(const float* x, int64_t columns, float* y,
                                           int64_t rows) {
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    float value = extreme<Smaller>(x + row * columns, columns);
    if (lane() == 0) {
      y[row] = value;
    }
  }
}

// y[i] = the first column of row i that holds its largest value, or its first NaN.
extern "C" __global__ void argmax_columns_f32(const float* x, int64_t columns, int* y,
                                              int64_t rows) {
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    const float* from = x + row * columns;
    float largest = extreme<Larger>(from, columns);
    int64_t first = lane();
    while (first < columns && from[first] != largest && !narrow::is_nan(from[first])) {
      first += LANES;
    }
    int column = (int)(first < columns ? first : columns);
    for (int half = LANES / 2; half >= 1; half /= 2) {
      int other = __shfl_xor_sync(narrow::half_warp(), column, half);
      column = other < column ? other : column;
    }
    if (lane() == 0) {
      y[row] = column;
    }
  }
}

// y[j] = the sum of column j, rows ascending.
extern "C" __global__ void sum_rows_f32(const float* x, int64_t rows, int64_t columns, float* y) {
  for (int64_t column = thread_of_grid(); column < columns; column += threads_of_grid()) {
    float s = 0.0f;
#pragma unroll 8
    for (int64_t row = 0; row < rows; row++) {
      s += x[row * columns + column];
    }
    y[column] = narrow::canonical(s);
  }
}

// The bits of the largest finite magnitude, how many elements are not finite, and the index of the
// first of them, its bits inverted, into three words that start at 0.
extern "C" __global__ void scan_f32(const float* x, int64_t n, unsigned* found) {
  unsigned amax = 0;
  unsigned count = 0;
  unsigned first = 0xffffffffu;
  auto take = [&](float value, int64_t i) {
    unsigned magnitude = narrow::bits(value) & 0x7fffffffu;
    if (magnitude < narrow::INFINITY_BITS) {
      amax = magnitude > amax ? magnitude : amax;
    } else {
      first = (unsigned)i < first ? (unsigned)i : first;
      count++;
    }
  };
  int64_t quads = narrow::in_quads(x) ? n / 4 : 0;
  for (int64_t i = thread_of_grid(); i < quads; i += threads_of_grid()) {
    float4 v = reinterpret_cast<const float4*>(x)[i];
    take(v.x, 4 * i);
    take(v.y, 4 * i + 1);
    take(v.z, 4 * i + 2);
    take(v.w, 4 * i + 3);
  }
  for (int64_t i = 4 * quads + thread_of_grid(); i < n; i += threads_of_grid()) {
    take(x[i], i);
  }
  for (int half = 16; half >= 1; half /= 2) {
    unsigned other_amax = __shfl_xor_sync(0xffffffffu, amax, half);
    unsigned other_first = __shfl_xor_sync(0xffffffffu, first, half);
    amax = other_amax > amax ? other_amax : amax;
    first = other_first < first ? other_first : first;
    count += __shfl_xor_sync(0xffffffffu, count, half);
  }
  if (threadIdx.x % 32 == 0) {
    atomicMax(&found[0], amax);
    if (count > 0) {
      atomicAdd(&found[1], count);
      atomicMax(&found[2], ~first);
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Softmax
// ---------------------------------------------------------------------------------------------

// The exponentials are made twice, which costs less than to write them and read them again.
extern "C" __global__ void softmax_f32(const float* x, float* y, int64_t columns, int64_t rows) {
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    const float* from = x + row * columns;
    float* to = y + row * columns;
    float largest = extreme<Larger>(from, columns);
    float shift = largest == Larger::least() ? 0.0f : largest;
    float s = sum(columns, [=](float a, int64_t i) { return a + narrow::exp(from[i] - shift); });
    for (int64_t i = lane(); i < columns; i += LANES) {
      float e = narrow::exp(from[i] - shift);
      to[i] = s == 0.0f ? 0.0f : narrow::canonical(e / s);
    }
  }
}

extern "C" __global__ void softmax_gradient_f32(const float* y, const float* dy, float* dx,
                                                int64_t columns, int64_t rows) {
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    const float* of = y + row * columns;
    const float* above = dy + row * columns;
    float* to = dx + row * columns;
    float shift =
        sum(columns, [=](float a, int64_t i) { return narrow::fma(above[i], of[i], a); });
    for (int64_t i = lane(); i < columns; i += LANES) {
      to[i] = narrow::canonical((above[i] - shift) * of[i]);
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Layer norm, and RMS norm where there is no mean
// ---------------------------------------------------------------------------------------------

// bias and means may be null.
extern "C" __global__ void layer_norm_f32(const float* x, const float* weight, const float* bias,
                                          float epsilon, float* y, float* means, float* inverses,
                                          int64_t columns, int64_t rows) {
  float n = (float)columns;
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    const float* from = x + row * columns;
    float* to = y + row * columns;
    float mean = 0.0f;
    if (means != nullptr) {
      float s = sum(columns, [=](float a, int64_t i) { return a + from[i]; });
      mean = narrow::canonical(s / n);
    }
    float squares = sum(columns, [=](float a, int64_t i) {
      float deviation = from[i] - mean;
      return narrow::fma(deviation, deviation, a);
    });
    float inverse = narrow::canonical(1.0f / narrow::sqrt(squares / n + epsilon));
    if (lane() == 0) {
      inverses[row] = inverse;
      if (means != nullptr) {
        means[row] = mean;
      }
    }
    for (int64_t i = lane(); i < columns; i += LANES) {
      float standardized = (from[i] - mean) * inverse;
      to[i] = narrow::canonical(bias == nullptr ? standardized * weight[i]
                                                : narrow::fma(standardized, weight[i], bias[i]));
    }
  }
}

// dweight and dbias, which may be null: sums over rows, ascending, a thread for each column.
extern "C" __global__ void layer_norm_sums_f32(const float* x, const float* means,
                                               const float* inverses, const float* dy,
                                               int64_t columns, int64_t rows, float* dweight,
                                               float* dbias) {
  for (int64_t column = thread_of_grid(); column < columns; column += threads_of_grid()) {
    float products = 0.0f;
    float s = 0.0f;
#pragma unroll 4
    for (int64_t row = 0; row < rows; row++) {
      float mean = means == nullptr ? 0.0f : means[row];
      float above = dy[row * columns + column];
      float standardized = (x[row * columns + column] - mean) * inverses[row];
      products = narrow::fma(above, standardized, products);
      s += above;
    }
    dweight[column] = narrow::canonical(products);
    if (dbias != nullptr) {
      dbias[column] = narrow::canonical(s);
    }
  }
}

// dx, which may be x or dy.
extern "C" __global__ void layer_norm_gradient_f32(const float* x, const float* weight,
                                                   const float* means, const float* inverses,
                                                   const float* dy, float* dx, int64_t columns,
                                                   int64_t rows) {
  float n = (float)columns;
  for (int64_t row = first_row(); row < rows; row += rows_at_once()) {
    const float* from = x + row * columns;
    const float* above = dy + row * columns;
    float* to = dx + row * columns;
    float mean = means == nullptr ? 0.0f : means[row];
    float inverse = inverses[row];
    float shift = 0.0f;
    if (means != nullptr) {
      shift = sum(columns, [=](float a, int64_t i) { return a + above[i] * weight[i]; }) / n;
    }
    float projection = sum(columns, [=](float a, int64_t i) {
                         return narrow::fma(above[i] * weight[i], (from[i] - mean) * inverse, a);
                       }) / n;
    for (int64_t i = lane(); i < columns; i += LANES) {
      float standardized = (from[i] - mean) * inverse;
      float rest = narrow::fma(-projection, standardized, above[i] * weight[i] - shift);
      to[i] = narrow::canonical(rest * inverse);
    }
  }
}
