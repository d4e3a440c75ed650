package dev.narrow.repro.data;

/**
 * Data that cannot be had as asked: an unknown name, a missing, truncated or altered file, a failed
 * download. The message is one plain line for the user.
 */
public final class DataException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /**
   * With this message.
   *
   * @param message what was wrong, where, and what to do; control characters, which a path or a
   *     server may smuggle in, become question marks, so that it stays one line
   */
  DataException(String message) {
    super(message.replaceAll("\\p{Cntrl}", "?"));
  }

  /**
   * A file whose content is not what it should be.
   *
   * @param file the path or address
   * @param expected what a good file has
   * @param found what this one has
   * @param remedy what the user can do
   */
  static DataException mismatch(String file, String expected, String found, String remedy) {
    return new DataException(file + ": expected " + expected + ", found " + found + "; " + remedy);
  }
}
