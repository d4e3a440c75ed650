package dev.narrow.repro.tuning;

import dev.narrow.amp.AdamW;
import dev.narrow.amp.UpdateRule;
import dev.narrow.amp.nn.Layer;
import dev.narrow.amp.nn.Networks;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A transformer that predicts the next character of a text; the last tenth is for validation. */
final class Characters extends NetworkTask {
  private static final int CONTEXT = 32;
  private static final int HEADS = 2;
  private static final int DIM = 16;
  private static final int BLOCKS = 2;
  private static final int BATCH = 16;
  private static final int VALIDATION = 16;
  private static final long MOST_BYTES = 1 << 28;

  private final int[] text;
  private final int vocabulary;
  private final int train;

  /**
   * The task on a text.
   *
   * @throws IllegalArgumentException if it is too short
   */
  Characters(String text, int steps, int probeSteps) {
    super(steps, probeSteps);
    int[] characters = text.chars().distinct().sorted().toArray();
    vocabulary = characters.length;
    this.text = text.chars().map(c -> Arrays.binarySearch(characters, c)).toArray();
    train = this.text.length / 10 * 9;
    if (this.text.length - train < 2 * CONTEXT) {
      throw new IllegalArgumentException(
          "text has " + text.length() + " characters, expected " + 20 * CONTEXT + " or more");
    }
  }

  /** The task on a file. */
  static Characters of(Path file, int steps, int probeSteps) throws IOException {
    if (Files.size(file) > MOST_BYTES) {
      throw new IOException(file + " has " + Files.size(file) + " bytes, expected a text");
    }
    return new Characters(Files.readString(file, StandardCharsets.UTF_8), steps, probeSteps);
  }

  @Override
  String describe() {
    return "transformer, %d blocks of width %d, context %d, characters of Shakespeare, %s, %d steps of %d"
        .formatted(BLOCKS, HEADS * DIM, CONTEXT, "AdamW", steps(), BATCH);
  }

  @Override
  Layer body(long seed) {
    return Networks.transformer(seed, vocabulary, CONTEXT, HEADS, DIM, BLOCKS);
  }

  @Override
  UpdateRule rule() {
    return new AdamW(0.01f);
  }

  @Override
  float learningRate() {
    return 4e-3f;
  }

  @Override
  Batch batch(long seed, int step) {
    RandomBits random = new RandomBits(seed, 0x7465787400000000L + step);
    int[] starts = new int[BATCH];
    for (int i = 0; i < BATCH; i++) {
      starts[i] = Integer.remainderUnsigned(random.word(i), train - CONTEXT - 1);
    }
    return at(starts);
  }

  @Override
  List<Batch> validation() {
    List<Batch> batches = new ArrayList<>();
    int stride = (text.length - train - CONTEXT - 1) / (VALIDATION * BATCH);
    for (int b = 0; b < VALIDATION; b++) {
      int[] starts = new int[BATCH];
      for (int i = 0; i < BATCH; i++) {
        starts[i] = train + (b * BATCH + i) * stride;
      }
      batches.add(at(starts));
    }
    return batches;
  }

  private Batch at(int[] starts) {
    float[] x = new float[starts.length * CONTEXT];
    int[] labels = new int[x.length];
    for (int i = 0; i < x.length; i++) {
      int from = starts[i / CONTEXT] + i % CONTEXT;
      x[i] = text[from];
      labels[i] = text[from + 1];
    }
    return new Batch(Tensor.of(x, starts.length, CONTEXT), labels);
  }
}
