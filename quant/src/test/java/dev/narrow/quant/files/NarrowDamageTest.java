package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Metadata that contradicts the file, or itself, is refused with the place and the reason. */
class NarrowDamageTest {
  /** A 2 x 3 matrix in NVFP4 with zero points, which nobody needs, beside a vector of LNS8. */
  private static final String DOCUMENT =
      """
      {"version":"1","kinds":{"0":{"format":"e2m1","granularity":"block=2","scale":"e4m3fn",\
      "outer":"tensor","zero_point":"int32","quantizer":"by hand"},"1":{"format":"lns8"}},\
      "tensors":{"w":{"kind":"0","shape":[2,3],"packed":false},\
      "v":{"kind":"1","shape":[5],"packed":false}}}\
      """;

  @TempDir Path directory;

  private Path write(String document, TensorInfo... others) throws IOException {
    List<TensorInfo> tensors = new ArrayList<>(List.of(others));
    tensors.add(SafetensorsType.U8.info("v", List.of(5L)));
    if (others.length == 0) {
      tensors.add(SafetensorsType.F4.info("w", List.of(2L, 3L)));
      tensors.add(SafetensorsType.F8_E4M3.info("w.scale", List.of(2L, 2L)));
      tensors.add(SafetensorsType.F32.info("w.scale.outer", List.of()));
      tensors.add(SafetensorsType.I32.info("w.zero_point", List.of(2L, 2L)));
    }
    Path file = directory.resolve("x.safetensors");
    SafetensorsWriter.write(
        file,
        true,
        Map.of("narrow", document),
        tensors,
        (info, sink) -> sink.write(MemorySegment.ofArray(new byte[(int) info.bytes()])));
    return file;
  }

  @Test
  void theDocumentItselfIsRead() throws IOException {
    try (TensorFile file = TensorFiles.open(write(DOCUMENT))) {
      assertEquals(2, file.tensors().size());
      assertEquals(5, file.tensor("v").shape().size());
      assertEquals(Map.of(), file.metadata());
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> file.tensor("w.scale"));
      assertTrue(String.valueOf(e.getMessage()).contains("has no tensor 'w.scale'"));
    }
  }

  @Test
  void parametersThatAreNotKnownAreLeftForLater() throws IOException {
    String more = DOCUMENT.replace("{\"format\":\"lns8\"", "{\"by\":[{}],\"format\":\"lns8\"");
    TensorFiles.open(write(more)).close();
  }

  private String refusal(String document, TensorInfo... others) throws IOException {
    Path file = write(document, others);
    TensorFileException e = assertThrows(TensorFileException.class, () -> TensorFiles.open(file));
    String message = String.valueOf(e.getMessage());
    assertTrue(message.startsWith(file + ": "), message);
    assertTrue(message.contains("metadata 'narrow'"), message);
    return message;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "version":"1",                 |                           | has no version
          "version":"1"                  | "version":"2"             | is '2', expected 1
          "version":"1"                  | "version":1               | expected a string
          "version":"1"                  | "version":"1","version":"1" | repeats 'version'
          "kinds"                        | "kind"                    | has no kinds
          "tensors"                      | "tensor"                  | has no tensors
          "format":"e2m1"                | "x":"e2m1"                | it has no format
          "format":"e2m1"                | "format":"e2m9"           | expected a known format
          "format":"e2m1"                | "format":"float:e99m99"   | exponent bits = 99
          "format":"e2m1"                | "format":"fp16"           | expected F16 of shape [2, 3]
          "format":"e2m1"                | "format":"int4"           | is false, expected true
          "format":"e2m1"                | "format":"e2m1","format":"e2m1" | repeats 'format'
          "granularity":"block=2"        | "granularity":"block=0"   | size = 0
          "granularity":"block=2"        | "granularity":"block=2@7" | axis = 7
          "granularity":"block=2"        | "granularity":"block=1"   | expected F8_E4M3 of shape [2, 3]
          "granularity":"block=2"        | "granularity":"rows"      | expected tensor, axis=N
          "granularity":"block=2",       |                           | expected granularity and scale
          "scale":"e4m3fn",              |                           | expected granularity and scale
          "scale":"e4m3fn"               | "scale":"fp32"            | expected F32 of shape [2, 2]
          "scale":"e4m3fn"               | "scale":"scale"           | expected a known format
          "outer":"tensor"               | "outer":"axis=0"          | expected F32 of shape [2]
          "zero_point":"int32"           | "zero_point":"int8"       | expected int32
          {"format":"lns8"}              | {"format":"lns8","outer":"tensor"} | without scale
          "kind":"0"                     | "kind":"7"                | is '7', which is not there
          "kind":"0",                    |                           | tensor of 'w'
          [2,3]                          | [3,2]                     | has in 'w' F4 of shape [2, 3]
          [2,3]                          | [2,-3]                    | is -3
          [2,3]                          | [2,0.5]                   | expected an integer
          [2,3]                          | [65536,65536]             | fewer than 2^31 elements
          [2,3]                          | [9223372036854775807,2]   | fewer than 2^31 elements
          [2,3]                          | [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] | expected at most
          "packed":false                 | "packed":true             | is true, expected false
          "packed":false                 | "packed":0                | true or false
          "v":                           | "w":                      | repeats 'w'
          "v":                           | "u":                      | has in 'u' none
          {"version"                     | [{"version"               | expected an object
          "quantizer"                    | quantizer                 | is not as expected
          """)
  void aContradictionIsRefused(String good, @Nullable String bad, String problem)
      throws IOException {
    String document =
        DOCUMENT.replaceFirst(
            Pattern.quote(good), Matcher.quoteReplacement(bad == null ? "" : bad));
    String message = refusal(document);
    assertTrue(message.contains(problem), message);
  }

  @Test
  void scalesThatAreMissingAreNamed() throws IOException {
    String message = refusal(DOCUMENT, SafetensorsType.F4.info("w", List.of(2L, 3L)));
    assertTrue(
        message.contains("has in 'w.scale' none, expected F8_E4M3 of shape [2, 2]"), message);
  }

  @Test
  void whatGoesOnBehindItsObjectIsRefused() throws IOException {
    assertTrue(refusal(DOCUMENT + "{}").contains("goes on after its object"));
  }

  @Test
  void scalesOfOneTensorAreNotAnother() throws IOException {
    String twice =
        DOCUMENT
            .replace("\"v\":{", "\"w.scale\":{")
            .replace("\"lns8\"", "\"e4m3fn\"")
            .replace("[5]", "[2,2]");
    Path file = write(twice);
    TensorFileException e = assertThrows(TensorFileException.class, () -> TensorFiles.open(file));
    assertTrue(String.valueOf(e.getMessage()).contains("'w.scale' is there in two ways"));
  }

  @Test
  void scalesThatAreNoneAreRefusedWhenTheyAreRead() throws IOException {
    Path file = directory.resolve("y.safetensors");
    SafetensorsWriter.write(
        file,
        true,
        Map.of(
            "narrow",
            """
            {"version":"1","kinds":{"0":{"format":"lns8","granularity":"tensor","scale":"fp32"}},\
            "tensors":{"w":{"kind":"0","shape":[1],"packed":false}}}\
            """),
        List.of(
            SafetensorsType.U8.info("w", List.of(1L)),
            SafetensorsType.F32.info("w.scale", List.of())),
        (info, sink) -> {
          boolean scale = info.name().equals("w.scale");
          sink.write(MemorySegment.ofArray(scale ? new byte[] {0, 0, 0, -64} : new byte[1]));
        });
    try (TensorFile opened = TensorFiles.open(file)) {
      TensorFileException e =
          assertThrows(TensorFileException.class, () -> opened.read("w", 0, new float[1]));
      assertEquals(
          file + ": scales of 'w': scales[0] = -2.0, expected a finite number of 0 or more",
          e.getMessage());
    }
  }
}
