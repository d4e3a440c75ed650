// What races.cpp must be told of memory that no kernel writes or frees.
#ifndef NARROW_EMULATOR_RACES_H
#define NARROW_EMULATOR_RACES_H

#include <cstddef>
#include <cstdint>

namespace narrow_emulator {

void memory_written(uint64_t address, size_t bytes);
void memory_freed(uint64_t address, size_t bytes);

}  // namespace narrow_emulator

#endif
