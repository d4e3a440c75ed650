// Attention as products of matrices, softmax between them: the kernels of dev.narrow.kernels.Attentions.
//
// Scores and probabilities of some heads lie in scratch memory, queries x keys each. In causal attention
// the query at i sees the keys 0 to i: what is beyond is neither computed nor read.
#include "matrices.cuh"
#include "rows.cuh"
#include "tiles.cuh"

namespace {

using narrow::ceil_div;

// Element (i, j) of a head's matrix. Heads of all sequences are numbered as one.
struct Heads {
  float* data;
  int64_t first;  // that belongs to head 0 of the product
  int64_t sequence_stride;
  int64_t head_stride;
  int64_t row_stride;
  int64_t column_stride;
};

enum class Limit : int32_t {
  none,
  outputs,     // of row i there are the columns up to i + shift only
  terms_to,    // of row i there are the terms up to i + shift only
  terms_from,  // of row i there are the terms from i + shift on only
};

enum class Result : int32_t {
  sum,
  scaled,  // sum * scale
  final,   // sum + 0, so that every zero is +0
};

struct HeadProducts {
  Heads a;
  Heads b;
  Heads out;
  int64_t count;  // of heads, and in each sequence
  int64_t heads;
  int64_t rows;
  int64_t columns;
  int64_t terms;
  int64_t shift;
  Limit limit;
  Result result;
  float scale;
  int32_t unused;

  __device__ __forceinline__ int64_t tiles(int height, int width) const {
    return count * ceil_div(rows, height) * ceil_div(columns, width);
  }
};

// A row, a column or a term by its number.
struct Place {
  int64_t index;
};

struct HeadTile {
  const HeadProducts& problem;
  const float* a_data;
  const float* b_data;
  float* out;
  int64_t row;
  int64_t rows;
  int64_t column;
  int64_t columns;
  int64_t begin;
  int64_t end;
  int64_t row_end;  // after the last row of the tile

  __device__ __forceinline__ HeadTile(const HeadProducts& of, int64_t index, int height, int width)
      : problem(of), rows(of.rows), columns(of.columns), begin(0), end(of.terms) {
    const int64_t down = ceil_div(rows, height);
    const int64_t across = ceil_div(columns, width);
    row = index % down * height;
    int64_t rest = index / down;
    column = rest % across * width;
    a_data = head(of.a, rest / across);
    b_data = head(of.b, rest / across);
    out = head(of.out, rest / across);
    row_end = row + height < rows ? row + height : rows;
    if (of.limit == Limit::terms_to && row_end + of.shift < end) {
      end = row_end + of.shift;
    } else if (of.limit == Limit::terms_from) {
      begin = row + of.shift;
    } else if (of.limit == Limit::outputs && column >= row_end + of.shift) {
      columns = column;  // there is nothing in this tile
    }
  }

  __device__ __forceinline__ float* head(const Heads& of, int64_t number) const {
    const int64_t sequence = (of.first + number) / problem.heads;
    const int64_t rest = of.first + number - sequence * problem.heads;
    return of.data + sequence * of.sequence_stride + rest * of.head_stride;
  }

  __device__ __forceinline__ bool a_along_terms() const { return problem.a.column_stride == 1; }

  __device__ __forceinline__ bool b_along_terms() const { return problem.b.row_stride == 1; }

  __device__ __forceinline__ Place place_of_column(int64_t j) const { return {j}; }

  __device__ __forceinline__ Place place_of_term(int64_t k) const { return {k}; }

  __device__ __forceinline__ bool takes(int64_t i, int64_t k) const {
    return (problem.limit != Limit::terms_to || k <= i + problem.shift) &&
           (problem.limit != Limit::terms_from || k >= i + problem.shift);
  }

  __device__ __forceinline__ bool takes_all(int64_t k, int n) const {
    return k + n <= end && takes(row, k + n - 1) && takes(row_end - 1, k);
  }

  __device__ __forceinline__ float a(int64_t i, const Place& term) const {
    return a_data[i * problem.a.row_stride + term.index * problem.a.column_stride];
  }

  __device__ __forceinline__ float b(const Place& at, const Place& term) const {
    return b_data[term.index * problem.b.row_stride + at.index * problem.b.column_stride];
  }

  __device__ __forceinline__ void store(int64_t i, const Place& at, float sum) const {
    const int64_t j = at.index;
    if (problem.limit == Limit::outputs && j > i + problem.shift) {
      return;
    }
    float value = sum;
    if (problem.result == Result::scaled) {
      value = narrow::canonical(problem.scale * sum);
    } else if (problem.result == Result::final) {
      value = sum + 0.0f;
    }
    out[i * problem.out.row_stride + j * problem.out.column_stride] = value;
  }
};

}  // namespace

NARROW_PRODUCT(attention, 2, HeadProducts, HeadTile, Place)

namespace {

// Rows of scores, so many for each head: row r of a head sees the first r + shift + 1 keys, or all.
__device__ __forceinline__ int64_t keys_of(int64_t row, int64_t rows_of_head, int64_t keys, int64_t shift,
                                           int causal) {
  return causal != 0 ? row % rows_of_head + shift + 1 : keys;
}

// What is subtracted from scores, so that no exponential overflows.
__device__ __forceinline__ float shift_of(const float* scores, int64_t n) {
  const float largest = narrow::extreme<narrow::Larger>(scores, n);
  return largest == narrow::Larger::least() ? 0.0f : largest;
}

__device__ __forceinline__ float sum_of_exponentials(const float* scores, float shift, int64_t n) {
  return narrow::sum(n, [=](float a, int64_t i) { return a + narrow::exp(scores[i] - shift); });
}

__device__ __forceinline__ float probability(float score, float shift, float sum) {
  return sum == 0.0f ? 0.0f : narrow::canonical(narrow::exp(score - shift) / sum);
}

}  // namespace

// Scores become probabilities.
extern "C" __global__ void attention_softmax_f32(float* scores, int64_t keys, int64_t rows_of_head,
                                                 int64_t shift, int causal, int64_t rows) {
  for (int64_t row = narrow::first_row(); row < rows; row += narrow::rows_at_once()) {
    float* p = scores + row * keys;
    const int64_t n = keys_of(row, rows_of_head, keys, shift, causal);
    const float largest = shift_of(p, n);
    const float sum = sum_of_exponentials(p, largest, n);
    for (int64_t i = narrow::lane(); i < n; i += narrow::LANES) {
      p[i] = probability(p[i], largest, sum);
    }
  }
}

// Scores become probabilities p, and the gradients of p become those of the scores before they were
// scaled: ds = ((dp - sum of dp p) p) scale.
extern "C" __global__ void attention_softmax_gradient_f32(float* scores, float* gradients, float scale,
                                                          int64_t keys, int64_t rows_of_head,
                                                          int64_t shift, int causal, int64_t rows) {
  for (int64_t row = narrow::first_row(); row < rows; row += narrow::rows_at_once()) {
    float* p = scores + row * keys;
    float* ds = gradients + row * keys;
    const int64_t n = keys_of(row, rows_of_head, keys, shift, causal);
    const float largest = shift_of(p, n);
    const float sum = sum_of_exponentials(p, largest, n);
    for (int64_t i = narrow::lane(); i < n; i += narrow::LANES) {
      p[i] = probability(p[i], largest, sum);
    }
    // Each thread reads again what it has written itself.
    const float dot = narrow::sum(n, [=](float a, int64_t i) { return narrow::fma(ds[i], p[i], a); });
    for (int64_t i = narrow::lane(); i < n; i += narrow::LANES) {
      ds[i] = narrow::canonical(scale * narrow::canonical((ds[i] - dot) * p[i]));
    }
  }
}
