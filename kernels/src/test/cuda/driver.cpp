// A libcuda.so.1 whose device is the emulator: the part of the CUDA driver API (cuda.h) that Narrow calls.
//
// It is stricter than a GPU's: every handle, context, pointer and size is checked, and work that has been
// given to a stream runs only when somebody waits for it, so that who forgets to wait sees old memory.
// What was wrong is said by narrow_emulator_message; control.h has what tests set and ask.
#include "control.h"
#include "emulator.h"
#include "memory.h"
#include "modules.h"
#include "trace.h"

#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include <sys/mman.h>

#define API extern "C" __attribute__((visibility("default"))) int

namespace narrow_emulator {
namespace {

// CUresult
enum Result {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_CONTEXT = 201,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_OUT_OF_RESOURCES = 701,
  PRIMARY_CONTEXT_ACTIVE = 708,
  CONTEXT_IS_DESTROYED = 709,
  HOST_MEMORY_ALREADY_REGISTERED = 712,
  HOST_MEMORY_NOT_REGISTERED = 713,
  LAUNCH_FAILED = 719,
  NOT_PERMITTED = 800,
  NOT_SUPPORTED = 801,
  STREAM_CAPTURE_UNSUPPORTED = 900,
  STREAM_CAPTURE_INVALIDATED = 901,
  STREAM_CAPTURE_UNMATCHED = 903,
  STREAM_CAPTURE_IMPLICIT = 906,
};

const std::map<int, std::pair<const char*, const char*>> NAMES = {
    {SUCCESS, {"CUDA_SUCCESS", "no error"}},
    {INVALID_VALUE, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
    {OUT_OF_MEMORY, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {NOT_INITIALIZED, {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
    {NO_DEVICE, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
    {INVALID_DEVICE, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
    {200, {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
    {INVALID_CONTEXT, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
    {209, {"CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"}},
    {218, {"CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"}},
    {222, {"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."}},
    {INVALID_HANDLE, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
    {NOT_FOUND, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
    {NOT_READY, {"CUDA_ERROR_NOT_READY", "device not ready"}},
    {ILLEGAL_ADDRESS, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
    {LAUNCH_OUT_OF_RESOURCES, {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"}},
    {PRIMARY_CONTEXT_ACTIVE, {"CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE", "cannot set while device is active in this process"}},
    {CONTEXT_IS_DESTROYED, {"CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"}},
    {HOST_MEMORY_ALREADY_REGISTERED, {"CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", "part or all of the requested memory range is already mapped"}},
    {HOST_MEMORY_NOT_REGISTERED, {"CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED", "pointer does not correspond to a registered memory region"}},
    {LAUNCH_FAILED, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
    {NOT_PERMITTED, {"CUDA_ERROR_NOT_PERMITTED", "operation not permitted"}},
    {NOT_SUPPORTED, {"CUDA_ERROR_NOT_SUPPORTED", "operation not supported"}},
    {STREAM_CAPTURE_UNSUPPORTED, {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
    {STREAM_CAPTURE_INVALIDATED, {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}},
    {STREAM_CAPTURE_UNMATCHED, {"CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "the capture was not initiated in this stream"}},
    {STREAM_CAPTURE_IMPLICIT, {"CUDA_ERROR_STREAM_CAPTURE_IMPLICIT", "operation would make the legacy stream depend on a capturing blocking stream"}},
};

using Work = std::function<void()>;
struct Context;

struct Graph {
  std::vector<Work> nodes;
};

struct GraphExec {
  Context* context;
  std::vector<Work> nodes;
};

struct Stream {
  Context* context;
  unsigned flags;
  int priority;
  std::deque<Work> queue;
  Graph* capture = nullptr;
  bool capture_relaxed = false;
  bool capture_broken = false;
};

struct Event {
  Context* context;
  unsigned flags;
  Stream* stream = nullptr;
  uint64_t recorded = 0;
  uint64_t completed = 0;
  std::chrono::steady_clock::time_point time;
  bool timed = false;
};

struct Module {
  Context* context;
  Image image;
};

struct Function {
  Module* module;
  const Kernel* kernel;
  EntryPoint entry;
  int dynamic_shared_limit = 48 * 1024;
};

struct Context {
  int device;
  unsigned flags = 0;
  bool primary = false;
  int uses = 0;  // of a primary context
  bool alive = true;
  int fault = 0;  // stays until the context goes
  Stream legacy{this, 0, 0, {}};
};

struct HostMemory {
  size_t bytes;
  bool allocated;  // or a user's, registered
};

// Live handles of one kind.
template <class T>
class Handles {
 public:
  template <class... A>
  T* make(A&&... arguments) {
    T* result = new T{std::forward<A>(arguments)...};
    live.insert(result);
    return result;
  }

  bool has(const T* handle) const { return live.count(const_cast<T*>(handle)) != 0; }

  void remove(T* handle) {
    live.erase(handle);
    delete handle;
  }

  template <class Condition>
  void remove_if(Condition condition) {
    for (auto at = live.begin(); at != live.end();) {
      T* handle = *at;
      at = condition(*handle) ? live.erase(at) : std::next(at);
      if (!live.count(handle)) {
        delete handle;
      }
    }
  }

  size_t size() const { return live.size(); }
  auto begin() const { return live.begin(); }
  auto end() const { return live.end(); }

 private:
  std::set<T*> live;
};

constexpr int DEVICES = 8;
constexpr size_t QUEUE_LENGTH = 1024;

std::recursive_mutex mutex;
bool initialized = false;
std::set<Context*> contexts;  // the destroyed ones too: their handles are known as such
Context* primaries[DEVICES];
Handles<Stream> streams;
Handles<Event> events;
Handles<Module> modules;
Handles<Function> functions;
Handles<Graph> graphs;
Handles<GraphExec> graph_execs;
std::map<uintptr_t, HostMemory> host_memory;
size_t memory_used[DEVICES];
uint64_t tickets = 0;
bool in_host_function = false;
thread_local std::vector<Context*> context_stack;

const Settings& settings() { return control().settings; }

int complain(int error, const std::string& what) {
  control().message = what;
  return error;
}

// Each function of the API begins with one: it takes turns with others, counts, and may be told to fail.
class Call {
 public:
  explicit Call(const char* name, bool needs_init = true) : lock(mutex) {
    Control& c = control();
    c.calls[name]++;
    error = c.injected_error(name);
    if (error == SUCCESS && needs_init && !initialized) {
      error = complain(NOT_INITIALIZED, std::string(name) + " before cuInit");
    }
    if (error == SUCCESS && in_host_function) {
      error = complain(NOT_PERMITTED, std::string(name) + " in a host function");
    }
  }

  // The current context, or null and an error.
  Context* context() {
    if (error != SUCCESS) {
      return nullptr;
    }
    if (context_stack.empty() || context_stack.back() == nullptr) {
      error = complain(INVALID_CONTEXT, "no context is current in this thread");
    } else if (!context_stack.back()->alive) {
      error = complain(CONTEXT_IS_DESTROYED, "the current context is destroyed");
    } else {
      error = context_stack.back()->fault;
    }
    return error == SUCCESS ? context_stack.back() : nullptr;
  }

  int error;

 private:
  std::lock_guard<std::recursive_mutex> lock;
};

#define ENTER(name)           \
  Call call(name);            \
  if (call.error != SUCCESS) { \
    return call.error;        \
  }
#define ENTER_CONTEXT(name)             \
  Call call(name);                      \
  Context* const context = call.context(); \
  if (context == nullptr) {             \
    return call.error;                  \
  }
#define CHECK(condition, error, what) \
  if (!(condition)) {                 \
    return complain(error, what);     \
  }

std::string hex(uint64_t value) {
  char text[32];
  snprintf(text, sizeof text, "0x%llx", (unsigned long long)value);
  return text;
}

// ---------------------------------------------------------------------------------------------
// Work in streams
// ---------------------------------------------------------------------------------------------

void run_first(Stream* stream) {
  Work work = std::move(stream->queue.front());
  stream->queue.pop_front();
  if (stream->context->fault == SUCCESS) {
    work();
  }
}

void drain(Stream* stream) {
  while (!stream->queue.empty()) {
    run_first(stream);
  }
}

bool is_blocking(const Stream* stream) { return (stream->flags & 1) == 0; }

template <class Action>
void for_streams(Context* context, Action action) {
  for (Stream* stream : streams) {
    if (stream->context == context) {
      action(stream);
    }
  }
}

void drain_all(Context* context) {
  for_streams(context, drain);
  drain(&context->legacy);
}

// The stream of a handle: 0 and CU_STREAM_LEGACY are the context's own.
Stream* stream_of(Context* context, Stream* handle) {
  if (handle == nullptr || handle == reinterpret_cast<Stream*>(1)) {
    return &context->legacy;
  }
  return streams.has(handle) && handle->context == context ? handle : nullptr;
}

// What the legacy stream and the blocking ones wait for in one another.
int order_with_legacy(Stream* stream) {
  Context* context = stream->context;
  if (stream == &context->legacy) {
    bool capturing = false;
    for_streams(context, [&](Stream* other) {
      if (is_blocking(other)) {
        capturing |= other->capture != nullptr;
        drain(other);
      }
    });
    CHECK(!capturing, STREAM_CAPTURE_IMPLICIT,
          "work for the legacy stream while a blocking stream captures");
  } else if (is_blocking(stream)) {
    drain(&context->legacy);
  }
  return SUCCESS;
}

int enqueue(Stream* stream, Work work) {
  if (stream->capture != nullptr) {
    stream->capture->nodes.push_back(std::move(work));
    return SUCCESS;
  }
  int error = order_with_legacy(stream);
  if (error != SUCCESS) {
    return error;
  }
  stream->queue.push_back(std::move(work));
  while (!stream->queue.empty() && (!settings().lazy || stream->queue.size() > QUEUE_LENGTH)) {
    run_first(stream);
  }
  return SUCCESS;
}

// Whoever waits for the device, or may do so, must not do it while a stream captures. Who only may do
// so is let through where the capture is relaxed.
int refuse_while_capturing(Context* context, const char* name, bool must_wait = true) {
  bool capturing = false;
  for_streams(context, [&](Stream* stream) {
    if (stream->capture != nullptr && (must_wait || !stream->capture_relaxed)) {
      capturing = true;
      stream->capture_broken = true;
    }
  });
  CHECK(!capturing, STREAM_CAPTURE_UNSUPPORTED, std::string(name) + " while a stream captures");
  return SUCCESS;
}

int synchronize(Stream* stream) {
  control().synchronizations++;
  drain(stream);
  return stream->context->fault;
}

// Does it in the legacy stream and waits.
int now(Context* context, const char* name, Work work) {
  int error = refuse_while_capturing(context, name);
  if (error == SUCCESS) {
    error = enqueue(&context->legacy, std::move(work));
  }
  return error == SUCCESS ? synchronize(&context->legacy) : error;
}

// ---------------------------------------------------------------------------------------------
// Memory
// ---------------------------------------------------------------------------------------------

void* at(uint64_t address) { return reinterpret_cast<void*>(address); }

int check_device_range(Context* context, const char* name, uint64_t address, size_t bytes) {
  if (bytes == 0) {
    return SUCCESS;
  }
  const Allocation* allocation = device_find(address);
  CHECK(allocation != nullptr, INVALID_VALUE,
        std::string(name) + ": " + hex(address) + " is not device memory, or freed");
  CHECK(allocation->owner == context, INVALID_VALUE,
        std::string(name) + ": " + hex(address) + " belongs to another context");
  CHECK(device_contains(address, bytes, context), INVALID_VALUE,
        std::string(name) + ": " + std::to_string(bytes) + " bytes from " + hex(address) +
            " go past the end of an allocation of " + std::to_string(allocation->bytes));
  return SUCCESS;
}

const std::pair<const uintptr_t, HostMemory>* find_host(const void* pointer, size_t bytes) {
  auto address = reinterpret_cast<uintptr_t>(pointer);
  auto after = host_memory.upper_bound(address);
  if (after == host_memory.begin()) {
    return nullptr;
  }
  auto candidate = std::prev(after);
  size_t offset = address - candidate->first;
  bool inside = offset < candidate->second.bytes && bytes <= candidate->second.bytes - offset;
  return inside ? &*candidate : nullptr;
}

void write_device(uint64_t to, const void* from, size_t bytes) {
  memmove(at(to), from, bytes);
  trace_write(to, bytes);
}

int allocate(Context* context, uint64_t* result, size_t bytes) {
  CHECK(result != nullptr && bytes > 0, INVALID_VALUE,
        "an allocation of " + std::to_string(bytes) + " bytes");
  size_t limit = settings().memory;
  size_t used = memory_used[context->device];
  size_t rounded = (bytes + ALLOCATION_ALIGNMENT - 1) & ~(ALLOCATION_ALIGNMENT - 1);
  uint64_t address = bytes <= limit && rounded <= limit - used ? device_allocate(bytes, context) : 0;
  CHECK(address != 0, OUT_OF_MEMORY,
        std::to_string(bytes) + " bytes where " + std::to_string(used) + " of " +
            std::to_string(limit) + " are in use");
  memory_used[context->device] += rounded;
  trace_allocate(address, bytes);
  *result = address;
  return SUCCESS;
}

void release(uint64_t address) {
  const Allocation* allocation = device_find(address);
  size_t rounded = (allocation->bytes + ALLOCATION_ALIGNMENT - 1) & ~(ALLOCATION_ALIGNMENT - 1);
  memory_used[static_cast<Context*>(allocation->owner)->device] -= rounded;
  trace_free(address);
  device_free(address);
}

bool is_start_of_allocation(uint64_t address) {
  const Allocation* allocation = device_find(address);
  return allocation != nullptr && allocation->address == address;
}

int copy_to_device(Context* context, const char* name, uint64_t to, const void* from, size_t bytes) {
  CHECK(from != nullptr || bytes == 0, INVALID_VALUE, std::string(name) + ": the host pointer is null");
  return check_device_range(context, name, to, bytes);
}

int copy_to_host(Context* context, const char* name, const void* to, uint64_t from, size_t bytes) {
  CHECK(to != nullptr || bytes == 0, INVALID_VALUE, std::string(name) + ": the host pointer is null");
  return check_device_range(context, name, from, bytes);
}

template <class T>
int fill(Context* context, const char* name, uint64_t to, T value, size_t count, Work* work) {
  CHECK(to % sizeof(T) == 0, INVALID_VALUE, std::string(name) + ": " + hex(to) + " is misaligned");
  int error = check_device_range(context, name, to, count * sizeof(T));
  *work = [to, value, count] {
    std::fill_n(static_cast<T*>(at(to)), count, value);
    trace_write(to, count * sizeof(T));
  };
  return error;
}

template <class T>
int fill_now(const char* name, uint64_t to, T value, size_t count) {
  ENTER_CONTEXT(name);
  Work work;
  int error = fill(context, name, to, value, count, &work);
  return error == SUCCESS ? now(context, name, work) : error;
}

template <class T>
int fill_async(const char* name, uint64_t to, T value, size_t count, Stream* handle) {
  ENTER_CONTEXT(name);
  Stream* stream = stream_of(context, handle);
  CHECK(stream != nullptr, INVALID_HANDLE, std::string(name) + ": no stream of the current context");
  Work work;
  int error = fill(context, name, to, value, count, &work);
  return error == SUCCESS ? enqueue(stream, work) : error;
}

// ---------------------------------------------------------------------------------------------
// Contexts
// ---------------------------------------------------------------------------------------------

bool is_device(int device) { return device >= 0 && device < settings().devices; }

void destroy(Context* context) {
  drain_all(context);
  auto mine = [context](const auto& one) { return one.context == context; };
  functions.remove_if([context](const Function& one) { return one.module->context == context; });
  modules.remove_if(mine);
  events.remove_if(mine);
  graph_execs.remove_if(mine);
  streams.remove_if(mine);
  std::vector<uint64_t> addresses;
  for (const auto& [address, allocation] : device_allocations()) {
    if (allocation.owner == context) {
      addresses.push_back(address);
    }
  }
  for (uint64_t address : addresses) {
    release(address);
  }
  context->alive = false;
  context->fault = SUCCESS;
}

int check_context(Context* context) {
  CHECK(context != nullptr && contexts.count(context), INVALID_CONTEXT, "no context");
  CHECK(context->alive, CONTEXT_IS_DESTROYED, "the context is destroyed");
  return SUCCESS;
}

// ---------------------------------------------------------------------------------------------
// Launches
// ---------------------------------------------------------------------------------------------

struct Arguments {
  alignas(128) unsigned char bytes[4096];
};

void execute(Context* context, const Function* function, const Launch& shape,
             const std::shared_ptr<Arguments>& arguments) {
  const Kernel* kernel = function->kernel;
  for (int i = 0; i < kernel->parameters; i++) {
    uint64_t address;
    memcpy(&address, arguments->bytes + kernel->offsets[i], sizeof address);
    if (!kernel->pointers[i] || address == 0 || find_host(at(address), 0) != nullptr) {
      continue;
    }
    const Allocation* allocation = device_find(address);
    if (allocation == nullptr || allocation->owner != context) {
      context->fault = complain(
          ILLEGAL_ADDRESS, std::string(kernel->name) + ": parameter " + std::to_string(i) + " is " +
                               hex(address) + ", which is not memory of this context, or freed");
      return;
    }
  }
  Launch launch = shape;
  launch.kernel = kernel;
  launch.arguments = arguments->bytes;
  launch.order = settings().order;
  launch.seed = settings().seed;
  control().launches++;
  const char* wrong = narrow_emulator::launch(launch);
  if (wrong != nullptr) {
    context->fault = complain(has_illegal_address() ? ILLEGAL_ADDRESS : LAUNCH_FAILED, wrong);
  } else if (const Allocation* overrun = device_overrun()) {
    context->fault = complain(ILLEGAL_ADDRESS, std::string(kernel->name) +
                                                   " writes beyond the allocation of " +
                                                   std::to_string(overrun->bytes) + " bytes at " +
                                                   hex(overrun->address));
  }
  if (context->fault == SUCCESS) {
    trace_launch(launch);
  } else {
    fprintf(stderr, "emulated device: %s\n", control().message.c_str());
  }
}

// CU_LAUNCH_PARAM_BUFFER_POINTER and _SIZE
int read_argument_buffer(const Kernel* kernel, void** extra, Arguments* arguments) {
  const void* buffer = nullptr;
  const size_t* size = nullptr;
  for (; extra[0] != nullptr; extra += 2) {
    if (extra[0] == at(1)) {
      buffer = extra[1];
    } else if (extra[0] == at(2)) {
      size = static_cast<const size_t*>(extra[1]);
    } else {
      return complain(INVALID_VALUE, "an unknown entry in extra");
    }
  }
  size_t expected = kernel->offsets[kernel->parameters];
  CHECK(buffer != nullptr && size != nullptr && *size == expected, INVALID_VALUE,
        std::string(kernel->name) + ": " + std::to_string(size == nullptr ? 0 : *size) +
            " bytes of arguments where " + std::to_string(expected) + " are its parameters");
  memcpy(arguments->bytes, buffer, expected);
  return SUCCESS;
}

int launch_kernel(Context* context, Function* function, dim3 grid, dim3 block, unsigned shared,
                  Stream* handle, void** parameters, void** extra) {
  CHECK(functions.has(function) && function->module->context == context, INVALID_HANDLE,
        "a launch of what is no function of the current context");
  const Kernel* kernel = function->kernel;
  std::string name = kernel->name;
  Stream* stream = stream_of(context, handle);
  CHECK(stream != nullptr, INVALID_HANDLE, name + ": no stream of the current context");
  CHECK(grid.x >= 1 && grid.x <= 0x7fffffff && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 &&
            grid.z <= 65535,
        INVALID_VALUE, name + ": a grid of " + std::to_string(grid.x) + " x " + std::to_string(grid.y) +
            " x " + std::to_string(grid.z) + " blocks");
  uint64_t threads = uint64_t(block.x) * block.y * block.z;
  CHECK(block.x >= 1 && block.y >= 1 && block.z >= 1 && block.x <= 1024 && block.y <= 1024 &&
            block.z <= 64 && threads <= function->entry.max_threads,
        INVALID_VALUE, name + ": blocks of " + std::to_string(threads) + " threads where " +
            std::to_string(function->entry.max_threads) + " are the limit");
  CHECK(shared <= unsigned(function->dynamic_shared_limit), INVALID_VALUE,
        name + ": " + std::to_string(shared) + " bytes of shared memory where " +
            std::to_string(function->dynamic_shared_limit) + " are the limit");
  auto arguments = std::make_shared<Arguments>();
  if (extra != nullptr) {
    CHECK(parameters == nullptr, INVALID_VALUE, name + ": both kernelParams and extra");
    int error = read_argument_buffer(kernel, extra, arguments.get());
    if (error != SUCCESS) {
      return error;
    }
  } else {
    CHECK(parameters != nullptr || kernel->parameters == 0, INVALID_VALUE, name + ": no parameters");
    for (int i = 0; i < kernel->parameters; i++) {
      CHECK(parameters[i] != nullptr, INVALID_VALUE,
            name + ": parameter " + std::to_string(i) + " is null");
      memcpy(arguments->bytes + kernel->offsets[i], parameters[i], kernel->sizes[i]);
    }
  }
  Launch shape{};
  shape.grid = grid;
  shape.block = block;
  shape.dynamic_shared = shared;
  return enqueue(stream, [=] { execute(context, function, shape, arguments); });
}

}  // namespace
}  // namespace narrow_emulator

using namespace narrow_emulator;

// ---------------------------------------------------------------------------------------------
// Driver and devices
// ---------------------------------------------------------------------------------------------

API cuInit(unsigned flags) {
  Call call("cuInit", false);
  if (call.error != SUCCESS) {
    return call.error;
  }
  CHECK(flags == 0, INVALID_VALUE, "cuInit takes no flags");
  CHECK(settings().devices > 0, NO_DEVICE, "there is no device");
  initialized = true;
  return SUCCESS;
}

API cuDriverGetVersion(int* version) {
  Call call("cuDriverGetVersion", false);
  if (call.error == SUCCESS) {
    CHECK(version != nullptr, INVALID_VALUE, "the pointer is null");
    *version = settings().driver_version;
  }
  return call.error;
}

API cuGetErrorName(int error, const char** name) {
  Call call("cuGetErrorName", false);
  auto found = NAMES.find(error);
  *name = found == NAMES.end() ? nullptr : found->second.first;
  return found == NAMES.end() ? INVALID_VALUE : SUCCESS;
}

API cuGetErrorString(int error, const char** text) {
  Call call("cuGetErrorString", false);
  auto found = NAMES.find(error);
  *text = found == NAMES.end() ? nullptr : found->second.second;
  return found == NAMES.end() ? INVALID_VALUE : SUCCESS;
}

API cuDeviceGetCount(int* count) {
  ENTER("cuDeviceGetCount");
  CHECK(count != nullptr, INVALID_VALUE, "the pointer is null");
  *count = settings().devices;
  return SUCCESS;
}

API cuDeviceGet(int* device, int ordinal) {
  ENTER("cuDeviceGet");
  CHECK(device != nullptr, INVALID_VALUE, "the pointer is null");
  CHECK(is_device(ordinal), INVALID_DEVICE, "device " + std::to_string(ordinal));
  *device = ordinal;
  return SUCCESS;
}

API cuDeviceGetName(char* name, int length, int device) {
  ENTER("cuDeviceGetName");
  CHECK(name != nullptr && length > 0, INVALID_VALUE, "no place for the name");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  snprintf(name, size_t(length), "Emulated device %d", device);
  return SUCCESS;
}

static int uuid(unsigned char* bytes, int device) {
  ENTER("cuDeviceGetUuid");
  CHECK(bytes != nullptr, INVALID_VALUE, "the pointer is null");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  memcpy(bytes, "narrow emulator", 15);
  bytes[15] = static_cast<unsigned char>(device);
  return SUCCESS;
}

API cuDeviceGetUuid(unsigned char* bytes, int device) { return uuid(bytes, device); }
API cuDeviceGetUuid_v2(unsigned char* bytes, int device) { return uuid(bytes, device); }

API cuDeviceTotalMem_v2(size_t* bytes, int device) {
  ENTER("cuDeviceTotalMem");
  CHECK(bytes != nullptr, INVALID_VALUE, "the pointer is null");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  *bytes = settings().memory;
  return SUCCESS;
}

API cuDeviceComputeCapability(int* major, int* minor, int device) {
  ENTER("cuDeviceComputeCapability");
  CHECK(major != nullptr && minor != nullptr, INVALID_VALUE, "the pointer is null");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  *major = settings().capability / 10;
  *minor = settings().capability % 10;
  return SUCCESS;
}

API cuDeviceGetPCIBusId(char* text, int length, int device) {
  ENTER("cuDeviceGetPCIBusId");
  CHECK(text != nullptr && length > 0, INVALID_VALUE, "no place for the text");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  snprintf(text, size_t(length), "0000:%02x:00.0", device + 1);
  return SUCCESS;
}

API cuDeviceGetAttribute(int* value, int attribute, int device) {
  ENTER("cuDeviceGetAttribute");
  CHECK(value != nullptr && attribute > 0 && attribute < 256, INVALID_VALUE,
        "attribute " + std::to_string(attribute));
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  int opt_in = settings().capability >= 90 ? 232448 : settings().capability >= 80 ? 166912 : 65536;
  // CUdevice_attribute; few multiprocessors, so that grids are short and their strides are walked.
  const std::map<int, int> values = {
      {1, 1024},     {2, 1024},   {3, 1024},     {4, 64},        {5, 0x7fffffff},
      {6, 65535},    {7, 65535},  {8, 49152},    {9, 65536},     {10, 32},
      {11, 0x7fffffff}, {12, 65536}, {13, 1000000}, {14, 512},   {15, 1},
      {16, 4},       {19, 1},     {31, 1},       {33, device + 1}, {36, 1000000},
      {37, 5120},    {38, 1 << 20}, {39, 2048},  {40, 2},        {41, 1},
      {75, settings().capability / 10}, {76, settings().capability % 10}, {78, 1}, {81, opt_in + 1024},
      {82, 65536},   {95, 1},     {97, opt_in},  {106, 32},      {111, 1024},
      {115, 1}};
  auto found = values.find(attribute);
  *value = found == values.end() ? 0 : found->second;
  return SUCCESS;
}

// ---------------------------------------------------------------------------------------------
// Contexts
// ---------------------------------------------------------------------------------------------

API cuDevicePrimaryCtxRetain(Context** result, int device) {
  ENTER("cuDevicePrimaryCtxRetain");
  CHECK(result != nullptr, INVALID_VALUE, "the pointer is null");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  Context*& primary = primaries[device];
  if (primary == nullptr) {
    primary = new Context{device};
    primary->primary = true;
    contexts.insert(primary);
  }
  primary->alive = true;
  primary->uses++;
  *result = primary;
  return SUCCESS;
}

API cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER("cuDevicePrimaryCtxRelease");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  Context* primary = primaries[device];
  CHECK(primary != nullptr && primary->uses > 0, INVALID_CONTEXT, "the primary context is not in use");
  if (--primary->uses == 0) {
    destroy(primary);
  }
  return SUCCESS;
}

API cuDevicePrimaryCtxReset_v2(int device) {
  ENTER("cuDevicePrimaryCtxReset");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  if (primaries[device] != nullptr && primaries[device]->alive) {
    destroy(primaries[device]);
    primaries[device]->uses = 0;
  }
  return SUCCESS;
}

API cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active) {
  ENTER("cuDevicePrimaryCtxGetState");
  CHECK(flags != nullptr && active != nullptr, INVALID_VALUE, "the pointer is null");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  Context* primary = primaries[device];
  *active = primary != nullptr && primary->alive;
  *flags = primary == nullptr ? 0 : primary->flags;
  return SUCCESS;
}

API cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) {
  ENTER("cuDevicePrimaryCtxSetFlags");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  (void)flags;
  return SUCCESS;
}

API cuCtxCreate_v2(Context** result, unsigned flags, int device) {
  ENTER("cuCtxCreate");
  CHECK(result != nullptr, INVALID_VALUE, "the pointer is null");
  CHECK(is_device(device), INVALID_DEVICE, "device " + std::to_string(device));
  Context* made = new Context{device, flags};
  contexts.insert(made);
  context_stack.push_back(made);
  *result = made;
  return SUCCESS;
}

API cuCtxDestroy_v2(Context* context) {
  ENTER("cuCtxDestroy");
  int error = check_context(context);
  if (error != SUCCESS) {
    return error;
  }
  CHECK(!context->primary, INVALID_CONTEXT, "a primary context is released, not destroyed");
  destroy(context);
  if (!context_stack.empty() && context_stack.back() == context) {
    context_stack.pop_back();
  }
  return SUCCESS;
}

// Takes no turn, since it only reads what is the thread's: it may be called where nothing may wait.
API cuCtxGetCurrent(Context** result) {
  CHECK(initialized, NOT_INITIALIZED, "cuCtxGetCurrent before cuInit");
  CHECK(result != nullptr, INVALID_VALUE, "the pointer is null");
  *result = context_stack.empty() ? nullptr : context_stack.back();
  return SUCCESS;
}

API cuCtxSetCurrent(Context* context) {
  ENTER("cuCtxSetCurrent");
  if (context != nullptr) {
    int error = check_context(context);
    if (error != SUCCESS) {
      return error;
    }
  }
  if (!context_stack.empty()) {
    context_stack.pop_back();
  }
  if (context != nullptr) {
    context_stack.push_back(context);
  }
  return SUCCESS;
}

API cuCtxPushCurrent_v2(Context* context) {
  ENTER("cuCtxPushCurrent");
  int error = check_context(context);
  if (error == SUCCESS) {
    context_stack.push_back(context);
  }
  return error;
}

API cuCtxPopCurrent_v2(Context** result) {
  ENTER("cuCtxPopCurrent");
  CHECK(!context_stack.empty(), INVALID_CONTEXT, "no context is current in this thread");
  if (result != nullptr) {
    *result = context_stack.back();
  }
  context_stack.pop_back();
  return SUCCESS;
}

API cuCtxGetDevice(int* device) {
  ENTER_CONTEXT("cuCtxGetDevice");
  CHECK(device != nullptr, INVALID_VALUE, "the pointer is null");
  *device = context->device;
  return SUCCESS;
}

API cuCtxGetFlags(unsigned* flags) {
  ENTER_CONTEXT("cuCtxGetFlags");
  CHECK(flags != nullptr, INVALID_VALUE, "the pointer is null");
  *flags = context->flags;
  return SUCCESS;
}

API cuCtxGetApiVersion(Context* context, unsigned* version) {
  ENTER("cuCtxGetApiVersion");
  int error = context == nullptr ? SUCCESS : check_context(context);
  if (error == SUCCESS) {
    CHECK(version != nullptr, INVALID_VALUE, "the pointer is null");
    *version = 3020;
  }
  return error;
}

API cuCtxSynchronize() {
  ENTER_CONTEXT("cuCtxSynchronize");
  int error = refuse_while_capturing(context, "cuCtxSynchronize");
  if (error == SUCCESS) {
    control().synchronizations++;
    drain_all(context);
    error = context->fault;
  }
  return error;
}

API cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  ENTER_CONTEXT("cuCtxGetStreamPriorityRange");
  if (least != nullptr) {
    *least = 0;
  }
  if (greatest != nullptr) {
    *greatest = -5;
  }
  return SUCCESS;
}

// ---------------------------------------------------------------------------------------------
// Modules and functions
// ---------------------------------------------------------------------------------------------

static int load(Context* context, Module** result, const void* bytes, unsigned count, const int* options,
                void** values) {
  CHECK(result != nullptr && bytes != nullptr, INVALID_VALUE, "the image or the place for it is null");
  int error = refuse_while_capturing(context, "cuModuleLoadData", false);
  if (error != SUCCESS) {
    return error;
  }
  Image image = read_image(bytes, settings().driver_version, settings().capability);
  if (image.error != SUCCESS) {
    constexpr int ERROR_LOG_BUFFER = 5;
    constexpr int ERROR_LOG_BUFFER_SIZE_BYTES = 6;
    char* log = nullptr;
    size_t size = 0;
    for (unsigned i = 0; i < count; i++) {
      if (options[i] == ERROR_LOG_BUFFER) {
        log = static_cast<char*>(values[i]);
      } else if (options[i] == ERROR_LOG_BUFFER_SIZE_BYTES) {
        size = size_t(reinterpret_cast<uintptr_t>(values[i]) & 0xffffffffu);
      }
    }
    if (log != nullptr && size > 0) {
      snprintf(log, size, "%s", image.message.c_str());
    }
    return complain(image.error, image.message);
  }
  *result = modules.make(Module{context, image});
  return SUCCESS;
}

API cuModuleLoadData(Module** result, const void* bytes) {
  ENTER_CONTEXT("cuModuleLoadData");
  return load(context, result, bytes, 0, nullptr, nullptr);
}

API cuModuleLoadDataEx(Module** result, const void* bytes, unsigned count, int* options, void** values) {
  ENTER_CONTEXT("cuModuleLoadDataEx");
  CHECK(count == 0 || (options != nullptr && values != nullptr), INVALID_VALUE, "the options are null");
  return load(context, result, bytes, count, options, values);
}

API cuModuleUnload(Module* module) {
  ENTER_CONTEXT("cuModuleUnload");
  CHECK(modules.has(module), INVALID_HANDLE, "cuModuleUnload of what is no module");
  CHECK(module->context == context, INVALID_HANDLE, "the module belongs to another context");
  drain_all(context);
  functions.remove_if([module](const Function& one) { return one.module == module; });
  modules.remove(module);
  return SUCCESS;
}

API cuModuleGetFunction(Function** result, Module* module, const char* name) {
  ENTER_CONTEXT("cuModuleGetFunction");
  CHECK(result != nullptr && name != nullptr, INVALID_VALUE, "the name or the place is null");
  CHECK(modules.has(module) && module->context == context, INVALID_HANDLE, "no module of the current context");
  auto entry = module->image.entries.find(name);
  CHECK(entry != module->image.entries.end(), NOT_FOUND, std::string("the module has no kernel ") + name);
  const Kernel* kernel = kernels;
  while (kernel != nullptr && strcmp(kernel->name, name) != 0) {
    kernel = kernel->next;
  }
  CHECK(kernel != nullptr, NOT_FOUND,
        std::string("the module has a kernel ") + name + " that is not in the sources: rebuild it");
  if (entry->second.has_parameters) {
    std::vector<size_t> sizes(kernel->sizes, kernel->sizes + kernel->parameters);
    CHECK(sizes == entry->second.parameters, NOT_FOUND,
          std::string("the kernel ") + name +
              " of the module has other parameters than that of the sources: rebuild it");
  }
  for (Function* function : functions) {
    if (function->module == module && function->kernel == kernel) {
      *result = function;
      return SUCCESS;
    }
  }
  *result = functions.make(Function{module, kernel, entry->second});
  return SUCCESS;
}

API cuFuncGetModule(Module** result, Function* function) {
  ENTER_CONTEXT("cuFuncGetModule");
  CHECK(functions.has(function), INVALID_HANDLE, "no function");
  *result = function->module;
  return SUCCESS;
}

API cuFuncGetAttribute(int* value, int attribute, Function* function) {
  ENTER_CONTEXT("cuFuncGetAttribute");
  CHECK(functions.has(function), INVALID_HANDLE, "no function");
  CHECK(value != nullptr && attribute >= 0 && attribute <= 15, INVALID_VALUE,
        "attribute " + std::to_string(attribute));
  // CUfunction_attribute
  const std::map<int, int> values = {{0, int(function->entry.max_threads)},
                                     {4, 32},
                                     {5, 80},
                                     {6, settings().capability},
                                     {8, function->dynamic_shared_limit}};
  auto found = values.find(attribute);
  *value = found == values.end() ? 0 : found->second;
  return SUCCESS;
}

API cuFuncSetAttribute(Function* function, int attribute, int value) {
  ENTER_CONTEXT("cuFuncSetAttribute");
  CHECK(functions.has(function), INVALID_HANDLE, "no function");
  constexpr int MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;
  constexpr int PREFERRED_SHARED_MEMORY_CARVEOUT = 9;
  if (attribute == MAX_DYNAMIC_SHARED_SIZE_BYTES) {
    int limit = settings().capability >= 90 ? 232448 : settings().capability >= 80 ? 166912 : 65536;
    CHECK(value >= 0 && value <= limit, INVALID_VALUE,
          std::to_string(value) + " bytes of shared memory where the device has " + std::to_string(limit));
    function->dynamic_shared_limit = value;
    return SUCCESS;
  }
  CHECK(attribute == PREFERRED_SHARED_MEMORY_CARVEOUT, INVALID_VALUE,
        "attribute " + std::to_string(attribute));
  return SUCCESS;
}

API cuFuncSetCacheConfig(Function* function, int) {
  ENTER_CONTEXT("cuFuncSetCacheConfig");
  CHECK(functions.has(function), INVALID_HANDLE, "no function");
  return SUCCESS;
}

API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Function* function, int threads,
                                                size_t shared) {
  ENTER_CONTEXT("cuOccupancyMaxActiveBlocksPerMultiprocessor");
  CHECK(functions.has(function), INVALID_HANDLE, "no function");
  CHECK(blocks != nullptr && threads >= 1 && threads <= 1024, INVALID_VALUE,
        std::to_string(threads) + " threads");
  int by_threads = 2048 / ((threads + 31) / 32 * 32);
  int by_shared = shared == 0 ? 32 : int(166912 / shared);
  *blocks = std::min(std::min(by_threads, by_shared), 32);
  return SUCCESS;
}

API cuLaunchKernel(Function* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, Stream* stream, void** parameters, void** extra) {
  ENTER_CONTEXT("cuLaunchKernel");
  return launch_kernel(context, function, {gx, gy, gz}, {bx, by, bz}, shared, stream, parameters, extra);
}

// CUlaunchConfig; attributes are for what the emulator does not have.
struct LaunchConfig {
  unsigned gx, gy, gz, bx, by, bz, shared;
  Stream* stream;
  void* attributes;
  unsigned attribute_count;
};

API cuLaunchKernelEx(const LaunchConfig* config, Function* function, void** parameters, void** extra) {
  ENTER_CONTEXT("cuLaunchKernelEx");
  CHECK(config != nullptr, INVALID_VALUE, "the configuration is null");
  CHECK(config->attribute_count == 0, NOT_SUPPORTED, "launch attributes");
  return launch_kernel(context, function, {config->gx, config->gy, config->gz},
                       {config->bx, config->by, config->bz}, config->shared, config->stream, parameters,
                       extra);
}

// cuda.h, CUtensorMapDataType: unsigned integers, fp16 and bf16; 0 for all others, which nobody needs here.
static unsigned element_bytes(int type) {
  const std::map<int, unsigned> bytes = {{0, 1}, {1, 2}, {6, 2}, {9, 2}};
  auto found = bytes.find(type);
  return found == bytes.end() ? 0 : found->second;
}

// As the driver API has it; of interleaved layouts and strides between elements there are none.
API cuTensorMapEncodeTiled(void* result, int type, unsigned rank, void* address, const uint64_t* extents,
                           const uint64_t* strides, const unsigned* box, const unsigned* element_strides,
                           int interleave, int swizzle, int promotion, int fill) {
  ENTER_CONTEXT("cuTensorMapEncodeTiled");
  CHECK(result != nullptr && uintptr_t(result) % 64 == 0, INVALID_VALUE, "a tensor map at no multiple of 64");
  unsigned bytes = element_bytes(type);
  CHECK(bytes != 0 && interleave == 0 && fill == 0, NOT_SUPPORTED,
        "a tensor map of type " + std::to_string(type) + ", interleaved " + std::to_string(interleave));
  CHECK(rank >= 1 && rank <= 5, INVALID_VALUE, "a tensor of " + std::to_string(rank) + " axes");
  CHECK(address != nullptr && uintptr_t(address) % 16 == 0, INVALID_VALUE,
        "a tensor at " + hex(uint64_t(uintptr_t(address))) + ", expected a multiple of 16");
  CHECK(swizzle >= 0 && swizzle <= 3 && promotion >= 0 && promotion <= 3, INVALID_VALUE,
        "swizzle " + std::to_string(swizzle) + ", promotion " + std::to_string(promotion));
  TensorMap map{};
  map.magic = TensorMap::MAGIC;
  map.address = uint64_t(uintptr_t(address));
  map.rank = uint8_t(rank);
  map.element_bytes = uint8_t(bytes);
  map.swizzle = uint8_t(swizzle);
  uint64_t end = map.address + extents[0] * bytes;
  for (unsigned i = 0; i < rank; i++) {
    CHECK(extents[i] >= 1 && extents[i] <= uint64_t(1) << 32, INVALID_VALUE,
          "an extent of " + std::to_string(extents[i]));
    CHECK(box[i] >= 1 && box[i] <= 256 && element_strides[i] == 1, INVALID_VALUE,
          "a box of " + std::to_string(box[i]) + " elements, or a stride in it");
    map.last[i] = uint32_t(extents[i] - 1);
    map.box[i] = uint16_t(box[i]);
    if (i > 0) {
      uint64_t stride = strides[i - 1];
      CHECK(stride % 16 == 0 && stride < uint64_t(1) << 40, INVALID_VALUE,
            "a stride of " + std::to_string(stride) + " bytes");
      map.strides[i - 1] = stride;
      end += (extents[i] - 1) * stride;
    }
  }
  unsigned inner = box[0] * bytes;
  CHECK(inner % 16 == 0 && (swizzle == 0 || inner <= 16u << swizzle), INVALID_VALUE,
        "a box of " + std::to_string(inner) + " bytes in a row, with swizzle " + std::to_string(swizzle));
  int error = check_device_range(context, "cuTensorMapEncodeTiled", map.address, end - map.address);
  if (error == SUCCESS) {
    memset(result, 0, 128);
    memcpy(result, &map, sizeof map);
  }
  return error;
}

API cuLaunchHostFunc(Stream* handle, void (*function)(void*), void* data) {
  ENTER_CONTEXT("cuLaunchHostFunc");
  Stream* stream = stream_of(context, handle);
  CHECK(stream != nullptr, INVALID_HANDLE, "no stream of the current context");
  CHECK(function != nullptr, INVALID_VALUE, "the function is null");
  return enqueue(stream, [function, data] {
    in_host_function = true;
    function(data);
    in_host_function = false;
  });
}

// ---------------------------------------------------------------------------------------------
// Memory
// ---------------------------------------------------------------------------------------------

API cuMemGetInfo_v2(size_t* free, size_t* total) {
  ENTER_CONTEXT("cuMemGetInfo");
  CHECK(free != nullptr && total != nullptr, INVALID_VALUE, "the pointer is null");
  size_t used = memory_used[context->device];
  *total = settings().memory;
  *free = used < *total ? *total - used : 0;
  return SUCCESS;
}

API cuMemAlloc_v2(uint64_t* result, size_t bytes) {
  ENTER_CONTEXT("cuMemAlloc");
  int error = refuse_while_capturing(context, "cuMemAlloc", false);
  return error == SUCCESS ? allocate(context, result, bytes) : error;
}

API cuMemFree_v2(uint64_t address) {
  ENTER_CONTEXT("cuMemFree");
  CHECK(is_start_of_allocation(address), INVALID_VALUE,
        "cuMemFree of " + hex(address) + ", which is not allocated, or freed");
  int error = refuse_while_capturing(context, "cuMemFree");
  if (error == SUCCESS) {
    control().synchronizations++;
    drain_all(static_cast<Context*>(device_find(address)->owner));
    release(address);
  }
  return error;
}

API cuMemAllocAsync(uint64_t* result, size_t bytes, Stream* handle) {
  ENTER_CONTEXT("cuMemAllocAsync");
  CHECK(stream_of(context, handle) != nullptr, INVALID_HANDLE, "no stream of the current context");
  CHECK(stream_of(context, handle)->capture == nullptr, NOT_SUPPORTED, "memory of a graph");
  return allocate(context, result, bytes);
}

API cuMemFreeAsync(uint64_t address, Stream* handle) {
  ENTER_CONTEXT("cuMemFreeAsync");
  Stream* stream = stream_of(context, handle);
  CHECK(stream != nullptr, INVALID_HANDLE, "no stream of the current context");
  CHECK(stream->capture == nullptr, NOT_SUPPORTED, "memory of a graph");
  CHECK(is_start_of_allocation(address), INVALID_VALUE,
        "cuMemFreeAsync of " + hex(address) + ", which is not allocated, or freed");
  return enqueue(stream, [address] { release(address); });
}

API cuMemGetAddressRange_v2(uint64_t* base, size_t* bytes, uint64_t address) {
  ENTER_CONTEXT("cuMemGetAddressRange");
  const Allocation* allocation = device_find(address);
  CHECK(allocation != nullptr && address < allocation->address + allocation->bytes, NOT_FOUND,
        hex(address) + " is not device memory");
  if (base != nullptr) {
    *base = allocation->address;
  }
  if (bytes != nullptr) {
    *bytes = allocation->bytes;
  }
  return SUCCESS;
}

static int allocate_host(void** result, size_t bytes) {
  CHECK(result != nullptr && bytes > 0, INVALID_VALUE, std::to_string(bytes) + " bytes of pinned memory");
  size_t rounded = (bytes + 4095) & ~size_t(4095);
  void* memory = rounded < bytes ? nullptr : aligned_alloc(4096, rounded);
  CHECK(memory != nullptr, OUT_OF_MEMORY, std::to_string(bytes) + " bytes of pinned memory");
  memset(memory, 0xcb, bytes);
  host_memory[reinterpret_cast<uintptr_t>(memory)] = {bytes, true};
  *result = memory;
  return SUCCESS;
}

API cuMemAllocHost_v2(void** result, size_t bytes) {
  ENTER_CONTEXT("cuMemAllocHost");
  return allocate_host(result, bytes);
}

API cuMemHostAlloc(void** result, size_t bytes, unsigned flags) {
  ENTER_CONTEXT("cuMemHostAlloc");
  CHECK(flags < 8, INVALID_VALUE, "flags " + std::to_string(flags));
  return allocate_host(result, bytes);
}

API cuMemFreeHost(void* memory) {
  ENTER_CONTEXT("cuMemFreeHost");
  auto found = host_memory.find(reinterpret_cast<uintptr_t>(memory));
  CHECK(found != host_memory.end() && found->second.allocated, INVALID_VALUE,
        "cuMemFreeHost of what is not allocated, or freed");
  control().synchronizations++;
  drain_all(context);
  memset(memory, 0xdd, found->second.bytes);
  free(memory);
  host_memory.erase(found);
  return SUCCESS;
}

API cuMemHostRegister_v2(void* memory, size_t bytes, unsigned flags) {
  ENTER_CONTEXT("cuMemHostRegister");
  CHECK(memory != nullptr && bytes > 0 && flags < 16, INVALID_VALUE, "nothing to register");
  auto address = reinterpret_cast<uintptr_t>(memory);
  for (const auto& [start, host] : host_memory) {
    CHECK(address + bytes <= start || start + host.bytes <= address, HOST_MEMORY_ALREADY_REGISTERED,
          "the memory is registered already");
  }
  host_memory[address] = {bytes, false};
  return SUCCESS;
}

API cuMemHostUnregister(void* memory) {
  ENTER_CONTEXT("cuMemHostUnregister");
  auto found = host_memory.find(reinterpret_cast<uintptr_t>(memory));
  CHECK(found != host_memory.end() && !found->second.allocated, HOST_MEMORY_NOT_REGISTERED,
        "the memory is not registered");
  drain_all(context);
  host_memory.erase(found);
  return SUCCESS;
}

API cuMemHostGetDevicePointer_v2(uint64_t* result, void* memory, unsigned flags) {
  ENTER_CONTEXT("cuMemHostGetDevicePointer");
  CHECK(result != nullptr && flags == 0 && find_host(memory, 0) != nullptr, INVALID_VALUE,
        "the memory is not registered");
  *result = reinterpret_cast<uintptr_t>(memory);
  return SUCCESS;
}

API cuMemHostGetFlags(unsigned* flags, void* memory) {
  ENTER_CONTEXT("cuMemHostGetFlags");
  CHECK(flags != nullptr && find_host(memory, 0) != nullptr, INVALID_VALUE, "the memory is not registered");
  *flags = 2;
  return SUCCESS;
}

API cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
  ENTER_CONTEXT("cuMemcpyHtoD");
  int error = copy_to_device(context, "cuMemcpyHtoD", to, from, bytes);
  return error == SUCCESS ? now(context, "cuMemcpyHtoD", [=] { write_device(to, from, bytes); }) : error;
}

API cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) {
  ENTER_CONTEXT("cuMemcpyDtoH");
  int error = copy_to_host(context, "cuMemcpyDtoH", to, from, bytes);
  return error == SUCCESS ? now(context, "cuMemcpyDtoH",
                                [=] {
                                  trace_read(from, bytes);
                                  memmove(to, at(from), bytes);
                                })
                          : error;
}

static int copy_on_device(Context* context, const char* name, uint64_t to, uint64_t from, size_t bytes,
                          Work* work) {
  int error = check_device_range(context, name, to, bytes);
  if (error == SUCCESS) {
    error = check_device_range(context, name, from, bytes);
  }
  *work = [=] { write_device(to, at(from), bytes); };
  return error;
}

API cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) {
  ENTER_CONTEXT("cuMemcpyDtoD");
  Work work;
  int error = copy_on_device(context, "cuMemcpyDtoD", to, from, bytes, &work);
  return error == SUCCESS ? now(context, "cuMemcpyDtoD", work) : error;
}

// From memory that is not pinned the driver copies before it returns; from pinned memory the GPU reads
// when the stream comes to it.
API cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, Stream* handle) {
  ENTER_CONTEXT("cuMemcpyHtoDAsync");
  Stream* stream = stream_of(context, handle);
  CHECK(stream != nullptr, INVALID_HANDLE, "no stream of the current context");
  int error = copy_to_device(context, "cuMemcpyHtoDAsync", to, from, bytes);
  if (error != SUCCESS) {
    return error;
  }
  if (find_host(from, bytes) != nullptr) {
    return enqueue(stream, [=] { write_device(to, from, bytes); });
  }
  auto source = static_cast<const unsigned char*>(from);
  auto staged = std::make_shared<std::vector<unsigned char>>(source, source + bytes);
  return enqueue(stream, [=] { write_device(to, staged->data(), bytes); });
}

// To memory that is not pinned the call returns when the copy is there.
API cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, Stream* handle) {
  ENTER_CONTEXT("cuMemcpyDtoHAsync");
  Stream* stream = stream_of(context, handle);
  CHECK(stream != nullptr, INVALID_HANDLE, "no stream of the current context");
  int error = copy_to_host(context, "cuMemcpyDtoHAsync", to, from, bytes);
  if (error != SUCCESS) {
    return error;
  }
  bool pinned = find_host(to, bytes) != nullptr;
  CHECK(pinned || stream->capture == nullptr, STREAM_CAPTURE_UNSUPPORTED,
        "a copy to memory that is not pinned while the stream captures");
  error = enqueue(stream, [=] {
    trace_read(from, bytes);
    memmove(to, at(from), bytes);
  });
  return error != SUCCESS || pinned ? error : synchronize(stream);
}

API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, Stream* handle) {
  ENTER_CONTEXT("cuMemcpyDtoDAsync");
  Stream* stream = stream_of(context, handle);
  CHECK(stream != nullptr, INVALID_HANDLE, "no stream of the current context");
  Work work;
  int error = copy_on_device(context, "cuMemcpyDtoDAsync", to, from, bytes, &work);
  return error == SUCCESS ? enqueue(stream, work) : error;
}

API cuMemsetD8_v2(uint64_t to, unsigned char value, size_t count) {
  return fill_now("cuMemsetD8", to, value, count);
}
API cuMemsetD16_v2(uint64_t to, unsigned short value, size_t count) {
  return fill_now("cuMemsetD16", to, value, count);
}
API cuMemsetD32_v2(uint64_t to, unsigned value, size_t count) {
  return fill_now("cuMemsetD32", to, value, count);
}
API cuMemsetD8Async(uint64_t to, unsigned char value, size_t count, Stream* stream) {
  return fill_async("cuMemsetD8Async", to, value, count, stream);
}
API cuMemsetD16Async(uint64_t to, unsigned short value, size_t count, Stream* stream) {
  return fill_async("cuMemsetD16Async", to, value, count, stream);
}
API cuMemsetD32Async(uint64_t to, unsigned value, size_t count, Stream* stream) {
  return fill_async("cuMemsetD32Async", to, value, count, stream);
}

static int pointer_attribute(void* value, int attribute, uint64_t address) {
  const Allocation* allocation = device_find(address);
  if (allocation != nullptr && address == allocation->address + allocation->bytes) {
    allocation = nullptr;
  }
  const auto* host = allocation == nullptr ? find_host(at(address), 0) : nullptr;
  CHECK(allocation != nullptr || host != nullptr, INVALID_VALUE,
        hex(address) + " is not memory that the driver knows");
  switch (attribute) {  // CUpointer_attribute
    case 1:
      CHECK(allocation != nullptr, INVALID_VALUE, "host memory has no context");
      *static_cast<void**>(value) = allocation->owner;
      return SUCCESS;
    case 2:
      *static_cast<unsigned*>(value) = allocation != nullptr ? 2 : 1;
      return SUCCESS;
    case 3:
      *static_cast<uint64_t*>(value) = address;
      return SUCCESS;
    case 4:
      CHECK(host != nullptr, INVALID_VALUE, "device memory has no host pointer");
      *static_cast<void**>(value) = at(address);
      return SUCCESS;
    case 7:
      *static_cast<uint64_t*>(value) = allocation != nullptr ? allocation->address : host->first;
      return SUCCESS;
    case 8:
      *static_cast<unsigned*>(value) = 0;
      return SUCCESS;
    case 9:
      *static_cast<int*>(value) =
          allocation != nullptr ? static_cast<Context*>(allocation->owner)->device : 0;
      return SUCCESS;
    case 11:
      *static_cast<uint64_t*>(value) = allocation != nullptr ? allocation->address : host->first;
      return SUCCESS;
    case 12:
      *static_cast<size_t*>(value) = allocation != nullptr ? allocation->bytes : host->second.bytes;
      return SUCCESS;
    default:
      return complain(NOT_SUPPORTED, "pointer attribute " + std::to_string(attribute));
  }
}

API cuPointerGetAttribute(void* value, int attribute, uint64_t address) {
  ENTER("cuPointerGetAttribute");
  CHECK(value != nullptr, INVALID_VALUE, "the pointer is null");
  return pointer_attribute(value, attribute, address);
}

// For memory that the driver does not know the values are zero (cuda.h).
API cuPointerGetAttributes(unsigned count, int* attributes, void** values, uint64_t address) {
  ENTER("cuPointerGetAttributes");
  CHECK(attributes != nullptr && values != nullptr, INVALID_VALUE, "the pointer is null");
  for (unsigned i = 0; i < count; i++) {
    if (pointer_attribute(values[i], attributes[i], address) != SUCCESS) {
      memset(values[i], 0, attributes[i] == 2 || attributes[i] == 8 || attributes[i] == 9 ? 4 : 8);
    }
  }
  return SUCCESS;
}

// ---------------------------------------------------------------------------------------------
// Streams and events
// ---------------------------------------------------------------------------------------------

static int create_stream(Context* context, Stream** result, unsigned flags, int priority) {
  CHECK(result != nullptr && flags <= 1, INVALID_VALUE, "stream flags " + std::to_string(flags));
  *result = streams.make(Stream{context, flags, priority, {}});
  return SUCCESS;
}

API cuStreamCreate(Stream** result, unsigned flags) {
  ENTER_CONTEXT("cuStreamCreate");
  return create_stream(context, result, flags, 0);
}

API cuStreamCreateWithPriority(Stream** result, unsigned flags, int priority) {
  ENTER_CONTEXT("cuStreamCreateWithPriority");
  return create_stream(context, result, flags, priority);
}

API cuStreamDestroy_v2(Stream* stream) {
  ENTER_CONTEXT("cuStreamDestroy");
  CHECK(streams.has(stream) && stream->context == context, INVALID_HANDLE,
        "cuStreamDestroy of what is no stream of the current context");
  drain(stream);
  for (Event* event : events) {
    if (event->stream == stream) {
      event->stream = nullptr;
    }
  }
  if (stream->capture != nullptr) {
    graphs.remove(stream->capture);
  }
  streams.remove(stream);
  return SUCCESS;
}

#define ENTER_STREAM(name)                                                             \
  ENTER_CONTEXT(name);                                                                 \
  Stream* const stream = stream_of(context, handle);                                   \
  CHECK(stream != nullptr, INVALID_HANDLE, std::string(name) + ": no stream of the current context")

API cuStreamSynchronize(Stream* handle) {
  ENTER_STREAM("cuStreamSynchronize");
  CHECK(stream->capture == nullptr, (stream->capture_broken = true, STREAM_CAPTURE_UNSUPPORTED),
        "cuStreamSynchronize of a stream that captures");
  int error = order_with_legacy(stream);
  return error == SUCCESS ? synchronize(stream) : error;
}

// Each look lets the stream do one thing more, so that whoever looks in a loop comes to an end.
API cuStreamQuery(Stream* handle) {
  ENTER_STREAM("cuStreamQuery");
  CHECK(stream->capture == nullptr, STREAM_CAPTURE_UNSUPPORTED, "cuStreamQuery of a stream that captures");
  if (stream->queue.empty()) {
    return context->fault;
  }
  run_first(stream);
  return context->fault != SUCCESS ? context->fault : NOT_READY;
}

API cuStreamGetCtx(Stream* handle, Context** result) {
  ENTER_STREAM("cuStreamGetCtx");
  CHECK(result != nullptr, INVALID_VALUE, "the pointer is null");
  *result = stream->context;
  return SUCCESS;
}

API cuStreamGetFlags(Stream* handle, unsigned* flags) {
  ENTER_STREAM("cuStreamGetFlags");
  CHECK(flags != nullptr, INVALID_VALUE, "the pointer is null");
  *flags = stream->flags;
  return SUCCESS;
}

API cuStreamGetPriority(Stream* handle, int* priority) {
  ENTER_STREAM("cuStreamGetPriority");
  CHECK(priority != nullptr, INVALID_VALUE, "the pointer is null");
  *priority = stream->priority;
  return SUCCESS;
}

static void complete(Event* event, uint64_t ticket) {
  while (event->completed < ticket && event->stream != nullptr && !event->stream->queue.empty()) {
    run_first(event->stream);
  }
}

API cuStreamWaitEvent(Stream* handle, Event* event, unsigned flags) {
  ENTER_STREAM("cuStreamWaitEvent");
  CHECK(events.has(event) && flags == 0, INVALID_HANDLE, "cuStreamWaitEvent for what is no event");
  uint64_t ticket = event->recorded;
  return enqueue(stream, [event, ticket] {
    if (events.has(event)) {
      complete(event, ticket);
    }
  });
}

API cuEventCreate(Event** result, unsigned flags) {
  ENTER_CONTEXT("cuEventCreate");
  CHECK(result != nullptr && flags < 8, INVALID_VALUE, "event flags " + std::to_string(flags));
  *result = events.make(Event{context, flags, nullptr, 0, 0, {}, false});
  return SUCCESS;
}

#define ENTER_EVENT(name)                                                  \
  ENTER_CONTEXT(name);                                                     \
  CHECK(events.has(event) && event->context == context, INVALID_HANDLE,    \
        std::string(name) + ": no event of the current context")

API cuEventDestroy_v2(Event* event) {
  ENTER_EVENT("cuEventDestroy");
  complete(event, event->recorded);
  events.remove(event);
  return SUCCESS;
}

API cuEventRecord(Event* event, Stream* handle) {
  ENTER_EVENT("cuEventRecord");
  Stream* stream = stream_of(context, handle);
  CHECK(stream != nullptr, INVALID_HANDLE, "cuEventRecord: no stream of the current context");
  uint64_t ticket = ++tickets;
  if (stream->capture == nullptr) {
    event->recorded = ticket;
    event->stream = stream;
  }
  return enqueue(stream, [event, ticket] {
    if (events.has(event)) {
      event->completed = std::max(event->completed, ticket);
      event->time = std::chrono::steady_clock::now();
      event->timed = true;
    }
  });
}

API cuEventSynchronize(Event* event) {
  ENTER_EVENT("cuEventSynchronize");
  control().synchronizations++;
  complete(event, event->recorded);
  return context->fault;
}

API cuEventQuery(Event* event) {
  ENTER_EVENT("cuEventQuery");
  if (event->completed >= event->recorded) {
    return SUCCESS;
  }
  if (event->stream != nullptr && !event->stream->queue.empty()) {
    run_first(event->stream);
  }
  return context->fault != SUCCESS ? context->fault : NOT_READY;
}

static int elapsed(float* milliseconds, Event* start, Event* end) {
  ENTER_CONTEXT("cuEventElapsedTime");
  CHECK(milliseconds != nullptr, INVALID_VALUE, "the pointer is null");
  constexpr unsigned DISABLE_TIMING = 2;
  for (Event* event : {start, end}) {
    CHECK(events.has(event) && event->context == context && event->recorded > 0 &&
              (event->flags & DISABLE_TIMING) == 0,
          INVALID_HANDLE, "cuEventElapsedTime of an event that was not recorded or has no time");
    CHECK(event->completed >= event->recorded, NOT_READY, "the event has not come yet");
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return SUCCESS;
}

API cuEventElapsedTime(float* milliseconds, Event* start, Event* end) {
  return elapsed(milliseconds, start, end);
}
API cuEventElapsedTime_v2(float* milliseconds, Event* start, Event* end) {
  return elapsed(milliseconds, start, end);
}

// ---------------------------------------------------------------------------------------------
// Graphs
// ---------------------------------------------------------------------------------------------

API cuStreamBeginCapture_v2(Stream* handle, int mode) {
  ENTER_STREAM("cuStreamBeginCapture");
  CHECK(stream != &context->legacy, STREAM_CAPTURE_UNSUPPORTED, "the legacy stream cannot capture");
  CHECK(stream->capture == nullptr && mode >= 0 && mode <= 2, INVALID_VALUE, "the stream captures already");
  stream->capture = graphs.make(Graph{});
  stream->capture_relaxed = mode == 2;
  stream->capture_broken = false;
  return SUCCESS;
}

API cuStreamEndCapture(Stream* handle, Graph** result) {
  ENTER_STREAM("cuStreamEndCapture");
  CHECK(result != nullptr, INVALID_VALUE, "the pointer is null");
  CHECK(stream->capture != nullptr, INVALID_VALUE, "the stream does not capture");
  *result = stream->capture;
  stream->capture = nullptr;
  if (stream->capture_broken) {
    graphs.remove(*result);
    *result = nullptr;
    return complain(STREAM_CAPTURE_INVALIDATED, "something was called that must not be while a stream captures");
  }
  return SUCCESS;
}

API cuStreamIsCapturing(Stream* handle, int* status) {
  ENTER_STREAM("cuStreamIsCapturing");
  CHECK(status != nullptr, INVALID_VALUE, "the pointer is null");
  *status = stream->capture == nullptr ? 0 : stream->capture_broken ? 2 : 1;
  return SUCCESS;
}

API cuThreadExchangeStreamCaptureMode(int* mode) {
  ENTER("cuThreadExchangeStreamCaptureMode");
  CHECK(mode != nullptr, INVALID_VALUE, "the pointer is null");
  *mode = 0;
  return SUCCESS;
}

API cuGraphCreate(Graph** result, unsigned flags) {
  ENTER("cuGraphCreate");
  CHECK(result != nullptr && flags == 0, INVALID_VALUE, "flags " + std::to_string(flags));
  *result = graphs.make(Graph{});
  return SUCCESS;
}

API cuGraphDestroy(Graph* graph) {
  ENTER("cuGraphDestroy");
  CHECK(graphs.has(graph), INVALID_HANDLE, "cuGraphDestroy of what is no graph");
  graphs.remove(graph);
  return SUCCESS;
}

API cuGraphGetNodes(Graph* graph, void** nodes, size_t* count) {
  ENTER("cuGraphGetNodes");
  CHECK(graphs.has(graph), INVALID_HANDLE, "no graph");
  CHECK(count != nullptr, INVALID_VALUE, "the pointer is null");
  for (size_t i = 0; nodes != nullptr && i < *count; i++) {
    nodes[i] = i < graph->nodes.size() ? &graph->nodes[i] : nullptr;
  }
  *count = graph->nodes.size();
  return SUCCESS;
}

API cuGraphInstantiateWithFlags(GraphExec** result, Graph* graph, unsigned long long) {
  ENTER_CONTEXT("cuGraphInstantiate");
  CHECK(result != nullptr, INVALID_VALUE, "the pointer is null");
  CHECK(graphs.has(graph), INVALID_HANDLE, "no graph");
  *result = graph_execs.make(GraphExec{context, graph->nodes});
  return SUCCESS;
}

API cuGraphExecDestroy(GraphExec* exec) {
  ENTER("cuGraphExecDestroy");
  CHECK(graph_execs.has(exec), INVALID_HANDLE, "cuGraphExecDestroy of what is no graph");
  drain_all(exec->context);
  graph_execs.remove(exec);
  return SUCCESS;
}

API cuGraphUpload(GraphExec* exec, Stream* handle) {
  ENTER_STREAM("cuGraphUpload");
  CHECK(graph_execs.has(exec), INVALID_HANDLE, "no graph");
  return SUCCESS;
}

API cuGraphLaunch(GraphExec* exec, Stream* handle) {
  ENTER_STREAM("cuGraphLaunch");
  CHECK(graph_execs.has(exec) && exec->context == context, INVALID_HANDLE, "no graph of the current context");
  return enqueue(stream, [exec, context] {
    for (const Work& node : exec->nodes) {
      if (context->fault == SUCCESS) {
        node();
      }
    }
  });
}

// ---------------------------------------------------------------------------------------------
// For tests: control.h
// ---------------------------------------------------------------------------------------------

extern "C" __attribute__((visibility("default"))) void narrow_emulator_trace(const char* path) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  trace_to(path);
}

extern "C" __attribute__((visibility("default"))) int64_t narrow_emulator_live(const char* what) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  std::string kind = what;
  if (kind == "allocations") {
    return int64_t(device_allocations().size());
  }
  if (kind == "contexts") {
    int64_t count = 0;
    for (Context* context : contexts) {
      count += context->alive;
    }
    return count;
  }
  return kind == "streams"        ? int64_t(streams.size())
         : kind == "events"       ? int64_t(events.size())
         : kind == "modules"      ? int64_t(modules.size())
         : kind == "graphs"       ? int64_t(graphs.size() + graph_execs.size())
         : kind == "host memory"  ? int64_t(host_memory.size())
                                  : -1;
}
