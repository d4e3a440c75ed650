#include "memory.h"

#include <cstring>

#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace narrow_emulator {

namespace {

// 16 TiB in the middle of what Linux gives to programs, and far from what it chooses itself.
constexpr uint64_t BASE = 0x300000000000;
constexpr uint64_t END = 0x400000000000;
constexpr size_t PAGE = 4096;
constexpr int FRESH_PATTERN = 0xcb;
constexpr int EDGE_PATTERN = 0xed;

std::map<uint64_t, Allocation> allocations;
uint64_t next_page = BASE;

uint64_t page_of(uint64_t address) { return address & ~uint64_t(PAGE - 1); }

// One page before and one behind belong to the allocation and are not accessible.
uint64_t last_page_end(const Allocation& allocation) {
  return page_of(allocation.address + allocation.bytes + PAGE - 1);
}

}  // namespace

uint64_t device_allocate(size_t bytes, void* owner, uint64_t address) {
  size_t rounded = (bytes + ALLOCATION_ALIGNMENT - 1) & ~(ALLOCATION_ALIGNMENT - 1);
  if (address == 0) {
    if (rounded < bytes || rounded > END - next_page - 2 * PAGE) {
      return 0;
    }
    uint64_t end = page_of(next_page + PAGE + rounded + PAGE - 1);
    address = end - rounded;
  }
  uint64_t first = page_of(address);
  uint64_t end = page_of(address + rounded + PAGE - 1);
  void* pages = mmap(reinterpret_cast<void*>(first), end - first, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (pages != reinterpret_cast<void*>(first)) {
    return 0;
  }
  next_page = end + PAGE > next_page ? end + PAGE : next_page;
  memset(reinterpret_cast<void*>(first), EDGE_PATTERN, address - first);
  memset(reinterpret_cast<void*>(address), FRESH_PATTERN, bytes);
  memset(reinterpret_cast<void*>(address + bytes), EDGE_PATTERN, end - address - bytes);
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(reinterpret_cast<void*>(first), address - first);
  __asan_poison_memory_region(reinterpret_cast<void*>(address + bytes), end - address - bytes);
#endif
  allocations[address] = {address, bytes, owner};
  return address;
}

void device_free(uint64_t address) {
  const Allocation& allocation = allocations.at(address);
  uint64_t first = page_of(address);
  size_t pages = last_page_end(allocation) - first;
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(reinterpret_cast<void*>(first), pages);
#endif
  munmap(reinterpret_cast<void*>(first), pages);
  allocations.erase(address);
}

const Allocation* device_find(uint64_t address) {
  auto after = allocations.upper_bound(address);
  if (after == allocations.begin()) {
    return nullptr;
  }
  const Allocation& candidate = std::prev(after)->second;
  return address - candidate.address <= candidate.bytes ? &candidate : nullptr;
}

bool device_contains(uint64_t address, size_t bytes, const void* owner) {
  const Allocation* allocation = device_find(address);
  return allocation != nullptr && allocation->owner == owner &&
         bytes <= allocation->bytes - (address - allocation->address);
}

const std::map<uint64_t, Allocation>& device_allocations() { return allocations; }

const Allocation* device_overrun() {
#if !defined(__SANITIZE_ADDRESS__)
  for (const auto& [address, allocation] : allocations) {
    auto intact = [](uint64_t from, uint64_t to) {
      for (auto p = reinterpret_cast<const unsigned char*>(from);
           p < reinterpret_cast<const unsigned char*>(to); p++) {
        if (*p != EDGE_PATTERN) {
          return false;
        }
      }
      return true;
    };
    uint64_t before = address - page_of(address) < 64 ? page_of(address) : address - 64;
    if (!intact(before, address) || !intact(address + allocation.bytes, last_page_end(allocation))) {
      return &allocation;
    }
  }
#endif
  return nullptr;
}

}  // namespace narrow_emulator
