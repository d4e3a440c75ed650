package dev.narrow.kernels.cuda;

import dev.narrow.quant.Scales;
import java.util.List;

/**
 * Work of a {@link CudaDevice} that was captured, to be enqueued at once as often as wanted: many
 * small launches cost about as much as one. See {@link CudaDevice#capture}.
 *
 * <p>It works on the memory that the captured operations were given. Memory that was allocated or
 * freed while it was captured is not used for anything else until the graph is closed.
 */
public final class CudaGraph implements AutoCloseable {
  private final CudaDevice device;
  private final long executable;
  private final Lifetime lifetime;
  private List<Scales> scales;

  /**
   * A graph.
   *
   * @param scales that its kernels read: their memory is there as long as they can be reached
   */
  CudaGraph(CudaDevice device, long executable, MemoryPool.Kept kept, List<Scales> scales) {
    this.scales = scales;
    this.device = device;
    this.executable = executable;
    lifetime =
        device.track(
            "a graph",
            () -> {
              device.context().destroyExecutable(executable);
              device.pool().release(kept);
              this.scales = List.of();
            });
  }

  /**
   * Enqueues the work in the device's stream, and returns.
   *
   * @throws CudaException if the driver refuses
   * @throws IllegalStateException if the graph or the device is closed, or another graph is being
   *     captured
   */
  public void launch() {
    device.requireNotCapturing("launch of a graph");
    if (lifetime.isOver()) {
      throw new IllegalStateException("the graph is closed");
    }
    device.context().launchGraph(executable, device.streamHandle());
  }

  @Override
  public void close() {
    lifetime.close();
  }
}
