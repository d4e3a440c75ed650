package dev.narrow.amp.tune;

import dev.narrow.amp.Role;
import java.util.Comparator;

/**
 * Where a format can be chosen.
 *
 * @param layer name of the layer
 * @param role of its tensor
 */
public record Place(String layer, Role role) implements Comparable<Place> {
  private static final Comparator<Place> ORDER =
      Comparator.comparing(Place::layer).thenComparing(Place::role);

  @Override
  public int compareTo(Place other) {
    return ORDER.compare(this, other);
  }

  /** For example {@code fc1 W}. */
  @Override
  public String toString() {
    return layer + " " + role.letter();
  }
}
