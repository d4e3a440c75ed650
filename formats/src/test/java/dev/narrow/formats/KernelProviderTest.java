package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("scalar")
@Tag("simd")
class KernelProviderTest {
  private static final boolean VECTOR_API =
      ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();

  /** Without it an execution named after a vector width could pass on scalar code. */
  @Test
  void thisExecutionRunsTheKernelsItIsNamedAfter() {
    String expected = System.getProperty("expected.kernels", "");
    String name = KernelProvider.kernels().name();
    boolean hasEveryWidth = System.getProperty("os.arch", "").equals("amd64");
    if (expected.equals("scalar") || (hasEveryWidth && !expected.isEmpty())) {
      assertEquals(expected, name);
    } else {
      assertTrue(name.startsWith("vector "), name); // the widest there is, or the widest allowed
    }
  }

  @Test
  void scalarCanBeForced() {
    assertEquals("scalar", KernelProvider.choose("scalar").name());
  }

  @Test
  void aForcedVectorProviderThatCannotLoadThrowsAndNamesTheFlag() {
    if (VECTOR_API) {
      Kernels vector = KernelProvider.choose("vector");
      assertInstanceOf(VectorKernels.class, vector);
      assertTrue(Lanes.bits() >= 128 && Lanes.bits() <= 512, vector.name());
    } else {
      var thrown = assertThrows(IllegalStateException.class, () -> KernelProvider.choose("vector"));
      assertEquals(
          "dev.narrow.formats.provider = vector, but the Vector API is not there: pass --add-modules"
              + " jdk.incubator.vector to java",
          thrown.getMessage());
    }
  }

  @Test
  void anUnknownProviderIsRefused() {
    var thrown = assertThrows(IllegalArgumentException.class, () -> KernelProvider.choose("simd"));
    assertEquals(
        "dev.narrow.formats.provider = simd, expected scalar or vector", thrown.getMessage());
  }
}
