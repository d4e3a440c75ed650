/**
 * The tuner of {@code amp} on two small networks, beside uniform and random choices of formats:
 * what bits it saves, and at which loss.
 */
package dev.narrow.repro.tuning;
