package dev.narrow.formats;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.ref.SoftReference;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the kernels, once: vector where the Vector API is there and fast, else scalar. The
 * results are the same bits either way.
 *
 * <p>The system property {@value #PROPERTY} forces {@code scalar} or {@code vector}; vector kernels
 * that are asked for and cannot be had are an error.
 */
final class KernelProvider {
  static final String PROPERTY = "dev.narrow.formats.provider";

  private static final Logger LOG = System.getLogger(KernelProvider.class.getName());

  private static final ConcurrentHashMap<Key, SoftReference<Kernel>> CACHE =
      new ConcurrentHashMap<>();

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

  private record Key(NumericFormat format, Projection projection) {}

  /** The kernel for a format and a projection; its tables are kept while memory allows. */
  static Kernel kernel(NumericFormat format, Projection projection) {
    Key key = new Key(format, projection);
    SoftReference<Kernel> cached = CACHE.get(key);
    Kernel kernel = cached == null ? null : cached.get();
    if (kernel == null) {
      kernel = kernels().kernel(format, projection);
      CACHE.put(key, new SoftReference<>(kernel));
    }
    return kernel;
  }

  static Kernels choose(@Nullable String forced) {
    Kernels kernels =
        VectorApi.choose(PROPERTY, forced, ScalarKernels.INSTANCE, () -> new VectorKernels());
    LOG.log(Level.DEBUG, "kernels: {0}", kernels.name());
    return kernels;
  }
}
