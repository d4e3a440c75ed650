package dev.narrow.formats;

import static dev.narrow.formats.Lanes.FLOATS;
import static dev.narrow.formats.Lanes.INTS;
import static dev.narrow.formats.Lanes.MAGNITUDE;
import static dev.narrow.formats.Lanes.STEP;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** {@link CountRule#count(float[], int, int)} in vectors. */
final class VectorCount {
  private static final int INFINITY = 0x7F80_0000;

  private VectorCount() {}

  static EncodeCounts count(CountRule rule, float[] x, int from, int n) {
    int outside = 0;
    int infinite = 0;
    int nan = 0;
    int flushed = 0;
    float low = rule.lowestFloat;
    float high = rule.largestFloat;
    int below = rule.flushedBelow;
    int negativeBelow = rule.negativeFlushedBelow;
    int bound = INTS.loopBound(n);
    for (int i = 0; i < bound; i += STEP) {
      FloatVector value = FloatVector.fromArray(FLOATS, x, from + i);
      IntVector bits = value.reinterpretAsInts();
      IntVector magnitude = bits.and(MAGNITUDE);
      VectorMask<Integer> special = magnitude.compare(VectorOperators.GE, INFINITY);
      if (special.anyTrue()) {
        infinite += magnitude.eq(INFINITY).trueCount();
        nan += magnitude.compare(VectorOperators.GT, INFINITY).trueCount();
      }
      outside +=
          value
              .compare(VectorOperators.GT, high)
              .or(value.compare(VectorOperators.LT, low))
              .trueCount();
      // 0 - 1 is the largest of the unsigned numbers
      IntVector least =
          IntVector.broadcast(INTS, below - 1)
              .blend(negativeBelow - 1, bits.compare(VectorOperators.LT, 0));
      flushed += magnitude.sub(1).compare(VectorOperators.ULT, least).trueCount();
    }
    return new EncodeCounts(outside - infinite, infinite, nan, flushed)
        .plus(rule.count(x, from + bound, n - bound));
  }
}
