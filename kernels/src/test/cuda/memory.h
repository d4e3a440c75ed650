// Device memory: addresses that no other memory of the process has, each allocation at the end of pages
// of its own, so that what lies behind it is not there. Addresses are never given out twice.
#ifndef NARROW_EMULATOR_MEMORY_H
#define NARROW_EMULATOR_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <map>

namespace narrow_emulator {

struct Allocation {
  uint64_t address;
  size_t bytes;
  void* owner;
};

constexpr size_t ALLOCATION_ALIGNMENT = 256;

// Fresh memory holds a pattern; 0 where there is none left. The address is chosen where it is not given.
uint64_t device_allocate(size_t bytes, void* owner, uint64_t address = 0);
void device_free(uint64_t address);

// The allocation in which the address lies or at whose end it is; null where there is none.
const Allocation* device_find(uint64_t address);
bool device_contains(uint64_t address, size_t bytes, const void* owner);
const std::map<uint64_t, Allocation>& device_allocations();

// What lies between the end of an allocation and the end of its pages is looked at after each launch:
// the allocation that was written past its end, or null.
const Allocation* device_overrun();

}  // namespace narrow_emulator

#endif
