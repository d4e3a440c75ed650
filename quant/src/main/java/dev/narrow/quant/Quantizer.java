package dev.narrow.quant;

import dev.narrow.formats.Codec;
import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Turns fp32 tensors into codes and scales, or into what those stand for (fake quantization): a
 * format, which elements share a scale, how the scale is found, and a projection.
 *
 * <p>An element x under a factor s becomes the code of fl32(x / s); its value is fl32(s ×
 * decode(code)). A factor of zero makes its elements zero. The largest finite magnitude decides the
 * scale: infinities and NaN do not enter, and pass through the projection.
 *
 * <p>With a zero point z ({@link ScaleRule#MIN_TO_MAX}, integer formats without fraction bits) the
 * code is fl32(x / s) rounded to an integer by the projection, plus z, and clamped; its value is
 * fl32(s × (decode(code) - z)). Other orders of these operations are a {@link Division}.
 */
public final class Quantizer {
  private final Codec codec;
  private final Granularity granularity;
  private final Scaling scaling;
  private final Division division;

  private Quantizer(Codec codec, Granularity granularity, Scaling scaling, Division division) {
    this.codec = codec;
    this.granularity = granularity;
    this.scaling = scaling;
    this.division = division;
    if (scaling.rule() == ScaleRule.MIN_TO_MAX
        && !(codec.format() instanceof FixedFormat f && f.width() <= 16 && f.fractionBits() == 0)) {
      throw new IllegalArgumentException(
          "rule = MIN_TO_MAX, expected an integer format of up to 16 bits, not "
              + codec.format().name());
    }
  }

  /**
   * What runs the loops of all quantizers in this process: {@code scalar}, or for example {@code
   * vector 512 bits}.
   */
  public static String kernels() {
    return BlockKernels.get().name();
  }

  /** The format with its default projection, one scale for the tensor, which is 1. */
  public static Quantizer of(NumericFormat format) {
    return new Quantizer(
        Codec.of(format, format.defaultProjection()),
        new Granularity.PerTensor(),
        Scaling.NONE,
        Division.QUOTIENT);
  }

  /** The same with another rule for the scale. */
  public Quantizer with(ScaleRule rule) {
    return with(scaling.with(rule));
  }

  /** The same with scales that are found and kept in another way. */
  public Quantizer with(Scaling other) {
    return new Quantizer(codec, granularity, other, division);
  }

  /** The same with other elements sharing a scale. */
  public Quantizer with(Granularity other) {
    return new Quantizer(codec, other, scaling, division);
  }

  /** The same with another rounding. */
  public Quantizer with(Rounding rounding) {
    return with(projection().with(rounding));
  }

  /** The same with another saturation. */
  public Quantizer with(Saturation saturation) {
    return with(projection().with(saturation));
  }

  private Quantizer with(Projection projection) {
    return new Quantizer(Codec.of(format(), projection), granularity, scaling, division);
  }

  /** The same with another order of operations before the rounding. */
  public Quantizer with(Division other) {
    return new Quantizer(codec, granularity, scaling, other);
  }

  /** The format of the codes. */
  public NumericFormat format() {
    return codec.format();
  }

  /** Which elements share a scale. */
  public Granularity granularity() {
    return granularity;
  }

  /** How a scale is found and kept. */
  public Scaling scaling() {
    return scaling;
  }

  /** How amax decides a scale. */
  public ScaleRule scaleRule() {
    return scaling.rule();
  }

  /** Rounding and saturation. */
  public Projection projection() {
    return codec.projection();
  }

  /** The operations before the rounding. */
  public Division division() {
    return division;
  }

  /**
   * The scales that this quantizer gives a tensor.
   *
   * @throws IllegalArgumentException if the tensor is not fp32, or has too few axes
   */
  public Scales scales(Tensor values) {
    ScaleSearch search = new ScaleSearch(this, Floats.of(values, "values"), values.shape());
    search.findAll();
    return search.scales();
  }

  /** Whether {@link #scales(Shape, float[])} has the scales: amax is all that decides them. */
  public boolean scalesFollowFromAmax() {
    return scaling.calibration() instanceof Calibration.Amax
        && scaling.nonFinite() == Scaling.NonFinite.PROJECT
        && scaleRule() != ScaleRule.MIN_TO_MAX;
  }

  /**
   * The scales that this quantizer gives a tensor whose largest magnitudes somebody else has found,
   * where the elements are.
   *
   * @param shape of the tensor
   * @param amax the largest finite magnitude of the elements of each scale, 0 where there is none,
   *     in the order of the scales
   * @throws IllegalArgumentException if the shape has too few axes, there are not as many as
   *     scales, one is negative, infinite or NaN, or scales do not {@link #scalesFollowFromAmax}
   */
  public Scales scales(Shape shape, float[] amax) {
    if (!scalesFollowFromAmax()) {
      throw new IllegalArgumentException(
          "quantizer = " + this + ", expected one whose scales follow from amax alone");
    }
    int expected = granularity.scales(shape);
    if (amax.length != expected) {
      throw new IllegalArgumentException(
          "amax has " + amax.length + " values, expected " + expected + " for shape " + shape);
    }
    for (int i = 0; i < amax.length; i++) {
      if (!(amax[i] >= 0 && amax[i] <= Float.MAX_VALUE)) {
        throw new IllegalArgumentException(
            "amax[" + i + "] = " + amax[i] + ", expected a finite number of 0 or more");
      }
    }
    return ScaleSearch.ofAmax(this, shape, amax);
  }

  /**
   * Codes and scales of a tensor.
   *
   * @throws IllegalArgumentException if the tensor is not fp32, or has too few axes, or the
   *     rounding is stochastic
   */
  public Tensor quantize(Tensor values) {
    return quantize(values, (RandomBits) null);
  }

  /**
   * Codes and scales of a tensor; element i takes word i of the random bits.
   *
   * @throws IllegalArgumentException if the tensor is not fp32, or has too few axes
   */
  public Tensor quantize(Tensor values, @Nullable RandomBits random) {
    Shape shape = values.shape();
    Floats floats = Floats.of(values, "values");
    ScaleSearch search = new ScaleSearch(this, floats, shape);
    Encoding encoding = new Encoding(this, random, floats);
    MemorySegment codes = Encoding.allocate(format(), shape.size());
    boolean local = search.isLocal();
    if (!local) {
      search.findAll();
    }
    granularity.forEach(
        shape,
        Encoding.chunked((from, n, first, block) -> {
          if (local) {
            search.find(from, n, first, block); // while its elements are in the cache
          }
          encoding.encode(from, n, search, first, block, codes);
        }));
    return Tensor.quantized(Storage.of(codes), shape, search.scales(), this);
  }

  /**
   * Codes under scales that the caller has chosen; element i takes word i of the random bits.
   *
   * @throws IllegalArgumentException if the tensor is not fp32, or the scales do not fit it
   */
  public Tensor quantize(Tensor values, Scales scales, @Nullable RandomBits random) {
    Tensor codes = allocate(values.shape(), scales);
    quantize(values, codes, random);
    return codes;
  }

  /**
   * A tensor under scales that the caller has chosen, on the heap, whose codes are all 0 bits: for
   * results that {@link #quantize(Tensor, Tensor, RandomBits)} writes there.
   *
   * @throws IllegalArgumentException if the scales do not fit the shape
   */
  public Tensor allocate(Shape shape, Scales scales) {
    scales.requireFit(shape);
    return over(Storage.of(Encoding.allocate(format(), shape.size())), shape, scales);
  }

  /**
   * A tensor over codes of this quantizer under scales, in memory of any kind: codes that somebody
   * else has written there, or will.
   *
   * @throws IllegalArgumentException if the storage or the scales do not fit the shape
   */
  public Tensor over(Storage codes, Shape shape, Scales scales) {
    return Tensor.quantized(codes, shape, scales, this);
  }

  /**
   * Writes codes into a tensor, under the scales that it has; element i takes word i of the random
   * bits.
   *
   * @param values fp32
   * @param codes of the same shape, in this quantizer's format
   * @throws IllegalArgumentException if a tensor is not that, or the codes cannot be written
   */
  public void quantize(Tensor values, Tensor codes, @Nullable RandomBits random) {
    if (!codes.shape().equals(values.shape()) || !codes.format().equals(format())) {
      throw new IllegalArgumentException(
          "codes = " + codes + ", expected " + format().name() + values.shape());
    }
    if (codes.scales().hasZeroPoints() != (scaleRule() == ScaleRule.MIN_TO_MAX)) {
      throw new IllegalArgumentException(
          "codes has scales "
              + (codes.scales().hasZeroPoints() ? "with" : "without")
              + " zero points, expected the other with the rule "
              + scaleRule());
    }
    if (codes.rotation().isPresent()) {
      throw new IllegalArgumentException(
          "codes is rotated by " + codes.rotation().get() + ", expected it plain");
    }
    MemorySegment target = codes.storage().segment();
    if (target.isReadOnly()) {
      throw new IllegalArgumentException("codes is read-only, expected memory to write to");
    }
    Encoding encoding = new Encoding(this, random, Floats.of(values, "values"));
    Factors factors = Factors.of(codes.scales(), division);
    codes
        .scales()
        .granularity()
        .forEach(
            values.shape(),
            Encoding.chunked((from, n, first, block) ->
                encoding.encode(from, n, factors, first, block, target)));
  }

  /**
   * Replaces each value by the one that its code stands for. NaN stays NaN, and a zero zero, in
   * formats that have no code for them.
   *
   * @return the scales that were used
   * @throws IllegalArgumentException if the tensor is not fp32 or the rounding is stochastic
   */
  public Scales fakeQuantize(Tensor values) {
    return fakeQuantize(values, null);
  }

  /**
   * Replaces each value by the one that its code stands for; element i takes word i of the random
   * bits.
   *
   * @return the scales that were used
   * @throws IllegalArgumentException if the tensor is not fp32
   */
  public Scales fakeQuantize(Tensor values, @Nullable RandomBits random) {
    Scales scales = scales(values);
    fakeQuantize(values, scales, random);
    return scales;
  }

  /**
   * Replaces each value by the one that its code stands for under scales that the caller has
   * chosen.
   *
   * @throws IllegalArgumentException if the tensor is not fp32 or the scales do not fit it
   */
  public void fakeQuantize(Tensor values, Scales scales, @Nullable RandomBits random) {
    Floats floats = Floats.of(values, "values");
    fakeQuantize(values.shape(), floats, floats, scales, random);
    floats.writeBack(values);
  }

  /**
   * Writes the value that the code of each stands for into another tensor: as a copy and {@link
   * #fakeQuantize(Tensor, RandomBits)}, in one pass.
   *
   * @param values fp32
   * @param target fp32, of the same shape, memory apart from the values
   * @return the scales that were used
   * @throws IllegalArgumentException if a tensor is not that
   */
  public Scales fakeQuantize(Tensor values, Tensor target, @Nullable RandomBits random) {
    if (!target.shape().equals(values.shape())) {
      throw new IllegalArgumentException(
          "target has shape " + target.shape() + ", expected " + values.shape());
    }
    if (values.storage().overlaps(target.storage())) {
      throw new IllegalArgumentException(
          "target shares memory with values, expected memory of its own");
    }
    if (target.storage().isReadOnly()) {
      throw new IllegalArgumentException("target is read-only, expected memory to write to");
    }
    Floats to = Floats.of(target, "target");
    Scales scales = scales(values);
    fakeQuantize(values.shape(), Floats.of(values, "values"), to, scales, random);
    to.writeBack(target);
    return scales;
  }

  private void fakeQuantize(
      Shape shape, Floats values, Floats target, Scales scales, @Nullable RandomBits random) {
    scales.requireFit(shape);
    Encoding encoding = new Encoding(this, random, values);
    Factors factors = Factors.of(scales, division);
    scales
        .granularity()
        .forEach(
            shape,
            Encoding.chunked(
                (from, n, first, block) -> encoding.fake(from, n, factors, first, block, target)));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Quantizer that
        && format().equals(that.format())
        && projection().equals(that.projection())
        && granularity.equals(that.granularity)
        && scaling.equals(that.scaling)
        && division == that.division;
  }

  @Override
  public int hashCode() {
    return Objects.hash(format(), projection(), granularity, scaling, division);
  }

  /**
   * All that makes this quantizer what it is, for example {@code lns8, per tensor, amax to power of
   * two, nearest-even, overflow max-finite, infinity keep, nan nan-or-max, underflow flush}.
   */
  @Override
  public String toString() {
    return String.join(
        ", ",
        format().name(),
        granularity.toString(),
        division == Division.QUOTIENT ? scaling.toString() : scaling + " by " + word(division),
        projection().rounding().toString(),
        projection().saturation().toString());
  }

  private static String word(Division division) {
    return division.name().toLowerCase(Locale.ROOT).replace('_', ' ');
  }
}
