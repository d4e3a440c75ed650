/**
 * Looks into a run: what its formats do to each tensor, forward and backward, and what others would
 * do to the same ones. {@link dev.narrow.amp.inspect.Inspector} is attached to a run; {@link
 * dev.narrow.amp.inspect.InspectorPage} shows what it has written.
 */
package dev.narrow.amp.inspect;
