package dev.narrow.quant.files;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Writes an .npy file, format version 1.0, from its first element to its last, in the order that
 * the header names. The bytes are the same that NumPy writes.
 */
public final class NpyWriter {
  private static final int BLOCK = 1 << 16;

  private final OutputStream out;
  private final NpyHeader header;
  private final ByteBuffer block;
  private long left; // elements

  /**
   * Writes the header.
   *
   * @param out takes the bytes; stays the caller's to close
   * @param header what the array is
   * @throws IOException if the stream throws it
   */
  public NpyWriter(OutputStream out, NpyHeader header) throws IOException {
    this.out = out;
    this.header = header;
    this.left = header.elements();
    block = ByteBuffer.allocate((int) Math.min(BLOCK, header.bodyBytes()));
    block.order(header.type().order());
    out.write(header.toBytes());
  }

  /**
   * Writes the first n numbers of an array as f4.
   *
   * @param src the numbers; NaN payloads are kept
   * @param n how many
   * @throws IllegalStateException if the header names another type
   * @throws IllegalArgumentException if they are more than the header says
   * @throws IndexOutOfBoundsException if the array has fewer
   * @throws IOException if the stream throws it
   */
  public void write(float[] src, int n) throws IOException {
    if (header.type().kind() != NpyType.Kind.F4) {
      throw new IllegalStateException("elements are " + header.type() + ", as the header says");
    }
    require(n, src.length);
    for (int at = 0; at < n; ) {
      int count = Math.min(block.capacity() / Float.BYTES, n - at);
      block.clear().asFloatBuffer().put(src, at, count);
      out.write(block.array(), 0, count * Float.BYTES);
      at += count;
    }
  }

  /**
   * Writes the first n elements of an array of bytes, which lie there as they shall in the file.
   *
   * @param elements their bytes, in the order that the header names
   * @param n how many elements
   * @throws IllegalArgumentException if they are more than the header says
   * @throws IndexOutOfBoundsException if the array has fewer
   * @throws IOException if the stream throws it
   */
  public void write(byte[] elements, int n) throws IOException {
    int bytes = header.type().kind().bytes();
    require(n, elements.length / bytes);
    out.write(elements, 0, n * bytes);
  }

  private void require(int n, int length) {
    Objects.checkFromIndexSize(0, n, length);
    if (n > left) {
      throw new IllegalArgumentException(
          "n = " + n + ", expected at most " + left + ": shape " + header.shapeTuple());
    }
    left -= n;
  }

  /**
   * Checks that the file is whole.
   *
   * @throws IllegalStateException if elements that the header announces are missing
   */
  public void finish() {
    if (left > 0) {
      throw new IllegalStateException(
          left + " elements are missing, expected shape " + header.shapeTuple());
    }
  }
}
