/**
 * Labelled images to train on: drawn here ({@code glyphs}) or read from published files ({@code
 * optdigits}, {@code mnist}). The entry type is {@code Datasets}.
 */
@NullMarked
package dev.narrow.repro.data;

import org.jspecify.annotations.NullMarked;
