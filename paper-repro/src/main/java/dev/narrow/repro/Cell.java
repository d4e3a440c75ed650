package dev.narrow.repro;

import dev.narrow.repro.data.Dataset;
import dev.narrow.repro.data.Sha256;
import java.nio.charset.StandardCharsets;

/**
 * One training run: the smallest piece of an experiment.
 *
 * @param dataset what is learned
 * @param dataDigest digest of the data set, which takes a while on a large one
 * @param arm how
 * @param config for how long, and how large
 * @param seed from which initial weights, in which order
 */
record Cell(Dataset dataset, String dataDigest, Arm arm, TrainingConfig config, int seed) {

  /** A name that changes with anything that can change the outcome. */
  String key(String codeVersion) {
    String all =
        String.join(
            "\n",
            codeVersion,
            dataDigest,
            ArmDescription.of(arm).toString(),
            config.withSeeds(1).toString(), // how many others there are is no matter
            Integer.toString(seed));
    return Sha256.of(all.getBytes(StandardCharsets.UTF_8)).substring(0, 32);
  }

  @Override
  public String toString() {
    return dataset.name() + " / " + arm.name() + " / seed " + seed;
  }
}
