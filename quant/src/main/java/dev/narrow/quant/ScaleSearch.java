package dev.narrow.quant;

import dev.narrow.formats.Codec;
import dev.narrow.formats.FixedFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Finds the scales of a tensor, all at once or, where elements of a scale lie together, in parts.
 */
final class ScaleSearch extends Factors {
  private final Quantizer quantizer;
  private final NumericFormat format;
  private final Granularity granularity;
  private final Scaling scaling;
  private final Floats elements;
  private final Shape shape;
  private final BlockKernels kernels = BlockKernels.get();

  private final float[] amax;
  private final float[] values; // the scales; the factors themselves where there is one level
  private final @Nullable Codec scaleCodec; // null where scales need no rounding
  private final float smallest; // of the scales' format
  private final float @Nullable [] outer;
  private final int @Nullable [] outerIndex; // null where there is but one outer scale

  ScaleSearch(Quantizer quantizer, Floats elements, Shape shape) {
    this(quantizer, elements, shape, null);
  }

  private ScaleSearch(
      Quantizer quantizer, Floats elements, Shape shape, float @Nullable [] knownAmax) {
    super(
        new float[quantizer.granularity().scales(shape)],
        quantizer.division(),
        quantizer.scaleRule() == ScaleRule.MIN_TO_MAX
            ? new int[quantizer.granularity().scales(shape)]
            : null);
    this.quantizer = quantizer;
    this.format = quantizer.format();
    this.granularity = quantizer.granularity();
    this.scaling = quantizer.scaling();
    this.elements = elements;
    this.shape = shape;
    this.amax = knownAmax == null ? new float[factors.length] : knownAmax.clone();
    this.scaleCodec =
        scaling.format().equals(Formats.FP32) || isExactIn(scaling.format())
            ? null
            : Codec.of(scaling.format(), scaling.projection());
    this.smallest = (float) scaling.format().limits().minPositive();
    Granularity above = scaling.outer().orElse(null);
    this.values = above == null ? factors : new float[factors.length];
    this.outer =
        above == null
            ? null
            : outerScales(
                knownAmax == null ? amax(elements, shape, above) : outerAmax(knownAmax, above));
    this.outerIndex =
        above == null || above instanceof Granularity.PerTensor
            ? null
            : Scales.outerIndex(granularity, above, shape);
  }

  /** Whether the scales of the rule are powers of two that E8M0 has. */
  private boolean isExactIn(NumericFormat scales) {
    return scales.equals(Formats.E8M0) && scaling.rule().isPowerOfTwo();
  }

  /** fl(amax / (M S)), M the largest value of the elements' format, S that of the scales'. */
  private float[] outerScales(float[] largest) {
    float most = largestElement() * scaling.format().maxFinite();
    for (int i = 0; i < largest.length; i++) {
      largest[i] = largest[i] == 0 ? 1f : Math.max(largest[i] / most, Float.MIN_NORMAL);
    }
    return largest;
  }

  /** The largest of the scales under each outer one. */
  private float[] outerAmax(float[] known, Granularity above) {
    float[] largest = new float[above.scales(shape)];
    int[] index = Scales.outerIndex(granularity, above, shape);
    for (int i = 0; i < known.length; i++) {
      largest[index[i]] = Math.max(largest[index[i]], known[i]);
    }
    return largest;
  }

  /** The scales of elements that have these largest finite magnitudes. */
  static Scales ofAmax(Quantizer quantizer, Shape shape, float[] amax) {
    ScaleSearch search = new ScaleSearch(quantizer, Floats.NONE, shape, amax);
    if (quantizer.scaleRule() == ScaleRule.ONE) {
      search.findAll();
    } else {
      search.decide(0, amax.length);
    }
    return search.scales();
  }

  private float largestElement() {
    return scaling.rule() == ScaleRule.AMAX ? 1f : format.maxFinite();
  }

  /** The largest finite magnitudes. */
  static float[] amax(Floats elements, Shape shape, Granularity granularity) {
    float[] amax = new float[granularity.scales(shape)];
    granularity.forEach(shape, Encoding.chunked(amaxInto(elements, amax)));
    return amax;
  }

  private static Granularity.Visitor amaxInto(Floats elements, float[] target) {
    BlockKernels kernels = BlockKernels.get();
    return (from, n, first, block) ->
        kernels.amax(elements.array(), elements.offset() + from, n, block, target, first);
  }

  /** Chooses by the calibration. */
  private Groups.Choice chooser() {
    return switch (scaling.calibration()) {
      case Calibration.Amax _ -> (x, from, to, _) -> Groups.amax(x, from, to);
      case Calibration.Percentile(double percent) ->
          (x, from, to, _) -> Groups.percentile(x, from, to, percent);
      case Calibration.MinError _ -> new ErrorSearch(trial());
      case Calibration.KlDivergence(int bins) -> new EntropySearch(trial(), bins, format);
    };
  }

  private Trial trial() {
    return new Trial(
        quantizer,
        this,
        (scale, candidate) -> {
          amax[scale] = candidate;
          decide(scale, scale + 1);
        });
  }

  /** Whether {@link #find} can be called for one chunk of a row after the other. */
  boolean isLocal() {
    return granularity instanceof Granularity.PerBlock(int axis, int size)
        && shape.stride(shape.axis(axis)) == 1
        && size <= Encoding.CHUNK
        && scaling.calibration() instanceof Calibration.Amax
        && scaling.rule() != ScaleRule.MIN_TO_MAX
        && scaling.nonFinite() == Scaling.NonFinite.PROJECT;
  }

  /** Finds the scales of a chunk of a row that holds all elements of each. */
  void find(int from, int n, int first, int block) {
    kernels.amax(elements.array(), elements.offset() + from, n, block, amax, first);
    decide(first, first + Math.ceilDiv(n, block));
  }

  /** Finds all scales. */
  void findAll() {
    if (scaling.rule() == ScaleRule.ONE) {
      Arrays.fill(factors, 1f);
      invert(0, factors.length);
      return;
    }
    if (scaling.rule() == ScaleRule.MIN_TO_MAX) {
      findRanges();
      return;
    }
    if (scaling.calibration() instanceof Calibration.Amax) {
      granularity.forEach(shape, Encoding.chunked(amaxInto(elements, amax)));
    } else {
      Groups.of(elements, shape, granularity).choose(this::chooser, amax);
    }
    decide(0, factors.length);
    if (scaling.nonFinite() == Scaling.NonFinite.NAN_SCALE) {
      spoil();
    }
  }

  /** Scales from amax. */
  private void decide(int from, int to) {
    if (outer != null || (scaleCodec != null && scaling.rule() == ScaleRule.AMAX_TO_MAX_FINITE)) {
      divide(amax, largestElement(), from, to, values);
    } else {
      scaling.rule().scales(amax, from, to, format, values);
    }
    if (outer != null) {
      if (outerIndex == null) {
        divide(values, outer[0], from, to, values);
      } else {
        for (int i = from; i < to; i++) {
          values[i] /= outer[outerIndex[i]];
        }
      }
    }
    if (scaleCodec != null) {
      scaleCodec.quantize(values, from, to - from, 1f);
    }
    if (hasZero(amax, from, to) || hasZero(values, from, to)) {
      replaceZeros(from, to);
    }
    if (outer != null) {
      multiplyByOuter(outer, from, to);
    }
    invert(from, to);
  }

  private static void divide(float[] x, float divisor, int from, int to, float[] quotients) {
    for (int i = from; i < to; i++) {
      quotients[i] = x[i] / divisor;
    }
  }

  private void multiplyByOuter(float[] outer, int from, int to) {
    if (outerIndex == null) {
      float one = outer[0];
      for (int i = from; i < to; i++) {
        factors[i] = values[i] * one;
      }
    } else {
      for (int i = from; i < to; i++) {
        factors[i] = values[i] * outer[outerIndex[i]];
      }
    }
  }

  private static boolean hasZero(float[] x, int from, int to) {
    for (int i = from; i < to; i++) {
      if (x[i] == 0) {
        return true;
      }
    }
    return false;
  }

  private void replaceZeros(int from, int to) {
    for (int i = from; i < to; i++) {
      if (amax[i] == 0 || values[i] == 0) {
        values[i] =
            switch (scaling.zero()) {
              case ONE -> amax[i] == 0 ? 1f : smallest;
              case SMALLEST -> smallest;
              case ZERO -> 0f;
            };
      }
    }
  }

  /** Makes the scales of infinities and NaN NaN. */
  private void spoil() {
    granularity.forEach(
        shape,
        (from, n, first, block) -> {
          for (int i = 0; i < n; i++) {
            if (!Float.isFinite(elements.array()[elements.offset() + from + i])) {
              values[first + i / block] = Float.NaN;
              factors[first + i / block] = Float.NaN;
              divisors[first + i / block] = Float.NaN;
            }
          }
        });
  }

  /** Scales and zero points that spread the elements' range, and zero, over all codes. */
  private void findRanges() {
    float[] least = new float[factors.length];
    float[] most = new float[factors.length];
    granularity.forEach(
        shape,
        (from, n, first, block) -> {
          for (int i = 0; i < n; i++) {
            float x = elements.array()[elements.offset() + from + i];
            if (Float.isFinite(x)) {
              int k = first + i / block;
              least[k] = Math.min(least[k], x);
              most[k] = Math.max(most[k], x);
            }
          }
        });
    FixedFormat integers = (FixedFormat) format;
    int high = (int) format.maxFinite();
    int low = integers.symmetric() ? -high : integers.signed() ? -high - 1 : 0;
    int[] points = Objects.requireNonNull(zeroPoints);
    for (int k = 0; k < factors.length; k++) {
      double range = (double) most[k] - least[k];
      // at most what keeps the codes of a symmetric range finite
      double scale = Math.min(range / (high - low), Float.MAX_VALUE / ((high - low + 1.0) / 2));
      factors[k] = range == 0 ? 1f : Math.max((float) scale, Float.MIN_NORMAL);
      points[k] = Math.clamp(low - (long) Math.rint((double) (least[k] / factors[k])), low, high);
      while (Float.isInfinite(factors[k] * (high - points[k]))
          || Float.isInfinite(factors[k] * (low - points[k]))) {
        factors[k] = Math.nextDown(factors[k]);
      }
    }
    invert(0, factors.length);
  }

  /** All scales, once they are found. */
  Scales scales() {
    Scales found = Scales.trusted(granularity, scaling.format(), values);
    if (outer != null) {
      Granularity above = scaling.outer().orElseThrow();
      found = found.under(Scales.trusted(above, Formats.FP32, outer), shape);
    }
    return zeroPoints == null ? found : found.withZeroPoints(zeroPoints);
  }
}
