package dev.narrow.amp.tune;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Role;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Scale;
import net.jqwik.api.constraints.Size;

class AssignmentTest {
  private static final List<Candidate> CANDIDATES =
      List.of(Candidate.of("mxfp4"), Candidate.of("lns8"), Candidate.of("bf16"));
  private static final double[] BITS = {4.25, 8, 16};

  /** Three candidates whose noises are as given, for each place. */
  private static Sensitivity sensitivity(List<Double> noises, List<Integer> elements) {
    Map<Place, Sensitivity.Scores> places = new TreeMap<>();
    for (int p = 0; p < elements.size(); p++) {
      List<Sensitivity.Score> scores = new ArrayList<>();
      for (int c = 0; c < 3; c++) {
        double noise = noises.get(3 * p + c);
        scores.add(new Sensitivity.Score(BITS[c], noise, -10 * Math.log10(noise)));
      }
      places.put(
          new Place("fc" + p, Role.ACTIVATION), new Sensitivity.Scores(elements.get(p), scores));
    }
    return new Sensitivity(1, CANDIDATES, places);
  }

  /** The least noise of all assignments within so many bits, by trying them all. */
  private static double best(Sensitivity sensitivity, double bits) {
    List<Place> places = List.copyOf(sensitivity.places().keySet());
    double best = Double.POSITIVE_INFINITY;
    for (int code = 0; code < Math.pow(3, places.size()); code++) {
      Map<Place, Integer> chosen = new TreeMap<>();
      int rest = code;
      for (Place place : places) {
        chosen.put(place, rest % 3);
        rest /= 3;
      }
      Assignment assignment = new Assignment(sensitivity, chosen);
      if (assignment.bits() <= bits + 1e-9) {
        best = Math.min(best, assignment.noise());
      }
    }
    return best;
  }

  @Property(tries = 200)
  void theSearchIsWithinOneStepOfTheBest(
      @ForAll @Size(15) List<@DoubleRange(min = 1e-9, max = 1) @Scale(9) Double> noises,
      @ForAll @Size(5) List<@IntRange(min = 1, max = 50) Integer> elements,
      @ForAll @DoubleRange(min = 4.25, max = 16) double bits) {
    Sensitivity sensitivity = sensitivity(noises, elements);
    Assignment found = Assignment.withinBits(sensitivity, bits);
    assertTrue(found.bits() <= bits + 1e-9, found.bits() + " of " + bits);
    int all = elements.stream().mapToInt(Integer::intValue).sum();
    int largest = elements.stream().mapToInt(Integer::intValue).max().orElseThrow();
    double step = (16 - 4.25) * largest / all;
    assertTrue(found.noise() <= best(sensitivity, bits - step) * (1 + 1e-9));
  }

  @Property(tries = 200)
  void whatIsRandomSpendsItsBitsAndIsReproducible(
      @ForAll @Size(5) List<@IntRange(min = 1, max = 50) Integer> elements,
      @ForAll @DoubleRange(min = 4.25, max = 16) double bits,
      @ForAll long seed) {
    List<Double> noises = new ArrayList<>();
    for (int i = 0; i < 15; i++) {
      noises.add(0.5);
    }
    Sensitivity sensitivity = sensitivity(noises, elements);
    Assignment drawn = Assignment.random(sensitivity, bits, seed);
    assertTrue(drawn.bits() <= bits + 1e-9);
    int all = elements.stream().mapToInt(Integer::intValue).sum();
    int largest = elements.stream().mapToInt(Integer::intValue).max().orElseThrow();
    assertTrue(drawn.bits() >= bits - 8.0 * largest / all - 1e-9, "the next step would not fit");
    assertEquals(drawn, Assignment.random(sensitivity, bits, seed));
  }

  @Example
  void drawsDiffer() {
    Sensitivity sensitivity = sensitivity(Collections.nCopies(60, 0.5), Collections.nCopies(20, 1));
    assertNotEquals(
        Assignment.random(sensitivity, 9, 1).chosen(),
        Assignment.random(sensitivity, 9, 2).chosen());
  }

  /** A floor of 30 dB: 1e-3 is just that. */
  @Example
  void aFloorOfSqnrTakesTheFewestBitsAboveIt() {
    Sensitivity sensitivity =
        sensitivity(List.of(9e-4, 1e-6, 1e-9, 1e-2, 9e-4, 1e-9, 1., 1., .1), List.of(1, 1, 1));
    assertEquals(
        List.of(0, 1, 2), List.copyOf(Assignment.aboveSqnr(sensitivity, 30).chosen().values()));
  }

  @Example
  void thePolicySaysWhy() {
    Sensitivity sensitivity = sensitivity(List.of(1e-2, 1e-4, 1e-6), List.of(10));
    AmpPolicy policy = Assignment.uniform(sensitivity, 1).policy(AmpPolicy.bf16());
    assertEquals("lns8", policy.quantizer("fc0", Role.ACTIVATION).orElseThrow().format().name());
    assertEquals("bf16", policy.quantizer("fc0", Role.WEIGHT).orElseThrow().format().name());
    assertEquals("bf16", policy.quantizer("fc01", Role.ACTIVATION).orElseThrow().format().name());
    assertEquals(
        "8.00 bits, noise 1.0e-04, 40.0 dB; mxfp4: 4.25 bits, noise 1.0e-02, 20.0 dB;"
            + " bf16: 16.00 bits, noise 1.0e-06, 60.0 dB",
        policy.layers().getFirst().comment());
  }
}
