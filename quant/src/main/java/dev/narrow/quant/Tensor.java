package dev.narrow.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Numbers in a shape: codes of a format, times scales. An fp32 tensor has scales of one and its
 * codes are its values. A user's array or segment is wrapped, never copied.
 *
 * <p>Codes lie in row-major order, each in 1, 2 or 4 bytes: the least that holds the format's
 * width, in native byte order.
 */
public final class Tensor {
  private final Shape shape;
  private final NumericFormat format;
  private final Storage storage;
  private final Scales scales;
  private final @Nullable Quantizer quantizer;
  private final @Nullable Hadamard rotation;

  private Tensor(
      Shape shape,
      NumericFormat format,
      Storage storage,
      Scales scales,
      @Nullable Quantizer quantizer) {
    this(shape, format, storage, scales, quantizer, null);
  }

  private Tensor(
      Shape shape,
      NumericFormat format,
      Storage storage,
      Scales scales,
      @Nullable Quantizer quantizer,
      @Nullable Hadamard rotation) {
    long expected = (long) shape.size() * bytesPerCode(format);
    if (storage.byteSize() != expected) {
      throw new IllegalArgumentException(
          "storage has "
              + storage.byteSize()
              + " bytes, expected "
              + expected
              + " for shape "
              + shape
              + " in "
              + format.name());
    }
    scales.requireFit(shape);
    this.shape = shape;
    this.format = format;
    this.storage = storage;
    this.scales = scales;
    this.quantizer = quantizer;
    this.rotation = rotation;
  }

  /**
   * A tensor over an array of its values: writes to one are seen in the other.
   *
   * @throws IllegalArgumentException if the array's length is not the shape's size
   */
  public static Tensor of(float[] values, int... dims) {
    return of(Storage.of(values), Shape.of(dims), Formats.FP32, Scales.one());
  }

  /**
   * A tensor over memory that holds float32 values in native byte order.
   *
   * @throws IllegalArgumentException if the segment's size is not the shape's size times 4
   */
  public static Tensor of(MemorySegment values, int... dims) {
    return of(Storage.of(values), Shape.of(dims), Formats.FP32, Scales.one());
  }

  /**
   * A tensor over codes.
   *
   * @throws IllegalArgumentException if storage or scales do not fit the shape
   */
  public static Tensor of(Storage codes, Shape shape, NumericFormat format, Scales scales) {
    return new Tensor(shape, format, codes, scales, null);
  }

  /** A tensor of codes that a quantizer has made. */
  static Tensor quantized(Storage codes, Shape shape, Scales scales, Quantizer quantizer) {
    return new Tensor(shape, quantizer.format(), codes, scales, quantizer);
  }

  /** An fp32 tensor of zeros on the heap. */
  public static Tensor zeros(int... dims) {
    Shape shape = Shape.of(dims);
    return of(Storage.of(new float[shape.size()]), shape, Formats.FP32, Scales.one());
  }

  /** Bytes that one code of the format takes in a tensor: 1, 2 or 4. */
  public static int bytesPerCode(NumericFormat format) {
    return format.width() <= 8 ? 1 : format.width() <= 16 ? 2 : 4;
  }

  /** The extents. */
  public Shape shape() {
    return shape;
  }

  /** The format of the codes. */
  public NumericFormat format() {
    return format;
  }

  /** The memory of the codes. */
  public Storage storage() {
    return storage;
  }

  /** The factors of the decoded codes. */
  public Scales scales() {
    return scales;
  }

  /**
   * Bytes that the tensor takes where codes are packed: codes, scales, outer scales, and zero
   * points of 32 bits.
   */
  public long packedBytes() {
    return packedBytes(shape, format, scales);
  }

  /**
   * Bytes that a tensor takes where codes are packed; see {@link #packedBytes()}. A scale that
   * nobody has read is counted, whatever it is.
   */
  public static long packedBytes(Shape shape, NumericFormat format, Scales scales) {
    long bits = (long) shape.size() * format.width();
    if (scales.count() != 1 || scales.areUnread() || !scales.isOne()) {
      bits += (long) scales.count() * scales.format().width();
      bits += scales.outer().map(outer -> outer.count() * 32L).orElse(0L);
      bits += scales.hasZeroPoints() ? scales.count() * 32L : 0;
    }
    return Math.ceilDiv(bits, Byte.SIZE);
  }

  /** How the codes were made, if a quantizer made them. */
  public Optional<Quantizer> quantizer() {
    return Optional.ofNullable(quantizer);
  }

  /**
   * The same codes, but of values that were rotated before they were quantized: {@link #toFloats}
   * turns them back.
   *
   * @throws IllegalArgumentException if the innermost extent is not a multiple of the rotation's
   *     size, or the tensor is rotated already
   */
  public Tensor rotatedBy(Hadamard by) {
    by.requireFit(shape);
    if (rotation != null) {
      throw new IllegalArgumentException("tensor is rotated by " + rotation + " already");
    }
    return new Tensor(shape, format, storage, scales, quantizer, by);
  }

  /** The rotation of the values that the codes stand for, if there is one. */
  public Optional<Hadamard> rotation() {
    return Optional.ofNullable(rotation);
  }

  /** The same codes, standing for rotated values if they were. */
  Tensor unrotated() {
    return rotation == null ? this : new Tensor(shape, format, storage, scales, quantizer);
  }

  /** Whether the codes are float32 values without scales, which can be read and written as such. */
  public boolean isFp32() {
    return format.equals(Formats.FP32) && scales.isOne() && rotation == null;
  }

  /**
   * The values as float32, in a new array: scale × decode(code), rounded once; turned back if they
   * were rotated.
   */
  public float[] toFloats() {
    float[] values = new float[shape.size()];
    TensorReader.of(unrotated(), "tensor").read(0, values.length, values, 0);
    if (rotation != null) {
      return rotation
          .rotateBack(of(Storage.of(values), shape, Formats.FP32, Scales.one()))
          .toFloats();
    }
    return values;
  }

  /** The values as an fp32 tensor of their own, on the heap. */
  public Tensor toFp32() {
    return of(Storage.of(toFloats()), shape, Formats.FP32, Scales.one());
  }

  /**
   * The same codes under other scales, without a copy; made by the same quantizer.
   *
   * @throws IllegalArgumentException if the scales do not fit the shape
   */
  public Tensor withScales(Scales other) {
    return new Tensor(shape, format, storage, other, quantizer, rotation);
  }

  /**
   * The same shape, format and scales over other memory, that holds a copy of the codes, or will.
   *
   * @throws IllegalArgumentException if there are more or fewer bytes
   */
  public Tensor withStorage(Storage other) {
    return new Tensor(shape, format, other, scales, quantizer, rotation);
  }

  /**
   * The same elements in another shape, without a copy.
   *
   * @throws IllegalArgumentException if the sizes differ, or the scales are not one for the tensor
   */
  public Tensor reshape(int... dims) {
    Shape other = Shape.of(dims);
    if (!(scales.granularity() instanceof Granularity.PerTensor) && !other.equals(shape)) {
      throw new IllegalArgumentException(
          "scales " + scales.granularity() + ", expected one scale where the shape changes");
    }
    if (rotation != null
        && (other.rank() == 0 || other.dim(other.rank() - 1) != shape.dim(shape.axis(-1)))) {
      throw new IllegalArgumentException(
          "tensor is rotated along its rows, expected the innermost extent unchanged in " + other);
    }
    return new Tensor(other, format, storage, scales, quantizer, rotation);
  }

  /**
   * The indices from, up to but without to, of the outermost axis, without a copy.
   *
   * @throws IllegalArgumentException if the tensor is a scalar, or a scale would be divided: the
   *     part begins and ends where a scale's rows do
   * @throws IndexOutOfBoundsException if there are no such indices
   */
  public Tensor slice(int from, int to) {
    Objects.checkFromToIndex(from, to, shape.dim(0));
    long row = (long) shape.stride(0) * bytesPerCode(format);
    Storage part = storage.slice(from * row, (to - from) * row);
    Scales partScales = scales.slice(shape, from, to);
    Shape partShape = shape.with(0, to - from);
    if (rotation != null && shape.rank() == 1 && (from > 0 || to < shape.dim(0))) {
      throw new IllegalArgumentException("tensor is rotated along its only axis");
    }
    return new Tensor(partShape, format, part, partScales, quantizer, rotation);
  }

  /**
   * A matrix with rows and columns exchanged, codes and scales alike, in memory of its own: nothing
   * is quantized again. A matrix product runs along the innermost axis of both operands this way,
   * and so do their blocks.
   *
   * @throws IllegalArgumentException if the tensor is not a matrix, or rotated
   * @throws UnsupportedOperationException if the storage is not memory of the host
   */
  public Tensor transpose() {
    if (shape.rank() != 2) {
      throw new IllegalArgumentException("shape = " + shape + ", expected a matrix");
    }
    if (rotation != null) {
      throw new IllegalArgumentException("tensor is rotated along its rows, expected it plain");
    }
    int rows = shape.dim(0);
    int columns = shape.dim(1);
    MemorySegment source = storage.segment();
    MemorySegment target = Encoding.allocate(format, shape.size());
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < columns; c++) {
        copyCode(source, (long) r * columns + c, target, (long) c * rows + r);
      }
    }
    return new Tensor(
        Shape.of(columns, rows), format, Storage.of(target), scales.transpose(shape), null);
  }

  /** The elements with these places in row-major order, each with its own factor. */
  Tensor gather(int[] elements) {
    MemorySegment target = Encoding.allocate(format, elements.length);
    for (int i = 0; i < elements.length; i++) {
      copyCode(storage.segment(), elements[i], target, i);
    }
    Scales gathered = scales.isOne() ? Scales.one() : scales.gather(shape, elements);
    return new Tensor(Shape.of(elements.length), format, Storage.of(target), gathered, null);
  }

  private void copyCode(MemorySegment source, long from, MemorySegment target, long to) {
    switch (bytesPerCode(format)) {
      case 1 -> target.set(JAVA_BYTE, to, source.get(JAVA_BYTE, from));
      case 2 ->
          target.set(JAVA_SHORT_UNALIGNED, 2 * to, source.get(JAVA_SHORT_UNALIGNED, 2 * from));
      default -> target.set(JAVA_INT_UNALIGNED, 4 * to, source.get(JAVA_INT_UNALIGNED, 4 * from));
    }
  }

  /**
   * Whether shape, format, codes, scales and rotation are the same. How they were made does not
   * count.
   *
   * @throws UnsupportedOperationException if a storage is not memory of the host
   */
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Tensor that
        && shape.equals(that.shape)
        && format.equals(that.format)
        && scales.equals(that.scales)
        && Objects.equals(rotation, that.rotation)
        && storage.segment().mismatch(that.storage.segment()) < 0;
  }

  @Override
  public int hashCode() {
    return Objects.hash(shape, format, scales);
  }

  /** The shape and the format, for example {@code e4m3fn[64, 10]}. */
  @Override
  public String toString() {
    return format.name() + shape;
  }
}
