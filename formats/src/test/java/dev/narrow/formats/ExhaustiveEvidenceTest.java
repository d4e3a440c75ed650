package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Sweeps over whole domains of 2^32: every float through the bulk kernel and through one-by-one
 * encoding, which the oracle tests prove at all switching points; every pair of 16-bit codes
 * through arithmetic on codes and through an independent way to the same result.
 *
 * <p>Each sweep that is done is a line of {@code exhaustive.txt} in the module's folder: its name,
 * how many cases it had, how many of them differed, and a digest of the classes that it ran. A run
 * that is cut off goes on where it was; after a change of the classes all begins anew.
 *
 * <p>Posits of 32 bits have as many switching points as there are floats; {@link ValueOracleTest}
 * samples them.
 */
class ExhaustiveEvidenceTest {
  private static final int BLOCK = 1 << 16;
  private static final Path FILE = Path.of("exhaustive.txt");

  private record Sweep(String name, LongSupplier differences) {}

  @Tag("exhaustive")
  @Test
  void everyFloatAndEveryPair() throws IOException {
    String digest = digestOfClasses();
    Set<String> done = new HashSet<>();
    long differences = 0;
    List<String> kept = new ArrayList<>();
    for (String line : Files.exists(FILE) ? Files.readAllLines(FILE) : List.<String>of()) {
      String[] words = line.split("\t", -1);
      if (words.length == 4 && words[3].equals(digest)) {
        done.add(words[0]);
        differences += Long.parseLong(words[2]);
        kept.add(line);
      }
    }
    Files.write(FILE, kept);
    for (Sweep sweep : sweeps()) {
      if (done.contains(sweep.name)) {
        continue;
      }
      long found = sweep.differences.getAsLong();
      differences += found;
      String line = sweep.name + "\t" + (1L << 32) + "\t" + found + "\t" + digest + "\n";
      Files.writeString(FILE, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      System.out.print(line);
    }
    assertEquals(0, differences);
  }

  private static List<Sweep> sweeps() {
    List<Sweep> sweeps = new ArrayList<>();
    List<NumericFormat> everyMode =
        List.of(Formats.FP16, Formats.BF16, Formats.E4M3FN, Formats.E5M2, Formats.LNS8);
    List<Rounding> modes =
        List.of(
            Rounding.TOWARD_ZERO,
            Rounding.TOWARD_POSITIVE,
            Rounding.TOWARD_NEGATIVE,
            Rounding.NEAREST_AWAY,
            Rounding.TO_ODD);
    for (NumericFormat format : everyMode) {
      sweeps.add(floats(format, format.defaultProjection()));
    }
    for (NumericFormat format : List.of(Formats.FP16, Formats.BF16)) {
      sweeps.add(pairs(format, "add", (a, x, y) -> a.add(x, y), (x, y) -> x + y));
      sweeps.add(pairs(format, "multiply", (a, x, y) -> a.multiply(x, y), (x, y) -> x * y));
      sweeps.add(pairs(format, "divide", (a, x, y) -> a.divide(x, y), (x, y) -> x / y));
    }
    for (Rounding mode : modes) {
      for (NumericFormat format : everyMode) {
        sweeps.add(floats(format, format.defaultProjection().with(mode)));
      }
    }
    for (NumericFormat format :
        Stream.concat(
                Formats.all().stream().filter(f -> f.width() <= 16 && !everyMode.contains(f)),
                Stream.of(Formats.TF32, Formats.parse("lns:b16g2048")))
            .toList()) {
      sweeps.add(floats(format, format.defaultProjection()));
    }
    return sweeps;
  }

  private static Sweep floats(NumericFormat format, Projection projection) {
    String name = "encode float32 to " + format.name() + ", " + projection.rounding();
    return new Sweep(
        name,
        () -> {
          Codec codec = Codec.of(format, projection);
          LongAdder differences = new LongAdder();
          IntStream.range(0, 1 << 16)
              .parallel()
              .forEach(high -> {
                float[] floats = new float[BLOCK];
                int[] codes = new int[BLOCK];
                for (int low = 0; low < BLOCK; low++) {
                  floats[low] = Float.intBitsToFloat((high << 16) | low);
                }
                codec.encode(floats, 0, codes, 0, BLOCK);
                int different = 0;
                for (int i = 0; i < BLOCK; i++) {
                  different += codes[i] == format.encode(floats[i], projection) ? 0 : 1;
                }
                differences.add(different);
              });
          return differences.sum();
        });
  }

  private interface OnCodes {
    int apply(Arithmetic arithmetic, int a, int b);
  }

  private interface OnFloats {
    float apply(float a, float b);
  }

  /**
   * To nearest, an operation in float32 rounded again to fp16 or bf16 is the operation rounded
   * once, since 24 bits are at least 2 * 11 + 2 (Figueroa 1995).
   */
  private static Sweep pairs(
      NumericFormat format, String operation, OnCodes onCodes, OnFloats onFloats) {
    return new Sweep(
        operation + " " + format.name() + ", all pairs, nearest-even",
        () -> {
          Projection projection = new Projection(Rounding.NEAREST_EVEN, Saturation.IEEE);
          Arithmetic arithmetic = Arithmetic.of(format, projection);
          Codec codec = Codec.of(format, projection);
          float[] values = new float[BLOCK];
          for (int code = 0; code < BLOCK; code++) {
            values[code] = format.decode(code);
          }
          LongAdder differences = new LongAdder();
          IntStream.range(0, 1 << 16)
              .parallel()
              .forEach(a -> {
                float[] results = new float[BLOCK];
                int[] codes = new int[BLOCK];
                for (int b = 0; b < BLOCK; b++) {
                  results[b] = onFloats.apply(values[a], values[b]);
                }
                codec.encode(results, 0, codes, 0, BLOCK);
                int different = 0;
                for (int b = 0; b < BLOCK; b++) {
                  int code = onCodes.apply(arithmetic, a, b);
                  boolean same = code == codes[b];
                  different += same || (format.isNan(code) && format.isNan(codes[b])) ? 0 : 1;
                }
                differences.add(different);
              });
          return differences.sum();
        });
  }

  private static String digestOfClasses() throws IOException {
    try {
      Path classes =
          Path.of(Formats.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      try (Stream<Path> files = Files.walk(classes)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".class")).sorted().toList()) {
          digest.update(classes.relativize(file).toString().getBytes(StandardCharsets.UTF_8));
          digest.update(Files.readAllBytes(file));
        }
      }
      return HexFormat.of().formatHex(digest.digest(), 0, 8);
    } catch (NoSuchAlgorithmException | URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
