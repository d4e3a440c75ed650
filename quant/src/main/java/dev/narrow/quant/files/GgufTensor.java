package dev.narrow.quant.files;

import org.jspecify.annotations.Nullable;

/**
 * A tensor of a GGUF file and where it lies.
 *
 * @param typeId the number that the file has for the type
 * @param type null for numbers that are not known here
 * @param at of its first byte in the file
 */
record GgufTensor(TensorInfo info, int typeId, @Nullable GgufType type, long at) {}
