package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Rounding;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AutocastTest {
  private static final Tensor X = Tensor.of(new float[] {1 + 0x1p-12f}, 1, 1);
  private static final Tensor ONE = Tensor.of(new float[] {1}, 1, 1);

  /** 1 + 2^-12 as a linear layer of weight 1 returns it: 1 in bf16 and fp16, itself in fp32. */
  private static float seen() {
    return Ops.linear("fc", X, ONE, null).toFloats()[0];
  }

  private static Autocast cpu(AmpPolicy policy) {
    return Autocast.with(policy).on(Backend.cpu(1));
  }

  @Test
  void operationsObeyTheRegionTheyRunIn() {
    assertEquals(1 + 0x1p-12f, seen());
    assertEquals(1f, cpu(AmpPolicy.bf16()).call(AutocastTest::seen));
    assertEquals(1 + 0x1p-12f, cpu(AmpPolicy.fp32()).call(AutocastTest::seen));
    assertEquals(1 + 0x1p-12f, seen(), "after the region");
  }

  @Test
  void regionsNestAndAnExceptionEndsThem() {
    cpu(AmpPolicy.bf16())
        .run(() -> {
          assertEquals(1f, seen());
          assertEquals(1 + 0x1p-12f, cpu(AmpPolicy.fp32()).call(AutocastTest::seen));
          assertThrows(
              IllegalStateException.class,
              () ->
                  cpu(AmpPolicy.fp32())
                      .run(() -> {
                        throw new IllegalStateException("as a user's code may");
                      }));
          assertEquals(1f, seen());
        });
    assertFalse(Autocast.isActive());
  }

  /** A weight in a bf16 region and in an fp16 region inside: torch's cache mixed them up. */
  @Test
  void formatsDoNotMix() {
    Tensor w = Tensor.of(new float[] {1 + 0x1p-9f}, 1, 1);
    cpu(AmpPolicy.bf16())
        .run(() -> {
          assertEquals(1f, Ops.linear("fc", ONE, w, null).toFloats()[0]);
          float inner =
              cpu(AmpPolicy.fp16()).call(() -> Ops.linear("fc", ONE, w, null).toFloats()[0]);
          assertEquals(1 + 0x1p-9f, inner);
          assertEquals(1f, Ops.linear("fc", ONE, w, null).toFloats()[0]);
        });
  }

  @Test
  void aWeightIsCastOnceInARegionAndAgainInTheNext() {
    Autocast amp = cpu(AmpPolicy.bf16());
    for (int i = 0; i < 2; i++) {
      amp.run(() -> {
        Ops.linear("fc", X, ONE, null);
        Ops.linear("fc", X, ONE, null);
      });
    }
    Map<Role, Long> casts = new EnumMap<>(Role.class);
    Map<Role, Long> reused = new EnumMap<>(Role.class);
    for (AutocastReport.Casts c : amp.report().casts()) {
      casts.put(c.role(), c.casts());
      reused.put(c.role(), c.reused());
    }
    assertEquals(2, casts.get(Role.WEIGHT));
    assertEquals(2, reused.get(Role.WEIGHT));
    assertEquals(4, casts.get(Role.ACTIVATION), "anybody may write to an input");
  }

  /** torch's cache goes on with the old weight here. */
  @Test
  void anUpdateWithinARegionIsSeen() {
    float[] w = {1};
    float[] g = {-1};
    Tensor weight = Tensor.of(w, 1, 1);
    var parameter = new Parameter("fc.weight", weight, Tensor.of(g, 1, 1));
    Optimizer sgd =
        Optimizer.of(Backend.cpu(1), new Sgd(0), 1, List.of(parameter), AmpPolicy.fp32(), 1);
    cpu(AmpPolicy.bf16())
        .run(() -> {
          assertEquals(1f, Ops.linear("fc", ONE, weight, null).toFloats()[0]);
          sgd.step();
          assertEquals(2f, Ops.linear("fc", ONE, weight, null).toFloats()[0]);
          w[0] = 3; // and nobody has said so
          assertEquals(3f, Ops.linear("fc", ONE, weight, null).toFloats()[0]);
        });
  }

  /** One value of many, where no sample is taken: whoever writes to arrays has to say so. */
  @Test
  void whoWritesToAnArrayTouchesTheTensor() {
    float[] w = new float[4096];
    Tensor weight = Tensor.of(w, 4096, 1);
    Tensor x = Tensor.of(new float[4096], 1, 4096);
    x.storage().segment().setAtIndex(ValueLayout.JAVA_FLOAT, 17, 1f);
    cpu(AmpPolicy.bf16())
        .run(() -> {
          assertEquals(0f, Ops.linear("fc", x, weight, null).toFloats()[0]);
          w[17] = 5;
          Autocast.touch(weight);
          assertEquals(5f, Ops.linear("fc", x, weight, null).toFloats()[0]);
        });
  }

  @Test
  void denyInfectsFollowFollowsNeutralIsTransparent() {
    AmpPolicy policy = AmpPolicy.bf16().withOutput(Optional.of(Quantizer.of(Formats.BF16)));
    cpu(policy)
        .run(() -> {
          Tensor y = Ops.linear("fc", X, ONE, null);
          assertEquals(Formats.BF16, y.format());
          assertEquals(Formats.BF16, Ops.relu(y).format());
          assertEquals(Formats.BF16, Ops.add(y, Ops.gelu(y)).format());
          assertEquals(Formats.FP32, Ops.add(y, X).format());
          assertEquals(Formats.FP32, Ops.softmax(y).format());
          assertEquals(Formats.FP32, Ops.relu(Ops.softmax(y)).format());
        });
  }

  @Test
  void aBannedOperationSaysWhatToUse() {
    AmpPolicy policy = AmpPolicy.bf16().with(new OpRule("relu", OpClass.BANNED, "use gelu"));
    var error = assertThrows(AmpException.class, () -> cpu(policy).run(() -> Ops.relu(X)));
    assertEquals("relu is banned by the policy bf16: use gelu", error.getMessage());
  }

  @Test
  void whatNoListHasIsReported() {
    AmpPolicy policy = AmpPolicy.bf16().withOps(List.of(new OpRule("linear", OpClass.LOWER)));
    Autocast amp = cpu(policy);
    amp.run(() -> Ops.relu(Ops.linear("fc", X, ONE, null)));
    assertEquals(List.of("relu"), amp.report().unlisted());
    assertEquals(2, amp.report().covered());
    assertTrue(amp.report().toString().contains("in no list"), amp.report().toString());
  }

  @Test
  void rulesOfALayerAreItsOwn() {
    AmpPolicy policy =
        AmpPolicy.bf16()
            .with(
                new LayerRule(
                    "^head$",
                    Map.of(Role.ACTIVATION, Optional.empty(), Role.WEIGHT, Optional.empty()),
                    ""));
    cpu(policy)
        .run(() -> {
          assertEquals(1 + 0x1p-12f, Ops.linear("head", X, ONE, null).toFloats()[0]);
          assertEquals(1f, Ops.linear("head2", X, ONE, null).toFloats()[0]);
        });
  }

  @Test
  void stochasticRoundingDependsOnSeedLayerAndStepAlone() {
    AmpPolicy policy =
        AmpPolicy.fp32()
            .with(Role.ACTIVATION, Quantizer.of(Formats.BF16).with(Rounding.stochastic(16)));
    Tensor x = Tensor.of(new float[256], 256, 1);
    for (int i = 0; i < 256; i++) {
      x.storage().segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, 1 + i * 0x1p-16f);
    }
    List<float[]> first = new ArrayList<>();
    List<float[]> second = new ArrayList<>();
    for (List<float[]> results : List.of(first, second)) {
      Autocast amp = cpu(policy).seed(7);
      for (int step = 0; step < 2; step++) {
        amp.run(() -> {
          results.add(Ops.linear("a", x, ONE, null).toFloats());
          results.add(Ops.linear("b", x, ONE, null).toFloats());
        });
      }
    }
    Set<Integer> different = new HashSet<>();
    for (int i = 0; i < 4; i++) {
      assertArrayEquals(first.get(i), second.get(i));
      assertTrue(different.add(Arrays.hashCode(first.get(i))), "bits of their own");
    }
    Autocast resumed = cpu(policy).seed(7);
    resumed.steps(1);
    assertArrayEquals(first.get(2), resumed.call(() -> Ops.linear("a", x, ONE, null).toFloats()));
    float[] other = cpu(policy).seed(8).call(() -> Ops.linear("a", x, ONE, null).toFloats());
    assertNotEquals(Arrays.hashCode(first.get(0)), Arrays.hashCode(other));
  }

  @Test
  void aRegionIsCarriedIntoExecutorsAndEndsThere() throws Exception {
    try (ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor()) {
      Autocast.Carrier[] leaked = new Autocast.Carrier[1];
      Float[] plain = new Float[1];
      Float[] carried = new Float[1];
      cpu(AmpPolicy.bf16())
          .<Object, Exception>call(() -> {
            leaked[0] = Autocast.capture();
            plain[0] = virtual.submit(AutocastTest::seen).get();
            carried[0] = virtual.submit(leaked[0].wrap(AutocastTest::seen)).get();
            return "";
          });
      assertEquals(1 + 0x1p-12f, plain[0], "a thread of its own");
      assertEquals(1f, carried[0]);
      var error =
          assertThrows(
              IllegalStateException.class, () -> leaked[0].wrap(AutocastTest::seen).call());
      assertTrue(error.toString().contains("join the task"), error.toString());
    }
  }

  /** Fifty regions of three policies at once, on platform and virtual threads. */
  @Test
  void regionsOfManyThreadsDoNotLeakIntoEachOther() throws Exception {
    List<AmpPolicy> policies = List.of(AmpPolicy.fp32(), AmpPolicy.bf16(), AmpPolicy.fp16());
    Tensor w = Tensor.of(new float[] {1 + 0x1p-9f}, 1, 1);
    float[] expected = {1 + 0x1p-9f, 1, 1 + 0x1p-9f};
    for (ExecutorService executor :
        List.of(Executors.newVirtualThreadPerTaskExecutor(), Executors.newFixedThreadPool(4))) {
      try (executor) {
        List<Future<Boolean>> results =
            IntStream.range(0, 50)
                .mapToObj(task ->
                    executor.submit(() -> {
                      boolean right = true;
                      for (int i = 0; i < 20; i++) {
                        int p = (task + i) % 3;
                        float y =
                            cpu(policies.get(p))
                                .call(() -> {
                                  LockSupport.parkNanos(1000);
                                  return Ops.linear("fc", ONE, w, null).toFloats()[0];
                                });
                        right &= y == expected[p];
                      }
                      return right && !Autocast.isActive();
                    }))
                .toList();
        for (Future<Boolean> result : results) {
          assertTrue(result.get());
        }
      }
    }
  }

  /** Inference over many batches in one region: what is not used any more is let go. */
  @Test
  void aLongRegionDoesNotGrow() {
    CastCache cache = new CastCache();
    Quantizer bf16 = Quantizer.of(Formats.BF16);
    for (int i = 0; i < 200; i++) {
      Tensor batch = Tensor.zeros(1 << 18);
      cache.keep(batch, bf16, "fc", Tensor.zeros(1), Scales.one());
      if (i % 50 == 49) {
        System.gc();
      }
    }
    assertTrue(cache.size() < 150, "still " + cache.size());
  }

  /** A step in a region of its own, while the outer one keeps a cast of the weight. */
  @Test
  void anUpdateInAnInnerRegionIsSeenOutside() {
    float[] w = new float[4096];
    Tensor weight = Tensor.of(w, 4096, 1);
    Tensor x = Tensor.of(new float[4096], 1, 4096);
    x.storage().segment().setAtIndex(ValueLayout.JAVA_FLOAT, 17, 1f);
    cpu(AmpPolicy.bf16())
        .run(() -> {
          assertEquals(0f, Ops.linear("fc", x, weight, null).toFloats()[0]);
          cpu(AmpPolicy.bf16())
              .run(() -> {
                w[17] = 5;
                Autocast.touch(weight);
              });
          assertEquals(5f, Ops.linear("fc", x, weight, null).toFloats()[0]);
        });
  }

  @Test
  void whatIsReturnedMayBeRoundedStochastically() {
    AmpPolicy policy =
        AmpPolicy.bf16()
            .withOutput(Optional.of(Quantizer.of(Formats.BF16).with(Rounding.stochastic(16))));
    Tensor y = cpu(policy).call(() -> Ops.relu(Ops.linear("fc", ONE, ONE, null)));
    assertEquals(Formats.BF16, y.format());
    assertEquals(1f, y.toFloats()[0]);
  }

  @Test
  void dropoutOutsideOfARegionIsRefused() {
    var error = assertThrows(IllegalStateException.class, () -> Ops.dropout("drop", 0.5f, X));
    assertTrue(error.toString().contains("open a region"), error.toString());
  }

  /** One input of three layers: each is seen, though it is cast once. */
  @Test
  void anObserverSeesEachLayerOfASharedInput() {
    Set<String> seen = new HashSet<>();
    cpu(AmpPolicy.bf16())
        .observed(cast -> seen.add(cast.layer() + " " + cast.role().letter()))
        .run(() -> {
          Autocast.constant(X);
          Ops.linear("a", X, ONE, null);
          Ops.linear("b", X, ONE, null);
        });
    assertEquals(Set.of("a W", "a A", "b W", "b A"), seen);
  }

  @Test
  void aRegionUsesTheMemoryOfTheOneBefore() {
    CastMemory memory = new CastMemory();
    Tensor first = memory.take(X.shape());
    assertNotEquals(
        System.identityHashCode(base(first)),
        System.identityHashCode(base(memory.take(X.shape()))));
    memory.reset();
    Set<Integer> again = new HashSet<>();
    for (int i = 0; i < 3; i++) {
      again.add(System.identityHashCode(base(memory.take(X.shape()))));
    }
    assertEquals(3, again.size(), "each once");
    assertTrue(again.contains(System.identityHashCode(base(first))));
  }

  private static Object base(Tensor tensor) {
    return tensor.storage().segment().heapBase().orElseThrow();
  }
}
