package dev.narrow.kernels.cuda;

import java.util.List;

/**
 * What a {@link CudaDevice} has taken.
 *
 * @param reserved bytes of device memory that its pool has from the driver
 * @param inUse bytes of them that tensors and operations have, rounded up to the pool's sizes
 * @param open what is not closed: memory, events, graphs; each with the place where it was opened
 *     if {@code dev.narrow.cuda.trace} is {@code true}
 */
public record CudaUsage(long reserved, long inUse, List<String> open) {
  public CudaUsage {
    open = List.copyOf(open);
  }
}
