// The launches of LaunchOverhead in C, to compare those from Java with. The driver's function comes as an
// argument, so that nothing is linked: cc -O2 -shared -fPIC -o liblaunch_loop.so launch_loop.c
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <time.h>

typedef int (*launch_kernel)(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                             unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream,
                             void **arguments, void **extra);

// Launches so many times and gives the nanoseconds for all, or the driver's error, negated.
int64_t narrow_launch_loop(launch_kernel launch, void *function, void *stream, int64_t count) {
  uint64_t x = 0, y = 0;
  float factor = 1;
  int64_t n = 0;
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int64_t i = 0; i < count; i++) {
    void *arguments[] = {&x, &y, &factor, &n};
    int error = launch(function, 1, 1, 1, 64, 1, 1, 0, stream, arguments, 0);
    if (error != 0) {
      return -(int64_t)error;
    }
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (end.tv_sec - begin.tv_sec) * INT64_C(1000000000) + (end.tv_nsec - begin.tv_nsec);
}
