/**
 * Mixed precision for Deep Java Library: {@link dev.narrow.amp.djl.AmpDjl} gives a trainer that
 * obeys a policy, for {@code EasyTrain.fit} and for loops of one's own. It needs DJL's {@code api}
 * and {@code pytorch-engine}, which are not among the dependencies of this module.
 */
package dev.narrow.amp.djl;
