package dev.narrow.kernels.cuda;

/** Device memory for the length of an operation: work that was enqueued may still use it. */
final class DeviceScratch implements AutoCloseable {
  private final MemoryPool pool;
  private final MemoryPool.Block block;
  private boolean closed;

  DeviceScratch(MemoryPool pool, long bytes) {
    this.pool = pool;
    this.block = pool.take(bytes, "scratch memory of an operation");
  }

  /** Its address, a multiple of 512. */
  long pointer() {
    return block.address();
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      pool.give(block);
    }
  }
}
