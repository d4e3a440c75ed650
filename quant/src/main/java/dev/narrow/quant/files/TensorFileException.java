package dev.narrow.quant.files;

import java.nio.file.Path;

/**
 * A tensor file that cannot be read: damaged, of a kind that is not understood, or not there. The
 * message is one plain line for the user: file, place, what is wrong, what was expected.
 */
public final class TensorFileException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /**
   * Something wrong with the whole file.
   *
   * @param file the file
   * @param problem what is wrong
   */
  TensorFileException(Path file, String problem) {
    super(printable(file + ": " + problem));
  }

  /**
   * Something wrong in one place of the file.
   *
   * @param file the file
   * @param field what stands there
   * @param offset of its first byte in the file
   * @param problem what is wrong, and what was expected
   */
  TensorFileException(Path file, String field, long offset, String problem) {
    this(file, field + " at byte " + offset + " " + problem);
  }

  /** Names and bytes from a stranger's file stay on one line and do not steer a terminal. */
  private static String printable(String message) {
    return message.replaceAll("[\\p{Cntrl}\\x80-\\x9f]", "?");
  }
}
