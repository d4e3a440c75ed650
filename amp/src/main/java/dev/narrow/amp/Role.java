package dev.narrow.amp;

/** What a tensor is in training: each role can have a format of its own. */
public enum Role {
  /** W: a weight as the forward and backward pass see it. */
  WEIGHT("W"),
  /** A: an activation, the network's input included. */
  ACTIVATION("A"),
  /** E: the gradient of the loss with respect to an activation. */
  ACTIVATION_GRADIENT("E"),
  /** G: the gradient of the loss with respect to a weight. */
  WEIGHT_GRADIENT("G"),
  /** U: a parameter as the optimizer stores it between steps. */
  UPDATE("U"),
  /** S: an optimizer's moments. */
  OPTIMIZER_STATE("S");

  private final String letter;

  Role(String letter) {
    this.letter = letter;
  }

  /**
   * The stream of random bits for a tensor of this role, different for every step and tensor.
   *
   * @param step 0 or more
   * @param tensor number of the tensor in its network, below 2^16
   */
  public long stream(long step, int tensor) {
    return step << 24 | (long) tensor << 8 | letter.charAt(0);
  }

  /** The letter that tables use. */
  public String letter() {
    return letter;
  }
}
