package dev.narrow.quant.files;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/**
 * Goes through an object in JSON from a stranger's file (RFC 8259, in UTF-8), token by token.
 * Whatever is wrong with it has its place in the file; the memory that it takes is in proportion to
 * its bytes.
 */
final class JsonCursor {
  /** The limit of safetensors for its header ({@code MAX_HEADER_SIZE} in tensor.rs). */
  static final int MAX_BYTES = 100_000_000;

  /** Characters of a text in the JSON. */
  static final int MAX_TEXT = 1 << 24;

  private static final String WHOLE = "JSON";

  private static final int SHOWN = 40;

  /** Far beyond what is in use: numbers have 19 digits, some training programs write megabytes. */
  private static final StreamReadConstraints LIMITS =
      StreamReadConstraints.builder()
          .maxNestingDepth(16)
          .maxNumberLength(40)
          .maxNameLength(1 << 16)
          .maxStringLength(MAX_TEXT)
          .build();

  private final Path file;
  private final String document;
  private final long start;
  private final JsonParser parser;
  private @Nullable String subject;

  private JsonCursor(Path file, String document, long start, JsonParser parser) {
    this.file = file;
    this.document = document;
    this.start = start;
    this.parser = parser;
  }

  /**
   * Reads the one object that the JSON has to be.
   *
   * @param file names it in messages
   * @param json all of it
   * @param start where in the file it begins
   * @param body goes from behind the object's opening brace to behind its closing one
   * @throws TensorFileException if it is no object, or the body throws it
   */
  static <T> T read(Path file, byte[] json, long start, Function<JsonCursor, T> body) {
    return read(file, WHOLE, json, start, body);
  }

  /**
   * Reads the one object that a text in a file has to be.
   *
   * @param file names it in messages
   * @param document what the text is called there; places in it count from its own first byte
   * @param json all of it
   * @param body goes from behind the object's opening brace to behind its closing one
   * @throws TensorFileException if it is no object, or the body throws it
   */
  static <T> T read(Path file, String document, byte[] json, Function<JsonCursor, T> body) {
    return read(file, document, json, 0, body);
  }

  private static <T> T read(
      Path file, String document, byte[] json, long start, Function<JsonCursor, T> body) {
    requireUtf8(file, document, json, start);
    // A factory of its own: one that is shared would remember names from all files.
    JsonFactory factory =
        JsonFactory.builder()
            .streamReadConstraints(LIMITS)
            .disable(TokenStreamFactory.Feature.CHARSET_DETECTION) // it is UTF-8
            .disable(TokenStreamFactory.Feature.INTERN_PROPERTY_NAMES)
            // Its table of names fills up and is emptied where there are very many tensors.
            .disable(TokenStreamFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
            .build();
    try (JsonParser parser = factory.createParser(ObjectReadContext.empty(), json)) {
      JsonCursor cursor = new JsonCursor(file, document, start, parser);
      try {
        cursor.open(document);
        T result = body.apply(cursor);
        if (parser.nextToken() != null) {
          throw cursor.wrong(document, "goes on after its object with " + cursor.found());
        }
        return result;
      } catch (JacksonException e) {
        long at = parser.currentLocation().getByteOffset();
        String problem = e.getOriginalMessage().replaceAll(", from `[^`]*`", "");
        throw new TensorFileException(file, document, start + at, "is not as expected: " + problem);
      }
    }
  }

  private static void requireUtf8(Path file, String document, byte[] json, long start) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder(); // which reports
    ByteBuffer in = ByteBuffer.wrap(json);
    CharBuffer out = CharBuffer.allocate(8192);
    CoderResult result;
    do {
      result = decoder.decode(in, out.clear(), true);
    } while (result.isOverflow());
    if (result.isError()) {
      String found = "%02x".formatted(json[in.position()]);
      throw new TensorFileException(
          file, document, start + in.position(), "is byte 0x" + found + ", expected UTF-8");
    }
  }

  /** Where in the file the last token begins. */
  long offset() {
    return start + parser.currentTokenLocation().getByteOffset();
  }

  /** Goes into an object. */
  void open(String field) {
    require(JsonToken.START_OBJECT, field, "an object, {...}");
  }

  /** Goes to the next name of the object, or to its end, which is null. */
  @Nullable String nextName() {
    return parser.nextToken() == JsonToken.END_OBJECT ? null : parser.getString();
  }

  /** Refuses the last name if it has a value already. */
  void requireFirst(@Nullable Object value) {
    if (value != null) {
      throw wrong("key", "repeats '" + shown(parser.getString()) + "', expected it once");
    }
  }

  /** Goes over the value of a name. */
  void skip() {
    parser.nextToken();
    parser.skipChildren();
  }

  /** Goes over a value that is text. */
  String text(String field) {
    require(JsonToken.VALUE_STRING, field, "a string");
    return wellFormed(field, parser.getString());
  }

  /** Goes over a value of any kind; what is not itself text is its JSON, what has parts is null. */
  @Nullable String scalar(String field) {
    return switch (parser.nextToken()) {
      case VALUE_STRING -> wellFormed(field, parser.getString());
      case START_OBJECT, START_ARRAY -> {
        parser.skipChildren();
        yield null;
      }
      default -> parser.getString();
    };
  }

  /** Goes into an array; returns where in the file that begins. */
  long openArray(String field) {
    require(JsonToken.START_ARRAY, field, "an array, [...]");
    return offset();
  }

  /** Goes over the next number of an array, or to its end, which is -1. */
  long nextNatural(String field) {
    if (parser.nextToken() == JsonToken.END_ARRAY) {
      return -1;
    }
    String expected = "an integer, 0 to 2^63 - 1";
    if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
      throw wrong(field, "is " + found() + ", expected " + expected);
    }
    if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER || parser.getLongValue() < 0) {
      throw wrong(field, "is " + found() + ", expected " + expected);
    }
    return parser.getLongValue();
  }

  private void require(JsonToken token, String field, String expected) {
    if (parser.nextToken() != token) {
      throw wrong(field, "is " + found() + ", expected " + expected);
    }
  }

  /** Escapes can name halves of characters; in names Jackson refuses them itself. */
  private String wellFormed(String field, String text) {
    if (!isWellFormed(text)) {
      throw wrong(field, "has half a surrogate pair, expected Unicode text");
    }
    return text;
  }

  /** Whether UTF-8 can hold a text: it has no halves of surrogate pairs. */
  static boolean isWellFormed(String text) {
    for (int i = 0, c; i < text.length(); i += Character.charCount(c)) {
      c = text.codePointAt(i);
      if (Character.getType(c) == Character.SURROGATE) {
        return false;
      }
    }
    return true;
  }

  /** What the last token is, for messages. */
  private String found() {
    JsonToken token = parser.currentToken();
    return switch (token) {
      case null -> "its end";
      case START_OBJECT -> "an object";
      case START_ARRAY -> "an array";
      case VALUE_STRING, PROPERTY_NAME -> "\"" + shown(parser.getString()) + "\"";
      default -> shown(parser.getString());
    };
  }

  /** What a message shows of a text from the file. */
  static String shown(String text) {
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
  }

  /** Messages from here on are about something with this name, or about nothing in particular. */
  void about(@Nullable String name) {
    subject = name;
  }

  /** Something wrong with the last token. */
  TensorFileException wrong(String field, String problem) {
    return wrongAt(offset(), field, problem);
  }

  /** Something wrong where a token was that has been passed. */
  TensorFileException wrongAt(long offset, String field, String problem) {
    String whose = subject == null ? "" : " of '" + shown(subject) + "'";
    String where = document.equals(WHOLE) || field.equals(document) ? "" : " in " + document;
    return new TensorFileException(file, field + whose + where, offset, problem);
  }
}
