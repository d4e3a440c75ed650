/**
 * What a number is in N bits: formats as values, rounding and saturation as explicit arguments,
 * encode and decode of one number and of arrays. The entry type is {@code Formats}.
 */
package dev.narrow.formats;
