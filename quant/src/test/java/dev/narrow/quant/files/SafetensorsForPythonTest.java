package dev.narrow.quant.files;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.narrow.formats.Codec;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * Writes target/for-python/*.safetensors, which .ci/check-safetensors.py reads with the Python
 * package and compares with what ml_dtypes makes of the same numbers: element i of each tensor is
 * (i - 100) / 16, rounded to its dtype.
 */
class SafetensorsForPythonTest {
  private static final Path DIRECTORY = Path.of("target", "for-python");
  private static final int ROWS = 8;
  private static final int COLUMNS = 32;

  /** What {@code safetensors.numpy} loads. */
  private static final Set<SafetensorsType> NUMPY =
      EnumSet.of(
          SafetensorsType.BOOL,
          SafetensorsType.U8,
          SafetensorsType.I8,
          SafetensorsType.I16,
          SafetensorsType.U16,
          SafetensorsType.F16,
          SafetensorsType.I32,
          SafetensorsType.U32,
          SafetensorsType.F32,
          SafetensorsType.F64,
          SafetensorsType.I64,
          SafetensorsType.U64);

  private static float[] numbers() {
    float[] numbers = new float[ROWS * COLUMNS];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (i - 100) / 16f;
    }
    return numbers;
  }

  /** The numbers in a dtype that is no code of a format. */
  private static MemorySegment plain(SafetensorsType type) {
    ByteBuffer bytes = ByteBuffer.allocate(ROWS * COLUMNS * type.bits() / 8);
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    for (float x : numbers()) {
      switch (type) {
        case BOOL -> bytes.put((byte) (x == 0 ? 0 : 1));
        case I32 -> bytes.putInt((int) Math.rint(x));
        case U32 -> bytes.putInt((int) Math.max(0, Math.rint(x)));
        case I64 -> bytes.putLong((long) Math.rint(x));
        case U64 -> bytes.putLong((long) Math.max(0, Math.rint(x)));
        case F64 -> bytes.putDouble(x);
        default -> throw new AssertionError(type);
      }
    }
    return MemorySegment.ofArray(bytes.array());
  }

  private static void write(String name, Set<SafetensorsType> types) throws IOException {
    List<TensorInfo> tensors = new ArrayList<>();
    types.forEach(t -> tensors.add(t.info(t.name(), List.of((long) ROWS, (long) COLUMNS))));
    SafetensorsWriter.write(
        DIRECTORY.resolve(name),
        true,
        Map.of("written by", "Narrow", "é", "\"\\\n"),
        tensors,
        (tensor, sink) -> {
          SafetensorsType type = SafetensorsType.valueOf(tensor.dtype());
          if (type.format().isEmpty()) {
            sink.write(plain(type));
            return;
          }
          sink.write(codes(type.format().get()));
        });
  }

  private static Tensor codes(NumericFormat format) {
    float[] numbers = numbers();
    int bytesPerCode = Tensor.bytesPerCode(format);
    MemorySegment codes = MemorySegment.ofArray(new byte[numbers.length * bytesPerCode]);
    Codec codec = Codec.of(format, format.defaultProjection());
    codec.encode(MemorySegment.ofArray(numbers), codes, numbers.length);
    return Tensor.of(Storage.of(codes), Shape.of(ROWS, COLUMNS), format, Scales.one());
  }

  @Test
  void whatPythonGetsComesBackHere() throws IOException {
    Set<SafetensorsType> real = EnumSet.complementOf(EnumSet.of(SafetensorsType.C64));
    write("numpy.safetensors", NUMPY);
    write("all.safetensors", real);
    try (TensorFile file = TensorFiles.open(DIRECTORY.resolve("all.safetensors"))) {
      assertEquals(real.size(), file.tensors().size());
      for (SafetensorsType type : real) {
        if (type.format().isPresent()) {
          assertArrayEquals(
              codes(type.format().get()).toFloats(), file.tensor(type.name()).toFloats());
        } else {
          assertEquals(-1, plain(type).mismatch(file.bytes(type.name())));
        }
      }
    }
  }
}
