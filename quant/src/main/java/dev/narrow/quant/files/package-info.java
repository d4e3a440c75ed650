/**
 * Files of tensors: .npy, .safetensors and .gguf, read by memory mapping, written whole or not at
 * all. A file is data from a stranger: every length and offset is checked before anything is
 * allocated, and all that can be wrong with one is a {@link
 * dev.narrow.quant.files.TensorFileException}.
 */
package dev.narrow.quant.files;
