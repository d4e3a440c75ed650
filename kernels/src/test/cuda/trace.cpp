#include "trace.h"

#include "memory.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <string>

#include <unistd.h>

namespace narrow_emulator {

namespace {

// A process that gives its kernels more bytes than this is not recorded to the end.
size_t limit() {
  const char* megabytes = getenv("NARROW_EMULATOR_TRACE_MB");
  return (megabytes != nullptr ? strtoull(megabytes, nullptr, 10) : 1024) << 20;
}

class Trace {
 public:
  explicit Trace(const std::string& path) {
    if (!path.empty()) {
      file = fopen(path.c_str(), "wb");
      if (file == nullptr) {
        perror(path.c_str());
      }
    }
  }

  ~Trace() {
    if (file != nullptr) {
      fclose(file);
    }
  }

  bool on() { return file != nullptr && written < most; }

  void put(const void* bytes, size_t count) { written += fwrite(bytes, 1, count, file); }

  void step(Step step, uint64_t address, uint64_t bytes) {
    uint64_t words[] = {uint64_t(step), address, bytes};
    put(words, sizeof words);
  }

  void flush() { fflush(file); }

  std::set<uint64_t> allocations;  // that it tells of

 private:
  FILE* file = nullptr;
  const size_t most = limit();
  size_t written = 0;
};

std::string path_of_process() {
  const char* folder = getenv("NARROW_EMULATOR_TRACE");
  return folder == nullptr || *folder == '\0'
             ? ""
             : std::string(folder) + "/" + std::to_string(getpid()) + ".trace";
}

std::unique_ptr<Trace> other;

Trace& trace() {
  static Trace trace(path_of_process());
  return other == nullptr ? trace : *other;
}

}  // namespace

void trace_to(const char* path) {
  if (*path == '\0') {
    other = nullptr;
    return;
  }
  other = std::make_unique<Trace>(path);
  for (const auto& [address, allocation] : device_allocations()) {
    trace_allocate(address, allocation.bytes);
    trace_write(address, allocation.bytes);
  }
}

void trace_allocate(uint64_t address, size_t bytes) {
  if (trace().on()) {
    trace().allocations.insert(address);
    trace().step(Step::ALLOCATE, address, bytes);
  }
}

void trace_free(uint64_t address) {
  if (trace().on() && trace().allocations.erase(address) != 0) {
    trace().step(Step::FREE, address, 0);
  }
}

void trace_write(uint64_t address, size_t bytes) {
  if (trace().on()) {
    trace().step(Step::WRITE, address, bytes);
    trace().put(reinterpret_cast<const void*>(address), bytes);
  }
}

void trace_launch(const Launch& launch) {
  if (trace().on()) {
    size_t name = strlen(launch.kernel->name);
    size_t arguments = launch.kernel->offsets[launch.kernel->parameters];
    trace().step(Step::LAUNCH, name, arguments);
    uint64_t shape[] = {launch.grid.x,  launch.grid.y,  launch.grid.z,        launch.block.x,
                        launch.block.y, launch.block.z, launch.dynamic_shared};
    trace().put(shape, sizeof shape);
    trace().put(launch.kernel->name, name);
    trace().put(launch.arguments, arguments);
    trace().flush();
  }
}

void trace_read(uint64_t address, size_t bytes) {
  if (trace().on()) {
    trace().step(Step::READ, address, bytes);
    trace().put(reinterpret_cast<const void*>(address), bytes);
  }
}

}  // namespace narrow_emulator
