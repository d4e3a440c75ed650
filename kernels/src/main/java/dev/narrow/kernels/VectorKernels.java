package dev.narrow.kernels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The kernels on the Vector API. Only {@link KernelProvider} names this class, after it has made
 * sure that the module {@code jdk.incubator.vector} is there.
 *
 * <p>What is left after the last whole vector is done by {@link ScalarKernels}, whose bits are the
 * same.
 */
final class VectorKernels
    implements VectorProductKernels,
        VectorElementaryKernels,
        VectorActivationKernels,
        VectorArithmeticKernels,
        VectorReductionKernels,
        VectorRowKernels,
        VectorOptimizerKernels {
  /** At most 512 bits, so that a vector has no more than the sixteen lanes of a reduction. */
  static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() <= LANES
          ? FloatVector.SPECIES_PREFERRED
          : FloatVector.SPECIES_512;

  static final VectorSpecies<Integer> INTS =
      VectorSpecies.of(int.class, VectorShape.forBitSize(SPECIES.vectorBitSize()));

  /** Elements of a pass, where a function takes several; a multiple of those in a vector. */
  static final int BLOCK = 512;

  VectorKernels() {
    if (SPECIES.length() < 4) {
      throw new UnsupportedOperationException(
          "the widest vector has " + SPECIES.vectorBitSize() + " bits, expected 128 or more");
    }
  }

  static FloatVector canonical(FloatVector value) {
    return value.blend(Float.NaN, value.test(VectorOperators.IS_NAN));
  }

  @Override
  public String name() {
    return "vector " + bits() + " bits";
  }

  @Override
  public int bits() {
    return SPECIES.vectorBitSize();
  }

  static FloatVector load(float[] x, int index) {
    return FloatVector.fromArray(SPECIES, x, index);
  }
}
