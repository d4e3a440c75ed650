package dev.narrow.kernels.cuda;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Copies between memory of the host that may move and memory of the device, by way of two pinned
 * chunks: while the device works on one, the processor works on the other.
 */
@SuppressWarnings("restricted")
final class Staging {
  private static final long CHUNK = 4 << 20; // a bus of 25 GB/s takes it in 0.2 ms

  private final CudaContext context;
  private final long stream;
  private final @Nullable Chunk[] chunks = new Chunk[2];

  Staging(CudaContext context, long stream) {
    this.context = context;
    this.stream = stream;
  }

  /** Pinned memory, and the event of the last copy to or from it. */
  private static final class Chunk {
    private final long address;
    private final MemorySegment segment;
    private final long event;

    private Chunk(CudaContext context) {
      address = context.allocateHost(CHUNK);
      segment = MemorySegment.ofAddress(address).reinterpret(CHUNK);
      event = context.createEvent();
    }
  }

  private Chunk chunk(long index) {
    int i = (int) (index & 1);
    Chunk chunk = chunks[i];
    if (chunk == null) {
      chunk = new Chunk(context);
      chunks[i] = chunk;
    }
    return chunk;
  }

  /** Copies; from may change once this returns, though the device may not have its bytes yet. */
  synchronized void toDevice(MemorySegment from, long to) {
    long bytes = from.byteSize();
    for (long at = 0; at < bytes; at += CHUNK) {
      Chunk chunk = chunk(at / CHUNK);
      long length = Math.min(CHUNK, bytes - at);
      context.synchronizeEvent(chunk.event); // at once where it was never recorded
      MemorySegment.copy(from, at, chunk.segment, 0, length);
      context.copyToDevice(chunk.address, to + at, length, stream);
      context.record(chunk.event, stream);
    }
  }

  /** Copies, after the work that was enqueued before; waits for it. */
  synchronized void toHost(long from, MemorySegment to) {
    long bytes = to.byteSize();
    long enqueued = 0;
    for (long at = 0; at < bytes; at += CHUNK) {
      for (; enqueued < Math.min(bytes, at + 2 * CHUNK); enqueued += CHUNK) {
        Chunk next = chunk(enqueued / CHUNK);
        long length = Math.min(CHUNK, bytes - enqueued);
        context.copyToHost(from + enqueued, next.address, length, stream);
        context.record(next.event, stream);
      }
      Chunk chunk = chunk(at / CHUNK);
      context.synchronizeEvent(chunk.event);
      MemorySegment.copy(chunk.segment, 0, to, at, Math.min(CHUNK, bytes - at));
    }
  }

  /** Frees the chunks, after the copies to and from them. */
  synchronized void close() {
    for (int i = 0; i < chunks.length; i++) {
      Chunk chunk = chunks[i];
      if (chunk != null) {
        context.synchronizeEvent(chunk.event);
        context.destroyEvent(chunk.event);
        context.freeHost(chunk.address);
        chunks[i] = null;
      }
    }
  }
}
