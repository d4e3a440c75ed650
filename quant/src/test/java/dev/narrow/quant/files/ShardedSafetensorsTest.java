package dev.narrow.quant.files;

import static dev.narrow.quant.files.SafetensorsFiles.tensor;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints in several files. */
class ShardedSafetensorsTest {
  private static final String ONE = "model-00001-of-00002.safetensors";
  private static final String TWO = "model-00002-of-00002.safetensors";

  @TempDir Path directory;

  @BeforeEach
  void shards() throws IOException {
    write(ONE, "embed", 1, 2);
    write(TWO, "head", 3, 4);
  }

  private void write(String file, String name, float a, float b) throws IOException {
    byte[] bytes = SafetensorsFiles.of("{" + tensor(name, "F32", "[2]", 0, 8) + "}", 8);
    ByteBuffer.wrap(bytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putFloat(bytes.length - 8, a)
        .putFloat(bytes.length - 4, b);
    Files.write(directory.resolve(file), bytes);
  }

  private Path index(String text) throws IOException {
    return Files.writeString(directory.resolve("model.safetensors.index.json"), text);
  }

  private static String map(String embed, String head) {
    return """
    {"metadata": {"total_size": 16, "of": [1, {}], "who": "é"},
     "weight_map": {"embed": "%s", "head": "%s"}}
    """
        .formatted(embed, head);
  }

  private String refusal(String text) throws IOException {
    Path index = index(text);
    String message =
        String.valueOf(
            assertThrows(TensorFileException.class, () -> ShardedSafetensors.open(index))
                .getMessage());
    assertEquals(1, message.lines().count());
    return message.replace(directory + "/", "");
  }

  @Test
  void tensorsOfAllShardsAreThere() throws IOException {
    Path path = index(map(ONE, TWO));
    try (ShardedSafetensors file = ShardedSafetensors.open(path)) {
      assertEquals(path, file.path());
      assertEquals(
          List.of("embed", "head"), file.tensors().stream().map(TensorInfo::name).toList());
      assertEquals(Map.of("total_size", "16", "who", "é"), file.metadata());
      float[] last = new float[1];
      file.read("head", 1, last);
      assertEquals(4f, last[0]);
      assertArrayEquals(new float[] {1, 2}, file.tensor("embed").toFloats());
      assertEquals(8, file.bytes("head").byteSize());
      assertEquals(
          path + " has no tensor 'haed'; the nearest: head, embed",
          assertThrows(IllegalArgumentException.class, () -> file.bytes("haed")).getMessage());
    }
  }

  /** As in a cache of downloads, where names are links to files that are called by their hashes. */
  @Test
  void shardsMayBeLinks() throws IOException {
    Path blob = Files.move(directory.resolve(ONE), directory.resolve("0123abcd"));
    Files.createSymbolicLink(directory.resolve(ONE), blob.getFileName());
    try (ShardedSafetensors file = ShardedSafetensors.open(index(map(ONE, TWO)))) {
      assertArrayEquals(new float[] {1, 2}, file.tensor("embed").toFloats());
    }
  }

  @Test
  void indexAndShardsAgree() throws IOException {
    assertEquals(
        "model.safetensors.index.json: weight_map of 'embed' at byte 86 is "
            + TWO
            + ", expected "
            + ONE
            + ", where it is",
        refusal(map(TWO, ONE)));
    assertEquals(
        "model.safetensors.index.json: weight_map does not have 'head', which is in "
            + TWO
            + "; the nearest: haed, embed",
        refusal(map(ONE, TWO).replace("head", "haed")));
    Files.write(directory.resolve(TWO), SafetensorsFiles.of("{}", 0));
    assertEquals(
        "model.safetensors.index.json: weight_map of 'head' at byte 130 is "
            + TWO
            + ", which does not have it; the nearest: embed",
        refusal(map(ONE, TWO)));
    assertEquals(
        "model-00003.safetensors: there is no such file",
        refusal(map(ONE, "model-00003.safetensors")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../x.safetensors",
        "/etc/x.safetensors",
        "a/x.safetensors",
        "..\\\\x.safetensors",
        "C:x.safetensors",
        "",
        "..",
        "passwd",
        ".safetensors",
        "x\\u0000.safetensors",
        "x.safetensors\\n"
      })
  void shardsLieBesideTheIndexOnly(String shard) throws IOException {
    String message = refusal(map(shard, TWO));
    assertTrue(
        message.startsWith("model.safetensors.index.json: weight_map of 'embed' at byte 86 is '"),
        message);
    assertTrue(
        message.endsWith(
            "', expected the name of a .safetensors file beside the index, without a path"),
        message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '^',
      textBlock =
          """
          []                                    ; JSON at byte 0 is an array, expected an object, {...}
          {}                                    ; index at byte 1 has no weight_map
          {"weight_map":1}                      ; weight_map at byte 14 is 1, expected an object, {...}
          {"weight_map":{"a":1}}                ; weight_map of 'a' at byte 19 is 1, expected a string
          {"weight_map":{},"weight_map":{}}     ; key at byte 17 repeats 'weight_map', expected it once
          {"metadata":{},"metadata":{}}         ; key at byte 15 repeats 'metadata', expected it once
          {"metadata":{"a":"","a":""}}          ; key at byte 20 repeats 'a', expected it once
          {"metadata":3}                        ; metadata at byte 12 is 3, expected an object, {...}
          {"weight_map":{"a":"x.safetensors","a":"x.safetensors"}} ; key at byte 35 repeats 'a', expected it once
          """)
  void otherJsonIsRefused(String text, String problem) throws IOException {
    assertEquals("model.safetensors.index.json: " + problem, refusal(text));
  }

  @Test
  void anIndexOfNoTensorsIsOne() throws IOException {
    try (ShardedSafetensors file = ShardedSafetensors.open(index("{\"weight_map\":{}}"))) {
      assertEquals(List.of(), file.tensors());
    }
  }

  @Test
  void anIndexOfTooManyShardsIsRefused() throws IOException {
    StringBuilder many = new StringBuilder("{\"weight_map\":{\"a\":\"a.safetensors\"");
    for (int i = 0; i < 4096; i++) {
      many.append(",\"%d\":\"%d.safetensors\"".formatted(i, i));
    }
    String message = refusal(many + "}}");
    assertTrue(message.endsWith(" names more than 4096 files"), message);
  }
}
