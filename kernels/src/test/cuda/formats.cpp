// The functions of narrow.cuh as plain C++, in loops for HeaderFormatsTest.
#include "narrow.cuh"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

template <class Format>
void encode_named(int saturating, const float* x, int64_t n, uint16_t* codes) {
  for (int64_t i = 0; i < n; i++) {
    codes[i] = static_cast<uint16_t>(saturating ? narrow::encode_saturating<Format>(x[i]) : narrow::encode<Format>(x[i]));
  }
}

template <class Format>
void encode_rounded(const narrow::Rounding* rounding, const float* x, const uint32_t* words, int64_t n,
                    uint16_t* codes) {
  for (int64_t i = 0; i < n; i++) {
    codes[i] = static_cast<uint16_t>(narrow::encode<Format>(x[i], *rounding, words[i]));
  }
}

template <class Format>
void decode_named(int64_t n, float* values) {
  for (int64_t code = 0; code < n; code++) {
    values[code] = narrow::decode<Format>(static_cast<uint32_t>(code));
  }
}

template <class Format>
struct Rounded {
  Format format;
  narrow::Rounding rounding;
};

template <class Format>
void encode_any(const void* parameters, const float* x, const uint32_t* words, int64_t n, uint16_t* codes) {
  const Rounded<Format>& rounded = *static_cast<const Rounded<Format>*>(parameters);
  for (int64_t i = 0; i < n; i++) {
    codes[i] = static_cast<uint16_t>(narrow::encode(rounded.format, rounded.rounding, x[i], words[i]));
  }
}

}  // namespace

#define NAMED(name, Format)                                                                                     \
  EXPORT void encode_##name(int saturating, const float* x, int64_t n, uint16_t* codes) {                      \
    encode_named<Format>(saturating, x, n, codes);                                                              \
  }                                                                                                             \
  EXPORT void round_##name(const narrow::Rounding* rounding, const float* x, const uint32_t* words, int64_t n, \
                           uint16_t* codes) {                                                                   \
    encode_rounded<Format>(rounding, x, words, n, codes);                                                       \
  }                                                                                                             \
  EXPORT void decode_##name(int64_t n, float* values) { decode_named<Format>(n, values); }

NAMED(fp16, narrow::FP16)
NAMED(bf16, narrow::BF16)
NAMED(e4m3fn, narrow::E4M3FN)
NAMED(e5m2, narrow::E5M2)
NAMED(e2m1, narrow::E2M1)
NAMED(lns8, narrow::LNS8)

#define ANY(name, Format)                                                                                    \
  EXPORT void any_##name(const void* parameters, const float* x, const uint32_t* words, int64_t n,          \
                         uint16_t* codes) {                                                                  \
    encode_any<Format>(parameters, x, words, n, codes);                                                      \
  }

ANY(float, narrow::FloatFormat)
ANY(fixed, narrow::FixedFormat)
ANY(posit, narrow::PositFormat)
ANY(log, narrow::LogFormat)

EXPORT void words(int64_t seed, int64_t stream, int64_t index, int64_t n, uint32_t* result) {
  narrow::RandomBits random = {static_cast<uint64_t>(seed), static_cast<uint64_t>(stream)};
  for (int64_t i = 0; i < n; i++) {
    result[i] = narrow::random_word(random, static_cast<uint64_t>(index + i));
  }
}
