package dev.narrow.quant.files;

/**
 * A key of the metadata of a GGUF file and its value.
 *
 * @param text the value, shortened where it is long
 * @param at of the value's first byte in the file, which is that of its type
 * @param bytes of type and value
 */
record GgufField(String key, String text, long at, long bytes) {}
