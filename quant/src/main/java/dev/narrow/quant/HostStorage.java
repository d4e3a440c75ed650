package dev.narrow.quant;

import java.lang.foreign.MemorySegment;

/** Memory of the host, on the heap or off it. */
record HostStorage(MemorySegment segment) implements Storage {
  @Override
  public long byteSize() {
    return segment.byteSize();
  }
}
