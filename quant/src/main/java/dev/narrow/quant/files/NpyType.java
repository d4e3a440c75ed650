package dev.narrow.quant.files;

import java.nio.ByteOrder;
import java.util.Locale;

/**
 * What an element of an .npy file is: the array-protocol type string of NumPy, {@code <f4} for
 * example.
 *
 * @param kind IEEE 754 binary16, 32 or 64, or an unsigned integer of 1, 2 or 4 bytes
 * @param order of its bytes; means nothing for a single one
 */
public record NpyType(Kind kind, ByteOrder order) {

  /** What an element is, its byte order aside. */
  public enum Kind {
    /** IEEE 754 binary16. */
    F2(2),
    /** IEEE 754 binary32. */
    F4(4),
    /** IEEE 754 binary64. */
    F8(8),
    /** An unsigned byte. */
    U1(1),
    /** An unsigned integer of 2 bytes. */
    U2(2),
    /** An unsigned integer of 4 bytes. */
    U4(4);

    private final int bytes;

    Kind(int bytes) {
      this.bytes = bytes;
    }

    /** Bytes of an element: 1, 2, 4 or 8. */
    public int bytes() {
      return bytes;
    }

    /** Whether an element is a floating-point number; otherwise it is an unsigned integer. */
    public boolean isFloat() {
      return this == F2 || this == F4 || this == F8;
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * The least unsigned integer that holds codes of so many bits, little-endian.
   *
   * @param width 1 to 32
   * @return u1, u2 or u4
   */
  public static NpyType ofCodes(int width) {
    Kind kind = width <= 8 ? Kind.U1 : width <= 16 ? Kind.U2 : Kind.U4;
    return new NpyType(kind, ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * The type with this type string.
   *
   * @param descr a byte order ({@code <}, {@code >}, {@code =}, or {@code |} for single bytes), a
   *     letter and a number of bytes
   * @throws IllegalArgumentException if it is another type; the message says what to do instead
   */
  static NpyType parse(String descr) {
    if (descr.length() >= 2 && "<>=|".indexOf(descr.charAt(0)) >= 0) {
      for (Kind kind : Kind.values()) {
        if (descr.substring(1).equals(kind.toString())) {
          return new NpyType(kind, order(descr, kind));
        }
      }
    }
    throw new IllegalArgumentException(
        "is '" + descr + "'" + hint(descr) + ", expected f2, f4, f8, u1, u2 or u4 after < or >");
  }

  private static ByteOrder order(String descr, Kind kind) {
    return switch (descr.charAt(0)) {
      case '<' -> ByteOrder.LITTLE_ENDIAN;
      case '>' -> ByteOrder.BIG_ENDIAN;
      case '=' -> ByteOrder.nativeOrder();
      default -> {
        if (kind.bytes() > 1) {
          throw new IllegalArgumentException(
              "is '" + descr + "', expected a byte order, < or >, for " + kind.bytes() + " bytes");
        }
        yield ByteOrder.LITTLE_ENDIAN;
      }
    };
  }

  /** What somebody who has such a file can do about it. */
  private static String hint(String descr) {
    String type = descr.replaceFirst("^[<>=|]", "");
    if (type.startsWith("V")) {
      return " (raw bytes, as ml_dtypes types are saved; save x.astype(np.float32), or the codes as"
          + " x.view(np.uint8))";
    }
    if (type.equals("f16") || type.equals("f12")) {
      return " (long double, which differs between machines; save x.astype(np.float64))";
    }
    return switch (type.isEmpty() ? ' ' : type.charAt(0)) {
      case 'i', 'u' -> " (integers; save x.astype(np.float64) to encode numbers)";
      case 'b' -> " (booleans; save x.astype(np.float32))";
      case 'c' -> " (complex numbers; save x.real and x.imag)";
      case 'O' -> " (pickled Python objects, which are never loaded)";
      case 'S', 'U', 'a' -> " (text)";
      case 'M', 'm' -> " (times)";
      default -> "";
    };
  }

  /** The type string as NumPy writes it: {@code <f4}, {@code |u1}. */
  @Override
  public String toString() {
    return (kind.bytes() == 1 ? '|' : order == ByteOrder.BIG_ENDIAN ? '>' : '<') + kind.toString();
  }
}
