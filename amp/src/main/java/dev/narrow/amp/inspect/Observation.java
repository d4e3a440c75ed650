package dev.narrow.amp.inspect;

import dev.narrow.amp.Role;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A tensor as a step had it.
 *
 * @param step number of the region, from 0
 * @param layer name of the layer
 * @param role of the tensor
 * @param op the operation that reads it, or whose gradient it is
 * @param shape its extents
 * @param before its magnitudes before the cast
 * @param fit what the policy's format does to it; none in fp32
 * @param whatIf what other formats would do to it, by the name that was asked for
 */
public record Observation(
    long step,
    String layer,
    Role role,
    String op,
    List<Integer> shape,
    Magnitudes before,
    Optional<Fit> fit,
    Map<String, Fit> whatIf) {

  /** Copies the lists. */
  public Observation {
    shape = List.copyOf(shape);
    whatIf = Collections.unmodifiableMap(new LinkedHashMap<>(whatIf));
  }
}
