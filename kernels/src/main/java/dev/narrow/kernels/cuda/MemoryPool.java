package dev.narrow.kernels.cuda;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Device memory that is used again. Blocks have sizes of eight steps for each power of two, large
 * ones multiples of 2 MiB, and a request takes the smallest that fits and is at most an eighth
 * larger: so one that was given back fits the next of nearly its size, and little is lost.
 *
 * <p>All work is in one stream, so a block can be used again at once: what used it before has been
 * enqueued before. A graph, however, runs again and again: what was taken or given back while it
 * was captured stays its own until it is closed.
 */
final class MemoryPool {
  private static final long SMALLEST = 512;
  private static final long LARGEST_STEP = 2 << 20; // the driver itself allocates in pages of 2 MiB

  private final CudaContext context;
  private final Runnable waitForWork;
  private final NavigableMap<Long, Deque<Block>> unused = new TreeMap<>(); // by size, none empty
  private long limit;
  private long reserved;
  private long inUse;
  private @Nullable Kept capture;

  /** A piece of memory. */
  static final class Block {
    private final long address;
    private final long size;
    private @Nullable Kept owner;

    private Block(long address, long size) {
      this.address = address;
      this.size = size;
    }

    long address() {
      return address;
    }
  }

  /** Blocks that a graph may still use. */
  static final class Kept {
    private final List<Block> unused = new ArrayList<>();
    private boolean over;

    private Kept() {}
  }

  /**
   * A pool that is empty.
   *
   * @param limit bytes that it may take in all
   * @param waitForWork waits until no work uses memory any more; called before memory is freed
   */
  MemoryPool(CudaContext context, long limit, Runnable waitForWork) {
    this.context = context;
    this.limit = limit;
    this.waitForWork = waitForWork;
  }

  /** What a request is rounded up to. */
  static long sizeFor(long bytes) {
    if (bytes <= SMALLEST) {
      return SMALLEST;
    }
    long step = Math.clamp(Long.highestOneBit(bytes - 1) >>> 3, SMALLEST, LARGEST_STEP);
    return Math.ceilDiv(bytes, step) * step;
  }

  /**
   * A block of at least so many bytes.
   *
   * @param what is asked for, for the message
   * @throws CudaOutOfMemoryException if the limit or the device does not allow it, even after all
   *     unused blocks were freed
   */
  synchronized Block take(long bytes, String what) {
    long size = sizeFor(bytes);
    Block block = bytes > limit ? null : takeUnused(size);
    if (block == null && bytes <= limit) {
      block = grow(size, bytes);
    }
    if (block == null) {
      throw new CudaOutOfMemoryException(what, bytes, inUse, context.freeMemory(), limit);
    }
    block.owner = capture;
    inUse += block.size;
    return block;
  }

  private @Nullable Block takeUnused(long size) {
    long most = size + size / 8;
    if (capture != null) {
      for (int i = 0; i < capture.unused.size(); i++) {
        long has = capture.unused.get(i).size;
        if (has >= size && has <= most) {
          return capture.unused.remove(i);
        }
      }
    }
    Map.Entry<Long, Deque<Block>> fitting = unused.ceilingEntry(size);
    if (fitting == null || fitting.getKey() > most) {
      return null;
    }
    Block block = fitting.getValue().removeLast();
    if (fitting.getValue().isEmpty()) {
      unused.remove(fitting.getKey());
    }
    return block;
  }

  private void addUnused(Block block) {
    unused.computeIfAbsent(block.size, size -> new ArrayDeque<>()).addLast(block);
  }

  /** The exact size is for where the rounded one does not fit. */
  private @Nullable Block grow(long size, long exact) {
    Block block = allocate(size);
    if (block == null) {
      trim();
      block = allocate(size);
    }
    return block == null ? allocate(exact) : block;
  }

  private @Nullable Block allocate(long size) {
    long address = reserved + size > limit ? 0 : context.allocate(size);
    if (address == 0) {
      return null;
    }
    reserved += size;
    return new Block(address, size);
  }

  /** Takes a block back. */
  synchronized void give(Block block) {
    inUse -= block.size;
    if (block.owner == null || block.owner.over) {
      block.owner = capture;
    }
    if (block.owner == null) {
      addUnused(block);
    } else {
      block.owner.unused.add(block);
    }
  }

  /** Frees all unused blocks, after the work that may still use them. While capturing, none. */
  synchronized void trim() {
    if (capture != null || unused.isEmpty()) {
      return;
    }
    waitForWork.run();
    List<Block> blocks = unused.values().stream().flatMap(Deque::stream).toList();
    unused.clear();
    for (Block block : blocks) {
      reserved -= block.size;
      context.free(block.address);
    }
  }

  /** From now on memory that is taken or given back is kept for a graph. */
  synchronized Kept beginCapture() {
    Kept kept = new Kept();
    capture = kept;
    return kept;
  }

  synchronized void endCapture() {
    capture = null;
  }

  /** The graph is closed: its memory can be used for other things. */
  synchronized void release(Kept kept) {
    kept.over = true;
    for (Block block : kept.unused) {
      block.owner = null;
      addUnused(block);
    }
    kept.unused.clear();
  }

  synchronized void limit(long bytes) {
    limit = bytes;
  }

  /** Bytes that the pool has from the driver. */
  synchronized long reserved() {
    return reserved;
  }

  /** Bytes of them that were taken. */
  synchronized long inUse() {
    return inUse;
  }
}
