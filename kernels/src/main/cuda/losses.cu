// Losses of rows of logits, and their gradients: the kernels of dev.narrow.kernels.Losses.
#include "rows.cuh"

// With e = exp(x - max x) and p = e / sum e: losses[i] = log(sum e) - (x[label] - max x), or NaN if
// the label is no class, and dx = (p - 1 at the label, else p) factor. dx may be x: the thread that has
// the labelled element reads it before it writes it.
extern "C" __global__ void softmax_cross_entropy_f32(const float* x, const int* labels, float factor,
                                                     float* dx, float* losses, int64_t columns,
                                                     int64_t rows) {
  using narrow::lane;
  using narrow::LANES;
  for (int64_t row = narrow::first_row(); row < rows; row += narrow::rows_at_once()) {
    const float* from = x + row * columns;
    float* to = dx + row * columns;
    const int label = labels[row];
    const float largest = narrow::extreme<narrow::Larger>(from, columns);
    const float exponentials = narrow::sum(
        columns, [=](float a, int64_t i) { return a + narrow::exp(from[i] - largest); });
    const bool is_class = label >= 0 && label < columns;
    if (lane() == (is_class ? label % LANES : 0)) {
      losses[row] = is_class ? narrow::log(exponentials) - (from[label] - largest)
                             : narrow::from_bits(0x7fc00000u);
    }
    for (int64_t i = lane(); i < columns; i += LANES) {
      float p = narrow::canonical(narrow::exp(from[i] - largest) / exponentials);
      p = i == label ? p - 1.0f : p;
      to[i] = narrow::canonical(factor * p);
    }
  }
}
