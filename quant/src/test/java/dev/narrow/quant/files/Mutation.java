package dev.narrow.quant.files;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/**
 * A way for a good file to go bad.
 *
 * @param kind what happens
 * @param where the place, as a share of those that there are
 * @param what the bytes that are put there, by number
 */
record Mutation(Kind kind, double where, int what) {
  /** Bytes that make a header say something else. */
  private static final byte[] TELLING =
      "0123456789-.,(){}[]'\"<>=|fuLTrue:/ \n\\\0".getBytes(StandardCharsets.US_ASCII);

  /** Numbers about the limits of what is counted in them. */
  private static final String[] NUMBERS = {
    "0",
    "1",
    "-1",
    "65",
    "2147483648",
    "4294967296",
    "2305843009213693952",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "1e9",
    "0.5",
    "99999999999999999999999999999999"
  };

  enum Kind {
    FLIP_BIT,
    TELL_SOMETHING_ELSE,
    CUT,
    GROW,
    REMOVE,
    SPLICE,
    OTHER_DIGIT,
    OTHER_NUMBER
  }

  static Arbitrary<Mutation> any() {
    return Combinators.combine(
            Arbitraries.of(Kind.class),
            Arbitraries.doubles().between(0, true, 1, false),
            Arbitraries.integers().between(0, 1 << 20))
        .as(Mutation::new);
  }

  /**
   * The file gone bad.
   *
   * @param bytes the good one
   * @param other what is spliced in
   * @param lengthBytes a little-endian length of so many bytes in front of the header, which stays
   *     right where numbers in it become longer; 0 where there is none
   */
  byte[] apply(byte[] bytes, byte[] other, int lengthBytes) {
    if (bytes.length == 0) {
      return bytes;
    }
    int at = (int) (where * bytes.length);
    byte[] changed = bytes.clone();
    switch (kind) {
      case FLIP_BIT -> changed[at] ^= (byte) (1 << what % 8);
      case TELL_SOMETHING_ELSE -> changed[at] = TELLING[what % TELLING.length];
      case CUT -> changed = Arrays.copyOf(bytes, at);
      case GROW -> changed = Arrays.copyOf(bytes, bytes.length + 1 + what % 20);
      case REMOVE -> changed = replaced(bytes, at, Math.min(bytes.length, at + 1 + what % 20), "");
      case SPLICE ->
          System.arraycopy(
              other,
              0,
              changed,
              at,
              Math.min(Math.min(other.length, 1 + what % 200), bytes.length - at));
      case OTHER_DIGIT -> {
        int digit = digit(bytes, at);
        changed[digit] = digit < bytes.length - 1 ? (byte) ('0' + what % 10) : changed[digit];
      }
      case OTHER_NUMBER -> {
        int from = digit(bytes, at);
        int to = from;
        while (to < bytes.length && Character.isDigit(bytes[to])) {
          to++;
        }
        changed = replaced(bytes, from, to, NUMBERS[what % NUMBERS.length]);
        if (lengthBytes > 0 && changed.length >= lengthBytes) {
          ByteBuffer length = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
          length.putLong(0, length.getLong(0) + changed.length - bytes.length);
        }
      }
    }
    return changed;
  }

  /** The next digit from a place on, or else the last byte. */
  private static int digit(byte[] bytes, int from) {
    int at = from;
    while (at < bytes.length - 1 && !Character.isDigit(bytes[at])) {
      at++;
    }
    return at;
  }

  private static byte[] replaced(byte[] bytes, int from, int to, String with) {
    byte[] middle = with.getBytes(StandardCharsets.US_ASCII);
    byte[] result = Arrays.copyOf(bytes, bytes.length - (to - from) + middle.length);
    System.arraycopy(middle, 0, result, from, middle.length);
    System.arraycopy(bytes, to, result, from + middle.length, bytes.length - to);
    return result;
  }
}
