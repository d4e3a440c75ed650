package dev.narrow.repro.djl;

import ai.djl.engine.Engine;
import java.util.Optional;

/** Whether Deep Java Library is there, which nothing else needs. */
public final class DjlPresence {
  private static final String HOW =
      "Deep Java Library with PyTorch, which is not on the class path: mvn -Pdjl -Dmaven.test.skip=true"
          + " package fetches it (120 MB), and ./narrow finds it in paper-repro/target/djl";

  private DjlPresence() {}

  /**
   * Starts DJL's PyTorch engine: on one thread, unless the properties of DJL say otherwise, since
   * results depend on how many there are, and without asking the network for anything.
   *
   * @return why there is none, and what to do; empty if there is one
   */
  public static Optional<String> missing() {
    setDefault("ai.djl.offline", "true");
    setDefault("ai.djl.pytorch.num_threads", "1");
    setDefault("slf4j.internal.verbosity", "ERROR"); // that nobody listens to its log is no news
    try {
      if (!Engine.hasEngine("PyTorch")) {
        return Optional.of(HOW);
      }
      var _ = Engine.getEngine("PyTorch");
      return Optional.empty();
    } catch (NoClassDefFoundError e) {
      return Optional.of(HOW);
    } catch (RuntimeException | UnsatisfiedLinkError e) { // no class of DJL's can be named here
      return Optional.of(HOW + "; it says: " + e.getMessage());
    }
  }

  private static void setDefault(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }
}
