#include "asynchrony.h"

#include "emulator.h"

#include <array>
#include <cmath>
#include <map>
#include <vector>

namespace narrow_emulator {

namespace {

constexpr uint32_t WINDOW = 0x480;  // where dynamic shared memory begins
constexpr uint32_t WINDOW_BITS = 18;
constexpr unsigned WARPGROUP = 128;

// PTX ISA, Contents of the mbarrier object.
constexpr int64_t MOST_ARRIVALS = (1 << 20) - 1;
constexpr int64_t MOST_BYTES = (1 << 20) - 1;

struct Barrier {
  int64_t count;
  int64_t pending;
  int64_t bytes = 0;
  uint32_t phase = 0;
  unsigned owner;
  bool visible = false;  // to copies
};

struct Waiting {
  unsigned thread;
  uint32_t barrier;
  uint32_t parity;
};

struct Copy {
  TensorMap map;
  uint32_t to;
  int32_t place[5];
  uint32_t barrier;
};

struct Product {
  float* d;
  uint64_t a;
  uint64_t b;
  int n;
  bool adds;
  bool a_along_m;
  bool b_along_n;
  Elements of_a;
  Elements of_b;
};

// What a thread has begun.
struct Products {
  std::vector<Product> open;
  std::vector<std::vector<Product>> groups;
  size_t begun = 0;
  bool fenced = false;
};

std::map<uint32_t, Barrier> barriers;
std::vector<Waiting> waiting;
std::vector<Copy> copies;
std::vector<Products> products;                                         // of each thread
std::vector<std::vector<std::array<uint64_t, 2>>> products_of_warpgroups;  // their descriptors
uint64_t timer = 0;
int timeouts;

unsigned char* pointer(uint32_t address, size_t bytes, const char* what) {
  size_t from = address - WINDOW;
  if (address < WINDOW || bytes > dynamic_shared_bytes() || from > dynamic_shared_bytes() - bytes) {
    fail("%s reaches shared address 0x%x, where there is no dynamic shared memory", what, address);
  }
  return static_cast<unsigned char*>(dynamic_shared()) + from;
}

// The exchange of 16 bytes with their neighbours, by the bits of the address itself (PTX ISA, Swizzling
// modes).
uint32_t swizzled(uint32_t address, int swizzle) {
  return address ^ ((address >> 7 & ((1u << swizzle) - 1)) << 4);
}

Barrier& barrier_at(uint32_t address, const char* operation) {
  auto found = barriers.find(address);
  if (found == barriers.end()) {
    fail("thread %u: %s where there is no mbarrier, at shared address 0x%x", thread_index(), operation, address);
  }
  return found->second;
}

void end_phase_if_complete(uint32_t address, Barrier& barrier) {
  if (barrier.pending > 0 || barrier.bytes != 0) {
    return;
  }
  barrier.phase++;
  barrier.pending = barrier.count;
  for (size_t i = 0; i < waiting.size();) {
    if (waiting[i].barrier == address) {
      wake(waiting[i].thread);
      waiting.erase(waiting.begin() + long(i));
    } else {
      i++;
    }
  }
}

size_t box_bytes(const TensorMap& map) {
  size_t bytes = map.element_bytes;
  for (int i = 0; i < map.rank; i++) {
    bytes *= map.box[i];
  }
  return bytes;
}

// Of elements outside of the tensor there are zeros.
void finish(const Copy& copy) {
  const TensorMap& map = copy.map;
  size_t elements = box_bytes(map) / map.element_bytes;
  for (size_t i = 0; i < elements; i++) {
    uint64_t from = map.address;
    bool inside = true;
    size_t rest = i;
    for (int axis = 0; axis < map.rank; axis++) {
      int64_t at = int64_t(copy.place[axis]) + int64_t(rest % map.box[axis]);
      rest /= map.box[axis];
      inside &= at >= 0 && at <= int64_t(map.last[axis]);
      from += uint64_t(at) * (axis == 0 ? map.element_bytes : map.strides[axis - 1]);
    }
    uint32_t to = swizzled(copy.to + uint32_t(i * map.element_bytes), map.swizzle);
    unsigned char* place = pointer(to, map.element_bytes, "a copy of a box");
    if (inside) {
      memcpy(place, reinterpret_cast<const void*>(from), map.element_bytes);
    } else {
      memset(place, 0, map.element_bytes);
    }
  }
  Barrier& barrier = barrier_at(copy.barrier, "the end of a copy");
  barrier.bytes -= int64_t(box_bytes(map));
  if (barrier.bytes < -MOST_BYTES) {
    fail("copies bring the mbarrier at 0x%x more bytes than it can count", copy.barrier);
  }
  end_phase_if_complete(copy.barrier, barrier);
}

// A matrix descriptor (PTX ISA, Matrix descriptor format), for an operand whose rows are the index that
// is not summed over.
struct Operand {
  uint32_t start;
  uint32_t leading;
  uint32_t stride;
  int swizzle;
  bool along_rows;
  Elements elements;

  Operand(uint64_t descriptor, bool along_rows, const Elements& elements)
      : start(uint32_t(descriptor & 0x3fff) << 4),
        leading(uint32_t(descriptor >> 16 & 0x3fff) << 4),
        stride(uint32_t(descriptor >> 32 & 0x3fff) << 4),
        swizzle(int(4 - (descriptor >> 62)) & 3),
        along_rows(along_rows),
        elements(elements) {
    if ((descriptor >> 49 & 7) != 0 || (start & 0x380 & ((128u << swizzle) - 128)) != 0) {
      fail("an operand that does not begin where its pattern of 1024 bytes does is not emulated");
    }
    if (along_rows && elements.bytes != 2) {
      fail("only elements of 16 bits can be transposed");
    }
  }

  float at(uint32_t row, uint32_t k) const {
    uint32_t width = 16u << swizzle;  // bytes of a row of the pattern
    uint32_t linear;
    if (along_rows) {
      uint32_t chunk = row / 8;
      linear = swizzle == 0 ? chunk * stride + k / 8 * leading + k % 8 * 16
                            : chunk % (width / 16) * 16 + chunk / (width / 16) * leading + k % 8 * width +
                                  k / 8 * stride;
      linear += row % 8 * 2;
    } else {
      uint32_t byte = k * uint32_t(elements.bytes);
      linear = row / 8 * stride + row % 8 * width + byte % 16 + byte / 16 * (swizzle == 0 ? leading : 16);
    }
    uint32_t address = swizzled(start + linear, swizzle) & ((1u << WINDOW_BITS) - 1);
    const unsigned char* place = pointer(address, size_t(elements.bytes), "an operand of a warpgroup");
    uint16_t code = *place;
    if (elements.bytes == 2) {
      memcpy(&code, place, 2);
    }
    return elements.numbers[code];
  }
};

// The part of a thread (PTX ISA, Register fragments for wgmma.m64nNkK).
void multiply(const Product& product) {
  Operand a(product.a, product.a_along_m, product.of_a);
  Operand b(product.b, product.b_along_n, product.of_b);
  const uint32_t terms = 32 / uint32_t(product.of_a.bytes);
  const uint32_t row = thread_index() % WARPGROUP / 32 * 16 + lane() / 4;
  float left[2][32];
  for (uint32_t k = 0; k < terms; k++) {
    left[0][k] = a.at(row, k);
    left[1][k] = a.at(row + 8, k);
  }
  for (uint32_t j = 0; j < uint32_t(product.n) / 8; j++) {
    for (uint32_t e = 0; e < 2; e++) {
      float right[32];
      for (uint32_t k = 0; k < terms; k++) {
        right[k] = b.at(8 * j + 2 * (lane() % 4) + e, k);
      }
      for (uint32_t half = 0; half < 2; half++) {
        float& d = product.d[4 * j + 2 * half + e];
        float sum = product.adds ? d : 0.0f;
        if (product.of_a.bytes == 1) {
          d = sum_of_codes(left[half], right, sum);
          continue;
        }
        for (uint32_t k = 0; k < terms; k++) {
          sum = std::fma(left[half][k], right[k], sum);
        }
        d = sum;
      }
    }
  }
}

}  // namespace

float sum_of_codes(const float* left, const float* right, float sum) {
  float terms[33];
  float largest = std::fabs(sum);
  for (int k = 0; k < 32; k++) {
    terms[k] = left[k] * right[k];  // exact: 4 bits times 4
    largest = std::fabs(terms[k]) > largest ? std::fabs(terms[k]) : largest;
  }
  terms[32] = sum;
  double total = 0;
  for (float term : terms) {
    total += term;
  }
  if (!(largest > 0) || !std::isfinite(total)) {
    return float(total);
  }
  const double unit = std::ldexp(1.0, std::ilogb(largest) - 13);
  total = 0;
  for (float term : terms) {
    total += std::trunc(term / unit) * unit;
  }
  const double last = total == 0 ? unit : std::ldexp(1.0, std::ilogb(total) - 13);
  return float(std::trunc(total / last) * last);
}

uint32_t shared_address(const void* at) {
  auto from = static_cast<const unsigned char*>(dynamic_shared());
  auto byte = static_cast<const unsigned char*>(at);
  if (byte < from || byte >= from + dynamic_shared_bytes()) {
    fail("thread %u needs the shared address of what is not in dynamic shared memory", thread_index());
  }
  return WINDOW + uint32_t(byte - from);
}

void barrier_init(uint32_t barrier, uint32_t count) {
  pointer(barrier, 8, "an mbarrier");
  if (barrier % 8 != 0 || count < 1 || count > MOST_ARRIVALS) {
    fail("an mbarrier at shared address 0x%x for %u arrivals", barrier, count);
  }
  Barrier made;
  made.count = count;
  made.pending = count;
  made.owner = thread_index();
  barriers[barrier] = made;
}

void barrier_fence() {
  for (auto& [address, barrier] : barriers) {
    barrier.visible |= barrier.owner == thread_index();
  }
}

void barrier_arrive(uint32_t address, uint32_t bytes) {
  Barrier& barrier = barrier_at(address, "an arrival");
  if (barrier.pending == 0) {
    fail("thread %u arrives at the mbarrier at 0x%x, where all have arrived", thread_index(), address);
  }
  barrier.bytes += bytes;
  if (barrier.bytes > MOST_BYTES) {
    fail("thread %u expects more bytes than the mbarrier at 0x%x can count", thread_index(), address);
  }
  barrier.pending--;
  end_phase_if_complete(address, barrier);
}

bool barrier_try_wait(uint32_t address, uint32_t parity, int line) {
  Barrier& barrier = barrier_at(address, "a wait");
  if ((barrier.phase & 1) == parity) {
    waiting.push_back({thread_index(), address, parity});
    wait_until_woken("mbarrier.try_wait", line);
  }
  return (barrier.phase & 1) != parity;
}

uint64_t global_timer() { return timer; }

void copy_box(uint32_t to, const void* map, const int32_t* place, int rank, uint32_t barrier) {
  Copy copy{};
  memcpy(&copy.map, map, sizeof copy.map);
  copy.to = to;
  copy.barrier = barrier;
  if (copy.map.magic != TensorMap::MAGIC || copy.map.rank != rank) {
    fail("thread %u copies a box of %d axes with what is no tensor map of so many", thread_index(), rank);
  }
  memcpy(copy.place, place, size_t(rank) * sizeof *place);
  if (to % 128 != 0) {
    fail("thread %u copies a box to shared address 0x%x, expected a multiple of 128", thread_index(), to);
  }
  if (!barrier_at(barrier, "a copy").visible) {
    fail("thread %u copies a box before the mbarrier at 0x%x is shown to copies", thread_index(), barrier);
  }
  size_t bytes = box_bytes(copy.map);
  memset(pointer(to, bytes, "a copy of a box"), 0xff, bytes);
  copies.push_back(copy);
}

void warpgroup_fence() { products[thread_index()].fenced = true; }

void warpgroup_product(float* d, uint64_t a, uint64_t b, int n, bool adds, bool a_along_m, bool b_along_n,
                       const Elements& of_a, const Elements& of_b) {
  Products& mine = products[thread_index()];
  if (!mine.fenced) {
    fail("thread %u begins a product without wgmma.fence after it has used the registers", thread_index());
  }
  auto& all = products_of_warpgroups[thread_index() / WARPGROUP];
  if (mine.begun == all.size()) {
    all.push_back({a, b});
  } else if (all[mine.begun] != std::array<uint64_t, 2>{a, b}) {
    fail("thread %u multiplies other matrices than its warpgroup", thread_index());
  }
  mine.begun++;
  mine.open.push_back({d, a, b, n, adds, a_along_m, b_along_n, of_a, of_b});
}

void warpgroup_commit() {
  Products& mine = products[thread_index()];
  mine.groups.push_back(std::move(mine.open));
  mine.open.clear();
}

void warpgroup_wait(unsigned groups) {
  Products& mine = products[thread_index()];
  while (mine.groups.size() > groups) {
    for (const Product& product : mine.groups.front()) {
      multiply(product);
    }
    mine.groups.erase(mine.groups.begin());
  }
  mine.fenced = false;
  warp_exchange(0xffffffffu, 0, "wgmma.wait_group", 0);  // it is .sync.aligned: no lane goes ahead
}

void trap() { fail("thread %u: trap", thread_index()); }

void begin_block() {
  barriers.clear();
  waiting.clear();
  copies.clear();
  products.assign(block_threads(), {});
  products_of_warpgroups.assign((block_threads() + WARPGROUP - 1) / WARPGROUP, {});
  timeouts = 0;
}

void end_block() {
  if (!copies.empty()) {
    fail("the block ends while boxes are on their way to shared address 0x%x", copies.front().to);
  }
  for (const Products& one : products) {
    if (!one.open.empty() || !one.groups.empty()) {
      fail("the block ends before its products do");
    }
  }
}

bool finish_something() {
  size_t waited_for = waiting.size();
  while (!copies.empty()) {
    size_t next = order_of_launch() == Order::FORWARD   ? 0
                  : order_of_launch() == Order::REVERSE ? copies.size() - 1
                                                        : size_t(random_bits() >> 33) % copies.size();
    Copy copy = copies[next];
    copies.erase(copies.begin() + long(next));
    finish(copy);
    if (waiting.size() < waited_for) {
      return true;
    }
  }
  if (waiting.empty() || ++timeouts > 100) {
    return false;
  }
  timer += 1'000'000'000;
  for (const Waiting& one : waiting) {
    wake(one.thread);
  }
  waiting.clear();
  return true;
}

}  // namespace narrow_emulator
