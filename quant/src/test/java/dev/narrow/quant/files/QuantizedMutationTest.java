package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import net.jqwik.api.statistics.Statistics;

/**
 * Files of quantized tensors gone bad are refused in one way, or read to their end; and opening
 * them costs no more memory than they have bytes, small objects aside.
 */
class QuantizedMutationTest {
  /** What opening a file allocates besides: channel, parser, messages, tables of one format. */
  private static final long SMALL_OBJECTS = 1 << 20;

  private static final List<byte[]> GOOD = new ArrayList<>();

  private static Path directory = Path.of(".");

  @BeforeContainer
  static void files() throws IOException {
    directory = Files.createTempDirectory("narrow");
    Path source = QuantizedFiles.source(directory, QuantizedFiles.f32("a.weight", 2, 16));
    for (String recipe : List.of("nvfp4", "int4-asymmetric/block=3", "lns8", "fp8/axis=0")) {
      add(source, Layout.NARROW, recipe);
    }
    add(source, Layout.COMPRESSED_TENSORS, "nvfp4");
    add(source, Layout.COMPRESSED_TENSORS, "fp8/axis=0");
  }

  private static void add(Path source, Layout layout, String recipe) throws IOException {
    Path out = directory.resolve("good.safetensors");
    QuantizedFiles.write(source, out, layout, QuantizedFiles.all(recipe));
    GOOD.add(Files.readAllBytes(out));
    readWhole(out); // what classes take when they are loaded, a file does not take
    Files.delete(out);
    Files.deleteIfExists(directory.resolve("config.json"));
  }

  @AfterContainer
  static void remove() throws IOException {
    Files.delete(directory.resolve("source.safetensors"));
    Files.deleteIfExists(directory.resolve("x.safetensors"));
    Files.delete(directory);
  }

  @Provide
  Arbitrary<byte[]> bad() {
    return Combinators.combine(
            Arbitraries.of(GOOD),
            Arbitraries.of(GOOD),
            Mutation.any().list().ofMinSize(1).ofMaxSize(2))
        .as((bytes, other, mutations) -> {
          byte[] bad = bytes;
          for (Mutation mutation : mutations) {
            bad = mutation.apply(bad, other, 8);
          }
          return bad;
        });
  }

  @Property(tries = 2000)
  void theyAreReadOrRefused(@ForAll("bad") byte[] bytes) throws IOException {
    Path path = Files.write(directory.resolve("x.safetensors"), bytes);
    boolean read = false;
    long before = Allocation.bytes();
    try {
      readWhole(path);
      read = true;
    } catch (TensorFileException refused) {
      String message = String.valueOf(refused.getMessage());
      assertTrue(message.startsWith(path + ": "), message);
      assertEquals(1, message.lines().count(), message);
    }
    long allocated = Allocation.bytes() - before;
    assertTrue(allocated < bytes.length + SMALL_OBJECTS, allocated + " bytes allocated");
    Statistics.label("read")
        .collect(read)
        .coverage(coverage -> {
          coverage.check(true).percentage(share -> share > 1);
          coverage.check(false).percentage(share -> share > 20);
        });
  }

  private static void readWhole(Path path) {
    try (TensorFile file = TensorFiles.open(path)) {
      for (TensorInfo tensor : file.tensors()) {
        assertTrue(file.bytes(tensor.name()).byteSize() <= tensor.bytes());
        float[] whole = file.tensor(tensor.name()).toFloats();
        assertEquals(tensor.elements(), whole.length);
        float[] some = new float[7];
        for (int at = 0; at + some.length <= whole.length; at += some.length) {
          file.read(tensor.name(), at, some);
          for (int i = 0; i < some.length; i++) {
            assertEquals(whole[at + i], some[i]);
          }
        }
      }
    }
  }
}
