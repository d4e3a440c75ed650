package dev.narrow.repro.data;

import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Unpacks one gzip member (RFC 1952) of known size. Not {@code GZIPInputStream}: that one recurses
 * at every further member, so that a small hostile file overflows the stack. The trailer's CRC is
 * not looked at, since a SHA-256 of the content follows.
 */
final class Gzip {
  private static final int FHCRC = 2;
  private static final int FEXTRA = 4;
  private static final int FNAME = 8;
  private static final int FCOMMENT = 16;

  private Gzip() {}

  /**
   * The content of a gzip file. No more than {@code size} + 1 bytes are ever unpacked.
   *
   * @param packed the file
   * @param size the bytes expected inside
   * @param where names the file in messages
   * @param remedy ends the message
   * @throws DataException if the file is not gzip, is cut off, or holds another number of bytes
   */
  static byte[] unpack(byte[] packed, int size, String where, String remedy) {
    String expected = "gzip of " + size + " bytes";
    int start = dataOffset(packed);
    if (start < 0) {
      throw DataException.mismatch(where, expected, "no gzip header", remedy);
    }
    byte[] content = new byte[size];
    try (Inflater inflater = new Inflater(true)) {
      inflater.setInput(packed, start, packed.length - start);
      int n = fill(inflater, content);
      boolean more = n == size && fill(inflater, new byte[1]) == 1;
      if (more || (inflater.finished() && n < size)) {
        throw DataException.mismatch(
            where, expected, more ? "more than that" : "gzip of " + n + " bytes", remedy);
      }
      if (!inflater.finished()) {
        String found = "a truncated file (" + packed.length + " bytes that unpack to " + n + ")";
        throw DataException.mismatch(where, expected, found, remedy);
      }
      return content;
    } catch (DataFormatException e) {
      throw DataException.mismatch(where, expected, "damaged gzip data", remedy);
    }
  }

  /** Inflates until the array is full, the stream ends or its bytes run out. */
  private static int fill(Inflater inflater, byte[] out) throws DataFormatException {
    int n = 0;
    while (n < out.length && !inflater.finished()) {
      int step = inflater.inflate(out, n, out.length - n);
      if (step == 0 && (inflater.needsInput() || inflater.needsDictionary())) {
        break;
      }
      n += step;
    }
    return n;
  }

  /**
   * Where the deflate data starts: after the header of RFC 1952, section 2.3; -1 if there is none.
   */
  private static int dataOffset(byte[] packed) {
    if (packed.length < 10
        || (packed[0] & 0xFF) != 0x1F
        || (packed[1] & 0xFF) != 0x8B
        || packed[2] != 8) {
      return -1;
    }
    int flags = packed[3];
    int at = 10;
    if ((flags & FEXTRA) != 0) {
      if (at + 2 > packed.length) {
        return -1;
      }
      at += 2 + (packed[at] & 0xFF) + 256 * (packed[at + 1] & 0xFF);
    }
    for (int field : new int[] {FNAME, FCOMMENT}) {
      if ((flags & field) != 0) {
        while (at < packed.length && packed[at] != 0) {
          at++;
        }
        at++;
      }
    }
    if ((flags & FHCRC) != 0) {
      at += 2;
    }
    return at <= packed.length ? at : -1;
  }
}
