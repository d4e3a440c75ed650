package dev.narrow.cli;

import static dev.narrow.cli.Narrow.assertRefused;
import static dev.narrow.cli.Narrow.output;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import dev.narrow.quant.files.FortranOrder;
import dev.narrow.quant.files.NpyHeader;
import dev.narrow.quant.files.NpyReader;
import dev.narrow.quant.files.NpyType;
import dev.narrow.quant.files.NpyWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code narrow encode} and {@code narrow decode} on files. */
class ArrayCommandsTest {
  @TempDir Path directory;

  private String path(String name) {
    return directory.resolve(name).toString();
  }

  /** Writes numbers, given in C order, as a file of any float type. */
  private String floats(
      String name, double[] values, NpyType.Kind kind, boolean fortranOrder, Long... shape)
      throws IOException {
    NpyHeader header =
        new NpyHeader(new NpyType(kind, ByteOrder.BIG_ENDIAN), fortranOrder, List.of(shape));
    ByteBuffer body = ByteBuffer.allocate((int) header.bodyBytes());
    FortranOrder order = new FortranOrder(header.shape());
    for (int place = 0; place < values.length; place++) {
      double value = values[fortranOrder ? (int) order.next() : place];
      switch (kind) {
        case F2 -> body.putShort(Float.floatToFloat16((float) value));
        case F4 -> body.putFloat((float) value);
        default -> body.putDouble(value);
      }
    }
    try (OutputStream out = Files.newOutputStream(directory.resolve(name))) {
      new NpyWriter(out, header);
      out.write(body.array());
    }
    return path(name);
  }

  /** Writes codes as they shall lie in the file. */
  private String codes(String name, int[] codes, NpyHeader header) throws IOException {
    try (OutputStream out = Files.newOutputStream(directory.resolve(name))) {
      NpyWriter writer = new NpyWriter(out, header);
      int size = header.type().kind().bytes();
      ByteBuffer body = ByteBuffer.allocate(codes.length * size).order(header.type().order());
      for (int code : codes) {
        switch (size) {
          case 1 -> body.put((byte) code);
          case 2 -> body.putShort((short) code);
          default -> body.putInt(code);
        }
      }
      writer.write(body.array(), codes.length);
      writer.finish();
    }
    return path(name);
  }

  /** The codes of a file in C order. */
  private static int[] codes(String file) throws IOException {
    try (NpyReader reader = NpyReader.open(Path.of(file))) {
      int[] inFile = new int[Math.toIntExact(reader.header().elements())];
      assertEquals(inFile.length, reader.read(inFile));
      if (!reader.header().fortranOrder()) {
        return inFile;
      }
      int[] codes = new int[inFile.length];
      FortranOrder order = new FortranOrder(reader.header().shape());
      for (int code : inFile) {
        codes[(int) order.next()] = code;
      }
      return codes;
    }
  }

  private static double[] gaussian(int n) {
    return new Random(3).doubles(n).map(u -> 40 * (u - 0.5) * (u - 0.5) * (u - 0.5)).toArray();
  }

  private static int[] expected(
      double[] values, NpyType.Kind kind, NumericFormat format, Projection p, long seed) {
    int[] codes = new int[values.length];
    RandomBits random = new RandomBits(seed, 0);
    for (int i = 0; i < codes.length; i++) {
      float single = (float) values[i];
      double x =
          switch (kind) {
            case F2 -> Float.float16ToFloat(Float.floatToFloat16(single));
            case F4 -> single;
            default -> values[i];
          };
      codes[i] = format.encode(x, p, random.word(i));
    }
    return codes;
  }

  /** 24 x 70 x 50 elements: more than a block, in each order. */
  @ParameterizedTest
  @CsvSource({
    "F2, e4m3fn, nearest-even, ieee",
    "F4, e5m2, to-odd, ocp-sat",
    "F8, fp16, nearest-away, onnx-nonsat",
    "F2, bf16, stochastic:8, torch",
    "F4, lns8, stochastic:5/linear, ocp-sat",
    "F8, e2m1, stochastic-a:12, p3109-none",
    "F8, tf32, toward-zero, ml-dtypes",
    "F4, fp32, nearest-even, ieee"
  })
  void codesAreThoseOfTheFormatWhateverTheOrderOfTheFile(
      NpyType.Kind kind, String name, String rounding, String saturation) throws IOException {
    double[] values = gaussian(24 * 70 * 50);
    NumericFormat format = Formats.parse(name);
    Projection projection = new Projection(Rounding.parse(rounding), Saturation.parse(saturation));
    int[] expected = expected(values, kind, format, projection, 11);
    for (boolean fortranOrder : new boolean[] {false, true}) {
      String in = floats("in.npy", values, kind, fortranOrder, 24L, 70L, 50L);
      String out = path(fortranOrder ? "f.npy" : "c.npy");
      String said =
          output(
              "encode",
              "--to",
              name,
              "--rounding",
              rounding,
              "--saturation",
              saturation,
              "--seed",
              "11",
              in,
              out);
      assertTrue(said.startsWith(out + ": 84000 codes of " + name), said);
      assertArrayEquals(expected, codes(out));
      try (NpyReader reader = NpyReader.open(Path.of(out))) {
        assertEquals(NpyType.ofCodes(format.width()), reader.header().type());
        assertEquals(fortranOrder, reader.header().fortranOrder());
      }
    }
  }

  /** The README's example, word for word. */
  @Test
  void theReadmeShowsWhatTheCommandsSay() throws IOException {
    floats(
        "weights.npy", new double[] {1, -0.3, 448, 1e9, 1e-9, 2}, NpyType.Kind.F4, false, 2L, 3L);
    String readme = Files.readString(Path.of("..", "README.md"));
    Matcher example =
        Pattern.compile("\n\\$ \\./narrow ((?:encode|decode) .*)\n(.*)").matcher(readme);
    int found = 0;
    for (; example.find(); found++) {
      String[] args =
          Arrays.stream(example.group(1).split(" ", -1))
              .map(arg -> arg.endsWith(".npy") ? path(arg) : arg)
              .toArray(String[]::new);
      Narrow.Outcome outcome = Narrow.narrow(args);
      String said = (outcome.out() + outcome.err()).replace(path("x").replaceFirst("x$", ""), "");
      assertEquals(example.group(2) + "\n", said);
    }
    assertEquals(4, found);
  }

  @Test
  void float64IsRoundedOnce() throws IOException {
    String in = floats("in.npy", new double[] {1 + 0x1p-11 + 0x1p-40}, NpyType.Kind.F8, false, 1L);
    output("encode", "--to", "fp16", in, path("out.npy"));
    assertArrayEquals(new int[] {0x3C01}, codes(path("out.npy")));
  }

  @Test
  void theSaturationOfTheFormatIsTheDefault() throws IOException {
    double[] values = {1e9, Double.NEGATIVE_INFINITY, Double.NaN, 449, 0x1p-30};
    String in = floats("in.npy", values, NpyType.Kind.F4, false, 5L);
    output("encode", "--to", "e4m3fn", in, path("out.npy"));
    assertArrayEquals(new int[] {0x7F, 0xFF, 0x7F, 0x7E, 0}, codes(path("out.npy")));
    output("encode", "--force", "--to", "e4m3fn", "--saturation", "ocp-sat", in, path("out.npy"));
    assertArrayEquals(new int[] {0x7E, 0xFE, 0x7F, 0x7E, 0}, codes(path("out.npy")));
  }

  @Test
  void whatBecameOfTheNumbersIsCounted() throws IOException {
    double[] values = {1e9, -500, 449, Double.POSITIVE_INFINITY, Double.NaN, 0x1p-30, 0, 2};
    String said = ": 8 codes of e4m3fn in u1; 3 overflowed, 1 infinite, 1 NaN, 1 became zero\n";
    for (boolean fortranOrder : new boolean[] {false, true}) {
      String in = floats("in.npy", values, NpyType.Kind.F8, fortranOrder, 2L, 4L);
      String[] encode = {"encode", "--force", "--to", "e4m3fn", in, path("out.npy")};
      assertEquals(path("out.npy") + said, output(encode));
      String[] stochastic = Arrays.copyOf(encode, 8);
      stochastic[6] = "--rounding";
      stochastic[7] = "stochastic:4";
      assertEquals(path("out.npy") + said, output(stochastic));
      JsonNode json =
          JsonMapper.shared()
              .readTree(
                  output(
                      Stream.concat(Stream.of(encode), Stream.of("--json"))
                          .toArray(String[]::new)));
      assertEquals(3, json.get("overflowed").asInt());
      assertEquals(1, json.get("flushed").asInt());
      assertEquals("nearest-even", json.get("rounding").asString());
    }
  }

  @Test
  void theSeedDecides() throws IOException {
    String in = floats("in.npy", gaussian(1000), NpyType.Kind.F4, false, 1000L);
    for (String[] seed : new String[][] {{"a", "0"}, {"b", "1"}, {"c", "1"}}) {
      output(
          "encode",
          "--to",
          "e2m1",
          "--rounding",
          "stochastic:8",
          "--seed",
          seed[1],
          in,
          path(seed[0]));
    }
    output("encode", "--to", "e2m1", "--rounding", "stochastic:8", in, path("default"));
    assertFalse(Arrays.equals(codes(path("a")), codes(path("b"))));
    assertArrayEquals(codes(path("b")), codes(path("c")));
    assertArrayEquals(codes(path("a")), codes(path("default")));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void scalarsAndEmptyArraysAreArrays(boolean fortranOrder) throws IOException {
    String scalar = floats("scalar.npy", new double[] {-2}, NpyType.Kind.F8, fortranOrder);
    output("encode", "--to", "e5m2", scalar, path("code.npy"));
    output("decode", "--from", "e5m2", path("code.npy"), path("back.npy"));
    try (NpyReader reader = NpyReader.open(directory.resolve("back.npy"))) {
      assertEquals(List.of(), reader.header().shape());
      float[] back = new float[2];
      assertEquals(1, reader.read(back));
      assertEquals(-2, back[0]);
    }
    String empty = floats("empty.npy", new double[0], NpyType.Kind.F4, fortranOrder, 3L, 0L);
    output("encode", "--to", "fp16", "--rounding", "stochastic:4", empty, path("none.npy"));
    output("decode", "--from", "fp16", path("none.npy"), path("nothing.npy"));
    try (NpyReader reader = NpyReader.open(directory.resolve("nothing.npy"))) {
      assertEquals(List.of(3L, 0L), reader.header().shape());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"e4m3fn", "lns8-madam", "fp16", "tf32", "posit8", "int4", "nf4"})
  void everyCodeIsDecodedAsTheFormatDoes(String name) throws IOException {
    NumericFormat format = Formats.parse(name);
    int n = 1 << Math.min(16, format.width());
    int[] codes = new int[n];
    Arrays.setAll(codes, i -> i << Math.max(0, format.width() - 16));
    NpyHeader header =
        new NpyHeader(NpyType.ofCodes(format.width()), true, List.of(2L, (long) n / 2));
    String in = codes("codes.npy", codes, header);
    assertEquals(
        path("out.npy") + ": " + n + " float32 of codes of " + name + "\n",
        output("decode", "--from", name, in, path("out.npy")));
    float[] values = new float[n];
    try (NpyReader reader = NpyReader.open(directory.resolve("out.npy"))) {
      assertEquals("<f4", reader.header().type().toString());
      assertTrue(reader.header().fortranOrder());
      assertEquals(n, reader.read(values));
    }
    for (int i = 0; i < n; i++) {
      assertEquals(Float.floatToIntBits(format.decode(codes[i])), Float.floatToIntBits(values[i]));
    }
  }

  @Test
  void codesInWiderIntegersAreFine() throws IOException {
    NpyType u4 = new NpyType(NpyType.Kind.U4, ByteOrder.BIG_ENDIAN);
    String in = codes("codes.npy", new int[] {0x38, 0xB8}, new NpyHeader(u4, false, List.of(2L)));
    output("decode", "--from", "e4m3fn", in, path("out.npy"));
    try (NpyReader reader = NpyReader.open(directory.resolve("out.npy"))) {
      float[] values = new float[2];
      reader.read(values);
      assertArrayEquals(new float[] {1, -1}, values);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "false, '[1, 0]', 131",
    "true, '[1, 1]', 131",
  })
  void aCodeThatIsNoneIsNamedWithItsPlace(boolean fortranOrder, String index, int offset)
      throws IOException {
    NpyHeader header = new NpyHeader(NpyType.ofCodes(4), fortranOrder, List.of(2L, 3L));
    String in = codes("codes.npy", new int[] {1, 2, 3, 0x1F, 5, 0x2F}, header);
    assertRefused(
        in
            + ": code at byte "
            + offset
            + ", index "
            + index
            + ", is 0x1F, expected 0 to 0xF: e2m1 has 4 bits",
        "decode",
        "--from",
        "e2m1",
        in,
        path("out.npy"));
    assertOnly("codes.npy");
  }

  /** Nothing else is left in the directory, no temporary file either. */
  private void assertOnly(String... names) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(List.of(names), files.map(f -> f.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void aDamagedFileIsNamedAndLeavesNoOutput() throws IOException {
    String in = floats("in.npy", gaussian(100), NpyType.Kind.F8, false, 100L);
    Files.write(Path.of(in), Arrays.copyOf(Files.readAllBytes(Path.of(in)), 500));
    assertRefused(
        in + ": body at byte 128 has 372 bytes, expected 800 for shape (100,) of >f8",
        "encode",
        "--to",
        "fp16",
        in,
        path("out.npy"));
    assertOnly("in.npy");
  }

  @Test
  void whatIsThereIsNotOverwritten() throws IOException {
    String in = floats("in.npy", gaussian(4), NpyType.Kind.F4, false, 4L);
    String out = Files.writeString(directory.resolve("out.npy"), "precious").toString();
    assertRefused(out + " exists; --force replaces it", "encode", "--to", "fp16", in, out);
    assertEquals("precious", Files.readString(Path.of(out)));
    assertRefused(in + " is the input", "encode", "--to", "fp16", "--force", in, in);
    String link = Files.createLink(directory.resolve("link.npy"), Path.of(in)).toString();
    assertRefused(link + " is the input", "encode", "--to", "fp16", "--force", in, link);
    assertRefused("is a directory", "encode", "--to", "fp16", "--force", in, directory.toString());

    output("encode", "--to", "fp16", "--force", in, out);
    assertEquals(4, codes(out).length);

    // A failure on the way leaves what was there.
    NpyHeader header = new NpyHeader(NpyType.ofCodes(8), false, List.of(1L));
    String bad = codes("bad.npy", new int[] {0x80}, header);
    assertRefused("0x80", "decode", "--from", "e2m3", "--force", bad, out);
    assertEquals(4, codes(out).length);
    assertOnly("bad.npy", "in.npy", "link.npy", "out.npy");
  }

  @Test
  void mistakesAreNamed() throws IOException {
    String in = floats("in.npy", gaussian(4), NpyType.Kind.F4, false, 4L);
    String out = path("out.npy");
    NpyHeader header = new NpyHeader(NpyType.ofCodes(8), false, List.of(1L));
    String codes = codes("codes.npy", new int[] {1}, header);
    assertRefused("--to=FORMAT", "encode", in, out);
    assertRefused("bf16", "encode", "--to", "bf61", in, out);
    assertRefused(
        "expected one of nearest-even", "encode", "--to", "bf16", "--rounding", "nearest", in, out);
    assertRefused(
        "stochastic:1 to stochastic:32",
        "encode",
        "--to",
        "bf16",
        "--rounding",
        "stochastic",
        in,
        out);
    assertRefused(
        "expected one of ocp-sat", "encode", "--to", "bf16", "--saturation", "osp-sat", in, out);
    assertRefused("--seed", "encode", "--to", "bf16", "--seed", "x", in, out);
    assertRefused("there is no such file", "encode", "--to", "bf16", path("no.npy"), out);
    assertRefused("is a directory", "encode", "--to", "bf16", directory.toString(), out);
    assertRefused(
        codes + ": descr is |u1, expected floats: f2, f4 or f8; narrow decode reads codes",
        "encode",
        "--to",
        "bf16",
        codes,
        out);
    assertRefused(
        codes + ": descr is |u1, expected u2 or wider: codes of fp16 have 16 bits",
        "decode",
        "--from",
        "fp16",
        codes,
        out);
    assertRefused(
        in + ": descr is >f4, expected u4: codes of fp32 have 32 bits",
        "decode",
        "--from",
        "fp32",
        in,
        out);
    assertOnly("codes.npy", "in.npy");
  }
}
