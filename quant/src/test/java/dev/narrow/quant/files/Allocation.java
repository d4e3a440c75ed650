package dev.narrow.quant.files;

import java.lang.reflect.Method;

/** What reading a file costs in memory. */
final class Allocation {
  private Allocation() {}

  /** Bytes that this thread has allocated so far. */
  static long bytes() {
    try {
      // By reflection: the module itself does not need jdk.management.
      Object bean =
          Class.forName("java.lang.management.ManagementFactory")
              .getMethod("getThreadMXBean")
              .invoke(null);
      Method method =
          Class.forName("com.sun.management.ThreadMXBean")
              .getMethod("getCurrentThreadAllocatedBytes");
      return (long) method.invoke(bean);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("no jdk.management", e);
    }
  }
}
