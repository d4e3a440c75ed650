package dev.narrow.amp.inspect;

import dev.narrow.quant.Floats;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.TensorStatistics;
import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The magnitudes of a tensor before any cast.
 *
 * @param elements how many numbers
 * @param zeros how many are zero
 * @param nan how many are NaN
 * @param infinite how many are infinite
 * @param amax the largest finite magnitude; 0 if there is none but zero
 * @param smallest the smallest magnitude other than zero; infinity if there is none
 * @param octaves how many finite numbers have a magnitude from 2^octave up to 2^(octave + 1), by
 *     octave, -149 to 127; only those with a number
 */
public record Magnitudes(
    long elements,
    long zeros,
    long nan,
    long infinite,
    float amax,
    float smallest,
    SortedMap<Integer, Long> octaves) {

  /** Copies the octaves. */
  public Magnitudes {
    octaves = Collections.unmodifiableSortedMap(new TreeMap<>(octaves));
  }

  /** Those of an fp32 tensor. */
  static Magnitudes of(Tensor tensor) {
    TensorStatistics statistics = new TensorStatistics();
    Floats floats = Floats.of(tensor, "tensor");
    statistics.add(floats.array(), floats.offset(), tensor.shape().size());
    SortedMap<Integer, Long> octaves = new TreeMap<>();
    for (int octave = TensorStatistics.LEAST_OCTAVE; octave <= Float.MAX_EXPONENT; octave++) {
      long count = statistics.inOctave(octave);
      if (count > 0) {
        octaves.put(octave, count);
      }
    }
    return new Magnitudes(
        statistics.count(),
        statistics.zeros(),
        statistics.nan(),
        statistics.infinite(),
        statistics.amax(),
        statistics.smallest(),
        octaves);
  }

  /** Those of two tensors together. */
  Magnitudes merge(Magnitudes other) {
    SortedMap<Integer, Long> sums = new TreeMap<>(octaves);
    other.octaves.forEach((octave, count) -> sums.merge(octave, count, Long::sum));
    return new Magnitudes(
        elements + other.elements,
        zeros + other.zeros,
        nan + other.nan,
        infinite + other.infinite,
        Math.max(amax, other.amax),
        Math.min(smallest, other.smallest),
        sums);
  }
}
