import org.jspecify.annotations.NullMarked;

/** Training in mixed precision: policy, loss scaling, optimizers, and networks that use them. */
@NullMarked
@SuppressWarnings("requires-transitive-automatic") // DJL's jars are automatic modules
module dev.narrow.amp {
  requires transitive dev.narrow.kernels;
  requires tools.jackson.core;
  requires static transitive ai.djl.api; // dev.narrow.amp.djl alone needs DJL
  requires static ai.djl.pytorch_engine;
  requires static transitive org.jspecify;

  exports dev.narrow.amp;
  exports dev.narrow.amp.djl;
  exports dev.narrow.amp.inspect;
  exports dev.narrow.amp.nn;
  exports dev.narrow.amp.tune;
}
