package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Good files gone bad are read or refused, and cost no more memory than they have bytes. */
class NpyMutationTest {
  private static final int FILES = 2_000;

  /** What opening a file allocates besides: channel, header, messages, stack traces. */
  private static final long SMALL_OBJECTS = 256 << 10;

  /** Bytes that make the dictionary say something else. */
  private static final byte[] TELLING =
      "0123456789-,(){}[]'\"<>=|fuLTrue: \n\\\0".getBytes(StandardCharsets.US_ASCII);

  @TempDir Path directory;

  private static byte[] mutated(byte[] good, Random random) {
    int length =
        switch (random.nextInt(4)) {
          case 0 -> random.nextInt(good.length + 1);
          case 1 -> good.length + random.nextInt(20);
          default -> good.length;
        };
    byte[] bad = Arrays.copyOf(good, length);
    for (int i = random.nextInt(5); i > 0 && length > 0; i--) {
      int at = random.nextInt(Math.min(length, 130));
      bad[at] =
          random.nextBoolean() ? TELLING[random.nextInt(TELLING.length)] : (byte) random.nextInt();
    }
    return bad;
  }

  @Test
  void mutationsNeverCrash() throws Exception {
    var golden = NpyFiles.golden();
    Random random = new Random(7);
    Path file = directory.resolve("x.npy");
    long most = 0;
    int refused = 0;
    for (int i = 0; i < FILES; i++) {
      byte[] good = golden.get(random.nextInt(golden.size())).bytes();
      byte[] bad = mutated(good, random);
      Files.write(file, bad);
      long before = Allocation.bytes();
      try {
        readWhole(file);
      } catch (TensorFileException expected) {
        String message = String.valueOf(expected.getMessage());
        assertTrue(message.startsWith(file + ": ") && message.lines().count() == 1, message);
        refused++;
      }
      most = Math.max(most, Allocation.bytes() - before - bad.length);
    }
    assertTrue(most < SMALL_OBJECTS, most + " bytes allocated for one file");
    assertTrue(refused > FILES / 2 && refused < FILES, refused + " refused");
  }

  private static void readWhole(Path file) throws IOException {
    try (NpyReader reader = NpyReader.open(file)) {
      long read = 0;
      for (int n = 1; n > 0; read += n) {
        n =
            switch (reader.header().type().kind()) {
              case F2, F4 -> reader.read(new float[64]);
              case F8 -> reader.read(new double[64]);
              case U1, U2, U4 -> reader.read(new int[64]);
            };
      }
      assertTrue(read == reader.header().elements(), () -> "elements: " + reader.header());
    }
  }
}
