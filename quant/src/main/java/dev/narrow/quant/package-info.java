/**
 * What a tensor is in few bits: shape, format, codes and scales, quantizers and the error they
 * make.
 */
package dev.narrow.quant;
