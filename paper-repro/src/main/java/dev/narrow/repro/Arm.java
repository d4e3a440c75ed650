package dev.narrow.repro;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.UpdateRule;

/**
 * One way to train, to be compared with others on the same data and seeds.
 *
 * @param name its row in the table
 * @param policy formats and loss scaling
 * @param rule the optimizer's rule
 * @param learningRate the first learning rate
 * @param reference name of the arm that it is compared with: fp32 with the same optimizer; its own
 *     name if it is that
 */
record Arm(String name, AmpPolicy policy, UpdateRule rule, float learningRate, String reference) {

  boolean isReference() {
    return name.equals(reference);
  }
}
