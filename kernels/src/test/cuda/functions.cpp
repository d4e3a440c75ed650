// The functions of narrow.cuh as plain C++, over arrays, for NarrowFunctionsTest.
#include "narrow.cuh"

#define OF_ONE(NAME)                                                       \
  extern "C" void of_##NAME(const float* x, float* y, int64_t n) {         \
    for (int64_t i = 0; i < n; i++) y[i] = narrow::NAME(x[i]);             \
  }

#define OF_TWO(NAME)                                                       \
  extern "C" void of_##NAME(const float* a, const float* b, float* y, int64_t n) { \
    for (int64_t i = 0; i < n; i++) y[i] = narrow::NAME(a[i], b[i]);       \
  }                                                                        \
  extern "C" void of_double_##NAME(const float* a, const float* b, float* y, int64_t n) { \
    for (int64_t i = 0; i < n; i++) y[i] = (float)narrow::NAME((double)a[i], (double)b[i]); \
  }

OF_ONE(exp)
OF_ONE(exp2)
OF_ONE(log)
OF_ONE(tanh)
OF_ONE(erf)
OF_ONE(reciprocal_sqrt)
OF_ONE(sigmoid)
OF_ONE(gelu)
OF_ONE(gelu_gradient)
OF_ONE(gelu_tanh)
OF_ONE(gelu_tanh_gradient)
OF_ONE(sqrt)
OF_ONE(signum)
OF_ONE(rint)
OF_TWO(max)
OF_TWO(min)

// Within ±b, which is not negative.
extern "C" void of_clamp(const float* a, const float* b, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = narrow::clamp(a[i], -b[i], b[i]);
}

extern "C" void of_double_clamp(const float* a, const float* b, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = (float)narrow::clamp((double)a[i], -(double)b[i], (double)b[i]);
  }
}

extern "C" void of_tree(const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i + narrow::LANES <= n; i += narrow::LANES) {
    float lanes[narrow::LANES];
    for (int j = 0; j < narrow::LANES; j++) lanes[j] = x[i + j];
    y[i / narrow::LANES] = narrow::tree(lanes);
  }
}
