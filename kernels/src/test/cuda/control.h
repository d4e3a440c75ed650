// What tests set and ask of the emulated device: through the environment, for processes of their own, and
// through exported functions, for the process that they run in.
//
//   NARROW_EMULATOR_DEVICES     how many there are (1; 0 to 8)
//   NARROW_EMULATOR_DRIVER      version of the driver (12000)
//   NARROW_EMULATOR_CAPABILITY  compute capability times 10 (90)
//   NARROW_EMULATOR_MEMORY      bytes of each device (256 MiB)
//   NARROW_EMULATOR_TRACE       a folder: each process writes what its kernels were given (trace.h)
//   NARROW_EMULATOR_TRACE_MB    how much of it at most; 1024
#ifndef NARROW_EMULATOR_CONTROL_H
#define NARROW_EMULATOR_CONTROL_H

#include "emulator.h"

#include <cstdint>
#include <map>
#include <string>

namespace narrow_emulator {

struct Settings {
  int devices = 1;
  int driver_version = 12000;
  int capability = 90;
  size_t memory = size_t(256) << 20;
  bool lazy = true;  // work in streams waits until somebody waits for it
  Order order = Order::FORWARD;
  uint64_t seed = 0;
};

struct Injection {
  int error;
  int64_t calls_before;
};

struct Control {
  Settings settings;
  std::map<std::string, int64_t> calls;
  std::map<std::string, Injection> injections;
  int64_t synchronizations = 0;  // calls that waited, or would have, for a stream or the device
  int64_t launches = 0;          // kernels that ran
  std::string message;           // what was wrong with the last call or kernel that failed

  explicit Control(const Settings& settings) : settings(settings) {}
  int injected_error(const std::string& function);
};

Control& control();

}  // namespace narrow_emulator

extern "C" {
// order: 0 forward, 1 reverse, 2 random.
void narrow_emulator_order(int order, int64_t seed);
// name: one of the variables above, without its prefix and in lower case, or "lazy". Returns whether
// there is such a setting and it may have the value.
int narrow_emulator_set(const char* name, int64_t value);
// A call of the function fails with the error, after so many that do not.
void narrow_emulator_fail(const char* function, int error, int64_t calls_before);
// See trace_to in trace.h.
void narrow_emulator_trace(const char* path);
// Everything as it was at the start, but for what is allocated and created.
void narrow_emulator_reset();
int64_t narrow_emulator_calls(const char* function);
int64_t narrow_emulator_synchronizations();
int64_t narrow_emulator_launches();
const char* narrow_emulator_message();
// How many there are of: allocations, contexts, streams, events, modules, graphs, host memory.
int64_t narrow_emulator_live(const char* what);
}

#endif
