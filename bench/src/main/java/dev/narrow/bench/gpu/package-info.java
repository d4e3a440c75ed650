/**
 * The GPU check: every kernel beside the processor, to the bit, and beside what the hardware and
 * the vendor's library can do, in the same run.
 */
@NullMarked
package dev.narrow.bench.gpu;

import org.jspecify.annotations.NullMarked;
