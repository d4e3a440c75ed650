package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class GradScalerAllocationTest {
  private static final MethodHandle ALLOCATED = allocated();

  /** Bytes that this thread has allocated. By name: the module itself needs no jdk.management. */
  private static MethodHandle allocated() {
    try {
      Object bean =
          Class.forName("java.lang.management.ManagementFactory")
              .getMethod("getThreadMXBean")
              .invoke(null);
      return MethodHandles.publicLookup()
          .unreflect(
              Class.forName("com.sun.management.ThreadMXBean")
                  .getMethod("getCurrentThreadAllocatedBytes"))
          .bindTo(bean);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("no jdk.management", e);
    }
  }

  /**
   * Until it is compiled, a step may allocate what the compiler later proves to be of no use. So
   * rounds are run until one allocates nothing; a step that does allocate never gets there.
   */
  @Test
  void aCleanStepAllocatesNothing() throws Throwable {
    List<float[]> arrays = new ArrayList<>();
    List<Gradients.View> views = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      arrays.add(new float[100 + i]);
      views.add(Gradients.view("layer" + i + ".weight", arrays.getLast()));
    }
    Gradients gradients = Gradients.of(views);
    GradScaler scaler = GradScaler.of(LossScaling.dynamic());
    int[] stepped = {0};
    Runnable body = () -> stepped[0]++;
    long allocated = -1;
    int rounds = 0;
    while (allocated != 0 && rounds < 3000) {
      long before = (long) ALLOCATED.invokeExact();
      for (int step = 0; step < 100; step++) {
        for (int i = 0; i < arrays.size(); i++) {
          arrays.get(i)[0] = scaler.lossScale();
        }
        scaler.step(gradients, body);
      }
      allocated = (long) ALLOCATED.invokeExact() - before;
      rounds++;
    }
    assertEquals(0, allocated, "bytes in 100 steps, after " + rounds + " rounds");
    assertEquals(100 * rounds, stepped[0]);
    arrays.getFirst()[0] = scaler.lossScale();
    assertInstanceOf(StepResult.Applied.class, scaler.step(gradients, body));
  }
}
