// What runs beside the threads of a block from compute capability 9.0 on: copies of boxes of tensors that
// arrive at barriers in shared memory, and products of warpgroups (PTX ISA 8.0: mbarrier, cp.async.bulk.
// tensor, wgmma).
//
// Everything happens as late as it may: a copy when no thread can go on without it, and until then there
// is NaN in its place; a product when a thread waits for it, and only then its operands are read. So who
// does not wait, or gives memory back too early, multiplies NaN.
#ifndef NARROW_EMULATOR_ASYNCHRONY_H
#define NARROW_EMULATOR_ASYNCHRONY_H

#include <cstddef>
#include <cstdint>

namespace narrow_emulator {

// What the emulated cuTensorMapEncodeTiled writes into the 128 bytes of a CUtensorMap.
struct TensorMap {
  static constexpr uint64_t MAGIC = 0x6e6172726f77206d;

  uint64_t magic;
  uint64_t address;
  uint64_t strides[4];  // bytes; that of the innermost index is the size of an element
  uint32_t last[5];     // extents, less one
  uint16_t box[5];
  uint8_t rank;
  uint8_t element_bytes;
  uint8_t swizzle;  // log2 of how many 16 bytes a row has in which they are exchanged: 0 is none
};
static_assert(sizeof(TensorMap) <= 128, "a tensor map is one");

// An address of dynamic shared memory as instructions have it, and back. Not a multiple of 1024, though of
// 128: who needs more must see to it.
uint32_t shared_address(const void* pointer);

void barrier_init(uint32_t barrier, uint32_t count);
// Shows the barriers that this thread has made to copies.
void barrier_fence();
void barrier_arrive(uint32_t barrier, uint32_t bytes);
// Whether the phase of this parity is over. As an instruction that waits for a time that nobody knows, it
// may come back without.
bool barrier_try_wait(uint32_t barrier, uint32_t parity, int line);
// Nanoseconds, which pass only where all threads wait in vain.
uint64_t global_timer();

void copy_box(uint32_t to, const void* map, const int32_t* place, int rank, uint32_t barrier);

// What a product does with elements: a table of the numbers of all codes, of one byte or two.
struct Elements {
  const float* numbers;
  int bytes;
};

// d (+)= a b for a of 64 rows, b of n columns and 32 bytes of k; the fragment of a thread is that of the
// definition. Both operands are matrix descriptors.
void warpgroup_product(float* d, uint64_t a, uint64_t b, int n, bool adds, bool a_along_m, bool b_along_n,
                       const Elements& of_a, const Elements& of_b);

// What tensor cores make of 32 products of 8-bit elements and a sum, as far as it is known (DeepSeek-V3
// Technical Report, 3.3.2): all are cut off 13 bits below the largest of them, and the sum again.
float sum_of_codes(const float* left, const float* right, float sum);
void warpgroup_fence();
void warpgroup_commit();
void warpgroup_wait(unsigned groups);

[[noreturn]] void trap();

// For the scheduler: before and after a block, and where no thread can run. The last returns whether one
// can again.
void begin_block();
void end_block();
bool finish_something();

}  // namespace narrow_emulator

#endif
