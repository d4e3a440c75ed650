/**
 * Layers and networks on the operations that obey {@link dev.narrow.amp.Autocast}: every tensor
 * role of every layer has the format that a policy gives it. {@link dev.narrow.amp.nn.Networks} has
 * those of the experiments.
 */
package dev.narrow.amp.nn;
