package dev.narrow.kernels.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.narrow.kernels.Activations;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Elementary;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleBinaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** narrow.cuh, compiled as plain C++, gives the bits of the Java code. */
@SuppressWarnings("restricted")
class NarrowFunctionsTest {
  @TempDir static Path directory;

  private static SymbolLookup functions = name -> Optional.empty();

  /** A function of one float32. */
  @FunctionalInterface
  interface OfOne {
    float of(float x);
  }

  /** A function of two. */
  @FunctionalInterface
  interface OfTwo {
    float of(float a, float b);
  }

  record One(String name, OfOne java) {
    @Override
    public String toString() {
      return name;
    }
  }

  record Two(String name, OfTwo java) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<One> ofOne() {
    return List.of(
        new One("exp", Elementary::exp),
        new One("exp2", Elementary::exp2),
        new One("log", Elementary::log),
        new One("tanh", Elementary::tanh),
        new One("erf", Elementary::erf),
        new One("reciprocal_sqrt", Elementary::reciprocalSqrt),
        new One("sigmoid", Activations::sigmoid),
        new One("gelu", Activations::gelu),
        new One("gelu_gradient", Activations::geluGradient),
        new One("gelu_tanh", Activations::geluTanh),
        new One("gelu_tanh_gradient", Activations::geluTanhGradient),
        new One("sqrt", x -> (float) Math.sqrt(x)),
        new One("signum", Math::signum),
        new One("rint", x -> (float) Math.rint(x)));
  }

  private static OfTwo doubles(DoubleBinaryOperator operator) {
    return (a, b) -> (float) operator.applyAsDouble(a, b);
  }

  static List<Two> ofTwo() {
    return List.of(
        new Two("max", Math::max),
        new Two("min", Math::min),
        new Two("double_max", doubles(Math::max)),
        new Two("double_min", doubles(Math::min)));
  }

  static List<Two> clamps() {
    return List.of(
        new Two("clamp", (x, bound) -> Math.clamp(x, -bound, bound)),
        new Two("double_clamp", doubles((x, bound) -> Math.clamp(x, -bound, bound))));
  }

  @BeforeAll
  static void compile() throws IOException, InterruptedException {
    Path library = directory.resolve("functions.so");
    Path log = directory.resolve("log");
    Process process;
    try {
      process =
          new ProcessBuilder(
                  "g++",
                  "-std=c++17",
                  "-O2",
                  "-ffp-contract=off",
                  "-march=native",
                  "-Wall",
                  "-Wextra",
                  "-Werror",
                  "-shared",
                  "-fPIC",
                  "-I",
                  "src/main/cuda",
                  "-o",
                  library.toString(),
                  "src/test/cuda/functions.cpp")
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
    } catch (IOException e) {
      assumeTrue(false, "narrow.cuh is not tested, there is no g++: " + e.getMessage());
      return;
    }
    assertEquals(0, process.waitFor(), () -> read(log));
    functions = SymbolLookup.libraryLookup(library, Arena.global());
  }

  private static String read(Path path) {
    try {
      return Files.readString(path);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static void call(String name, Object... arguments) {
    Object[] all = new Object[arguments.length];
    FunctionDescriptor descriptor = FunctionDescriptor.ofVoid();
    for (int i = 0; i < arguments.length; i++) {
      boolean pointer = arguments[i] instanceof MemorySegment;
      descriptor =
          descriptor.appendArgumentLayouts(pointer ? ValueLayout.ADDRESS : ValueLayout.JAVA_LONG);
      all[i] = arguments[i];
    }
    MethodHandle function =
        Linker.nativeLinker()
            .downcallHandle(functions.find("of_" + name).orElseThrow(), descriptor);
    try {
      function.invokeWithArguments(all);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  private static final float[] SPECIAL = {
    0f,
    -0f,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    Float.MIN_NORMAL,
    -Float.MIN_NORMAL,
    0.5f,
    1f,
    -1f,
    1.5f,
    2.5f,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.NaN,
    Float.intBitsToFloat(0x7f800001),
    Float.intBitsToFloat(0xffc12345)
  };

  private static void assertSame(MemorySegment y, long i, float expected, String what) {
    int actual = y.getAtIndex(ValueLayout.JAVA_INT, i);
    int bits = Float.floatToRawIntBits(expected);
    boolean same =
        Float.isNaN(expected) ? Float.isNaN(Float.intBitsToFloat(actual)) : bits == actual;
    if (!same) {
      fail("%s: expected %08x, got %08x".formatted(what, bits, actual));
    }
  }

  /** Whether a NaN must be the canonical one: of the functions that kernels store, it must. */
  private static void assertCanonical(MemorySegment y, long i, float expected, String what) {
    if (y.getAtIndex(ValueLayout.JAVA_INT, i) != Float.floatToRawIntBits(expected)) {
      assertSame(y, i, expected, what);
      fail(what + ": a NaN that is not the canonical one");
    }
  }

  private static void compare(One function, int first, int step, int n) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = arena.allocate(ValueLayout.JAVA_FLOAT, n);
      MemorySegment y = arena.allocate(ValueLayout.JAVA_FLOAT, n);
      for (int i = 0; i < n; i++) {
        x.setAtIndex(ValueLayout.JAVA_INT, i, first + i * step);
      }
      call(function.name, x, y, (long) n);
      boolean plain = List.of("sqrt", "signum", "rint").contains(function.name);
      for (int i = 0; i < n; i++) {
        float value = Float.intBitsToFloat(first + i * step);
        float expected = function.java.of(value);
        if (plain) {
          assertSame(y, i, expected, function.name + "(" + value + ")");
        } else {
          assertCanonical(y, i, expected, function.name + "(" + value + ")");
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("ofOne")
  void functionsGiveTheBitsOfJava(One function) {
    compare(function, 0, 4099, 1 << 20); // an odd step: all low bits come up
    for (float special : SPECIAL) {
      compare(function, Float.floatToRawIntBits(special) - 2, 1, 5);
    }
  }

  @ParameterizedTest
  @MethodSource("ofOne")
  @Tag("exhaustive")
  void functionsGiveTheBitsOfJavaForAllFloats(One function) {
    IntStream.range(0, 1 << 12)
        .parallel()
        .forEach(part -> compare(function, part << 20, 1, 1 << 20));
  }

  private static void compare(Two function, float[] as, float[] bs) {
    try (Arena arena = Arena.ofConfined()) {
      int n = as.length * bs.length;
      MemorySegment a = arena.allocate(ValueLayout.JAVA_FLOAT, n);
      MemorySegment b = arena.allocate(ValueLayout.JAVA_FLOAT, n);
      MemorySegment y = arena.allocate(ValueLayout.JAVA_FLOAT, n);
      for (int i = 0; i < n; i++) {
        a.setAtIndex(ValueLayout.JAVA_FLOAT, i, as[i / bs.length]);
        b.setAtIndex(ValueLayout.JAVA_FLOAT, i, bs[i % bs.length]);
      }
      call(function.name, a, b, y, (long) n);
      for (int i = 0; i < n; i++) {
        float left = as[i / bs.length];
        float right = bs[i % bs.length];
        String what = function.name + "(" + left + ", " + right + ")";
        assertSame(y, i, function.java.of(left, right), what);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("ofTwo")
  void comparisonsAreThoseOfJava(Two function) {
    compare(function, SPECIAL, SPECIAL);
  }

  @ParameterizedTest
  @MethodSource("clamps")
  void clampsAreThoseOfJava(Two function) {
    compare(function, SPECIAL, new float[] {0f, Float.MIN_VALUE, 1f, Float.POSITIVE_INFINITY});
  }

  @Test
  void sixteenLanesAreAddedAsATree() {
    int n = 16 * 1000;
    float[] terms = new float[n];
    for (int i = 0; i < n; i++) {
      terms[i] = (float) Math.sin(i * (double) i) * Math.scalb(1f, i % 23);
    }
    terms[100] = Float.NEGATIVE_INFINITY;
    terms[160] = Float.NEGATIVE_INFINITY;
    terms[161] = Float.POSITIVE_INFINITY;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = arena.allocateFrom(ValueLayout.JAVA_FLOAT, terms);
      MemorySegment y = arena.allocate(ValueLayout.JAVA_FLOAT, n / 16);
      call("tree", x, y, (long) n);
      Tensor sums = Tensor.zeros(n / 16);
      Backend.cpu(1).sumColumns(Tensor.of(terms, n / 16, 16), sums);
      float[] expected = sums.toFloats();
      for (int i = 0; i < n / 16; i++) {
        assertCanonical(y, i, expected[i], "sum " + i);
      }
    }
  }
}
