package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.SymbolBlock;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("djl")
class DjlBackendTest {
  private static DjlCapabilities without(DjlBackend missing, boolean fp16) {
    return new DjlCapabilities(
        "PyTorch 9.9.9",
        AmpDjl.capabilities().autocast(),
        Map.of(missing, "this is PyTorch 9.9.9"),
        true,
        fp16);
  }

  @Test
  void capabilitiesSayWhatIsThere() {
    DjlCapabilities found = AmpDjl.capabilities();
    assertEquals("PyTorch 2.7.1", found.engine());
    assertTrue(found.has(DjlBackend.LIBTORCH), found::toString);
    assertEquals(4, found.toString().lines().count());
  }

  @Test
  void whatIsNotThereIsReplacedUnlessItIsWanted() {
    DjlCapabilities none = without(DjlBackend.LIBTORCH, true);
    try (NDManager manager = NDManager.newBaseManager()) {
      Casting chosen = AmpDjl.casting(manager, AmpPolicy.bf16(), DjlOptions.defaults(), none);
      assertEquals(DjlBackend.EMULATED, chosen.plan("fc").backend());
      DjlOptions wanted = DjlOptions.defaults().backend(DjlBackend.LIBTORCH);
      AmpException e =
          assertThrows(
              AmpException.class, () -> AmpDjl.casting(manager, AmpPolicy.bf16(), wanted, none));
      assertTrue(String.valueOf(e.getMessage()).contains("PyTorch 9.9.9"), e::toString);
    }
  }

  @Test
  void slowFp16IsEmulatedUnlessItIsAllowed() {
    DjlCapabilities slow = without(DjlBackend.CASTS, false);
    try (NDManager manager = NDManager.newBaseManager()) {
      AmpPolicy fp16 = AmpPolicy.fp16();
      DjlOptions plain = DjlOptions.defaults();
      assertEquals(
          DjlBackend.EMULATED, AmpDjl.casting(manager, fp16, plain, slow).plan("fc").backend());
      assertEquals(
          DjlBackend.LIBTORCH,
          AmpDjl.casting(manager, fp16, plain.allowSlow(), slow).plan("fc").backend());
      AmpException e =
          assertThrows(
              AmpException.class,
              () -> AmpDjl.casting(manager, fp16, plain.backend(DjlBackend.LIBTORCH), slow));
      assertTrue(String.valueOf(e.getMessage()).contains("times as long"), e::toString);
      assertTrue(String.valueOf(e.getMessage()).contains("allowSlow()"), e::toString);
    }
  }

  @Test
  void otherFormatsAreEmulatedBesideSixteenBitsOfTheEngine() {
    AmpPolicy mixed = AmpPolicy.parse("amp 1\ncompute bf16\nlayer /fc2/ lns8\n");
    try (NDManager manager = NDManager.newBaseManager()) {
      Casting casting =
          AmpDjl.casting(manager, mixed, DjlOptions.defaults(), AmpDjl.capabilities());
      assertEquals(DjlBackend.LIBTORCH, casting.plan("fc1").backend());
      assertEquals(DjlBackend.EMULATED, casting.plan("fc2").backend());
    }
  }

  @Test
  void aMissingSymbolIsNamed(@TempDir Path directory) {
    Path library = Path.of(System.getProperty("java.home"), "lib", System.mapLibraryName("zip"));
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> LibtorchAutocast.probe(library));
    assertTrue(String.valueOf(e.getMessage()).contains("set_autocast_enabled"), e::toString);
    assertThrows(
        IllegalArgumentException.class,
        () -> LibtorchAutocast.probe(directory.resolve("libtorch_cpu.so")));
  }

  @Test
  void autocastIsOffAfterAPassAndAfterAnError() {
    try (Model model = Toy.model(1);
        AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), AmpPolicy.bf16())) {
      trainer.initialize(Toy.shape());
      LibtorchAutocast autocast = Objects.requireNonNull(AmpDjl.capabilities().autocast());
      Toy.train(trainer, 0, 1);
      assertFalse(autocast.isEnabled());
      NDList wrong = new NDList(model.getNDManager().ones(new Shape(2, 3)));
      assertThrows(RuntimeException.class, () -> trainer.evaluate(wrong));
      assertFalse(autocast.isEnabled());
    }
  }

  @Test
  void virtualThreadsAreRefused() throws Exception {
    try (Model model = Toy.model(1);
        AmpTrainer trainer = AmpDjl.trainer(model, Toy.config(), AmpPolicy.bf16())) {
      trainer.initialize(Toy.shape());
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread.ofVirtual()
          .start(() -> {
            try {
              Toy.backward(trainer, 0);
            } catch (RuntimeException e) {
              thrown.set(e);
            }
          })
          .join();
      assertTrue(thrown.get() instanceof AmpException, () -> "thrown: " + thrown.get());
    }
  }

  /** As one that was loaded from a file of TorchScript. */
  private static final class Compiled extends AbstractBlock implements SymbolBlock {
    @Override
    protected NDList forwardInternal(
        ParameterStore store,
        NDList inputs,
        boolean training,
        @Nullable PairList<String, Object> params) {
      return inputs;
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
      return inputShapes;
    }
  }

  @Test
  void aCompiledBlockIsNamedAndRefused() {
    SequentialBlock block =
        new SequentialBlock().add(Toy.mlp()).add(new SequentialBlock().add(new Compiled()));
    try (Model model = Toy.model(1, block)) {
      AmpException e =
          assertThrows(
              AmpException.class, () -> AmpDjl.trainer(model, Toy.config(), AmpPolicy.lns8()));
      assertTrue(
          String.valueOf(e.getMessage()).contains("02SequentialBlock.01Compiled"), e::toString);
      assertTrue(String.valueOf(e.getMessage()).contains("supported are"), e::toString);
    }
  }
}
