package dev.narrow.kernels;

import dev.narrow.formats.VectorApi;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the kernels, once: vector where the Vector API is there and fast, else scalar. The
 * results are the same bits either way.
 *
 * <p>The system property {@value #PROPERTY} forces {@code scalar} or {@code vector}; vector kernels
 * that are asked for and cannot be had are an error.
 */
final class KernelProvider {
  static final String PROPERTY = "dev.narrow.kernels.provider";

  private static final Logger LOG = System.getLogger(KernelProvider.class.getName());

  private static @Nullable Kernels chosen;

  private KernelProvider() {}

  /**
   * The kernels of this process.
   *
   * @throws IllegalStateException if vector kernels are forced and cannot be had
   * @throws IllegalArgumentException if the property has another value
   */
  static synchronized Kernels kernels() { // not a static initializer: it would wrap what is thrown
    Kernels kernels = chosen;
    if (kernels == null) {
      kernels = choose(System.getProperty(PROPERTY));
      chosen = kernels;
    }
    return kernels;
  }

  static Kernels choose(@Nullable String forced) {
    Kernels kernels =
        VectorApi.choose(PROPERTY, forced, ScalarKernels.INSTANCE, () -> new VectorKernels());
    LOG.log(Level.DEBUG, "kernels: {0}", kernels.name());
    return kernels;
  }
}
