package dev.narrow.quant;

import dev.narrow.formats.Codec;
import java.io.Serializable;
import java.util.Locale;
import java.util.Objects;

/**
 * What quantization did to the values of a tensor: the error report.
 *
 * <p>Below, x is a value before and y = fl32(s × v) the one after quantization, s its factor and v
 * what its code stands for, less the zero point where there is one. Its quotient q is fl32(x / s),
 * the number that was rounded to v.
 *
 * <p>Errors of parts merge into that of the whole. Counts, maxima and histograms are exactly those
 * of the whole however it is divided. Sums are taken in float64 over chunks of 4096 consecutive
 * elements, in sixteen lanes and a tree, and added up exactly over the chunks; so they are the same
 * bits whatever the order, the number of threads and the vectors of the machine, and also the same
 * as those of the whole if each part but the last holds a multiple of 4096 elements. Divided
 * elsewhere, they differ by rounding errors of about 2^-45 of the sum of the terms' magnitudes.
 */
public final class QuantizationError implements Serializable {
  private static final long serialVersionUID = 1;

  /** The error of nothing: the identity of {@link #merge}. */
  public static final QuantizationError NONE =
      new QuantizationError(new ErrorSums(), ExponentHistogram.NONE, ExponentHistogram.NONE);

  private final ErrorSums sums;
  private final ExponentHistogram before;
  private final ExponentHistogram after;

  QuantizationError(ErrorSums sums, ExponentHistogram before, ExponentHistogram after) {
    this.sums = sums;
    this.before = before;
    this.after = after;
  }

  /**
   * Compares a tensor with what a quantizer makes of it.
   *
   * <p>If the codes stand for rotated values, the reference is rotated alike: what is told are the
   * errors in that basis, in which their squares have the same sum.
   *
   * @param reference the values before
   * @param quantized the codes and scales after
   * @throws IllegalArgumentException if the shapes differ
   * @throws UnsupportedOperationException if a storage is not memory of the host
   */
  public static QuantizationError measure(Tensor reference, Tensor quantized) {
    requireShape(reference, quantized);
    Codec codec = Codec.of(quantized.format(), quantized.format().defaultProjection());
    Tensor before = quantized.rotation().map(by -> by.rotate(reference)).orElse(reference);
    return new ErrorScan(before, quantized.unrotated(), false, codec, quantized.scales()).run();
  }

  /**
   * Compares values before and after fake quantization. What a code stood for is found again by
   * rounding y / s to the nearest number of the format.
   *
   * @param reference the values before
   * @param fake the values after
   * @param quantizer what made them
   * @param scales the scales that it used
   * @throws IllegalArgumentException if the shapes differ, or the scales do not fit them
   * @throws UnsupportedOperationException if a storage is not memory of the host
   */
  public static QuantizationError measure(
      Tensor reference, Tensor fake, Quantizer quantizer, Scales scales) {
    requireShape(reference, fake);
    scales.requireFit(fake.shape());
    Codec codec = Codec.of(quantizer.format(), quantizer.format().defaultProjection());
    return new ErrorScan(reference, fake, true, codec, scales).run();
  }

  /**
   * The report of one part of a tensor: an index of an axis, a block or a tile. {@link PartErrors}
   * finds out which are worst.
   *
   * @param reference the values before
   * @param quantized the codes and scales after
   * @param parts how the tensor is divided, which need not be as its scales are
   * @param part which of them, in the row-major order of their grid
   * @throws IllegalArgumentException if the shapes differ, or have too few axes
   * @throws IndexOutOfBoundsException if there is no such part
   * @throws UnsupportedOperationException if a storage is not memory of the host
   */
  public static QuantizationError measure(
      Tensor reference, Tensor quantized, Granularity parts, int part) {
    requireShape(reference, quantized);
    Objects.checkIndex(part, parts.scales(reference.shape()));
    int[] elements = PartErrors.elements(reference.shape(), parts, part);
    return measure(reference.gather(elements), quantized.gather(elements));
  }

  static void requireShape(Tensor reference, Tensor quantized) {
    if (!reference.shape().equals(quantized.shape())) {
      throw new IllegalArgumentException(
          "quantized has shape " + quantized.shape() + ", expected " + reference.shape());
    }
  }

  /** Elements compared. */
  public long count() {
    return before.total();
  }

  /**
   * Finite elements whose quotient lies half an ulp or more beyond the largest finite value of the
   * format, or beyond its lowest: those that an unbounded exponent would have taken further, as in
   * the definition of overflow in IEEE 754, 7.4. In formats without negative numbers also negative
   * elements.
   */
  public long saturated() {
    return sums.saturated;
  }

  /** Finite elements that became infinite or NaN. */
  public long lost() {
    return sums.lost;
  }

  /** Finite elements other than zero that became zero. */
  public long flushed() {
    return sums.flushed;
  }

  /**
   * Elements that became subnormal numbers of the format: v is not zero and below the least number
   * of full precision.
   */
  public long subnormal() {
    return sums.subnormal;
  }

  /** The octaves of x, and how many are zero, infinite and NaN. */
  public ExponentHistogram before() {
    return before;
  }

  /** The octaves of y, and how many are zero, infinite and NaN. */
  public ExponentHistogram after() {
    return after;
  }

  /** Sum of x² over the elements that are finite before and after. */
  public double signal() {
    return sums.signal.value();
  }

  /** Sum of (x - y)² over the elements that are finite before and after. */
  public double noise() {
    return sums.noise.value();
  }

  /**
   * Signal to quantization noise ratio in decibels, 10 log10(signal / noise): infinite if nothing
   * changed, negative infinity if a finite element is {@link #lost}, NaN if there was no finite
   * one. Elements that were infinite or NaN before do not enter; they are counted in {@link
   * #before} and {@link #after}.
   */
  public double sqnrDb() {
    return moments().sqnrDb();
  }

  /**
   * The cosine of the angle between x and y, sum of x y / sqrt(sum of x² × sum of y²) over the
   * elements that are finite before and after: -1 to 1, NaN where one of them is zero.
   */
  public double cosine() {
    return moments().cosine();
  }

  /** The sums alone. */
  public ErrorMoments moments() {
    return new ErrorMoments(
        count(),
        count() - before.infinities() - before.nans(),
        lost(),
        signal(),
        sums.energy.value(),
        sums.product.value(),
        noise());
  }

  /**
   * The largest relative error |x - y| / |x| in float32, over the elements that are finite and not
   * zero before and after, and not saturated: the format's resolution. 0 if there are none.
   */
  public double maxRelative() {
    return sums.maxRelative;
  }

  /** The mean over the elements of {@link #maxRelative}; NaN if there are none. */
  public double meanRelative() {
    return sums.relative.value() / sums.relativeCount;
  }

  /**
   * The largest error in units in the last place, |q - v| / ulp in float32, with ulp the distance
   * from v to the next larger magnitude of the format, and from the largest to the next smaller
   * ({@link dev.narrow.formats.NumericFormat#ulp}); over the elements that are finite before and
   * after and not saturated, those flushed to zero included, but not those under a factor of zero.
   * 0 if there are none. Rounding to nearest has at most 1/2.
   */
  public double maxUlps() {
    return sums.maxUlps;
  }

  /** The mean over the elements of {@link #maxUlps}; NaN if there are none. */
  public double meanUlps() {
    return sums.ulps.value() / sums.ulpCount;
  }

  /**
   * The Kullback-Leibler divergence of {@link #before} from {@link #after} in nats, as {@link
   * ExponentHistogram#divergence} defines it.
   */
  public double divergence() {
    return before.divergence(after);
  }

  /** The error of two parts together. */
  public QuantizationError merge(QuantizationError other) {
    return new QuantizationError(
        sums.plus(other.sums), before.merge(other.before), after.merge(other.after));
  }

  /** Whether all counts, maxima, histograms and sums are the same. */
  @Override
  public boolean equals(Object other) {
    return other instanceof QuantizationError that
        && sums.equals(that.sums)
        && before.equals(that.before)
        && after.equals(that.after);
  }

  @Override
  public int hashCode() {
    return Objects.hash(sums, before, after);
  }

  /**
   * All figures in one line, for example {@code SQNR 31.52 dB, relative error 0.0625 max 0.0221
   * mean, ...}.
   */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "SQNR %.2f dB, relative error %.3g max %.3g mean, ulps %.3g max %.3g mean, cosine %.6f,"
            + " divergence %.3g, of %d elements %d saturated, %d flushed, %d subnormal,"
            + " %d infinite and %d NaN, before %d and %d",
        sqnrDb(),
        maxRelative(),
        meanRelative(),
        maxUlps(),
        meanUlps(),
        cosine(),
        divergence(),
        count(),
        saturated(),
        flushed(),
        subnormal(),
        after.infinities(),
        after.nans(),
        before.infinities(),
        before.nans());
  }
}
