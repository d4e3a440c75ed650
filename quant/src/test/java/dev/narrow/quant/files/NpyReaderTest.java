package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.quant.files.NpyFiles.Golden;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is read from .npy files, and how what is none of them is refused. */
class NpyReaderTest {
  @TempDir Path directory;

  private Path file(byte[] bytes) throws IOException {
    return Files.write(directory.resolve("x.npy"), bytes);
  }

  static List<Golden> golden() throws IOException {
    return NpyFiles.golden();
  }

  /** The elements in the order of the file. */
  private static double[] read(NpyReader reader, int n) {
    double[] values = new double[n + 1];
    int count;
    switch (reader.header().type().kind()) {
      case F2, F4 -> {
        float[] floats = new float[n + 1];
        count = reader.read(floats);
        for (int i = 0; i < count; i++) {
          values[i] = floats[i];
        }
      }
      case F8 -> count = reader.read(values);
      default -> {
        int[] codes = new int[n + 1];
        count = reader.read(codes);
        for (int i = 0; i < count; i++) {
          values[i] = codes[i];
        }
      }
    }
    assertEquals(n, count);
    return Arrays.copyOf(values, n);
  }

  @ParameterizedTest
  @MethodSource("golden")
  void filesOfNumPyAreRead(Golden golden) throws IOException {
    try (NpyReader reader = NpyReader.open(file(golden.bytes()))) {
      NpyHeader header = reader.header();
      assertEquals(golden.kind(), header.type().kind().toString());
      assertEquals(golden.fortranOrder(), header.fortranOrder());
      assertEquals(golden.shape(), header.shape());
      if (header.type().kind().bytes() > 1) {
        assertEquals(golden.order(), header.type().order());
      }

      int n = Math.toIntExact(header.elements());
      double[] values = read(reader, n);
      double[] expected = new double[n];
      FortranOrder order = new FortranOrder(header.shape());
      for (int place = 0; place < n; place++) {
        long i = header.fortranOrder() ? order.next() : place;
        expected[place] = header.type().kind().isFloat() ? (i - 2) * 0.375 : i * 37 % 251;
      }
      assertArrayEquals(expected, values);
      assertEquals(n, reader.position());
    }
  }

  @Test
  void fortranOrderNamesEveryElementOnce() {
    FortranOrder order = new FortranOrder(List.of(2L, 3L));
    long[] indices = new long[6];
    Arrays.setAll(indices, _ -> order.next());
    assertArrayEquals(new long[] {0, 3, 1, 4, 2, 5}, indices);
  }

  @Test
  void placesInTheFileHaveIndices() {
    NpyType type = new NpyType(NpyType.Kind.U1, ByteOrder.LITTLE_ENDIAN);
    assertEquals("[1, 0, 2]", new NpyHeader(type, false, List.of(2L, 3L, 4L)).indices(14));
    assertEquals("[0, 1, 2]", new NpyHeader(type, true, List.of(2L, 3L, 4L)).indices(14));
    assertEquals("[]", new NpyHeader(type, false, List.of()).indices(0));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n",
        "{\"shape\":(3,4),\"fortran_order\":False,\"descr\":\"<f4\"}",
        " \t{ 'shape' : ( 3 ,\n4 , ) , 'descr' : '<f4' ,\r\n'fortran_order' : False , } \n\n",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L)}", // Python 2
      })
  void theDictionaryIsPython(String dictionary) throws IOException {
    try (NpyReader reader = NpyReader.open(file(NpyFiles.of(dictionary, 48)))) {
      assertEquals(
          new NpyHeader(
              new NpyType(NpyType.Kind.F4, ByteOrder.LITTLE_ENDIAN), false, List.of(3L, 4L)),
          reader.header());
    }
  }

  @ParameterizedTest
  @CsvSource({"'=f4', 4", "|u1, 1", "<u1, 1", ">u1, 1", "=u1, 1"})
  void theByteOrderMayBeThatOfTheMachineOrNone(String descr, int bytes) throws IOException {
    String dictionary = "{'descr': '" + descr + "', 'fortran_order': True, 'shape': ()}";
    try (NpyReader reader = NpyReader.open(file(NpyFiles.of(dictionary, bytes)))) {
      if (bytes > 1) {
        assertEquals(ByteOrder.nativeOrder(), reader.header().type().order());
      }
      assertEquals(1, reader.header().elements());
      assertEquals(bytes, reader.header().bodyBytes());
    }
  }

  @Test
  void anExtentOfZeroMakesAnEmptyArrayWhateverTheOthersAre() throws IOException {
    String dictionary =
        "{'descr': '<f8', 'fortran_order': True, 'shape': (9223372036854775807, 0, 3)}";
    try (NpyReader reader = NpyReader.open(file(NpyFiles.of(dictionary, 0)))) {
      assertEquals(0, reader.header().elements());
      assertEquals(0, reader.read(new double[4]));
    }
  }

  private void assertRefused(byte[] bytes, String message) throws IOException {
    Path file = file(bytes);
    TensorFileException e =
        assertThrows(TensorFileException.class, () -> NpyReader.open(file).close());
    assertEquals(file + ": " + message, e.getMessage());
  }

  private void assertRefused(String dictionary, String message) throws IOException {
    assertRefused(NpyFiles.of(dictionary, 48), message);
  }

  private static String header(String descr, String fortranOrder, String shape) {
    return "{'descr': "
        + descr
        + ", 'fortran_order': "
        + fortranOrder
        + ", 'shape': "
        + shape
        + "}";
  }

  @Test
  void whatIsNoNpyFileIsRefused() throws IOException {
    String magic = "magic string at byte 0 is not \\x93NUMPY: this is no .npy file";
    assertRefused(new byte[0], magic);
    assertRefused("\u0093NUMP".getBytes(StandardCharsets.ISO_8859_1), magic);
    assertRefused(
        "PK\3\4 and so on".getBytes(StandardCharsets.ISO_8859_1),
        magic + " but a .npz or other ZIP archive; unzip it first");
    byte[] fourth = NpyFiles.of(4, header("'<f4'", "False", "()"), 4);
    assertRefused(fourth, "version at byte 6 is 4.0, expected 1.0, 2.0 or 3.0");
    byte[] minor = NpyFiles.of(header("'<f4'", "False", "()"), 4);
    minor[7] = 1;
    assertRefused(minor, "version at byte 6 is 1.1, expected 1.0, 2.0 or 3.0");
  }

  @Test
  void lengthsBeyondTheFileAreRefused() throws IOException {
    byte[] good = NpyFiles.of(header("'<f4'", "False", "(3, 4)"), 48);
    assertRefused(
        Arrays.copyOf(good, 9), "header length at byte 8 is cut off: the file has 9 bytes");
    assertRefused(
        Arrays.copyOf(good, 40),
        "header length at byte 8 is 57, expected at most 30: the file has 40 bytes");
    byte[] huge = NpyFiles.of(2, header("'<f4'", "False", "(3, 4)"), 48);
    huge[11] = (byte) 0xFF;
    assertRefused(
        huge,
        "header length at byte 8 is 4278190137, expected at most 105: the file has 117 bytes");
    assertRefused(
        Arrays.copyOf(good, good.length - 1),
        "body at byte 67 has 47 bytes, expected 48 for shape (3, 4) of <f4");
    assertRefused(
        Arrays.copyOf(good, good.length + 1),
        "body at byte 67 has 49 bytes, expected 48 for shape (3, 4) of <f4");
  }

  @Test
  void aHeaderLongerThanAnyIsRefusedHoweverLongTheFile() throws IOException {
    Path file = directory.resolve("sparse.npy");
    byte[] start = NpyFiles.of(2, "", 0);
    start[11] = 0x10;
    Files.write(file, start);
    try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
      sparse.setLength(1L << 30);
    }
    TensorFileException e = assertThrows(TensorFileException.class, () -> NpyReader.open(file));
    assertEquals(
        file + ": header length at byte 8 is 268435456, expected at most 65535", e.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '"',
      textBlock =
          """
          '<f16' ~ is '<f16' (long double, which differs between machines; save x.astype(np.float64))
          '|V1'  ~ is '|V1' (raw bytes, as ml_dtypes types are saved; save x.astype(np.float32), or the codes as x.view(np.uint8))
          '<i4'  ~ is '<i4' (integers; save x.astype(np.float64) to encode numbers)
          '<u8'  ~ is '<u8' (integers; save x.astype(np.float64) to encode numbers)
          '|b1'  ~ is '|b1' (booleans; save x.astype(np.float32))
          '<c8'  ~ is '<c8' (complex numbers; save x.real and x.imag)
          '|O'   ~ is '|O' (pickled Python objects, which are never loaded)
          'f4'   ~ is 'f4'
          ''     ~ is ''
          '<f4 ' ~ is '<f4 '
          """)
  void otherTypesAreRefusedWithAWordOnWhatToDo(String descr, String problem) throws IOException {
    assertRefused(
        header(descr, "False", "(3, 4)"),
        "descr at byte 20 " + problem + ", expected f2, f4, f8, u1, u2 or u4 after < or >");
  }

  @Test
  void severalBytesNeedAnOrder() throws IOException {
    assertRefused(
        header("'|f4'", "False", "(3, 4)"),
        "descr at byte 20 is '|f4', expected a byte order, < or >, for 4 bytes");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      textBlock =
          """
          (3, -4)                  ; shape[1] at byte 64 is -4, expected 0 or more
          (3)                      ; shape at byte 62 has ')', expected ','
          3                        ; shape at byte 60 has '3', expected '('
          [3, 4]                   ; shape at byte 60 has '[', expected '('
          (3, 4.0)                 ; shape at byte 65 has '.', expected ')'
          (3, True)                ; shape[1] at byte 64 is 'T', expected an extent, 0 to 2^63 - 1
          (3,, 4)                  ; shape[1] at byte 63 is ',', expected an extent, 0 to 2^63 - 1
          (03, 4)                  ; shape[0] at byte 61 is 03, expected no leading zero
          (9223372036854775808, 0) ; shape[0] at byte 61 is 9223372036854775808, expected 0 to 2^63 - 1
          (3037000500, 3037000500) ; shape at byte 60 is (3037000500, 3037000500), expected fewer than 2^63 bytes in all
          (2305843009213693952,)   ; shape at byte 60 is (2305843009213693952,), expected fewer than 2^63 bytes in all
          (4611686018427387904, 4) ; shape at byte 60 is (4611686018427387904, 4), expected fewer than 2^63 bytes in all
          """)
  void shapesThatAreNoneAreRefused(String shape, String message) throws IOException {
    assertRefused(header("'<f4'", "False", shape), message);
  }

  @Test
  void moreAxesThanNumPyHasAreRefused() throws IOException {
    assertRefused(
        header("'<f4'", "False", "(" + "1, ".repeat(65) + ")"),
        "shape at byte 60 has 65 axes, expected at most 64");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '"',
      textBlock =
          """
          [1]                                      ; header at byte 10 has '[', expected '{'
          {'descr': '<f4'                          ; header at byte 25 has its end, expected '}'
          {'descr' '<f4'}                          ; header at byte 19 has ''', expected ':'
          {descr: '<f4'}                           ; header key at byte 11 is 'd', expected a string in quotes
          {'descr                                  ; header key at byte 11 is ''', expected a string in quotes
          {'d\\x65scr': 1}                         ; header key at byte 11 is 'd\\x65scr', expected a string without escapes
          {'desc': '<f4'}                          ; header key at byte 11 is 'desc', expected descr, fortran_order or shape
          {'descr': '<f4', 'descr': '<f4'}         ; header key at byte 27 repeats 'descr', expected it once
          {'descr': '<f4', 'shape': ()}            ; header at byte 10 has no key 'fortran_order'
          {'shape': (), 'fortran_order': True}     ; header at byte 10 has no key 'descr'
          {'descr': '<f4', 'fortran_order': True}  ; header at byte 10 has no key 'shape'
          {'fortran_order': 1}                     ; fortran_order at byte 28 is '1', expected True or False
          {'fortran_order': true}                  ; fortran_order at byte 28 is 't', expected True or False
          {'descr': [('x', '<f4')]}                ; descr at byte 20 is that of records, expected one number per element, such as '<f4'
          {} {}                                    ; header at byte 13 goes on after its dictionary with '{'
          """)
  void otherPythonIsRefused(String dictionary, String message) throws IOException {
    assertRefused(dictionary, message);
  }

  @Test
  void bytesThatAreNoTextAreNamedByNumberAndNeverPrinted() throws IOException {
    assertRefused("{\u001b[2J", "header key at byte 11 is byte 0x1b, expected a string in quotes");
    assertRefused(
        header("'\u001b<f4\u001b'", "False", "()"),
        "descr at byte 20 is '?<f4?', expected f2, f4, f8, u1, u2 or u4 after < or >");
  }

  @Test
  void extentsOfPythonTwoAreNoneInVersionThree() throws IOException {
    assertRefused(
        NpyFiles.of(3, header("'<f4'", "False", "(3L,)"), 12),
        "shape at byte 64 has 'L', expected ','");
  }

  @Test
  void whatIsNoRegularFileIsRefused() {
    Path missing = directory.resolve("missing.npy");
    assertEquals(
        missing + ": there is no such file",
        assertThrows(TensorFileException.class, () -> NpyReader.open(missing)).getMessage());
    assertEquals(
        directory + ": is a directory",
        assertThrows(TensorFileException.class, () -> NpyReader.open(directory)).getMessage());
  }

  @Test
  void aFileThatBecomesShorterWhileItIsReadIsNamed() throws IOException {
    Path file = file(NpyFiles.of(header("'<f4'", "False", "(262144,)"), 1 << 20));
    try (NpyReader reader = NpyReader.open(file)) {
      assertEquals(100, reader.read(new float[100]));
      try (RandomAccessFile shorter = new RandomAccessFile(file.toFile(), "rw")) {
        shorter.setLength((1 << 19) + 100);
      }
      TensorFileException e =
          assertThrows(TensorFileException.class, () -> reader.read(new float[262144]));
      assertEquals(
          file
              + ": body at byte 524358 ends after 30 bytes, expected 524288: the file has become"
              + " shorter",
          e.getMessage());
    }
  }

  @Test
  void elementsOfAnotherTypeAreNotReadAsThese() throws IOException {
    try (NpyReader reader = NpyReader.open(file(NpyFiles.of(header("'<f8'", "False", "()"), 8)))) {
      assertThrows(IllegalStateException.class, () -> reader.read(new float[1]));
      assertThrows(IllegalStateException.class, () -> reader.read(new int[1]));
      assertEquals(1, reader.read(new double[1]));
    }
  }
}
