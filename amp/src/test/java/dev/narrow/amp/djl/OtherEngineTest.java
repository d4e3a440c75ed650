package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.loss.Loss;
import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import java.lang.reflect.Proxy;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Engines that are not there, of which a name and a version are enough. */
class OtherEngineTest {

  private static final class Named extends Engine {
    private final String name;
    private final String version;

    Named(String name, String version) {
      this.name = name;
      this.version = version;
    }

    @Override
    public String getEngineName() {
      return name;
    }

    @Override
    public String getVersion() {
      return version;
    }

    @Override
    public Engine getAlternativeEngine() {
      return this;
    }

    @Override
    public int getRank() {
      return 1;
    }

    @Override
    public boolean hasCapability(String capability) {
      return false;
    }

    @Override
    public Model newModel(String model, Device device) {
      NDManager manager = answering(NDManager.class, Map.of("getEngine", this));
      return answering(Model.class, Map.of("getNDManager", manager));
    }

    @Override
    public NDManager newBaseManager() {
      throw new UnsupportedOperationException();
    }

    @Override
    public NDManager newBaseManager(Device device) {
      throw new UnsupportedOperationException();
    }
  }

  private static <T> T answering(Class<T> type, Map<String, Object> answers) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> answers.get(method.getName())));
  }

  @Test
  void aModelOfAnotherEngineIsRefused() {
    Model model = new Named("MXNet", "1.9.1").newModel("mlp", Device.cpu());
    var config = new DefaultTrainingConfig(Loss.l2Loss());
    AmpException e =
        assertThrows(AmpException.class, () -> AmpDjl.trainer(model, config, AmpPolicy.bf16()));
    assertEquals("model is of the engine MXNet, expected PyTorch", e.getMessage());
  }

  @Test
  void underAnotherVersionItIsEmulatedAndItIsSaidWhy() {
    DjlCapabilities found = AmpDjl.probe(new Named("PyTorch", "2.8.0"));
    assertFalse(found.has(DjlBackend.LIBTORCH));
    assertTrue(found.has(DjlBackend.EMULATED));
    String why = found.whyNot(DjlBackend.LIBTORCH).orElseThrow();
    assertTrue(why.contains("2.8.0") && why.contains("2.7.1"), why);
    assertTrue(found.toString().contains(why), found::toString);
  }
}
