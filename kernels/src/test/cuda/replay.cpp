// Runs the kernels of traces again (trace.h), in three orders of threads, where AddressSanitizer and
// UndefinedBehaviorSanitizer watch, or, in a program of its own, races.cpp: replay FILE... Ends with an
// exit code other than 0 where they find something, a launch goes wrong, or what was read back comes out
// otherwise.
#include "emulator.h"
#include "memory.h"
#include "trace.h"
#if defined(NARROW_RACES)
#include "races.h"
#endif

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

using namespace narrow_emulator;

namespace {

[[noreturn]] void fail(const std::string& what) {
  fprintf(stderr, "replay: %s\n", what.c_str());
  exit(1);
}

class Replay {
 public:
  Replay(const char* path, Order order) : path(path), order(order), file(fopen(path, "rb")) {
    if (file == nullptr) {
      perror(path);
      exit(2);
    }
  }

  ~Replay() {
    fclose(file);
    while (!device_allocations().empty()) {
      release(device_allocations().begin()->first);
    }
  }

  // Returns how many kernels have run. A trace may end anywhere: its process may have been killed.
  int run() {
    uint64_t words[3];
    while (read(words, sizeof words)) {
      auto [step, address, bytes] = words;
      void* memory = reinterpret_cast<void*>(address);
      switch (Step(step)) {
        case Step::ALLOCATE:
          if (device_allocate(bytes, nullptr, address) != address) {
            fail(path + ": the memory of an allocation is not free");
          }
          break;
        case Step::FREE:
          release(address);
          break;
        case Step::WRITE: {
          std::vector<unsigned char> written(bytes);
          if (read(written.data(), bytes)) {
            memcpy(memory, written.data(), bytes);
#if defined(NARROW_RACES)
            memory_written(address, bytes);
#endif
          }
          break;
        }
        case Step::READ: {
          std::vector<unsigned char> expected(bytes);
          if (read(expected.data(), bytes) && memcmp(memory, expected.data(), bytes) != 0) {
            fail(path + ": after " + last + " memory is another than it was, in order " +
                 std::to_string(int(order)));
          }
          break;
        }
        case Step::LAUNCH:
          launch(address, bytes);
          break;
        default:
          fail(path + " is no trace");
      }
    }
    return launches;
  }

 private:
  std::string path;
  Order order;
  FILE* file;
  std::string last = "the start";
  int launches = 0;

  bool read(void* to, size_t bytes) { return fread(to, 1, bytes, file) == bytes; }

  static void release(uint64_t address) {
#if defined(NARROW_RACES)
    memory_freed(address, device_find(address)->bytes);
#endif
    device_free(address);
  }

  void launch(size_t name_length, size_t argument_bytes) {
    uint64_t shape[7];
    std::string name(name_length, ' ');
    // Of exactly the size of the parameters, on the heap: that a kernel must not read more is seen too.
    auto release_arguments = [](unsigned char* bytes) { operator delete[](bytes, std::align_val_t(128)); };
    std::unique_ptr<unsigned char[], decltype(release_arguments)> arguments(
        new (std::align_val_t(128)) unsigned char[argument_bytes], release_arguments);
    if (!read(shape, sizeof shape) || !read(&name[0], name_length) ||
        !read(arguments.get(), argument_bytes)) {
      return;
    }
    const Kernel* kernel = kernels;
    while (kernel != nullptr && name != kernel->name) {
      kernel = kernel->next;
    }
    if (kernel == nullptr || kernel->offsets[kernel->parameters] != argument_bytes) {
      fail(path + ": the sources have no kernel " + name + " with these parameters");
    }
    Launch launch{kernel,
                  arguments.get(),
                  dim3(unsigned(shape[0]), unsigned(shape[1]), unsigned(shape[2])),
                  dim3(unsigned(shape[3]), unsigned(shape[4]), unsigned(shape[5])),
                  shape[6],
                  order,
                  uint64_t(launches)};
    last = name;
    launches++;
    const char* wrong = narrow_emulator::launch(launch);
    if (wrong != nullptr) {
      fail(path + ": " + wrong);
    }
  }
};

}  // namespace

int main(int count, char** paths) {
  for (int i = 1; i < count; i++) {
    int launches = 0;
    for (Order order : {Order::FORWARD, Order::REVERSE, Order::RANDOM}) {
      launches = Replay(paths[i], order).run();
    }
    printf("%s: %d launches\n", paths[i], launches);
  }
  return 0;
}
