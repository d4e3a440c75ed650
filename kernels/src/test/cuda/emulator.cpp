// Blocks, threads and their turns: see emulator.h.
//
// A thread that never waits costs no switch: a fiber runs threads one after the other, and only where one
// has to wait does its fiber stay behind with it, while another fiber goes on with the next thread.
#include "emulator.h"

#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <pthread.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

uint3 threadIdx;
uint3 blockIdx;
dim3 blockDim;
dim3 gridDim;

// The bounds of the section of shared memory, from the linker; null where no kernel has any.
extern "C" unsigned char __start_narrow_shared[] __attribute__((weak));
extern "C" unsigned char __stop_narrow_shared[] __attribute__((weak));

#if defined(__x86_64__)
// Saves what a callee must save, and goes on with what the other stack has saved (System V ABI).
extern "C" void narrow_emulator_switch(void** from, void* to);
asm(R"(
.text
.hidden narrow_emulator_switch
.globl narrow_emulator_switch
.type narrow_emulator_switch, @function
narrow_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size narrow_emulator_switch, .-narrow_emulator_switch
)");
#endif

namespace narrow_emulator {

Kernel* kernels = nullptr;

namespace {

constexpr int SHARED_PATTERN = 0xa5;
constexpr uint64_t NO_VALUE = 0xa5a5a5a5a5a5a5a5u;
constexpr size_t PAGE = 4096;
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t STACK = 256 * 1024;
#else
constexpr size_t STACK = 64 * 1024;
#endif

struct Fiber {
  unsigned char* stack;
#if defined(__x86_64__)
  void* saved = nullptr;
#else
  ucontext_t saved;
#endif
};

enum class State : unsigned char { UNSTARTED, READY, AT_BARRIER, IN_WARP, WAITING, DONE };

struct Thread {
  State state;
  Fiber* fiber;
  // Where it waits, and with what.
  int line;
  unsigned mask;
  const char* operation;
  uint64_t value;
};

struct Warp {
  uint64_t seen[32][32];  // by lane: what the operation it waited in has given it
  uint32_t interval;
};

Launch current;
std::vector<Thread> threads;
std::vector<Warp> warps;
std::vector<std::unique_ptr<Fiber>> fibers;
std::vector<Fiber*> idle;
Fiber host;
std::vector<unsigned> turns;
size_t turn;
unsigned thread;  // the one that runs
unsigned alive;
unsigned at_barrier;
bool progress;  // a thread has run since the last look at all of them
bool failed;
bool illegal_address;
char message[1024];
unsigned char* dynamic = nullptr;
uint64_t random_state;
Progress progress_now;
bool running = false;

template <class T>
void arrange(std::vector<T>& order, size_t count) {
  order.resize(count);
  for (size_t i = 0; i < count; i++) {
    order[i] = T(current.order == Order::REVERSE ? count - 1 - i : i);
  }
}

template <class T>
void shuffle(std::vector<T>& order) {
  for (size_t i = order.size(); i > 1; i--) {
    std::swap(order[i - 1], order[size_t((random_bits() >> 32) * i >> 32)]);
  }
}

void enter(unsigned next) {
  thread = next;
  unsigned x = blockDim.x;
  if (x == threads.size()) {
    threadIdx.x = next;
  } else {
    threadIdx.x = next % x;
    threadIdx.y = next / x % blockDim.y;
    threadIdx.z = next / x / blockDim.y;
  }
}

void fiber_main();

Fiber* new_fiber() {
  auto fiber = std::make_unique<Fiber>();
  void* memory = mmap(nullptr, PAGE + STACK, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    perror("stack of an emulated thread");
    abort();
  }
  mprotect(memory, PAGE, PROT_NONE);
  fiber->stack = static_cast<unsigned char*>(memory) + PAGE;
  fibers.push_back(std::move(fiber));
  return fibers.back().get();
}

void prepare(Fiber* fiber) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(fiber->stack, STACK);
#endif
#if defined(__x86_64__)
  void** top = reinterpret_cast<void**>(fiber->stack + STACK);
  *--top = nullptr;  // where fiber_main would return to
  *--top = reinterpret_cast<void*>(fiber_main);
  for (int i = 0; i < 6; i++) {
    *--top = nullptr;
  }
  fiber->saved = top;
#else
  getcontext(&fiber->saved);
  fiber->saved.uc_stack = {fiber->stack, 0, STACK};
  fiber->saved.uc_link = nullptr;
  makecontext(&fiber->saved, fiber_main, 0);
#endif
}

#if defined(__SANITIZE_ADDRESS__)
const void* host_stack;
size_t host_stack_size;

void arrived(void* fake_stack) {
  const void* from;
  size_t size;
  __sanitizer_finish_switch_fiber(fake_stack, &from, &size);
  if (host_stack == nullptr) {
    host_stack = from;  // the first switch comes from the host
    host_stack_size = size;
  }
}
#endif

void switch_to(Fiber* from, Fiber* to) {
#if defined(__SANITIZE_ADDRESS__)
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, to == &host ? host_stack : to->stack,
                                 to == &host ? host_stack_size : STACK);
#endif
#if defined(__x86_64__)
  narrow_emulator_switch(&from->saved, to->saved);
#else
  swapcontext(&from->saved, &to->saved);
#endif
#if defined(__SANITIZE_ADDRESS__)
  arrived(fake_stack);
#endif
}

Fiber* idle_fiber() {
  if (idle.empty()) {
    Fiber* fiber = new_fiber();
    prepare(fiber);
    return fiber;
  }
  Fiber* fiber = idle.back();
  idle.pop_back();
  return fiber;
}

// The next thread that can run; false where none can.
bool choose() {
  for (;;) {
    while (turn < turns.size()) {
      unsigned next = turns[turn++];
      State state = threads[next].state;
      if (state == State::UNSTARTED || state == State::READY) {
        progress = true;
        enter(next);
        return true;
      }
    }
    if (!progress && !finish_something()) {
      return false;
    }
    progress = false;
    turn = 0;
    if (alive > 0 && current.order == Order::RANDOM) {
      shuffle(turns);
    }
  }
}

// From a thread that waits to one that can run, or to the host where there is none.
void pass_on(Fiber* from) {
  if (!choose()) {
    switch_to(from, &host);
    return;
  }
  Thread& next = threads[thread];
  if (next.state == State::UNSTARTED) {
    next.fiber = idle_fiber();
  }
  if (next.fiber != from) {
    switch_to(from, next.fiber);
  }
}

void release_barrier() {
  if (at_barrier == 0 || at_barrier < alive) {
    return;
  }
  int line = 0;
  unsigned first = 0;
  for (unsigned i = 0; i < threads.size(); i++) {
    if (threads[i].state == State::AT_BARRIER) {
      if (line == 0) {
        line = threads[i].line;
        first = i;
      } else if (threads[i].line != line) {
        fail("thread %u is at the __syncthreads of line %d, thread %u at that of line %d", first,
             line, i, threads[i].line);
      }
      threads[i].state = State::READY;
    }
  }
  at_barrier = 0;
  progress_now.interval++;
}

// Lanes that have ended are not waited for: "all non-exited threads named in mask" (CUDA C++
// Programming Guide).
void release_warp(unsigned first, unsigned mask) {
  unsigned lanes = unsigned(threads.size()) - first < 32 ? unsigned(threads.size()) - first : 32;
  const Thread* one = nullptr;
  for (unsigned i = 0; i < lanes; i++) {
    const Thread& lane = threads[first + i];
    if ((mask >> i & 1) == 0 || lane.state == State::DONE) {
      continue;
    }
    if (lane.state != State::IN_WARP) {
      return;
    }
    if (one == nullptr) {
      one = &lane;
    } else if (lane.mask != one->mask || lane.line != one->line ||
               strcmp(lane.operation, one->operation) != 0) {
      fail("lanes of one warp wait in %s of line %d with mask %08x and in %s of line %d with mask %08x",
           one->operation, one->line, one->mask, lane.operation, lane.line, lane.mask);
    }
  }
  if (one == nullptr || one->mask != mask) {
    return;
  }
  uint64_t values[32];
  for (unsigned i = 0; i < 32; i++) {
    bool here = i < lanes && mask >> i & 1 && threads[first + i].state == State::IN_WARP;
    values[i] = here ? threads[first + i].value : NO_VALUE;
  }
  Warp& warp = warps[first / 32];
  warp.interval++;
  for (unsigned i = 0; i < lanes; i++) {
    if (mask >> i & 1 && threads[first + i].state == State::IN_WARP) {
      memcpy(warp.seen[i], values, sizeof values);
      threads[first + i].state = State::READY;
    }
  }
}

void ended() {
  threads[thread].state = State::DONE;
  if (--alive == 0) {
    end_block();
  }
  release_barrier();
  unsigned first = thread & ~31u;
  for (unsigned i = first; i < first + 32 && i < threads.size(); i++) {
    if (threads[i].state == State::IN_WARP) {
      release_warp(first, threads[i].mask);
    }
  }
}

void fiber_main() {
#if defined(__SANITIZE_ADDRESS__)
  arrived(nullptr);
#endif
  for (;;) {
    Fiber* self = threads[thread].fiber;
    current.kernel->thread(current.arguments);
    ended();
    if (!choose()) {
      idle.push_back(self);
      switch_to(self, &host);
    } else if (threads[thread].state == State::UNSTARTED) {
      threads[thread].fiber = self;
    } else {
      idle.push_back(self);
      switch_to(self, threads[thread].fiber);
    }
  }
}

__attribute__((no_sanitize("address"))) void fill_shared() {
  volatile unsigned char* end = __stop_narrow_shared;
  for (volatile unsigned char* p = __start_narrow_shared; p < end; p++) {
    *p = SHARED_PATTERN;
  }
  if (current.dynamic_shared > 0) {
    memset(dynamic, SHARED_PATTERN, current.dynamic_shared);
  }
}

void describe_deadlock() {
  for (unsigned i = 0; i < threads.size(); i++) {
    Thread& one = threads[i];
    if (one.state != State::AT_BARRIER && one.state != State::IN_WARP && one.state != State::WAITING) {
      continue;
    }
    unsigned ended = unsigned(threads.size()) - alive;
    snprintf(message, sizeof message,
             "%s, block (%u, %u, %u): deadlock: thread %u waits in %s of line %d for threads that do "
             "not come there (%u of %zu wait at a barrier of the block, %u have ended)",
             current.kernel->name, blockIdx.x, blockIdx.y, blockIdx.z, i,
             one.state == State::AT_BARRIER ? "__syncthreads" : one.operation, one.line, at_barrier,
             threads.size(), ended);
    failed = true;
    return;
  }
}

void run_block() {
  fill_shared();
  progress_now.block_start = ++progress_now.interval;
  for (Thread& one : threads) {
    one.state = State::UNSTARTED;
    one.fiber = nullptr;
  }
  begin_block();
  alive = unsigned(threads.size());
  at_barrier = 0;
  turn = 0;
  progress = false;
  if (current.order == Order::RANDOM) {
    shuffle(turns);
  }
  pass_on(&host);
  if (alive > 0 && !failed) {
    describe_deadlock();
  }
}

// The stacks of threads that a failed launch has left in the middle are started anew.
void clear_fibers() {
  idle.clear();
  for (auto& fiber : fibers) {
    prepare(fiber.get());
    idle.push_back(fiber.get());
  }
}

}  // namespace

void fail(const char* format, ...) {
  int length = snprintf(message, sizeof message, "%s, block (%u, %u, %u): ", current.kernel->name,
                        blockIdx.x, blockIdx.y, blockIdx.z);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message + length, sizeof message - size_t(length), format, arguments);
  va_end(arguments);
  failed = true;
  for (;;) {
    switch_to(threads[thread].fiber, &host);
  }
}

uint64_t random_bits() {  // xorshift64*
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 2685821657736338717u;
}

void wait_until_woken(const char* operation, int line) {
  Thread& self = threads[thread];
  self.state = State::WAITING;
  self.operation = operation;
  self.line = line;
  pass_on(self.fiber);
}

void wake(unsigned sleeper) { threads[sleeper].state = State::READY; }

unsigned block_threads() { return unsigned(threads.size()); }

Order order_of_launch() { return current.order; }

Progress& progress_of_launch() { return progress_now; }

const char* kernel_name() { return current.kernel->name; }

unsigned thread_index() { return thread; }

uint32_t warp_interval() { return warps[thread / 32].interval; }

bool is_running() { return running; }

bool is_shared(uint64_t address) {
  auto inside = [address](const unsigned char* from, const unsigned char* to) {
    return address >= reinterpret_cast<uint64_t>(from) && address < reinterpret_cast<uint64_t>(to);
  };
  return inside(__start_narrow_shared, __stop_narrow_shared) ||
         (dynamic != nullptr && inside(dynamic, dynamic + current.dynamic_shared));
}

unsigned lane() { return thread & 31; }

void* dynamic_shared() { return dynamic; }

size_t dynamic_shared_bytes() { return current.dynamic_shared; }

void block_barrier(int line) {
  Thread& self = threads[thread];
  self.state = State::AT_BARRIER;
  self.line = line;
  at_barrier++;
  release_barrier();
  pass_on(self.fiber);
}

const uint64_t* warp_exchange(unsigned mask, uint64_t value, const char* operation, int line) {
  unsigned me = thread;
  Thread& self = threads[me];
  if ((mask >> (me & 31) & 1) == 0) {
    fail("thread %u calls %s in line %d with mask %08x, which does not name its lane %u", me,
         operation, line, mask, me & 31);
  }
  self.state = State::IN_WARP;
  self.line = line;
  self.mask = mask;
  self.operation = operation;
  self.value = value;
  release_warp(me & ~31u, mask);
  pass_on(self.fiber);
  return warps[me / 32].seen[me & 31];
}

#if !defined(__SANITIZE_ADDRESS__)
// A kernel that reads or writes what is not there ends its launch, as on a GPU, and not the process.
// Faults of other threads are the business of whoever was asked before.
struct FaultGuard {
  static inline struct sigaction before[2];
  static inline pthread_t owner;
  static constexpr int SIGNALS[] = {SIGSEGV, SIGFPE};

  FaultGuard() {
    owner = pthread_self();
    struct sigaction action = {};
    action.sa_sigaction = caught;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    for (int i = 0; i < 2; i++) {
      sigaction(SIGNALS[i], &action, &before[i]);
    }
  }

  ~FaultGuard() {
    for (int i = 0; i < 2; i++) {
      sigaction(SIGNALS[i], &before[i], nullptr);
    }
  }

  static void caught(int signal, siginfo_t* info, void* context) {
    if (pthread_equal(owner, pthread_self())) {
      if (signal == SIGFPE) {
        fail("thread %u divides an integer by zero", thread);
      }
      illegal_address = true;
      fail("thread %u reads or writes address %p, where it has no memory", thread, info->si_addr);
    }
    const struct sigaction& previous = before[signal == SIGSEGV ? 0 : 1];
    if (previous.sa_flags & SA_SIGINFO) {
      previous.sa_sigaction(signal, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
      previous.sa_handler(signal);
    } else {
      sigaction(signal, &previous, nullptr);
    }
  }
};
#else
struct FaultGuard {
  ~FaultGuard() {}
};
#endif

bool has_illegal_address() { return illegal_address; }

const char* launch(const Launch& wanted) {
  FaultGuard guard;
  illegal_address = false;
  current = wanted;
  gridDim = wanted.grid;
  blockDim = wanted.block;
  threadIdx = {0, 0, 0};
  failed = false;
  random_state = wanted.seed * 0x9e3779b97f4a7c15u | 1;
  size_t count = size_t(wanted.block.x) * wanted.block.y * wanted.block.z;
  threads.resize(count);
  warps.resize((count + 31) / 32);
  arrange(turns, count);
  dynamic = wanted.dynamic_shared == 0
                ? nullptr
                : static_cast<unsigned char*>(aligned_alloc(128, (wanted.dynamic_shared + 127) & ~size_t(127)));
#if defined(__SANITIZE_ADDRESS__)
  if (dynamic != nullptr) {
    __asan_poison_memory_region(dynamic + wanted.dynamic_shared,
                                (~wanted.dynamic_shared + 1) & 127);
  }
#endif
  progress_now.launch_start = ++progress_now.interval;
  progress_now.fenced = false;
  running = true;
  std::vector<uint64_t> blocks;
  arrange(blocks, size_t(wanted.grid.x) * wanted.grid.y * wanted.grid.z);
  if (wanted.order == Order::RANDOM) {
    shuffle(blocks);
  }
  for (uint64_t block : blocks) {
    blockIdx.x = unsigned(block % wanted.grid.x);
    blockIdx.y = unsigned(block / wanted.grid.x % wanted.grid.y);
    blockIdx.z = unsigned(block / wanted.grid.x / wanted.grid.y);
    run_block();
    if (failed) {
      clear_fibers();
      break;
    }
  }
#if defined(__SANITIZE_ADDRESS__)
  if (dynamic != nullptr) {
    __asan_unpoison_memory_region(dynamic, (wanted.dynamic_shared + 127) & ~size_t(127));
  }
#endif
  free(dynamic);
  dynamic = nullptr;
  running = false;
  return failed ? message : nullptr;
}

}  // namespace narrow_emulator
