/**
 * Fast work on tensors: {@link dev.narrow.kernels.Backend} is the way in.
 *
 * <p>Behind it every kernel has a scalar definition and a vector implementation that gives the same
 * bits. Vectors need {@code --add-modules jdk.incubator.vector}; without it the scalar kernels run.
 * The system property {@code dev.narrow.kernels.provider}, {@code scalar} or {@code vector}, forces
 * one of them.
 */
package dev.narrow.kernels;
