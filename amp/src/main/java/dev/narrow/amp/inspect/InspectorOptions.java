package dev.narrow.amp.inspect;

import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Recipes;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an {@link Inspector} looks at, and how often.
 *
 * @param every it samples each region of autocast whose number is a multiple of this, 1 or more.
 *     Regions of inference count too
 * @param whatIf formats that are tried on the same tensors: names that {@link Recipes#parse} takes,
 *     for example {@code fp16}, {@code bf16}, {@code e4m3fn}, {@code lns8}, {@code mxfp8}
 * @param elements on how many elements of a tensor formats are measured at most, the policy's and
 *     others: a larger one is represented by some indices of its outermost axis, evenly spaced, one
 *     at the least. amax, zeros, NaN, infinities and histograms are of all elements
 * @param tensorBoard directory for TensorBoard's event file; none if empty
 */
public record InspectorOptions(
    long every, List<String> whatIf, int elements, Optional<Path> tensorBoard) {

  /**
   * Checks the numbers and the names.
   *
   * @throws IllegalArgumentException naming the argument, its value and what was expected; of a
   *     format also the nearest name
   */
  public InspectorOptions {
    if (every < 1) {
      throw new IllegalArgumentException("every = " + every + ", expected 1 or more");
    }
    if (elements < 1) {
      throw new IllegalArgumentException("elements = " + elements + ", expected 1 or more");
    }
    whatIf = List.copyOf(whatIf);
    whatIf.forEach(Recipes::parse);
  }

  /** Every so many steps, without other formats, without TensorBoard. */
  public static InspectorOptions every(long steps) {
    return new InspectorOptions(steps, List.of(), 1 << 11, Optional.empty());
  }

  /** The same with other formats to try. */
  public InspectorOptions whatIf(String... formats) {
    return new InspectorOptions(every, List.of(formats), elements, tensorBoard);
  }

  /** The same, but formats are measured on so many elements of a tensor at most. */
  public InspectorOptions elements(int most) {
    return new InspectorOptions(every, whatIf, most, tensorBoard);
  }

  /** The same with an event file for TensorBoard in a directory. */
  public InspectorOptions tensorBoard(Path directory) {
    return new InspectorOptions(every, whatIf, elements, Optional.of(directory));
  }

  Map<String, Quantizer> quantizers() {
    Map<String, Quantizer> quantizers = new LinkedHashMap<>();
    whatIf.forEach(name -> quantizers.put(name, Recipes.parse(name)));
    return quantizers;
  }
}
