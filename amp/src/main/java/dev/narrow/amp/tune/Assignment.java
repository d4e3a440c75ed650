package dev.narrow.amp.tune;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.LayerRule;
import dev.narrow.formats.RandomBits;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.TreeMap;

/**
 * A candidate for each place.
 *
 * @param sensitivity what the candidates cost and do
 * @param chosen index of the candidate, by place
 */
public record Assignment(Sensitivity sensitivity, Map<Place, Integer> chosen) {

  /** Copies the map. */
  public Assignment {
    chosen = Collections.unmodifiableMap(new TreeMap<>(chosen));
  }

  /** One candidate everywhere. */
  public static Assignment uniform(Sensitivity sensitivity, int candidate) {
    Map<Place, Integer> chosen = new TreeMap<>();
    sensitivity.places().keySet().forEach(place -> chosen.put(place, candidate));
    return new Assignment(sensitivity, chosen);
  }

  /** In each place the one of fewest bits whose SQNR is the floor or more; else the best. */
  static Assignment aboveSqnr(Sensitivity sensitivity, double floorDb) {
    Map<Place, Integer> chosen = new TreeMap<>();
    sensitivity
        .places()
        .forEach((place, scores) -> {
          Comparator<Integer> byBits =
              Comparator.comparingDouble(c -> scores.scores().get(c).bits());
          Comparator<Integer> byError =
              Comparator.comparingDouble(c -> scores.scores().get(c).sqnrDb());
          List<Integer> all = indices(sensitivity);
          chosen.put(
              place,
              all.stream()
                  .filter(c -> scores.scores().get(c).sqnrDb() >= floorDb)
                  .min(byBits)
                  .orElseGet(() -> Collections.max(all, byError)));
        });
    return new Assignment(sensitivity, chosen);
  }

  private static List<Integer> indices(Sensitivity sensitivity) {
    List<Integer> indices = new ArrayList<>();
    for (int c = 0; c < sensitivity.candidates().size(); c++) {
      indices.add(c);
    }
    return indices;
  }

  /** A step from one candidate to another in a place. */
  private record Move(Place place, int from, int to, double gain) {}

  /**
   * As little noise as so many bits allow: from the fewest bits everywhere, the step is made that
   * takes away the most noise for each bit, as long as one fits. Where the candidates of each place
   * lie on the lower convex hull of noise over bits, which is all that is used of them, this is
   * within one step of the best.
   *
   * @param bits of an element, on average
   */
  static Assignment withinBits(Sensitivity sensitivity, double bits) {
    Map<Place, Integer> chosen = new TreeMap<>();
    PriorityQueue<Move> moves =
        new PriorityQueue<>(
            Comparator.comparingDouble(Move::gain).reversed().thenComparing(Move::place));
    double budget = 0;
    for (Map.Entry<Place, Sensitivity.Scores> entry : sensitivity.places().entrySet()) {
      Sensitivity.Scores scores = entry.getValue();
      List<Integer> hull = hull(scores.scores());
      chosen.put(entry.getKey(), hull.getFirst());
      budget += scores.elements() * (bits - scores.scores().get(hull.getFirst()).bits());
      for (int h = 1; h < hull.size(); h++) {
        Sensitivity.Score below = scores.scores().get(hull.get(h - 1));
        Sensitivity.Score above = scores.scores().get(hull.get(h));
        double gain =
            (Math.min(below.noise(), Double.MAX_VALUE) - above.noise())
                / ((above.bits() - below.bits()) * scores.elements());
        moves.add(new Move(entry.getKey(), hull.get(h - 1), hull.get(h), gain));
      }
    }
    for (Move move = moves.poll(); move != null; move = moves.poll()) {
      Sensitivity.Scores scores = sensitivity.places().get(move.place);
      if (scores == null || chosen.getOrDefault(move.place, -1) != move.from) {
        continue; // an earlier step of this place did not fit
      }
      double cost =
          scores.elements()
              * (scores.scores().get(move.to).bits() - scores.scores().get(move.from).bits());
      if (cost <= budget) {
        budget -= cost;
        chosen.put(move.place, move.to);
      }
    }
    return new Assignment(sensitivity, chosen);
  }

  /** The candidates on the lower convex hull of noise over bits, bits ascending. */
  private static List<Integer> hull(List<Sensitivity.Score> scores) {
    List<Integer> order = new ArrayList<>();
    for (int c = 0; c < scores.size(); c++) {
      order.add(c);
    }
    order.sort(
        Comparator.<Integer>comparingDouble(c -> scores.get(c).bits())
            .thenComparingDouble(c -> scores.get(c).noise()));
    List<Integer> hull = new ArrayList<>();
    for (int c : order) {
      if (!hull.isEmpty() && scores.get(c).noise() >= scores.get(hull.getLast()).noise()) {
        continue;
      }
      while (hull.size() >= 2 && isAbove(scores, hull.get(hull.size() - 2), hull.getLast(), c)) {
        hull.removeLast();
      }
      hull.add(c);
    }
    return hull;
  }

  /** Whether b is on or above the line from a to c. */
  private static boolean isAbove(List<Sensitivity.Score> scores, int a, int b, int c) {
    Sensitivity.Score left = scores.get(a);
    Sensitivity.Score middle = scores.get(b);
    Sensitivity.Score right = scores.get(c);
    double slope =
        (right.noise() - Math.min(left.noise(), Double.MAX_VALUE)) / (right.bits() - left.bits());
    return middle.noise()
        >= Math.min(left.noise(), Double.MAX_VALUE) + slope * (middle.bits() - left.bits());
  }

  /**
   * At random: in an order drawn by the seed each place gets any candidate that still fits, and
   * then what is left of the bits is spent in that order.
   *
   * @param bits of an element, on average
   * @param seed of the draw
   */
  public static Assignment random(Sensitivity sensitivity, double bits, long seed) {
    RandomBits random = new RandomBits(seed, 0x74756e65);
    List<Place> order = new ArrayList<>(sensitivity.places().keySet());
    int draws = 0;
    for (int i = order.size() - 1; i > 0; i--) {
      Collections.swap(order, i, Integer.remainderUnsigned(random.word(draws++), i + 1));
    }
    Map<Place, Integer> chosen = new TreeMap<>();
    double budget = 0;
    for (Place place : order) {
      Sensitivity.Scores scores = scores(sensitivity, place);
      int fewest = byBits(scores, indices(sensitivity)).getFirst();
      chosen.put(place, fewest);
      budget += scores.elements() * (bits - scores.scores().get(fewest).bits());
    }
    for (boolean spend : new boolean[] {false, true}) {
      for (Place place : order) {
        Sensitivity.Scores scores = scores(sensitivity, place);
        double now = scores.scores().get(chosen.getOrDefault(place, 0)).bits();
        double room = budget / scores.elements() + now;
        List<Integer> fitting =
            byBits(
                scores,
                indices(sensitivity).stream()
                    .filter(c -> scores.scores().get(c).bits() <= Math.max(room, now))
                    .toList());
        int pick =
            spend
                ? fitting.getLast()
                : fitting.get(Integer.remainderUnsigned(random.word(draws++), fitting.size()));
        budget -= scores.elements() * (scores.scores().get(pick).bits() - now);
        chosen.put(place, pick);
      }
    }
    return new Assignment(sensitivity, chosen);
  }

  private static List<Integer> byBits(Sensitivity.Scores scores, List<Integer> candidates) {
    return candidates.stream()
        .sorted(Comparator.comparingDouble(c -> scores.scores().get(c).bits()))
        .toList();
  }

  private static Sensitivity.Scores scores(Sensitivity sensitivity, Place place) {
    Sensitivity.Scores scores = sensitivity.places().get(place);
    if (scores == null) {
      throw new IllegalArgumentException("place = " + place + ", expected one that was measured");
    }
    return scores;
  }

  private Sensitivity.Score score(Place place) {
    return scores(sensitivity, place).scores().get(chosen.getOrDefault(place, 0));
  }

  /** Bits of an element of an operand, on average. */
  public double bits() {
    double sum = 0;
    double elements = 0;
    for (Place place : chosen.keySet()) {
      long n = scores(sensitivity, place).elements();
      sum += n * score(place).bits();
      elements += n;
    }
    return sum / elements;
  }

  /** The sum of the noises: that of the gradients, as far as they add up. */
  public double noise() {
    return chosen.keySet().stream().mapToDouble(place -> score(place).noise()).sum();
  }

  /**
   * The policy: the base with a rule for each place, and the reason for it beside.
   *
   * @param base what stays as it is
   */
  public AmpPolicy policy(AmpPolicy base) {
    List<LayerRule> rules = new ArrayList<>(base.layers());
    chosen.forEach((place, index) -> {
      Candidate candidate = sensitivity.candidates().get(index);
      rules.add(Sensitivity.rule(place, Optional.of(candidate), reason(place)));
    });
    return base.withLayers(rules);
  }

  /** For example {@code 4.5 bits, gradient noise 1.2e-04; 4.2 bits (mxfp4) would be 3.1e-03}. */
  private String reason(Place place) {
    Sensitivity.Score score = score(place);
    List<Sensitivity.Score> all = scores(sensitivity, place).scores();
    StringBuilder text = new StringBuilder(describe(score));
    indices(sensitivity).stream()
        .filter(c -> all.get(c).bits() < score.bits())
        .max(Comparator.comparingDouble(c -> all.get(c).bits()))
        .ifPresent(c -> text.append("; ").append(described(all, c)));
    indices(sensitivity).stream()
        .filter(c -> all.get(c).bits() > score.bits())
        .min(Comparator.comparingDouble(c -> all.get(c).bits()))
        .ifPresent(c -> text.append("; ").append(described(all, c)));
    return text.toString();
  }

  private String described(List<Sensitivity.Score> all, int candidate) {
    return sensitivity.candidates().get(candidate).name() + ": " + describe(all.get(candidate));
  }

  private static String describe(Sensitivity.Score score) {
    return String.format(
        Locale.ROOT, "%.2f bits, noise %.1e, %.1f dB", score.bits(), score.noise(), score.sqnrDb());
  }
}
