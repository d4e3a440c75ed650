package dev.narrow.cli;

/** An argument that makes no sense; the message is one line for the user. */
final class UsageException extends RuntimeException {
  private static final long serialVersionUID = 1;

  UsageException(String message) {
    super(message);
  }
}
