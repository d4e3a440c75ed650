package dev.narrow.kernels.cuda;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Copies between memory of the host that may move and memory of the device, by way of two pinned
 * chunks: while the device works on one, the processor works on the other. Small copies to the
 * device follow one another in a chunk, so that it is rare that one has to wait.
 */
@SuppressWarnings("restricted")
final class Staging {
  private static final long CHUNK = 4 << 20; // a bus of 25 GB/s takes it in 0.2 ms
  private static final long ALIGNMENT = 256;

  private final CudaContext context;
  private final long stream;
  private final @Nullable Chunk[] chunks = new Chunk[2];
  private int current;

  Staging(CudaContext context, long stream) {
    this.context = context;
    this.stream = stream;
  }

  /** Pinned memory, of which the device may have yet to read so many bytes. */
  private static final class Chunk {
    private final long address;
    private final MemorySegment segment;
    private final long event;
    private long used;
    private boolean isMarked; // the event is behind the copies from it

    private Chunk(CudaContext context) {
      event = context.createEvent();
      try {
        address = context.allocateHost(CHUNK);
      } catch (CudaException e) {
        context.destroyEvent(event);
        throw e;
      }
      segment = MemorySegment.ofAddress(address).reinterpret(CHUNK);
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

  /** A chunk with room: if this one is full the other, when the device has read that. */
  private Chunk withRoom() {
    Chunk chunk = chunk(current);
    if (chunk.used < CHUNK) {
      return chunk;
    }
    context.record(chunk.event, stream);
    chunk.isMarked = true;
    current ^= 1;
    Chunk next = chunk(current);
    if (next.isMarked && !context.hasHappened(next.event)) {
      context.synchronizeEvent(next.event);
    }
    next.isMarked = false;
    next.used = 0;
    return next;
  }

  /** Copies; from may change once this returns, though the device may not have its bytes yet. */
  synchronized void toDevice(MemorySegment from, long to) {
    long bytes = from.byteSize();
    for (long at = 0; at < bytes; ) {
      Chunk chunk = withRoom();
      long length = Math.min(CHUNK - chunk.used, bytes - at);
      MemorySegment.copy(from, at, chunk.segment, chunk.used, length);
      context.copyToDevice(chunk.address + chunk.used, to + at, length, stream);
      chunk.used = (chunk.used + length + ALIGNMENT - 1) & -ALIGNMENT;
      at += length;
    }
  }

  /**
   * Copies, after the work that was enqueued before; waits for it. That the device writes to a
   * chunk which it has yet to read is no danger: it does both in order.
   */
  synchronized void toHost(long from, MemorySegment to) {
    long bytes = to.byteSize();
    long enqueued = 0;
    long done = 0;
    try {
      for (; done < bytes; done += CHUNK) {
        for (; enqueued < Math.min(bytes, done + 2 * CHUNK); enqueued += CHUNK) {
          Chunk next = chunk(enqueued / CHUNK);
          long length = Math.min(CHUNK, bytes - enqueued);
          context.copyToHost(from + enqueued, next.address, length, stream);
          context.record(next.event, stream);
        }
        Chunk chunk = chunk(done / CHUNK);
        context.synchronizeEvent(chunk.event);
        MemorySegment.copy(chunk.segment, 0, to, done, Math.min(CHUNK, bytes - done));
      }
    } finally {
      if (done < bytes) { // the host's memory was refused: the device may yet write to the chunks
        context.synchronize(stream);
      }
      for (Chunk chunk : chunks) {
        if (chunk != null) { // and all that was copied before has been read
          chunk.used = 0;
          chunk.isMarked = false;
        }
      }
    }
  }

  /** Frees the chunks; the driver waits for the copies to and from them. */
  synchronized void close() {
    for (int i = 0; i < chunks.length; i++) {
      Chunk chunk = chunks[i];
      if (chunk != null) {
        chunks[i] = null;
        context.destroyEvent(chunk.event);
        context.freeHost(chunk.address);
      }
    }
  }
}
