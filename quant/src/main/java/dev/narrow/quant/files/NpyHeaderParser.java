package dev.narrow.quant.files;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the dictionary in the header of an .npy file: the Python literal that NumPy writes, in any
 * order of its keys, with any white space, either quote and trailing commas; nothing else of
 * Python.
 */
final class NpyHeaderParser {
  private final Path file;
  private final String text;
  private final int start;
  private final boolean allowsLong;
  private int at;

  /**
   * A parser of one header.
   *
   * @param file names it in messages
   * @param text the dictionary, one character for each byte
   * @param start where in the file it begins
   * @param version of the file format, 1 to 3; Python 2 wrote versions 1 and 2 with extents like 3L
   */
  NpyHeaderParser(Path file, String text, int start, int version) {
    this.file = file;
    this.text = text;
    this.start = start;
    this.allowsLong = version < 3;
  }

  /**
   * The whole header.
   *
   * @throws TensorFileException if it is not one
   */
  NpyHeader parse() {
    NpyType type = null;
    Boolean fortranOrder = null;
    List<Long> shape = null;
    int shapeAt = 0;
    expect('{', "header");
    while (!accept('}')) {
      skipSpace();
      int keyAt = at;
      String key = string("header key");
      boolean repeated =
          switch (key) {
            case "descr" -> type != null;
            case "fortran_order" -> fortranOrder != null;
            case "shape" -> shape != null;
            default ->
                throw wrong(
                    "header key",
                    keyAt,
                    "is '" + key + "', expected descr, fortran_order or shape");
          };
      if (repeated) {
        throw wrong("header key", keyAt, "repeats '" + key + "', expected it once");
      }
      expect(':', "header");
      skipSpace();
      int valueAt = at;
      switch (key) {
        case "descr" -> type = type(valueAt);
        case "fortran_order" -> fortranOrder = bool(valueAt);
        default -> {
          shapeAt = valueAt;
          shape = tuple();
        }
      }
      if (!accept(',')) {
        expect('}', "header");
        break;
      }
    }
    skipSpace();
    if (at < text.length()) {
      throw wrong("header", at, "goes on after its dictionary with " + found());
    }
    return header(
        present("descr", type),
        present("fortran_order", fortranOrder),
        present("shape", shape),
        shapeAt);
  }

  private <T> T present(String key, @Nullable T value) {
    if (value == null) {
      throw wrong("header", 0, "has no key '" + key + "'");
    }
    return value;
  }

  private NpyHeader header(NpyType type, boolean fortranOrder, List<Long> shape, int shapeAt) {
    try {
      return new NpyHeader(type, fortranOrder, shape);
    } catch (IllegalArgumentException e) {
      throw wrong("shape", shapeAt, String.valueOf(e.getMessage()));
    }
  }

  private NpyType type(int valueAt) {
    if (at < text.length() && (text.charAt(at) == '[' || text.charAt(at) == '(')) {
      throw wrong(
          "descr", at, "is that of records, expected one number per element, such as '<f4'");
    }
    String descr = string("descr");
    try {
      return NpyType.parse(descr);
    } catch (IllegalArgumentException e) {
      throw wrong("descr", valueAt, String.valueOf(e.getMessage()));
    }
  }

  private boolean bool(int valueAt) {
    int end = at;
    while (end < text.length() && Character.isLetter(text.charAt(end))) {
      end++;
    }
    String word = text.substring(at, end);
    at = end;
    return switch (word) {
      case "True" -> true;
      case "False" -> false;
      default -> {
        at = valueAt;
        throw wrong("fortran_order", at, "is " + found() + ", expected True or False");
      }
    };
  }

  private List<Long> tuple() {
    expect('(', "shape");
    List<Long> extents = new ArrayList<>();
    while (!accept(')')) {
      extents.add(extent(extents.size()));
      if (!accept(',')) {
        if (extents.size() == 1) {
          expect(',', "shape"); // in Python (3) is a number and (3,) a tuple
        }
        expect(')', "shape");
        break;
      }
    }
    return extents;
  }

  private long extent(int axis) {
    String field = "shape[" + axis + "]";
    skipSpace();
    int from = at;
    boolean negative = at < text.length() && text.charAt(at) == '-';
    at += negative ? 1 : 0;
    int digits = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    String number = text.substring(digits, at);
    if (number.isEmpty()) {
      at = from;
      throw wrong(field, from, "is " + found() + ", expected an extent, 0 to 2^63 - 1");
    }
    if (negative) {
      throw wrong(field, from, "is -" + shortened(number) + ", expected 0 or more");
    }
    if (number.length() > 1 && number.startsWith("0")) {
      throw wrong(field, from, "is " + shortened(number) + ", expected no leading zero");
    }
    if (allowsLong && at < text.length() && text.charAt(at) == 'L') {
      at++;
    }
    try {
      return Long.parseLong(number);
    } catch (NumberFormatException e) {
      throw wrong(field, from, "is " + shortened(number) + ", expected 0 to 2^63 - 1");
    }
  }

  private String string(String field) {
    skipSpace();
    int from = at;
    char quote = at < text.length() ? text.charAt(at) : ' ';
    int end = quote == '\'' || quote == '"' ? text.indexOf(quote, at + 1) : -1;
    if (end < 0) {
      throw wrong(field, from, "is " + found() + ", expected a string in quotes");
    }
    at = end + 1;
    String content = text.substring(from + 1, end);
    if (content.indexOf('\\') >= 0 || content.indexOf('\n') >= 0) {
      throw wrong(
          field, from, "is '" + shortened(content) + "', expected a string without escapes");
    }
    return shortened(content);
  }

  private boolean accept(char wanted) {
    skipSpace();
    boolean there = at < text.length() && text.charAt(at) == wanted;
    at += there ? 1 : 0;
    return there;
  }

  private void expect(char wanted, String field) {
    if (!accept(wanted)) {
      throw wrong(field, at, "has " + found() + ", expected '" + wanted + "'");
    }
  }

  private void skipSpace() {
    while (at < text.length() && " \t\r\n\f".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  /** What stands here, for messages. */
  private String found() {
    if (at >= text.length()) {
      return "its end";
    }
    char c = text.charAt(at);
    return c > ' ' && c < 0x7f ? "'" + c + "'" : "byte 0x%02x".formatted((int) c);
  }

  private static String shortened(String content) {
    return content.length() <= 40 ? content : content.substring(0, 40) + "...";
  }

  private TensorFileException wrong(String field, int place, String problem) {
    return new TensorFileException(file, field, (long) start + place, problem);
  }
}
