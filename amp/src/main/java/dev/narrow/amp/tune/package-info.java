/**
 * Finds the cheapest format for each layer and each role by measurement: {@link
 * dev.narrow.amp.tune.Tuner} weighs what every format does to the gradients of a network against
 * the bits it takes, and writes a policy with the reason beside each line.
 */
package dev.narrow.amp.tune;
