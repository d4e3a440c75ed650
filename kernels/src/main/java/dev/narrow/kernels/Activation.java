package dev.narrow.kernels;

/** What is done to the elements of a product before they are stored. */
public enum Activation {
  /** Nothing. */
  NONE,
  /** As {@link Elementwise#relu}. */
  RELU,
  /** As {@link Elementwise#gelu}. */
  GELU
}
