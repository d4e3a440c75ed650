import org.jspecify.annotations.NullMarked;

/** Training in mixed precision: policy, loss scaling, optimizers, and networks that use them. */
@NullMarked
module dev.narrow.amp {
  requires transitive dev.narrow.kernels;
  requires tools.jackson.core;
  requires static transitive org.jspecify;

  exports dev.narrow.amp;
  exports dev.narrow.amp.inspect;
  exports dev.narrow.amp.nn;
  exports dev.narrow.amp.tune;
}
