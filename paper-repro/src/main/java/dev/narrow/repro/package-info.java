/** Experiments: data, arms, tables, reports. */
@NullMarked
package dev.narrow.repro;

import org.jspecify.annotations.NullMarked;
