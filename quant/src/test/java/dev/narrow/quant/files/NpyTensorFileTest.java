package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.quant.files.NpyFiles.Golden;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** An .npy file as a file of one tensor. */
class NpyTensorFileTest {
  @TempDir Path directory;

  static List<Golden> golden() throws IOException {
    return NpyFiles.golden();
  }

  /** Whatever the byte order, and whichever axis runs fastest in the file. */
  @ParameterizedTest
  @MethodSource("golden")
  void elementsComeInRowMajorOrder(Golden golden) throws IOException {
    Path path = Files.write(directory.resolve("w.npy"), golden.bytes());
    try (NpyTensorFile file = NpyTensorFile.open(path)) {
      TensorInfo info = file.tensors().getFirst();
      assertEquals("w", info.name());
      assertEquals(golden.shape(), info.shape());
      int n = (int) info.elements();
      float[] expected = new float[n];
      for (int i = 0; i < n; i++) {
        expected[i] = golden.kind().startsWith("f") ? (i - 2) * 0.375f : i * 37 % 251;
      }
      for (int from = 0; from <= n; from++) {
        float[] rest = new float[n - from];
        file.read("w", from, rest);
        assertArrayEquals(Arrays.copyOfRange(expected, from, n), rest);
      }
      assertArrayEquals(expected, file.tensor("w").toFloats());
      boolean wrapped =
          !golden.kind().matches("f8|u4")
              && !golden.fortranOrder()
              && (golden.kind().equals("u1") || golden.order() == ByteOrder.nativeOrder());
      assertEquals(wrapped, file.tensor("w").storage().segment().isMapped());
      assertEquals(info.bytes(), file.bytes("w").byteSize());
    }
  }

  /** Beyond the block in which elements are gathered. */
  @Test
  void aLargeMatrixInFortranOrderIsTransposed() throws IOException {
    int rows = 70;
    int columns = 50;
    byte[] bytes =
        NpyFiles.of("{'descr': '|u1', 'fortran_order': True, 'shape': (70, 50)}", rows * columns);
    float[] expected = new float[rows * columns];
    for (int i = 0; i < expected.length; i++) {
      int place = i / columns + rows * (i % columns);
      bytes[bytes.length - expected.length + place] = (byte) (i * 37);
      expected[i] = i * 37 & 0xff;
    }
    try (NpyTensorFile file = NpyTensorFile.open(Files.write(directory.resolve("m.npy"), bytes))) {
      assertArrayEquals(expected, file.tensor("m").toFloats());
      float[] part = new float[2000];
      file.read("m", 1234, part);
      assertArrayEquals(Arrays.copyOfRange(expected, 1234, 3234), part);
    }
  }

  @Test
  void theTensorIsCalledLikeTheFile() throws IOException {
    byte[] bytes = golden().getFirst().bytes();
    for (String name : List.of("layer.0.npy", ".npy", "array")) {
      try (NpyTensorFile file = NpyTensorFile.open(Files.write(directory.resolve(name), bytes))) {
        String tensor = name.equals("layer.0.npy") ? "layer.0" : "array";
        assertEquals(List.of(tensor), file.tensors().stream().map(TensorInfo::name).toList());
        assertEquals(
            file.path() + " has no tensor 'arrays'" + "; the nearest: " + tensor,
            assertThrows(IllegalArgumentException.class, () -> file.bytes("arrays")).getMessage());
      }
    }
  }
}
