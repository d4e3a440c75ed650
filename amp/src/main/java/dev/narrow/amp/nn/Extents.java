package dev.narrow.amp.nn;

/** Checks of extents. */
final class Extents {
  private Extents() {}

  static void require(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " = " + value + ", expected 1 or more");
    }
  }
}
