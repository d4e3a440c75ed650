package dev.narrow.quant.files;

import static dev.narrow.quant.files.SafetensorsFiles.tensor;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is no .safetensors file is refused with the place and the reason. */
class SafetensorsRefusalTest {
  @TempDir Path directory;

  private String refusal(byte[] bytes) throws IOException {
    Path path = Files.write(directory.resolve("x.safetensors"), bytes);
    String message =
        String.valueOf(
            assertThrows(TensorFileException.class, () -> SafetensorsFile.open(path)).getMessage());
    assertTrue(message.startsWith(path + ": ") && message.lines().count() == 1, message);
    return message.substring((path + ": ").length());
  }

  private String refusal(String header, int bodyBytes) throws IOException {
    return refusal(SafetensorsFiles.of(header, bodyBytes));
  }

  @Test
  void aFileThatIsTooShort() throws IOException {
    assertEquals(
        "header length at byte 0 is cut off: the file has 7 bytes, expected 8 or more",
        refusal(new byte[7]));
    assertEquals(
        "header at byte 8 does not begin with '{': this is no .safetensors file",
        refusal(new byte[8]));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      textBlock =
          """
          3;                    is 3, expected at most 2: the file has 10 bytes
          100000001;            is 100000001, expected at most 2: the file has 10 bytes
          -1;                   is 18446744073709551615, expected at most 2: the file has 10 bytes
          -9223372036854775808; is 9223372036854775808, expected at most 2: the file has 10 bytes
          """)
  void aHeaderLongerThanTheFile(long length, String problem) throws IOException {
    byte[] bytes = SafetensorsFiles.of("{}", 0);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
    assertEquals("header length at byte 0 " + problem, refusal(bytes));
  }

  /** The file is made of nothing: its end is set, not written. */
  @Test
  void aHeaderLongerThanTheFormatAllows() throws IOException {
    Path path = directory.resolve("long.safetensors");
    try (var file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(200_000_000);
      file.write(new byte[] {1, (byte) 0xe1, (byte) 0xf5, 5, 0, 0, 0, 0, '{'});
    }
    assertEquals(
        path + ": header length at byte 0 is 100000001, expected at most 100000000",
        assertThrows(TensorFileException.class, () -> SafetensorsFile.open(path)).getMessage());
  }

  @Test
  void aDtypeThatIsNone() throws IOException {
    assertEquals(
        "dtype of 'a' at byte 22 is 'F33', which is no dtype; the nearest: F32, F16, F4",
        refusal("{" + tensor("a", "F33", "[2]", 0, 8) + "}", 8));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '^',
      textBlock =
          """
          F32 ; [2]     ; [0, 5]  ; data_offsets of 'a' at byte 55 is [0, 5], expected 8 bytes for shape [2] of F32
          F32 ; [2]     ; [8, 0]  ; data_offsets of 'a' at byte 55 is [8, 0], expected 8 bytes for shape [2] of F32
          F32 ; [2]     ; [1, 9]  ; data_offsets of 'a' at byte 55 is [1, 9], expected at most 8: the file has 71 bytes
          F32 ; [2]     ; [8]     ; data_offsets of 'a' at byte 55 is [8], expected [begin, end]
          F32 ; [2]     ; [0,8,9] ; data_offsets of 'a' at byte 60 goes on, expected at most 2 numbers
          F32 ; [2]     ; [0,8.0] ; data_offsets of 'a' at byte 58 is 8.0, expected an integer, 0 to 2^63 - 1
          F32 ; [2]     ; [0,"8"] ; data_offsets of 'a' at byte 58 is "8", expected an integer, 0 to 2^63 - 1
          F32 ; [2]     ; 8       ; data_offsets of 'a' at byte 55 is 8, expected an array, [...]
          F32 ; [-2]    ; [0, 8]  ; shape of 'a' at byte 37 is -2, expected an integer, 0 to 2^63 - 1
          F32 ; [2,null]; [0, 8]  ; shape of 'a' at byte 39 is null, expected an integer, 0 to 2^63 - 1
          F32 ; {}      ; [0, 8]  ; shape of 'a' at byte 36 is an object, expected an array, [...]
          F32 ; [9223372036854775808, 0] ; [0, 0] ; shape of 'a' at byte 37 is 9223372036854775808, expected an integer, 0 to 2^63 - 1
          F32 ; [9223372036854775807]    ; [0, 0] ; shape of 'a' at byte 36 is [9223372036854775807] of F32, expected fewer than 2^63 bits in all
          U8  ; [4294967296, 4294967296] ; [0, 0] ; shape of 'a' at byte 35 is [4294967296, 4294967296] of U8, expected fewer than 2^63 bits in all
          F4  ; [3]     ; [0, 2]  ; shape of 'a' at byte 35 is [3] of F4, 12 bits, expected whole bytes
          F6_E3M2 ; []  ; [0, 1]  ; shape of 'a' at byte 40 is [] of F6_E3M2, 6 bits, expected whole bytes
          """)
  void aTensorThatIsNotAsItSays(String dtype, String shape, String offsets, String problem)
      throws IOException {
    String header =
        "{\"a\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}}"
            .formatted(dtype, shape, offsets);
    assertEquals(problem, refusal(header, 8));
  }

  @Test
  void aDtypeOrShapeOfTheWrongKind() throws IOException {
    assertEquals(
        "dtype of 'a' at byte 23 is 4, expected a string", refusal("{\"a\":{ \"dtype\":4}}", 0));
    assertEquals(
        "tensor of 'a' at byte 14 is 4, expected an object, {...}", refusal("{\"a\": 4}", 0));
    String many = IntStream.range(0, 65).mapToObj(_ -> "1").collect(Collectors.joining(","));
    assertEquals(
        "shape of 'a' at byte 164 goes on, expected at most 64 numbers",
        refusal("{" + tensor("a", "U8", "[" + many + "]", 0, 1) + "}", 1));
  }

  @ParameterizedTest
  @CsvSource({"dtype", "shape", "data_offsets"})
  void aTensorThatDoesNotSayAll(String missing) throws IOException {
    String header = "{" + tensor("a", "U8", "[1]", 0, 1).replace(missing, "other") + "}";
    assertEquals("tensor of 'a' at byte 9 has no " + missing, refusal(header, 1));
  }

  @Test
  void somethingSaidTwice() throws IOException {
    String a = tensor("a", "U8", "[1]", 0, 1);
    assertEquals(
        "key at byte 61 repeats 'a', expected it once", refusal("{" + a + "," + a + "}", 1));
    assertEquals(
        "key at byte 61 repeats 'a', expected it once",
        refusal("{" + a + "," + a.replace("\"a\"", "\"\\u0061\"") + "}", 1));
    for (String key : new String[] {"dtype", "shape", "data_offsets"}) {
      String once = "\"" + key + "\"";
      String twice = a.replaceFirst(once + ":([^,]+(,1\\])?)", "$0,$0");
      String message = refusal("{" + twice + "}", 1);
      assertTrue(message.startsWith("key of 'a' at byte "), message);
      assertTrue(message.endsWith(" repeats '" + key + "', expected it once"), message);
    }
    assertEquals(
        "key at byte 28 repeats '__metadata__', expected it once",
        refusal("{\"__metadata__\":{}, \"__metadata__\":{}}", 0));
    assertEquals(
        "key at byte 33 repeats 'k', expected it once",
        refusal("{\"__metadata__\":{\"k\":\"v\",\"k\":\"v\"}}", 0));
  }

  @Test
  void metadataThatIsNoText() throws IOException {
    assertEquals(
        "metadata 'k' at byte 29 is 1, expected a string",
        refusal("{\"__metadata__\":{\"k\":1}}", 0));
    assertEquals(
        "__metadata__ at byte 24 is null, expected an object, {...}",
        refusal("{\"__metadata__\":null}", 0));
  }

  @Test
  void bytesThatBelongToTwoTensorsOrNone() throws IOException {
    String a = tensor("a", "U8", "[4]", 0, 4);
    assertEquals(
        "data_offsets of 'b' at byte 106 overlap 'a', expected them to begin with 4",
        refusal("{" + a + "," + tensor("b", "U8", "[4]", 3, 7) + "}", 7));
    assertEquals(
        "data_offsets of 'b' at byte 106 leave a hole of 1 bytes before the tensor, expected them to"
            + " begin with 4",
        refusal("{" + a + "," + tensor("b", "U8", "[2]", 5, 7) + "}", 7));
    assertEquals("body at byte 65 has 3 bytes that belong to no tensor", refusal("{" + a + "}", 7));
    assertEquals("body at byte 10 has 1 bytes that belong to no tensor", refusal("{}", 1));
    assertEquals( // an empty tensor inside another one, as the reference refuses it too
        "data_offsets of 'b' at byte 106 overlap 'a', expected them to begin with 4",
        refusal("{" + a + "," + tensor("b", "U8", "[0]", 2, 2) + "}", 4));
  }

  @Test
  void bytesThatAreNoUtf8() throws IOException {
    byte[] header = ("{" + tensor("ab", "U8", "[1]", 0, 1) + "}").getBytes(StandardCharsets.UTF_8);
    header[2] = (byte) 0xff;
    assertEquals(
        "JSON at byte 10 is byte 0xff, expected UTF-8", refusal(SafetensorsFiles.of(header, 1)));
    header[2] = (byte) 0xc0; // '/' in two bytes
    header[3] = (byte) 0xaf;
    assertEquals(
        "JSON at byte 10 is byte 0xc0, expected UTF-8", refusal(SafetensorsFiles.of(header, 1)));
    assertEquals(
        "metadata 'k' at byte 29 has half a surrogate pair, expected Unicode text",
        refusal("{\"__metadata__\":{\"k\":\"\\udc00\"}}", 0));
    assertTrue(
        refusal("{" + tensor("\\udc00", "U8", "[1]", 0, 1) + "}", 1).contains("low surrogate"));
    assertEquals(
        "JSON at byte 10 is not as expected: Illegal character ((CTRL-CHAR, code 0)): only"
            + " regular white space (\\r, \\n, \\t) is allowed between tokens",
        refusal(SafetensorsFiles.of("{}".getBytes(StandardCharsets.UTF_16LE), 0))
            .replace(" ,", ","));
  }

  @Test
  void otherJson() throws IOException {
    assertEquals(
        "header at byte 8 does not begin with '{': this is no .safetensors file",
        refusal(" {}", 0));
    assertEquals("JSON at byte 11 goes on after its object with an object", refusal("{} {}", 0));
    for (String bad :
        new String[] {"{", "{\"a\"", "{'a':1}", "{,}", "{\"a\":{\"b\":01}}", "{}\0"}) {
      String message = refusal(bad, 0);
      assertTrue(
          message.startsWith("JSON at byte ") && message.contains(" is not as expected: "),
          message);
    }
  }

  /** What would take much memory or a deep stack before it turned out to be wrong. */
  @Test
  void bombs() throws IOException {
    String nested = "{\"a\":{\"x\":" + "[".repeat(1_000_000);
    assertEquals(
        "JSON at byte 33 is not as expected: Document nesting depth (17) exceeds the maximum"
            + " allowed (16)",
        refusal(nested, 0));
    String name = refusal("{\"" + "n".repeat(1_000_000) + "\":1}", 0);
    assertTrue(name.contains("Name length") && name.length() < 200, name);
    String digits = "{\"a\":{\"shape\":[" + "9".repeat(1_000_000) + "]}}";
    assertTrue(refusal(digits, 0).contains("exceeds the maximum allowed (40)"));
  }

  @Test
  void namesInMessagesAreShortAndDoNotSteerTheTerminal() throws IOException {
    assertEquals(
        "tensor of '" + "n".repeat(40) + "...' at byte 110 is 1, expected an object, {...}",
        refusal("{\"" + "n".repeat(98) + "\":1}", 0));
    assertEquals(
        "tensor of '?[2J' at byte 21 is 1, expected an object, {...}",
        refusal("{\"\\u001b[2J\":1}", 0));
  }

  @Test
  void headersOfManyTensorsAreReadInTimeAndMemoryThatGrowAsTheyDo() throws IOException {
    int n = 200_000;
    String header =
        IntStream.range(0, n)
            .map(i -> (int) (i * 7919L % n)) // in no order
            .mapToObj(i -> tensor("layers." + i, "U8", "[1]", i, i + 1))
            .collect(Collectors.joining(",", "{", "}"));
    Path path = Files.write(directory.resolve("x.safetensors"), SafetensorsFiles.of(header, n));
    long before = Allocation.bytes();
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      long allocated = Allocation.bytes() - before;
      assertEquals(n, file.tensors().size());
      assertEquals("layers.0", file.tensors().getFirst().name());
      assertTrue(allocated < 12L * header.length(), allocated + " for " + header.length());
      String unknown = "layers.x";
      assertTrue(
          String.valueOf(
                  assertThrows(IllegalArgumentException.class, () -> file.bytes(unknown))
                      .getMessage())
              .contains("the nearest: layers."));
    }
  }

  @Test
  void sameHashesDoNotMakeItSlow() throws IOException {
    int bits = 14; // "Aa" and "BB" have one hash code, and so have all strings of them
    String header =
        IntStream.range(0, 1 << bits)
            .mapToObj(i ->
                tensor(
                    IntStream.range(0, bits)
                        .mapToObj(b -> (i >> b & 1) == 0 ? "Aa" : "BB")
                        .collect(Collectors.joining()),
                    "U8",
                    "[1]",
                    i,
                    i + 1))
            .collect(Collectors.joining(",", "{", "}"));
    Path path =
        Files.write(directory.resolve("x.safetensors"), SafetensorsFiles.of(header, 1 << bits));
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertEquals(1 << bits, file.tensors().size());
    }
  }
}
