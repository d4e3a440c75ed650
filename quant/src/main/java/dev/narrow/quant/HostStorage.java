package dev.narrow.quant;

import java.lang.foreign.MemorySegment;

/** Memory of the host, on the heap or off it. */
record HostStorage(MemorySegment segment) implements Storage {
  @Override
  public long byteSize() {
    return segment.byteSize();
  }

  @Override
  public boolean isHost() {
    return true;
  }

  @Override
  public void read(long offset, MemorySegment to) {
    MemorySegment.copy(segment, offset, to, 0, to.byteSize());
  }

  @Override
  public void write(long offset, MemorySegment from) {
    MemorySegment.copy(from, 0, segment, offset, from.byteSize());
  }

  @Override
  public Object owner() {
    return segment.heapBase().orElse(segment.scope());
  }

  @Override
  public long address() {
    return segment.address();
  }

  @Override
  public boolean isReadOnly() {
    return segment.isReadOnly();
  }

  @Override
  public boolean overlaps(Storage other) {
    return other instanceof HostStorage host
        && segment.asOverlappingSlice(host.segment).isPresent();
  }

  @Override
  public boolean sameAs(Storage other) {
    return other instanceof HostStorage host
        && segment.heapBase().equals(host.segment.heapBase())
        && segment.address() == host.segment.address()
        && segment.byteSize() == host.segment.byteSize();
  }
}
