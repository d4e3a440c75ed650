package dev.narrow.amp.tune;

import dev.narrow.amp.AmpException;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.CastObserver;
import dev.narrow.amp.LayerRule;
import dev.narrow.amp.Role;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What each candidate costs and does in each place, by itself.
 *
 * <p>The score of a format in a place is the noise that it puts into the gradients: |g' - g|² /
 * |g|² over all parameters, where g are the gradients with operands in fp32 and g' those with this
 * one place in this format, averaged over some batches. It is a measure for all roles alike, and of
 * what training goes by. Noises of several places add up as far as they are small and independent.
 *
 * @param batches how many were averaged
 * @param candidates in the order of their scores
 * @param places all places, in order
 */
public record Sensitivity(int batches, List<Candidate> candidates, Map<Place, Scores> places) {
  /** The operands of products. */
  static final Set<Role> OPERANDS =
      EnumSet.of(Role.WEIGHT, Role.ACTIVATION, Role.ACTIVATION_GRADIENT);

  /**
   * A candidate in a place.
   *
   * @param bits of an element, with its part of the scales
   * @param noise see above
   * @param sqnrDb signal to quantization noise of the tensor itself, in dB
   */
  public record Score(double bits, double noise, double sqnrDb) {}

  /**
   * The candidates in a place.
   *
   * @param elements of the tensor, in one step
   * @param scores one for each candidate
   */
  public record Scores(long elements, List<Score> scores) {}

  /** Who is told how far a measurement is. */
  @FunctionalInterface
  public interface Progress {
    /** Called after each of so many steps. */
    void step(int done, int of);
  }

  /**
   * Measures.
   *
   * @param task gives the gradients
   * @param base the policy whose other formats stay; its operands are in fp32 while one is measured
   * @param candidates at least one
   * @param batches to average over, 1 or more
   * @throws IllegalArgumentException if there is no candidate, no batch or no place
   * @throws AmpException if the gradients in fp32 are all zero, or not finite
   */
  public static Sensitivity measure(
      TuningTask task, AmpPolicy base, List<Candidate> candidates, int batches, Progress progress) {
    if (candidates.isEmpty() || batches < 1) {
      throw new IllegalArgumentException(
          "candidates = "
              + candidates
              + ", batches = "
              + batches
              + ", expected one of each or more");
    }
    AmpPolicy plain = base.withLayers(withoutOperands(base.layers()));
    for (Role role : OPERANDS) {
      plain = plain.without(role);
    }
    Map<Place, Scores> places = new TreeMap<>();
    Map<Place, Seen> tensors = new TreeMap<>();
    List<List<Tensor>> references = new ArrayList<>();
    for (int batch = 0; batch < batches; batch++) {
      references.add(task.gradients(plain, observer(candidates, tensors), batch));
    }
    if (tensors.isEmpty()) {
      throw new IllegalArgumentException(
          "task has no operand in few bits: are its operations those of Ops, in a region?");
    }
    for (int batch = 0; batch < batches; batch++) {
      if (noise(references.get(batch), references.get(batch)) != 0) {
        throw new AmpException("the gradients of batch " + batch + " are all zero, or not finite");
      }
    }
    int done = 0;
    int total = tensors.size() * candidates.size();
    for (Map.Entry<Place, Seen> entry : tensors.entrySet()) {
      List<Score> row = new ArrayList<>();
      for (int c = 0; c < candidates.size(); c++) {
        AmpPolicy one = plain.with(rule(entry.getKey(), Optional.of(candidates.get(c)), ""));
        double noise = 0;
        for (int batch = 0; batch < batches; batch++) {
          noise += noise(references.get(batch), task.gradients(one, null, batch));
        }
        row.add(entry.getValue().score(c, noise / batches));
        progress.step(++done, total);
      }
      places.put(entry.getKey(), new Scores(entry.getValue().elements / batches, row));
    }
    return new Sensitivity(batches, List.copyOf(candidates), places);
  }

  /** The rules without what they say of operands. */
  private static List<LayerRule> withoutOperands(List<LayerRule> rules) {
    List<LayerRule> others = new ArrayList<>();
    for (LayerRule rule : rules) {
      Map<Role, Optional<Quantizer>> formats = new TreeMap<>(rule.formats());
      formats.keySet().removeAll(OPERANDS);
      if (!formats.isEmpty()) {
        others.add(new LayerRule(rule.layers(), formats, rule.comment()));
      }
    }
    return others;
  }

  /** What was seen in a place, summed over tensors and batches; arrays by candidate. */
  private static final class Seen {
    private final double[] bits;
    private final double[] signal;
    private final double[] noise;
    private long elements;
    private int tensors;

    Seen(int candidates) {
      bits = new double[candidates];
      signal = new double[candidates];
      noise = new double[candidates];
    }

    void add(Tensor values, List<Candidate> candidates) {
      elements += values.shape().size();
      tensors++;
      for (int c = 0; c < candidates.size(); c++) {
        Candidate candidate = candidates.get(c);
        QuantizationError error =
            QuantizationError.measure(values, candidate.quantizer().quantize(values));
        bits[c] += candidate.bits(values);
        signal[c] += error.signal();
        noise[c] += error.noise();
      }
    }

    Score score(int candidate, double gradientNoise) {
      double sqnrDb = 10 * Math.log10(signal[candidate] / noise[candidate]);
      return new Score(bits[candidate] / tensors, gradientNoise, sqnrDb);
    }
  }

  private static CastObserver observer(List<Candidate> candidates, Map<Place, Seen> places) {
    return cast -> {
      if (OPERANDS.contains(cast.role())) {
        places
            .computeIfAbsent(new Place(cast.layer(), cast.role()), _ -> new Seen(candidates.size()))
            .add(cast.before(), candidates);
      }
    };
  }

  /**
   * |actual - reference|² / |reference|² over all parameters together: some have no gradient but
   * the errors of rounding, as a bias before batch norm or that of attention's keys, and no
   * relative error worth a name. Infinite if it is not finite.
   */
  static double noise(List<Tensor> reference, List<Tensor> actual) {
    double signal = 0;
    double noise = 0;
    for (int p = 0; p < reference.size(); p++) {
      float[] g = reference.get(p).toFloats();
      float[] h = actual.get(p).toFloats();
      for (int i = 0; i < g.length; i++) {
        double difference = (double) h[i] - g[i];
        noise += difference * difference;
        signal += (double) g[i] * g[i];
      }
    }
    double ratio = noise / signal;
    return Double.isFinite(ratio) ? ratio : Double.POSITIVE_INFINITY;
  }

  /** The rule for exactly one place; fp32 if there is no candidate. */
  static LayerRule rule(Place place, Optional<Candidate> candidate, String comment) {
    return new LayerRule(
        "^" + escaped(place.layer()) + "$",
        Map.of(place.role(), candidate.map(Candidate::quantizer)),
        comment);
  }

  /** The name as a regular expression; readable, other than {@link Pattern#quote}. */
  private static String escaped(String layer) {
    return layer.replaceAll("([^a-zA-Z0-9_])", "\\\\$1");
  }
}
