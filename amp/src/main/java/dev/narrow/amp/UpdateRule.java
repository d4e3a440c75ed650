package dev.narrow.amp;

/** How an {@link Optimizer} turns gradients into steps: a method and its constants. */
public sealed interface UpdateRule permits Sgd, AdamW, Madam, LnsMadam, IntegerMadam {

  /** The learning rate that the method's authors give as default. */
  float defaultLearningRate();
}
