package dev.narrow.quant.files;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What the elements of a tensor are in a GGUF file: {@code ggml_type} of ggml.h. Elements lie in
 * blocks of a fixed number of consecutive elements of a row and a fixed number of bytes; the
 * layouts are those of ggml-common.h, the values those of the Python package {@code gguf}.
 */
public enum GgufType {
  /** IEEE 754 binary32. */
  F32(0, 1, 4, GgufPlain::f32, GgufPlain::toF32),
  /** IEEE 754 binary16. */
  F16(1, 1, 2, GgufPlain::f16, GgufPlain::toF16),
  /** 4-bit integers less 8, times a binary16 scale. */
  Q4_0(2, 32, 18, GgufBlocks::q4s0, GgufBlocks::toQ4s0),
  /** 4-bit integers times a binary16 scale, plus a binary16 minimum. */
  Q4_1(3, 32, 20, GgufBlocks::q4s1),
  /** 5-bit integers less 16, times a binary16 scale. */
  Q5_0(6, 32, 22, GgufBlocks::q5s0),
  /** 5-bit integers times a binary16 scale, plus a binary16 minimum. */
  Q5_1(7, 32, 24, GgufBlocks::q5s1),
  /** 8-bit integers times a binary16 scale. */
  Q8_0(8, 32, 34, GgufBlocks::q8s0, GgufBlocks::toQ8s0),
  /** The other factor of products with quantized weights; in memory only, not in files. */
  Q8_1(9, 32, 36),
  /** 2-bit integers with 4-bit scales and minima of 16 each, in two levels. */
  Q2_K(10, 256, 84, GgufKBlocks::q2),
  /** 3-bit integers with 6-bit scales of 16 each, in two levels. */
  Q3_K(11, 256, 110, GgufKBlocks::q3),
  /** 4-bit integers with 6-bit scales and minima of 32 each, in two levels. */
  Q4_K(12, 256, 144, GgufKBlocks::q4),
  /** 5-bit integers with 6-bit scales and minima of 32 each, in two levels. */
  Q5_K(13, 256, 176, GgufKBlocks::q5),
  /** 6-bit integers with 8-bit scales of 16 each, in two levels. */
  Q6_K(14, 256, 210, GgufKBlocks::q6),
  /** The other factor of products with quantized weights; in memory only, not in files. */
  Q8_K(15, 256, 292),
  /** 2.0625 bits, codebook. */
  IQ2_XXS(16, 256, 66),
  /** 2.3125 bits, codebook. */
  IQ2_XS(17, 256, 74),
  /** 3.0625 bits, codebook. */
  IQ3_XXS(18, 256, 98),
  /** 1.5625 bits, codebook. */
  IQ1_S(19, 256, 50),
  /** 4-bit codes of a fixed table times a binary16 scale. */
  IQ4_NL(20, 32, 18, GgufTableBlocks::iq4nl),
  /** 3.4375 bits, codebook. */
  IQ3_S(21, 256, 110),
  /** 2.5625 bits, codebook. */
  IQ2_S(22, 256, 82),
  /** 4-bit codes of a fixed table with 6-bit scales of 32 each, in two levels. */
  IQ4_XS(23, 256, 136, GgufTableBlocks::iq4xs),
  /** Signed integers of 8 bits. */
  I8(24, 1, 1, GgufPlain::i8),
  /** Signed integers of 16 bits. */
  I16(25, 1, 2, GgufPlain::i16),
  /** Signed integers of 32 bits. */
  I32(26, 1, 4, GgufPlain::i32),
  /** Signed integers of 64 bits. */
  I64(27, 1, 8, GgufPlain::i64),
  /** IEEE 754 binary64. */
  F64(28, 1, 8, GgufPlain::f64),
  /** 1.75 bits, codebook. */
  IQ1_M(29, 256, 56),
  /** The upper half of a binary32. */
  BF16(30, 1, 2, GgufPlain::bf16, GgufPlain::toBf16),
  /** Rows of Q4_0 interleaved for one processor; ggml reads it no more. */
  Q4_0_4_4(31, 32, 18),
  /** Rows of Q4_0 interleaved for one processor; ggml reads it no more. */
  Q4_0_4_8(32, 32, 18),
  /** Rows of Q4_0 interleaved for one processor; ggml reads it no more. */
  Q4_0_8_8(33, 32, 18),
  /** Ternary, five in a byte. */
  TQ1_0(34, 256, 54),
  /** Ternary, four in a byte. */
  TQ2_0(35, 256, 66),
  /** Rows of IQ4_NL interleaved for one processor; ggml reads it no more. */
  IQ4_NL_4_4(36, 32, 18),
  /** Rows of IQ4_NL interleaved for one processor; ggml reads it no more. */
  IQ4_NL_4_8(37, 32, 18),
  /** Rows of IQ4_NL interleaved for one processor; ggml reads it no more. */
  IQ4_NL_8_8(38, 32, 18),
  /** OCP MX: E2M1 with an E8M0 scale of 32. */
  MXFP4(39, 32, 17, GgufTableBlocks::mxfp4),
  /** E2M1 with E4M3 scales of 16 each. */
  NVFP4(40, 64, 36, GgufTableBlocks::nvfp4),
  /** Signs times a binary16 scale. */
  Q1_0(41, 128, 18);

  private static final @Nullable GgufType[] BY_ID = new @Nullable GgufType[42];

  static {
    for (GgufType type : values()) {
      BY_ID[type.id] = type;
    }
  }

  /** Decodes blocks that follow each other, from a byte of the segment on. */
  @FunctionalInterface
  interface Decoder {
    void decode(MemorySegment src, long at, float[] dst, int to, int blocks);
  }

  /** Encodes to blocks that follow each other, from the segment's first byte on. */
  @FunctionalInterface
  interface Encoder {
    void encode(float[] src, MemorySegment dst, int blocks);
  }

  private final int id;
  private final int blockElements;
  private final int blockBytes;

  @SuppressWarnings("ImmutableEnumChecker") // static methods
  private final @Nullable Decoder decoder;

  @SuppressWarnings("ImmutableEnumChecker")
  private final @Nullable Encoder encoder;

  GgufType(
      int id,
      int blockElements,
      int blockBytes,
      @Nullable Decoder decoder,
      @Nullable Encoder encoder) {
    this.id = id;
    this.blockElements = blockElements;
    this.blockBytes = blockBytes;
    this.decoder = decoder;
    this.encoder = encoder;
  }

  GgufType(int id, int blockElements, int blockBytes, Decoder decoder) {
    this(id, blockElements, blockBytes, decoder, null);
  }

  GgufType(int id, int blockElements, int blockBytes) {
    this(id, blockElements, blockBytes, null, null);
  }

  /** The type with this number in files, if there is one. */
  static @Nullable GgufType of(int id) {
    return id >= 0 && id < BY_ID.length ? BY_ID[id] : null;
  }

  /** The names of all types that are so, for messages. */
  static String names(Predicate<GgufType> property) {
    return Arrays.stream(values())
        .filter(property)
        .map(Enum::name)
        .collect(Collectors.joining(", "));
  }

  /** The type's number in files. */
  public int id() {
    return id;
  }

  /** Elements in a block: 1 where there are no blocks. */
  public int blockElements() {
    return blockElements;
  }

  /** Bytes of a block, its scales among them. */
  public int blockBytes() {
    return blockBytes;
  }

  /** Whether {@link #decode} knows the type. */
  public boolean canDecode() {
    return decoder != null;
  }

  /** Whether {@link #encode} knows the type. */
  public boolean canEncode() {
    return encoder != null;
  }

  /**
   * Some elements as float32: each integer or table entry times its scales, minimum added or
   * subtracted, in float32 arithmetic and in ggml's order; elements without scales rounded once to
   * nearest-even.
   *
   * @param src blocks, from its first byte on
   * @param from the first element, in the middle of a block or not
   * @param dst takes {@code dst.length} elements
   * @throws UnsupportedOperationException if {@link #canDecode} is false
   * @throws IndexOutOfBoundsException if {@code src} does not have so many elements
   */
  public void decode(MemorySegment src, long from, float[] dst) {
    if (decoder == null) {
      throw new UnsupportedOperationException(
          name() + " cannot be decoded, expected one of " + names(GgufType::canDecode));
    }
    Objects.checkFromIndexSize(from, dst.length, src.byteSize() / blockBytes * blockElements);
    long at = from / blockElements * blockBytes;
    int inside = (int) (from % blockElements);
    int done = 0;
    if (inside > 0 && dst.length > 0) {
      done = Math.min(blockElements - inside, dst.length);
      System.arraycopy(block(decoder, src, at), inside, dst, 0, done);
      at += blockBytes;
    }
    int whole = (dst.length - done) / blockElements;
    decoder.decode(src, at, dst, done, whole);
    at += (long) whole * blockBytes;
    done += whole * blockElements;
    if (done < dst.length) {
      System.arraycopy(block(decoder, src, at), 0, dst, done, dst.length - done);
    }
  }

  private float[] block(Decoder decoder, MemorySegment src, long at) {
    float[] block = new float[blockElements];
    decoder.decode(src, at, block, 0, 1);
    return block;
  }

  /**
   * Encodes whole blocks as the Python package {@code gguf} does: F16 and BF16 to nearest-even, the
   * quantized types with the block's largest magnitude at the end of their range.
   *
   * <p>A block with a NaN or an infinity gets it as its scale, and one with numbers too large for a
   * binary16 scale gets infinity; what it decodes to then is NaN or infinity. One with a scale of
   * 2^-25 or less gets zero, and decodes to zeros.
   *
   * @param src the elements of whole rows or parts of rows that begin and end between blocks
   * @param dst takes the blocks, from its first byte on
   * @throws UnsupportedOperationException if {@link #canEncode} is false
   * @throws IllegalArgumentException if {@code src.length} is not a multiple of {@link
   *     #blockElements}
   * @throws IndexOutOfBoundsException if the segment is too small
   */
  public void encode(float[] src, MemorySegment dst) {
    if (encoder == null) {
      throw new UnsupportedOperationException(
          name() + " cannot be encoded, expected one of " + names(GgufType::canEncode));
    }
    if (src.length % blockElements != 0) {
      throw new IllegalArgumentException(
          "src.length = " + src.length + ", expected a multiple of " + blockElements);
    }
    int blocks = src.length / blockElements;
    Objects.checkFromIndexSize(0, (long) blocks * blockBytes, dst.byteSize());
    encoder.encode(src, dst, blocks);
  }
}
