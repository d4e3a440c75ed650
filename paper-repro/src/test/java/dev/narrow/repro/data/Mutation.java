package dev.narrow.repro.data;

import java.util.Arrays;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/** Good files gone bad. */
final class Mutation {
  private Mutation() {}

  /** The file with up to four bytes replaced and the end cut off or garbage added. */
  static Arbitrary<byte[]> of(byte[] good) {
    Arbitrary<int[]> places =
        Arbitraries.integers().between(0, good.length - 1).array(int[].class).ofSize(4);
    Arbitrary<byte[]> values = Arbitraries.bytes().array(byte[].class).ofMinSize(0).ofMaxSize(4);
    Arbitrary<Integer> lengths =
        Arbitraries.oneOf(
            Arbitraries.just(good.length), Arbitraries.integers().between(0, good.length + 20));
    return Combinators.combine(places, values, lengths)
        .as((place, value, length) -> {
          byte[] bad = good.clone();
          for (int i = 0; i < value.length; i++) {
            bad[place[i]] = value[i];
          }
          return Arrays.copyOf(bad, length);
        })
        .withoutEdgeCases();
  }

  /** Runs a parser that may refuse with a DataException and must not fail in another way. */
  static void survives(Runnable parser) {
    try {
      parser.run();
    } catch (DataException expected) {
      Fixtures.failure(() -> {
        throw expected;
      });
    }
  }
}
