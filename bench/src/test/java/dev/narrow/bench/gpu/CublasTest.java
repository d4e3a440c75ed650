package dev.narrow.bench.gpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.narrow.formats.Formats;
import dev.narrow.kernels.cuda.CudaDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The calls of the vendor's library, against one that does what its documentation says and refuses
 * what it refuses.
 */
class CublasTest {
  private static final int M = 3;
  private static final int N = 5;
  private static final int K = 16;

  @TempDir Path scratch;

  @BeforeEach
  void compiler() {
    assumeTrue(Emulator.has("cc"), "the calls of cuBLAS are not tested: there is no cc");
  }

  @SuppressWarnings("restricted")
  private SymbolLookup fake(Arena arena) throws Exception {
    return SymbolLookup.libraryLookup(Emulator.cublas(scratch), arena);
  }

  @SuppressWarnings("restricted")
  private static Object ask(SymbolLookup fake, String name, MemoryLayout result) throws Throwable {
    return Linker.nativeLinker()
        .downcallHandle(fake.findOrThrow(name), FunctionDescriptor.of(result))
        .invokeWithArguments();
  }

  @SuppressWarnings("restricted")
  private static String calls(SymbolLookup fake) throws Throwable {
    MemorySegment text = (MemorySegment) ask(fake, "fake_cublas_calls", ADDRESS);
    return text.reinterpret(1 << 16).getString(0);
  }

  /** Small integers, whose products and sums are exact in every format here. */
  private static int[] numbers(Random random, int n) {
    return random.ints(n, -4, 5).toArray();
  }

  private static int expected(int[] x, int[] w, int i, int j) {
    int sum = 0;
    for (int k = 0; k < K; k++) {
      sum += x[i * K + k] * w[j * K + k];
    }
    return sum;
  }

  private static void assertProduct(int[] x, int[] w, MemorySegment out) {
    for (int i = 0; i < M; i++) {
      for (int j = 0; j < N; j++) {
        float actual = Float.float16ToFloat(out.getAtIndex(JAVA_SHORT, i * N + j));
        assertEquals(expected(x, w, i, j), actual, i + ", " + j);
      }
    }
  }

  private static MemorySegment halves(Arena arena, int[] numbers) {
    MemorySegment halves = arena.allocate(JAVA_SHORT, numbers.length);
    for (int i = 0; i < numbers.length; i++) {
      halves.setAtIndex(JAVA_SHORT, i, Float.floatToFloat16(numbers[i]));
    }
    return halves;
  }

  private static MemorySegment codes(Arena arena, int[] numbers) {
    MemorySegment codes = arena.allocate(numbers.length, 16);
    for (int i = 0; i < numbers.length; i++) {
      codes.set(
          JAVA_BYTE,
          i,
          (byte) Formats.E4M3FN.encode(numbers[i], Formats.E4M3FN.defaultProjection()));
    }
    return codes;
  }

  @Test
  void rowsAreItsColumns() throws Throwable {
    Random random = new Random(1);
    int[] x = numbers(random, M * K);
    int[] w = numbers(random, N * K);
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup fake = fake(arena);
      MemorySegment out = arena.allocate(JAVA_SHORT, M * N);
      try (Cublas cublas = new Cublas(fake, 0)) {
        assertEquals("12.8.5", cublas.version());
        long px = halves(arena, x).address();
        long pw = halves(arena, w).address();
        cublas.multiply(px, pw, out.address(), M, N, K);
        assertThrows(
            IllegalStateException.class, () -> cublas.multiply(px, pw, out.address(), M, N, -1));
      }
      assertProduct(x, w, out);
      assertEquals("create 0\nstream 0\ngemm 5\ndestroy 0\n", calls(fake));
    }
  }

  @Test
  void fp8IsMultipliedWithWhatItsHeuristicGives() throws Throwable {
    Random random = new Random(2);
    int[] x = numbers(random, M * K);
    int[] w = numbers(random, N * K);
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup fake = fake(arena);
      MemorySegment out = arena.allocate(JAVA_SHORT, M * N);
      MemorySegment workspace = arena.allocate(64);
      assertTrue(CublasFp8.isIn(fake));
      try (CublasFp8 fp8 = new CublasFp8(fake, 0, workspace.address(), 64, M, N, K)) {
        fp8.multiply(codes(arena, x).address(), codes(arena, w).address(), out.address());
      }
      assertProduct(x, w, out);
      assertEquals(0, (int) ask(fake, "fake_cublas_live", JAVA_INT));
      // Rows of 17 bytes are none that FP8 takes.
      assertThrows(
          IllegalStateException.class,
          () -> new CublasFp8(fake, 0, workspace.address(), 64, M, N, 17));
    }
  }

  @Test
  void itIsWhereItIsSaidToBe() throws Exception {
    Emulator.install();
    String property = "dev.narrow.cublas.library";
    try (CudaDevice device = CudaDevice.open()) {
      System.setProperty(property, Emulator.cublas(scratch).toString());
      CublasLibrary found = CublasLibrary.find(device);
      assertNotNull(found.symbols());
      assertTrue(found.description().startsWith("version 12.8.5, " + scratch));
      System.setProperty(property, "/nowhere/libcublas.so");
      CublasLibrary none = CublasLibrary.find(device);
      assertNull(none.symbols());
      assertTrue(none.description().contains("/nowhere/libcublas.so: "), none.description());
    } finally {
      System.clearProperty(property);
    }
  }
}
