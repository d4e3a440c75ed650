// What the kernels of a process were given, in a file from which replay.cpp runs them again, where a
// sanitizer watches: allocations with their addresses, what was written to them, launches with their
// arguments, and what was read back, which must come out the same.
#ifndef NARROW_EMULATOR_TRACE_H
#define NARROW_EMULATOR_TRACE_H

#include "emulator.h"

namespace narrow_emulator {

enum class Step : uint64_t { ALLOCATE = 1, FREE, WRITE, LAUNCH, READ };

// Starts a file, with all memory as it is; an empty path goes back to the file of the environment.
void trace_to(const char* path);

void trace_allocate(uint64_t address, size_t bytes);
void trace_free(uint64_t address);
void trace_write(uint64_t address, size_t bytes);
void trace_launch(const Launch& launch);  // one that went well
void trace_read(uint64_t address, size_t bytes);

}  // namespace narrow_emulator

#endif
