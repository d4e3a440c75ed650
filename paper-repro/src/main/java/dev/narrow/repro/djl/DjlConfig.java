package dev.narrow.repro.djl;

import dev.narrow.repro.Scale;
import org.jspecify.annotations.Nullable;

/**
 * For how long each row is trained.
 *
 * @param epochs passes over the training samples
 * @param seeds runs of each row, of seeds from 0
 * @param samples the most samples to train on; on as many it is tested
 */
record DjlConfig(int epochs, int seeds, int samples) {
  private static final int ALL = Integer.MAX_VALUE;

  static DjlConfig of(String experiment, String dataset, Scale scale, @Nullable Integer seeds) {
    DjlConfig preset =
        switch (scale) {
          case SMOKE -> new DjlConfig(1, 2, 640);
          case SMALL ->
              switch (dataset) {
                case "mnist" ->
                    experiment.endsWith("mlp")
                        ? new DjlConfig(2, 3, ALL)
                        : new DjlConfig(1, 3, 20_000);
                case "tinyshakespeare" -> new DjlConfig(1, 3, 8_000);
                default -> new DjlConfig(10, 3, ALL);
              };
          case FULL ->
              switch (dataset) {
                case "mnist" -> new DjlConfig(5, 3, ALL);
                case "tinyshakespeare" -> new DjlConfig(4, 5, 16_000);
                default -> new DjlConfig(30, 5, ALL);
              };
        };
    return seeds == null ? preset : new DjlConfig(preset.epochs, seeds, preset.samples);
  }
}
