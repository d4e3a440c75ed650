package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.EdgeCasesMode;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import net.jqwik.api.statistics.Statistics;

/** Good files gone bad are read or refused, and cost no more memory than they have bytes. */
class GgufMutationTest {
  /** What opening a file allocates besides: channel, mapping, header, message, stack trace. */
  private static final long SMALL_OBJECTS = 128 << 10;

  /** Elements for reading, here once. */
  private static final float[] PIECE = new float[1000];

  private static final List<byte[]> GOOD = List.of(GgufFiles.fromPackage(), allTypes());

  private static Path file = Path.of("");

  @BeforeContainer
  static void warmUp() throws IOException {
    file = Files.createTempFile("narrow", ".gguf");
    for (byte[] good : GOOD) {
      Files.write(file, good);
      readWhole();
    }
  }

  @AfterContainer
  static void delete() throws IOException {
    Files.delete(file);
  }

  /** A tensor of each type, and arrays in arrays. */
  private static byte[] allTypes() {
    byte[] row = GgufFiles.array(GgufValueType.UINT8, new byte[] {1}, new byte[] {2});
    GgufFiles files =
        new GgufFiles()
            .field("rows", GgufValueType.ARRAY, GgufFiles.array(GgufValueType.ARRAY, row, row))
            .field("general.alignment", GgufValueType.UINT32, GgufFiles.int32(32));
    long at = 0;
    for (GgufType type : GgufType.values()) {
      files.tensor(type.name(), type.id(), at, type.blockElements(), 1);
      at += Math.ceilDiv(type.blockBytes(), 32) * 32L;
    }
    return files.tensor("future", 77, at, 5).with((int) at + 7);
  }

  /** One thing that goes wrong with a file; places beyond its end are taken from its start on. */
  sealed interface Damage {
    byte[] done(byte[] bytes);

    record Flip(int at, int bit) implements Damage {
      @Override
      public byte[] done(byte[] bytes) {
        bytes[at % bytes.length] ^= (byte) (1 << bit);
        return bytes;
      }
    }

    record Cut(int length) implements Damage {
      @Override
      public byte[] done(byte[] bytes) {
        return Arrays.copyOf(bytes, Math.max(1, length % bytes.length));
      }
    }

    record Splice(int from, int to, int length) implements Damage {
      @Override
      public byte[] done(byte[] bytes) {
        int n = Math.min(length, bytes.length - Math.max(from, to) % bytes.length);
        int start = Math.min(from, to) % bytes.length;
        n = Math.min(n, bytes.length - start);
        System.arraycopy(bytes, Math.max(from, to) % bytes.length, bytes, start, n);
        return bytes;
      }
    }

    /** The low bytes of a number, in place of what is there. */
    record Overwrite(int at, long value, int size) implements Damage {
      @Override
      public byte[] done(byte[] bytes) {
        byte[] number =
            ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
        int start = at % bytes.length;
        System.arraycopy(number, 0, bytes, start, Math.min(size, bytes.length - start));
        return bytes;
      }
    }
  }

  @Provide
  Arbitrary<List<Damage>> damages() {
    // Most of it where the header is, which begins with the counts.
    Arbitrary<Integer> at =
        Arbitraries.frequencyOf(
            Tuple.of(1, Arbitraries.integers().between(0, 32)),
            Tuple.of(4, Arbitraries.integers().between(0, 2200)),
            Tuple.of(3, Arbitraries.integers().between(0, 8000)));
    Arbitrary<Long> huge =
        Arbitraries.oneOf(
            Arbitraries.longs().between(0, 300),
            Arbitraries.of(-1L, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 61, 1L << 32, 0x7FFF_FFFFL));
    Arbitrary<Damage> damage =
        Arbitraries.oneOf(
            Combinators.combine(at, Arbitraries.integers().between(0, 7)).as(Damage.Flip::new),
            at.map(Damage.Cut::new),
            Combinators.combine(at, at, Arbitraries.integers().between(1, 200))
                .as(Damage.Splice::new),
            Combinators.combine(at, huge, Arbitraries.of(1, 4, 8)).as(Damage.Overwrite::new));
    return damage.list().ofMinSize(1).ofMaxSize(3);
  }

  @Provide
  Arbitrary<byte[]> good() {
    return Arbitraries.of(GOOD);
  }

  @Property(tries = 2_000, edgeCases = EdgeCasesMode.NONE)
  void damagedFilesAreReadOrRefused(
      @ForAll("good") byte[] good, @ForAll("damages") List<Damage> damages) throws Exception {
    byte[] bad = good.clone();
    for (Damage damage : damages) {
      bad = damage.done(bad);
    }
    Files.write(file, bad);
    String outcome = outcome();
    long before = allocated();
    outcome(); // once more: the first time code on the way has been linked, too
    long taken = allocated() - before - bad.length;
    assertTrue(taken < SMALL_OBJECTS, () -> taken + " bytes allocated");
    Statistics.collect(outcome);
    Statistics.coverage(coverage -> {
      coverage.check("read").percentage(share -> share > 3);
      coverage.check("refused").percentage(share -> share > 30);
    });
  }

  private static String outcome() {
    try {
      readWhole();
      return "read";
    } catch (TensorFileException refused) {
      String message = String.valueOf(refused.getMessage());
      assertTrue(message.startsWith(file + ": ") && message.lines().count() == 1, message);
      return "refused";
    }
  }

  /** Opens the file and reads all that can be read. */
  private static void readWhole() {
    try (GgufFile gguf = GgufFile.open(file)) {
      for (TensorInfo tensor : gguf.tensors()) {
        assertEquals(tensor.bytes(), gguf.bytes(tensor.name()).byteSize());
        GgufType type = GgufType.of(gguf.find(tensor.name()).typeId());
        if (type != null && type.canDecode()) {
          for (long at = 0; tensor.elements() - at >= PIECE.length; at += PIECE.length) {
            gguf.read(tensor.name(), at, PIECE);
          }
          int rest = (int) (tensor.elements() % PIECE.length);
          gguf.read(tensor.name(), tensor.elements() - rest, new float[rest]);
        }
      }
    }
  }

  /** The lengths are true here, but nothing of it is needed. */
  @Example
  void longValuesTakeNoMemory() throws Exception {
    byte[][] tokens = new byte[100_000][];
    Arrays.setAll(tokens, i -> GgufFiles.string("token" + i));
    byte[][] merges = new byte[100_000][];
    byte[] pair = GgufFiles.array(GgufValueType.STRING, tokens[0], tokens[1]);
    Arrays.fill(merges, pair);
    GgufFiles files =
        new GgufFiles()
            .field("merges", GgufValueType.ARRAY, GgufFiles.array(GgufValueType.ARRAY, merges))
            .field("tokens", GgufValueType.ARRAY, GgufFiles.array(GgufValueType.STRING, tokens))
            .field("text", GgufValueType.STRING, GgufFiles.string("x".repeat(1_000_000)))
            .field(
                "scores",
                GgufValueType.ARRAY,
                GgufFiles.array(GgufValueType.UINT8, new byte[1_000_000]));
    Files.write(file, files.with(0));
    assertOpensInLittleMemory();
  }

  /** Three gibibytes that are nearly all a string, an array, a tensor. */
  @Example
  void hugeFilesTakeNoMemory() throws Exception {
    long huge = 3L << 30;
    byte[] text = new GgufBytes().int64(huge).toArray();
    assertOpensInLittleMemory(new GgufFiles().field("s", GgufValueType.STRING, text), 45, huge);
    byte[] array = new GgufBytes().int32(GgufValueType.UINT64.id()).int64(huge / 8).toArray();
    assertOpensInLittleMemory(new GgufFiles().field("a", GgufValueType.ARRAY, array), 49, huge);
    assertOpensInLittleMemory(new GgufFiles().tensor("t", 0, 0, huge / 4), 64, huge);
  }

  /** Few bytes for each key and tensor in a file become many in memory, so there is a limit. */
  @Example
  void countsAreLimitedInLargeFilesToo() throws Exception {
    byte[] start = new GgufFiles().header();
    for (int at : new int[] {8, 16}) {
      byte[] counts = start.clone();
      ByteBuffer.wrap(counts).order(ByteOrder.LITTLE_ENDIAN).putLong(at, 300_000);
      try (var out = new RandomAccessFile(file.toFile(), "rw")) {
        out.setLength(0);
        out.write(counts);
        out.setLength(64 << 20);
      }
      String field = at == 8 ? "tensor count" : "metadata count";
      int most = at == 8 ? 262_144 : 65_536;
      assertEquals(
          file + ": " + field + " at byte " + at + " is 300000, expected at most " + most,
          assertThrows(TensorFileException.class, () -> GgufFile.open(file)).getMessage());
    }
    Files.write(file, new byte[0]);
  }

  /** The first bytes of a file, and after them so many zeros. */
  private static void assertOpensInLittleMemory(GgufFiles files, int headerBytes, long zeros)
      throws Exception {
    try (var out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(0);
      out.write(files.header(), 0, headerBytes);
      out.setLength(headerBytes + zeros);
    }
    assertOpensInLittleMemory();
    Files.write(file, new byte[0]);
  }

  private static void assertOpensInLittleMemory() throws ReflectiveOperationException {
    long before = allocated();
    GgufFile.open(file).close();
    long taken = allocated() - before;
    assertTrue(taken < SMALL_OBJECTS, () -> taken + " bytes allocated");
  }

  /** Bytes that this thread has allocated so far. */
  private static long allocated() throws ReflectiveOperationException {
    // By reflection: the module itself does not need jdk.management.
    Object bean =
        Class.forName("java.lang.management.ManagementFactory")
            .getMethod("getThreadMXBean")
            .invoke(null);
    Method method =
        Class.forName("com.sun.management.ThreadMXBean")
            .getMethod("getCurrentThreadAllocatedBytes");
    return (long) method.invoke(bean);
  }
}
