package dev.narrow.formats;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Whether the code of a module that rests on {@code jdk.incubator.vector} is taken, or its scalar
 * twin, whose results are the same bits.
 */
public final class VectorApi {
  private static final Logger LOG = System.getLogger(VectorApi.class.getName());

  private VectorApi() {}

  /**
   * Vector code where the Vector API is there and fast, else scalar code. Asked once by each
   * module, which keeps the answer.
   *
   * @param property the system property that forces one of them, for messages
   * @param forced {@code scalar}, {@code vector}, or null: no preference
   * @param scalar the scalar code
   * @param vector makes the vector code; throws UnsupportedOperationException if the vectors of
   *     this machine are too short
   * @return one of both
   * @throws IllegalStateException if vector code is forced and cannot be had
   * @throws IllegalArgumentException if another word is forced
   */
  public static <K> K choose(
      String property, @Nullable String forced, K scalar, Supplier<K> vector) {
    if (forced != null && !forced.equals("scalar") && !forced.equals("vector")) {
      throw new IllegalArgumentException(property + " = " + forced + ", expected scalar or vector");
    }
    if (forced != null && forced.equals("scalar")) {
      return scalar;
    }
    String obstacle = obstacle().orElse(null);
    if (obstacle == null) {
      try {
        return vector.get();
      } catch (UnsupportedOperationException e) {
        obstacle = e.getMessage() + ": pass -XX:MaxVectorSize=16 or more to java";
      }
    }
    if (forced != null) {
      throw new IllegalStateException(property + " = vector, but " + obstacle);
    }
    LOG.log(Level.WARNING, "scalar kernels, since {0}", obstacle);
    return scalar;
  }

  /** Why vector code is not taken in this process, and what to pass to java; empty if it is. */
  public static Optional<String> obstacle() {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return Optional.of(
          "the Vector API is not there: pass --add-modules jdk.incubator.vector to java");
    }
    // Without the optimizing compiler each vector is an object: slower than scalar code.
    if (System.getProperty("java.vm.info", "").toLowerCase(Locale.ROOT).contains("interpreted")) {
      return Optional.of("Java only interprets: do not pass -Xint to java");
    }
    return Optional.empty();
  }
}
