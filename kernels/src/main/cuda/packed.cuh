// Four 8-bit codes in a word to four fp16 numbers in two, without a branch or a table in memory.
//
// What comes out is the number times a power of two that its format has, so that it costs nothing:
// LNS8 times 2, E4M3 times 2^-8, E5M2 times 1. Products are put right once, in the epilogue. NaN is
// some NaN, zero is zero.
#ifndef NARROW_PACKED_CUH
#define NARROW_PACKED_CUH

#include "narrow.cuh"

namespace narrow {

namespace detail {

// Byte i of the result is byte n of the eight of low and high, n being nibble i of the selector, or
// where bit 3 of the nibble is set its top bit eight times. __byte_perm lacks the latter.
NARROW_FN uint32_t permute(uint32_t low, uint32_t high, uint32_t selector) {
#if defined(__CUDA_ARCH__)
  uint32_t result;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(result) : "r"(low), "r"(high), "r"(selector));
  return result;
#else
  uint64_t both = (static_cast<uint64_t>(high) << 32) | low;
  uint32_t result = 0;
  for (int i = 0; i < 4; i++) {
    uint32_t nibble = selector >> (4 * i) & 15;
    uint32_t byte = static_cast<uint32_t>(both >> (8 * (nibble & 7))) & 0xff;
    byte = (nibble & 8) == 0 ? byte : (byte & 0x80) != 0 ? 0xff : 0;
    result |= byte << (8 * i);
  }
  return result;
#endif
}

// The bits of a where the mask is set, else those of b.
NARROW_FN uint32_t select(uint32_t mask, uint32_t a, uint32_t b) {
#if defined(__CUDA_ARCH__)
  uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0xca;" : "=r"(result) : "r"(mask), "r"(a), "r"(b));
  return result;
#else
  return (mask & a) | (~mask & b);
#endif
}

}  // namespace detail

// Two words of two fp16 numbers, the first in the lower half.
struct Halves {
  uint32_t low;
  uint32_t high;
};

// 2 * 2^((m - 64) / 8), each the fp16 number nearest to it: at most 2.9e-4 of it away.
//
// m = 8 q + r. The exponent field is q + 8, in bits {q3, ~q3, q2, q1, q0}; the significand's
// fraction depends on r alone: round(1024 (2^(r/8) - 1)) = 0 93 194 304 424 555 698 854. So the lower
// byte is looked up by r in a register, and the upper one is the code itself, moved by one bit, but
// for three bits that are changed by r.
NARROW_FN Halves halves_of_lns8(uint32_t codes) {
  uint32_t remainders = codes & 0x07070707u;
  uint32_t selector = detail::permute(remainders * 0x110u, 0, 0x4431u);  // r as nibbles
  uint32_t lower = detail::permute(0x30c25d00u, 0x56ba2ba8u, selector);
  uint32_t changes = detail::permute(0x20212020u, 0x20212023u, selector);
  uint32_t upper = detail::select(0x3f3f3f3fu, codes >> 1, codes) ^ changes;
  // m = 0 has the lower byte 0; the upper one becomes 0, or all ones with the sign: NaN.
  uint32_t sign = detail::permute(codes, 0, 0xba98u);
  uint32_t some = detail::permute((codes & 0x7f7f7f7fu) + 0x7f7f7f7fu, 0, 0xba98u);
  upper = detail::select(some, upper, sign);
  return {detail::permute(lower, upper, 0x5140u), detail::permute(lower, upper, 0x7362u)};
}

// The fields in fp16's places, where the bias is 8 more: 2^-8 of the number, subnormals included.
// The largest code, with fields of all ones, becomes NaN.
NARROW_FN Halves halves_of_e4m3(uint32_t codes) {
  uint32_t nan = detail::permute((codes & 0x7f7f7f7fu) + 0x01010101u, 0, 0xba98u);  // all ones
  uint32_t upper = detail::select(0x80808080u, codes, (codes >> 1 & 0x3f3f3f3fu) | (nan & 0x7f7f7f7fu));
  uint32_t lower = codes << 7 & 0x80808080u;
  return {detail::permute(lower, upper, 0x5140u), detail::permute(lower, upper, 0x7362u)};
}

// The upper byte of fp16.
NARROW_FN Halves halves_of_e5m2(uint32_t codes) {
  return {detail::permute(codes, 0, 0x1404u), detail::permute(codes, 0, 0x3424u)};
}

}  // namespace narrow

#endif
