/**
 * Deep Java Library's own examples, trained as they are and under policies: {@link
 * dev.narrow.repro.djl.DjlReproduction}. It needs DJL and the native library of PyTorch; {@link
 * dev.narrow.repro.djl.DjlPresence} says whether they are there.
 */
@NullMarked
package dev.narrow.repro.djl;

import org.jspecify.annotations.NullMarked;
