package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
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
 * Good files gone bad are refused in one way, or read to their end; and cost no more memory than
 * they have bytes, small objects aside.
 */
class FileMutationTest {
  /**
   * What opening a file allocates besides: channel, parser, messages, classes at their first use.
   */
  private static final long SMALL_OBJECTS = 1 << 20;

  private static Path directory = Path.of(".");

  private static final String INDEX =
      """
      {"metadata": {"total_size": 9, "x": [1]},
       "weight_map": {"a": "a.safetensors", "b": "b.safetensors", "c": "b.safetensors"}}
      """;

  @BeforeContainer
  static void shards() throws IOException {
    directory = Files.createTempDirectory("narrow");
    String a = SafetensorsFiles.tensor("a", "F32", "[1]", 0, 4);
    String b = SafetensorsFiles.tensor("b", "U8", "[4]", 0, 4);
    String c = SafetensorsFiles.tensor("c", "U8", "[1]", 4, 5);
    Files.write(directory.resolve("a.safetensors"), SafetensorsFiles.of("{" + a + "}", 4));
    Files.write(
        directory.resolve("b.safetensors"), SafetensorsFiles.of("{" + b + "," + c + "}", 5));
    // What classes take when they are loaded, a file does not take.
    Files.writeString(directory.resolve("x.safetensors.index.json"), INDEX);
    TensorFiles.open(directory.resolve("x.safetensors.index.json")).close();
    Files.write(directory.resolve("x.npy"), NpyFiles.golden().getFirst().bytes());
    TensorFiles.open(directory.resolve("x.npy")).close();
  }

  @AfterContainer
  static void remove() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }

  private static Arbitrary<byte[]> mutated(List<byte[]> good, int lengthBytes) {
    return Combinators.combine(
            Arbitraries.of(good),
            Arbitraries.of(good),
            Mutation.any().list().ofMinSize(1).ofMaxSize(2))
        .as((bytes, other, mutations) -> {
          byte[] bad = bytes;
          for (Mutation mutation : mutations) {
            bad = mutation.apply(bad, other, lengthBytes);
          }
          return bad;
        });
  }

  @Provide
  Arbitrary<byte[]> safetensors() throws IOException {
    return mutated(
        SafetensorsFiles.golden().stream().map(SafetensorsFiles.Golden::bytes).toList(), 8);
  }

  @Provide
  Arbitrary<byte[]> npy() throws IOException {
    return mutated(NpyFiles.golden().stream().map(NpyFiles.Golden::bytes).toList(), 0);
  }

  @Provide
  Arbitrary<byte[]> index() {
    return mutated(List.of(INDEX.getBytes(StandardCharsets.UTF_8)), 0);
  }

  @Property(tries = 1500)
  void safetensorsAreReadOrRefused(@ForAll("safetensors") byte[] bytes) throws IOException {
    assertReadOrRefused("x.safetensors", bytes);
  }

  @Property(tries = 800)
  void npyFilesAreReadOrRefused(@ForAll("npy") byte[] bytes) throws IOException {
    assertReadOrRefused("x.npy", bytes);
    assertStreamedOrRefused(directory.resolve("x.npy"));
  }

  @Property(tries = 800)
  void indicesAreReadOrRefused(@ForAll("index") byte[] bytes) throws IOException {
    assertReadOrRefused("x.safetensors.index.json", bytes);
  }

  private static void assertReadOrRefused(String name, byte[] bytes) throws IOException {
    Path path = Files.write(directory.resolve(name), bytes);
    boolean opened = false;
    long before = Allocation.bytes();
    long allocated;
    try (TensorFile file = TensorFiles.open(path)) {
      allocated = Allocation.bytes() - before;
      opened = true;
      for (TensorInfo tensor : file.tensors()) {
        readWhole(file, tensor);
      }
    } catch (TensorFileException refused) {
      allocated = Allocation.bytes() - before;
      String message = String.valueOf(refused.getMessage());
      assertTrue(message.startsWith(directory.toString()), message);
      assertEquals(1, message.lines().count(), message);
    }
    assertTrue(allocated < bytes.length + SMALL_OBJECTS, allocated + " bytes allocated");
    Statistics.label("opened")
        .collect(opened)
        .coverage(coverage -> {
          coverage.check(true).percentage(share -> share > 1);
          coverage.check(false).percentage(share -> share > 20);
        });
  }

  /** The same by the other reader of .npy files, which has its own buffer for the elements. */
  private static void assertStreamedOrRefused(Path path) throws IOException {
    long before = Allocation.bytes();
    try (NpyReader reader = NpyReader.open(path)) {
      long read = 0;
      for (int n = 1; n > 0; read += n) {
        n =
            switch (reader.header().type().kind()) {
              case F2, F4 -> reader.read(new float[64]);
              case F8 -> reader.read(new double[64]);
              case U1, U2, U4 -> reader.read(new int[64]);
            };
      }
      assertEquals(reader.header().elements(), read);
    } catch (TensorFileException refused) {
      assertTrue(String.valueOf(refused.getMessage()).startsWith(path + ": "));
    }
    assertTrue(Allocation.bytes() - before < SMALL_OBJECTS);
  }

  private static void readWhole(TensorFile file, TensorInfo tensor) {
    assertEquals(tensor.bytes(), file.bytes(tensor.name()).byteSize());
    file.bytes(tensor.name()).toArray(ValueLayout.JAVA_BYTE);
    if (tensor.dtype().equals("C64")) {
      return; // has no numbers
    }
    float[] some = new float[7];
    long at = 0;
    for (; at + some.length <= tensor.elements(); at += some.length) {
      file.read(tensor.name(), at, some);
    }
    file.read(tensor.name(), at, new float[(int) (tensor.elements() - at)]);
    assertEquals(tensor.elements(), file.tensor(tensor.name()).shape().size());
  }
}
