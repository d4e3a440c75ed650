/**
 * What a tensor is in few bits: shape, format, codes and scales, quantizers and the error they
 * make, and files of arrays.
 */
package dev.narrow.quant;
