package dev.narrow.quant.files;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * Reads an .npy file from its first element to its last, in the order in which they lie there, with
 * a buffer of fixed size however large the file is. Format versions 1.0, 2.0 and 3.0; f2, f4 and f8
 * in either byte order; u1, u2 and u4.
 *
 * <p>Everything that the header says is checked when the file is opened, against the length of the
 * file and before memory is taken for it.
 */
public final class NpyReader implements Closeable {
  private static final int BUFFER = 1 << 19;
  private static final int MAX_HEADER = 0xFFFF;
  private static final int PREFIX = 12; // magic, version, length of the header, at most

  private final Path file;
  private final FileChannel channel;
  private final NpyHeader header;
  private final long bodyAt;
  private final ByteBuffer buffer;
  private long read; // elements

  private NpyReader(Path file, FileChannel channel) throws IOException {
    this.file = file;
    this.channel = channel;
    long size = channel.size();
    ByteBuffer prefix = ByteBuffer.allocate((int) Math.min(PREFIX, size));
    fill(prefix, "header", 0);
    prefix.flip().order(ByteOrder.LITTLE_ENDIAN);
    requireMagic(prefix);
    int version = version(prefix);
    int lengthBytes = version == 1 ? 2 : 4;
    int headerAt = 8 + lengthBytes;
    if (size < headerAt) {
      throw new TensorFileException(
          file, "header length", 8, "is cut off: the file has " + size + " bytes");
    }
    long length =
        version == 1 ? Short.toUnsignedInt(prefix.getShort(8)) : prefix.getInt(8) & 0xFFFF_FFFFL;
    if (length > Math.min(MAX_HEADER, size - headerAt)) {
      throw new TensorFileException(
          file,
          "header length",
          8,
          "is "
              + length
              + ", expected at most "
              + (size - headerAt < MAX_HEADER
                  ? (size - headerAt) + ": the file has " + size + " bytes"
                  : String.valueOf(MAX_HEADER)));
    }
    ByteBuffer text = ByteBuffer.allocate((int) length);
    channel.position(headerAt);
    fill(text, "header", headerAt);
    // One character for each byte, so that places in the text are places in the file; only names
    // of the fields of records, which are refused, may be more than ASCII (version 3.0: UTF-8).
    String dictionary = new String(text.array(), StandardCharsets.ISO_8859_1);
    header = new NpyHeaderParser(file, dictionary, headerAt, version).parse();
    bodyAt = headerAt + length;
    requireBody(size - bodyAt);
    buffer = ByteBuffer.allocateDirect((int) Math.min(BUFFER, header.bodyBytes()));
    buffer.order(header.type().order()).limit(0);
  }

  /**
   * Opens a file and reads its header.
   *
   * @param file a regular file
   * @return the reader, to be closed
   * @throws TensorFileException if there is no such file, or it is no such file as described above
   */
  public static NpyReader open(Path file) {
    try {
      FileChannel channel = RegularFile.open(file);
      try {
        return new NpyReader(file, channel);
      } catch (IOException | RuntimeException | Error e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw RegularFile.unreadable(file, e);
    }
  }

  private void requireMagic(ByteBuffer prefix) {
    byte[] magic = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    boolean same = prefix.limit() >= 8;
    for (int i = 0; same && i < magic.length; i++) {
      same = prefix.get(i) == magic[i];
    }
    if (!same) {
      boolean zip = prefix.limit() >= 2 && prefix.get(0) == 'P' && prefix.get(1) == 'K';
      throw new TensorFileException(
          file,
          "magic string",
          0,
          "is not \\x93NUMPY: this is no .npy file"
              + (zip ? " but a .npz or other ZIP archive; unzip it first" : ""));
    }
  }

  private int version(ByteBuffer prefix) {
    int major = prefix.get(6) & 0xFF;
    int minor = prefix.get(7) & 0xFF;
    if (major < 1 || major > 3 || minor != 0) {
      throw new TensorFileException(
          file, "version", 6, "is " + major + "." + minor + ", expected 1.0, 2.0 or 3.0");
    }
    return major;
  }

  private void requireBody(long bytes) {
    if (bytes != header.bodyBytes()) {
      throw new TensorFileException(
          file,
          "body",
          bodyAt,
          "has "
              + bytes
              + " bytes, expected "
              + header.bodyBytes()
              + " for shape "
              + header.shapeTuple()
              + " of "
              + header.type());
    }
  }

  /** What the file says about its array. */
  public NpyHeader header() {
    return header;
  }

  /** How many elements have been read: the place in the file of the next one. */
  public long position() {
    return read;
  }

  /**
   * Where an element lies in the file, for messages.
   *
   * @param place 0 for the first element in the file
   */
  public long byteOffset(long place) {
    return bodyAt + place * header.type().kind().bytes();
  }

  /**
   * Reads the next floats.
   *
   * @param dst receives them, from index 0 on; NaN payloads of f4 are kept
   * @return how many, less than the array's length only at the end of the file; 0 at its end
   * @throws IllegalStateException if the elements are not f2 or f4
   * @throws TensorFileException if the file cannot be read
   */
  public int read(float[] dst) {
    require(NpyType.Kind.F2, NpyType.Kind.F4);
    boolean half = header.type().kind() == NpyType.Kind.F2;
    int done = 0;
    for (int n; (n = available(dst.length - done)) > 0; done += n) {
      if (half) {
        for (int i = 0; i < n; i++) {
          dst[done + i] = Float.float16ToFloat(buffer.getShort());
        }
      } else {
        buffer.asFloatBuffer().get(dst, done, n);
        skip(n);
      }
    }
    return done;
  }

  /**
   * Reads the next doubles.
   *
   * @param dst receives them, from index 0 on
   * @return how many, less than the array's length only at the end of the file; 0 at its end
   * @throws IllegalStateException if the elements are not f8
   * @throws TensorFileException if the file cannot be read
   */
  public int read(double[] dst) {
    require(NpyType.Kind.F8);
    int done = 0;
    for (int n; (n = available(dst.length - done)) > 0; done += n) {
      buffer.asDoubleBuffer().get(dst, done, n);
      skip(n);
    }
    return done;
  }

  /**
   * Reads the next unsigned integers.
   *
   * @param dst receives them, from index 0 on; u4 fills the int
   * @return how many, less than the array's length only at the end of the file; 0 at its end
   * @throws IllegalStateException if the elements are not u1, u2 or u4
   * @throws TensorFileException if the file cannot be read
   */
  public int read(int[] dst) {
    require(NpyType.Kind.U1, NpyType.Kind.U2, NpyType.Kind.U4);
    int done = 0;
    for (int n; (n = available(dst.length - done)) > 0; done += n) {
      switch (header.type().kind().bytes()) {
        case 1 -> {
          for (int i = 0; i < n; i++) {
            dst[done + i] = buffer.get() & 0xFF;
          }
        }
        case 2 -> {
          for (int i = 0; i < n; i++) {
            dst[done + i] = buffer.getShort() & 0xFFFF;
          }
        }
        default -> {
          buffer.asIntBuffer().get(dst, done, n);
          skip(n);
        }
      }
    }
    return done;
  }

  private void require(NpyType.Kind... kinds) {
    if (!List.of(kinds).contains(header.type().kind())) {
      throw new IllegalStateException(
          file + " has elements of " + header.type() + ", expected " + List.of(kinds));
    }
  }

  private void skip(int n) {
    buffer.position(buffer.position() + n * header.type().kind().bytes());
  }

  /** How many elements lie in the buffer, at most so many; counted as read. */
  private int available(int most) {
    int bytes = header.type().kind().bytes();
    if (most > 0 && !buffer.hasRemaining() && read < header.elements()) {
      long left = (header.elements() - read) * bytes;
      buffer.clear().limit((int) Math.min(buffer.capacity(), left));
      try {
        fill(buffer, "body", byteOffset(read));
      } catch (IOException e) {
        throw new TensorFileException(
            file, "body", byteOffset(read), "cannot be read: " + e.getMessage());
      }
      buffer.flip();
    }
    int n = Math.min(most, buffer.remaining() / bytes);
    read += n;
    return n;
  }

  /** Fills the buffer from where the channel is; a file can become shorter while it is read. */
  private void fill(ByteBuffer target, String field, long offset) throws IOException {
    while (target.hasRemaining()) {
      if (channel.read(target) < 0) {
        throw new TensorFileException(
            file,
            field,
            offset,
            "ends after "
                + target.position()
                + " bytes, expected "
                + target.limit()
                + ": the file has become shorter");
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
