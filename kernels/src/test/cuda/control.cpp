#include "control.h"

#include <cstdlib>

namespace narrow_emulator {

namespace {

bool set(Settings& settings, const std::string& name, int64_t value) {
  if (name == "devices" && value >= 0 && value <= 8) {
    settings.devices = int(value);
  } else if (name == "driver" && value >= 1000 && value < 100000) {
    settings.driver_version = int(value);
  } else if (name == "capability" && value >= 10 && value < 1000) {
    settings.capability = int(value);
  } else if (name == "memory" && value >= 0) {
    settings.memory = size_t(value);
  } else if (name == "lazy" && (value == 0 || value == 1)) {
    settings.lazy = value == 1;
  } else {
    return false;
  }
  return true;
}

Settings from_environment() {
  Settings settings;
  for (const char* name : {"devices", "driver", "capability", "memory"}) {
    std::string variable = "NARROW_EMULATOR_";
    for (const char* c = name; *c != '\0'; c++) {
      variable += char(*c - 'a' + 'A');
    }
    if (const char* value = getenv(variable.c_str())) {
      set(settings, name, atoll(value));
    }
  }
  return settings;
}

}  // namespace

Control& control() {
  static Control control(from_environment());
  return control;
}

int Control::injected_error(const std::string& function) {
  auto found = injections.find(function);
  if (found == injections.end() || found->second.calls_before-- > 0) {
    return 0;
  }
  int error = found->second.error;
  injections.erase(found);
  message = function + " was told to fail";
  return error;
}

}  // namespace narrow_emulator

using narrow_emulator::control;
using narrow_emulator::Order;

#pragma GCC visibility push(default)

void narrow_emulator_order(int order, int64_t seed) {
  control().settings.order = order == 0 ? Order::FORWARD : order == 1 ? Order::REVERSE : Order::RANDOM;
  control().settings.seed = uint64_t(seed);
}

int narrow_emulator_set(const char* name, int64_t value) {
  return narrow_emulator::set(control().settings, name, value);
}

void narrow_emulator_fail(const char* function, int error, int64_t calls_before) {
  control().injections[function] = {error, calls_before};
}

void narrow_emulator_reset() {
  control() = narrow_emulator::Control(narrow_emulator::from_environment());
}

int64_t narrow_emulator_calls(const char* function) { return control().calls[function]; }

int64_t narrow_emulator_synchronizations() { return control().synchronizations; }

int64_t narrow_emulator_launches() { return control().launches; }

const char* narrow_emulator_message() { return control().message.c_str(); }

#pragma GCC visibility pop
