// What a driver reads of a module before it runs it: for which ISA version and GPU it is made, and which
// kernels are in it.
#ifndef NARROW_EMULATOR_MODULES_H
#define NARROW_EMULATOR_MODULES_H

#include <map>
#include <string>
#include <vector>

namespace narrow_emulator {

struct EntryPoint {
  std::vector<size_t> parameters;  // sizes in bytes; of a cubin they are not read
  bool has_parameters = false;
  unsigned max_threads = 1024;
};

struct Image {
  int error = 0;        // a CUresult
  std::string message;  // what the log of the driver's compiler says about the error
  std::map<std::string, EntryPoint> entries;
};

// PTX text or a cubin, for a driver of the version (1000 * major + 10 * minor) and a device of the compute
// capability (10 * major + minor).
Image read_image(const void* image, int driver_version, int capability);

}  // namespace narrow_emulator

#endif
