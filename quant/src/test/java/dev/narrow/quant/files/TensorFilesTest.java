package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The kind of a file is seen in its first bytes, else in its name. */
class TensorFilesTest {
  @TempDir Path directory;

  private Path write(String name, byte[] bytes) throws IOException {
    return Files.write(directory.resolve(name), bytes);
  }

  private Path write(String name, String text) throws IOException {
    return write(name, text.getBytes(StandardCharsets.UTF_8));
  }

  private static void assertOpens(Class<?> kind, Path path) throws IOException {
    try (TensorFile file = TensorFiles.open(path)) {
      assertInstanceOf(kind, file);
    }
  }

  private void assertRefused(String problem, Path path) {
    assertEquals(
        path + ": " + problem,
        assertThrows(TensorFileException.class, () -> TensorFiles.open(path)).getMessage());
  }

  @Test
  void kindsAreRecognized() throws IOException {
    byte[] safetensors = SafetensorsFiles.golden("F32").bytes();
    byte[] npy = NpyFiles.golden().getFirst().bytes();
    assertOpens(SafetensorsFile.class, write("x.safetensors", safetensors));
    assertOpens(SafetensorsFile.class, write("blob", safetensors));
    assertOpens(NpyTensorFile.class, write("x.npy", npy));
    assertOpens(NpyTensorFile.class, write("blob", npy));
    assertOpens(
        ShardedSafetensors.class,
        write("x.safetensors.index.json", "{\"weight_map\":{\"x\":\"x.safetensors\"}}"));
  }

  @Test
  void aDirectoryIsItsIndexOrItsOnlyFile() throws IOException {
    String neither =
        "is a directory with neither a model.safetensors.index.json nor a single .safetensors"
            + " file, but ";
    assertRefused(neither + "none", directory);
    byte[] bytes = SafetensorsFiles.golden("F32").bytes();
    write("a.safetensors", bytes);
    write("config.json", "{}");
    assertOpens(SafetensorsFile.class, directory);
    write("b.safetensors", bytes);
    assertRefused(neither + "2: a.safetensors, b.safetensors", directory);
    write("c.safetensors", bytes);
    write("d.safetensors", bytes);
    assertRefused(neither + "4: a.safetensors, b.safetensors, c.safetensors, ...", directory);
    write("model.safetensors.index.json", "{\"weight_map\":{\"x\":\"b.safetensors\"}}");
    assertOpens(ShardedSafetensors.class, directory);
  }

  @Test
  void otherFilesAreRefused() throws IOException {
    String expected = ", expected .safetensors, .safetensors.index.json, .npy or .gguf";
    assertRefused("is of no known kind" + expected, write("x.txt", "a text of some length"));
    assertRefused("is of no known kind" + expected, write("empty", ""));
    assertRefused(
        "is of no known kind (a ZIP archive, as .npz and .pt are)" + expected,
        write("x.pt", "PK\3\4 and so on"));
    assertRefused("there is no such file", directory.resolve("missing.bin"));
  }
}
