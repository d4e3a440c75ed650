package dev.narrow.amp;

/** Training in mixed precision cannot go on. */
public final class AmpException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** With a message of one line. */
  public AmpException(String message) {
    super(message);
  }

  /** The loss scale has collapsed. */
  public AmpException(StepResult.Collapsed collapsed) {
    this(collapsed.toString());
  }
}
