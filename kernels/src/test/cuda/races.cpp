// Data races between the threads of a launch, and memory that is read before anybody has written it.
//
// The compiler's -fsanitize=thread calls a function before each access of a kernel to memory; these are
// not ThreadSanitizer's, which knows nothing of barriers and warps, but the ones below. Two threads race
// where one writes and the other reads or writes the same byte, not both atomically, and nothing orders
// them: no barrier between threads of a block, no operation of the warp between its lanes, nothing at all
// between blocks (but where the kernel has a __threadfence, which is for that).
#include "races.h"

#include "emulator.h"
#include "memory.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unordered_map>

#include <unistd.h>

namespace narrow_emulator {
namespace {

struct Access {
  uint64_t interval = 0;
  uint32_t pc = 0;  // the program is linked to low addresses
  uint32_t warp_interval = 0;
  uint16_t thread = 0;
  bool atomic = false;
};

struct Cell {
  Access write;
  Access read;
  Access read_by_another;  // the last of another thread than that of read
  bool written = false;
};

constexpr uint64_t PAGE = 4096;

std::unordered_map<uint64_t, std::unique_ptr<Cell[]>> pages;
uint64_t cached_page = ~uint64_t(0);
Cell* cached = nullptr;

Cell& cell(uint64_t address) {
  if (address / PAGE != cached_page) {
    cached_page = address / PAGE;
    auto& page = pages[cached_page];
    if (page == nullptr) {
      page.reset(new Cell[PAGE]);
    }
    cached = page.get();
  }
  return cached[address % PAGE];
}

void print_line(uint32_t pc) {
  char command[128];
  snprintf(command, sizeof command, "addr2line -f -p -s -e /proc/%d/exe 0x%x >&2", int(getpid()), pc - 1);
  fflush(stderr);
  if (system(command) != 0) {
    fprintf(stderr, "0x%x\n", pc);
  }
}

[[noreturn]] void report(const char* what, uint64_t address, bool shared, const Access& now,
                         const Access* before) {
  fprintf(stderr, "%s, block (%u, %u, %u): %s: thread %u and byte 0x%llx of %s memory, in ",
          kernel_name(), blockIdx.x, blockIdx.y, blockIdx.z, what, now.thread,
          (unsigned long long)address, shared ? "shared" : "device");
  print_line(now.pc);
  if (before != nullptr) {
    fprintf(stderr, "thread %u of %s block before, in ", before->thread,
            before->interval >= progress_of_launch().block_start ? "the same" : "another");
    print_line(before->pc);
  }
  exit(1);
}

bool unordered(const Access& before, const Access& now, bool shared) {
  const Progress& progress = progress_of_launch();
  if (before.interval < progress.launch_start || (before.atomic && now.atomic)) {
    return false;
  }
  if (before.interval < progress.block_start) {
    return !shared && !progress.fenced;
  }
  if (before.thread == now.thread || before.interval < now.interval) {
    return false;
  }
  return before.thread / 32 != now.thread / 32 || before.warp_interval == now.warp_interval;
}

void access(const volatile void* pointer, size_t bytes, bool writes, bool atomic, const void* pc) {
  if (!is_running()) {
    return;
  }
  auto first = reinterpret_cast<uint64_t>(pointer);
  bool shared = is_shared(first);
  if (!shared && device_find(first) == nullptr) {
    return;
  }
  const Progress& progress = progress_of_launch();
  Access now;
  now.interval = progress.interval;
  now.pc = uint32_t(reinterpret_cast<uint64_t>(pc));
  now.warp_interval = warp_interval();
  now.thread = uint16_t(thread_index());
  now.atomic = atomic;
  for (uint64_t address = first; address < first + bytes; address++) {
    Cell& at = cell(address);
    if (unordered(at.write, now, shared)) {
      report(writes ? "two threads write" : "one thread reads what another writes", address, shared, now,
             &at.write);
    }
    if (!writes || atomic) {
      if (shared ? at.write.interval < progress.block_start : !at.written) {
        report("nobody has written what is read", address, shared, now, nullptr);
      }
      if (at.read.thread != now.thread) {
        at.read_by_another = at.read;
      }
      at.read = now;
    }
    if (writes) {
      for (const Access* read : {&at.read, &at.read_by_another}) {
        if (unordered(*read, now, shared)) {
          report("one thread writes what another reads", address, shared, now, read);
        }
      }
      at.write = now;
      at.written = true;
    }
  }
}

}  // namespace

void memory_written(uint64_t address, size_t bytes) {
  for (uint64_t i = address; i < address + bytes; i++) {
    cell(i).written = true;
  }
}

void memory_freed(uint64_t address, size_t bytes) {
  for (uint64_t page = address / PAGE; page <= (address + bytes) / PAGE; page++) {
    pages.erase(page);
  }
  cached_page = ~uint64_t(0);
}

void atomic_access(const volatile void* pointer, size_t bytes) {
  access(pointer, bytes, true, true, __builtin_return_address(0));
}

}  // namespace narrow_emulator

#define NARROW_ACCESS(bytes)                                                                       \
  extern "C" void __tsan_read##bytes(void* p) {                                                    \
    narrow_emulator::access(p, bytes, false, false, __builtin_return_address(0));                  \
  }                                                                                                \
  extern "C" void __tsan_write##bytes(void* p) {                                                   \
    narrow_emulator::access(p, bytes, true, false, __builtin_return_address(0));                   \
  }                                                                                                \
  extern "C" void __tsan_unaligned_read##bytes(void* p) {                                          \
    narrow_emulator::access(p, bytes, false, false, __builtin_return_address(0));                  \
  }                                                                                                \
  extern "C" void __tsan_unaligned_write##bytes(void* p) {                                         \
    narrow_emulator::access(p, bytes, true, false, __builtin_return_address(0));                   \
  }
NARROW_ACCESS(1)
NARROW_ACCESS(2)
NARROW_ACCESS(4)
NARROW_ACCESS(8)
NARROW_ACCESS(16)

extern "C" void __tsan_read_range(void* p, size_t bytes) {
  narrow_emulator::access(p, bytes, false, false, __builtin_return_address(0));
}
extern "C" void __tsan_write_range(void* p, size_t bytes) {
  narrow_emulator::access(p, bytes, true, false, __builtin_return_address(0));
}
extern "C" void __tsan_init() {}
extern "C" void __tsan_func_entry(void*) {}
extern "C" void __tsan_func_exit() {}
