package dev.narrow.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where elements and tiles of products lie, also beyond 2^31 elements. */
class ProductIndexTest {
  private static final Arena ARENA = Arena.ofShared();

  private record Tile(long matrix, long row, long column) {}

  private static SymbolLookup functions = SymbolLookup.loaderLookup();

  @BeforeAll
  @SuppressWarnings("restricted") // it is our library
  static void compile(@TempDir Path directory) {
    EmulatedDriver.library(); // or the tests are skipped: there is no g++
    Path kernels = EmulatedDriver.kernels();
    Path library = directory.resolve("products.so");
    EmulatedDriver.run(
        List.of(
            "g++",
            "-std=c++17",
            "-O2",
            "-ffp-contract=off",
            "-fPIC",
            "-shared",
            "-I",
            kernels.resolve("src/main/cuda").toString(),
            kernels.resolve("src/test/cuda/products.cpp").toString(),
            "-o",
            library.toString()));
    functions = SymbolLookup.libraryLookup(library, ARENA);
  }

  @AfterAll
  static void close() {
    functions = SymbolLookup.loaderLookup();
    ARENA.close();
  }

  @SuppressWarnings("restricted")
  private static MethodHandle function(String name, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(functions.findOrThrow(name), type);
  }

  private static long countTiles(long count, long rows, long columns, int size) throws Throwable {
    return (long)
        function(
                "narrow_count_tiles",
                FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT))
            .invokeExact(count, rows, columns, size);
  }

  private static Tile tileAt(long index, long count, long rows, long columns, int size)
      throws Throwable {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment tile = arena.allocate(JAVA_LONG, 3);
      function(
              "narrow_tile_at",
              FunctionDescriptor.ofVoid(
                  JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS))
          .invokeExact(index, count, rows, columns, size, tile);
      return new Tile(
          tile.getAtIndex(JAVA_LONG, 0),
          tile.getAtIndex(JAVA_LONG, 1),
          tile.getAtIndex(JAVA_LONG, 2));
    }
  }

  @Test
  void placesAreOf64Bits() throws Throwable {
    MethodHandle place =
        function(
            "narrow_place",
            FunctionDescriptor.of(
                JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    long side = 1L << 17;
    long last = (long) place.invokeExact(side * side, side, 1L, 2L, side - 1, side - 1);
    assertEquals(3 * side * side - 1, last);
    assertTrue(last > 1L << 35);
  }

  /** Every tile is somebody's, once: also where neither extent is a multiple of anything. */
  @Test
  void tilesCoverAResult() throws Throwable {
    for (long[] extents : new long[][] {{1, 1, 1}, {2, 1000, 300}, {3, 129, 1}, {1, 1024, 1024}}) {
      long tiles = countTiles(extents[0], extents[1], extents[2], 128);
      Set<Tile> seen = new HashSet<>();
      for (long i = 0; i < tiles; i++) {
        Tile tile = tileAt(i, extents[0], extents[1], extents[2], 128);
        assertTrue(
            tile.matrix() < extents[0] && tile.row() < extents[1] && tile.column() < extents[2]);
        assertEquals(0, tile.row() % 128 + tile.column() % 128);
        assertTrue(seen.add(tile));
      }
      assertEquals(
          extents[0] * Math.ceilDiv(extents[1], 128L) * Math.ceilDiv(extents[2], 128L),
          seen.size());
    }
  }

  @Test
  void largeResultsHaveMoreThan31BitsOfElements() throws Throwable {
    long rows = 100_000;
    long columns = 90_001;
    long tiles = countTiles(1, rows, columns, 128);
    assertEquals(782L * 704, tiles);
    Tile last = tileAt(tiles - 1, 1, rows, columns, 128);
    assertEquals(new Tile(0, 781 * 128, 703 * 128), last);
    assertTrue(last.row() * columns + last.column() > 1L << 31);
    assertEquals(1L << 40, countTiles(1L << 20, 1L << 17, 1L << 17, 128));
    assertEquals(
        new Tile((1L << 20) - 1, 1023 * 128, 1023 * 128),
        tileAt((1L << 40) - 1, 1L << 20, 1L << 17, 1L << 17, 128));
  }
}
