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
  private final float @Nullable [] outer;
  private final int @Nullable [] outerIndex; // null where there is but one outer scale

  ScaleSearch(Quantizer quantizer, Floats elements, Shape shape) {
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
    this.amax = new float[factors.length];
    this.scaleCodec =
        scaling.format().equals(Formats.FP32)
            ? null
            : Codec.of(scaling.format(), scaling.projection());
    Granularity above = scaling.outer().orElse(null);
    this.values = above == null ? factors : new float[factors.length];
    this.outer = above == null ? null : outerScales(above);
    this.outerIndex =
        above == null || above instanceof Granularity.PerTensor
            ? null
            : Scales.outerIndex(granularity, above, shape);
  }

  /** fl(amax / (M S)), M the largest value of the elements' format, S that of the scales'. */
  private float[] outerScales(Granularity above) {
    float[] largest = amax(elements, shape, above);
    float most = largestElement() * scaling.format().maxFinite();
    for (int i = 0; i < largest.length; i++) {
      largest[i] = largest[i] == 0 ? 1f : Math.max(largest[i] / most, Float.MIN_NORMAL);
    }
    return largest;
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
    if (outer != null) {
      float most = largestElement();
      for (int i = from; i < to; i++) {
        values[i] = amax[i] / most / outer[outerIndex == null ? 0 : outerIndex[i]];
      }
    } else if (scaleCodec != null && scaling.rule() == ScaleRule.AMAX_TO_MAX_FINITE) {
      float most = largestElement();
      for (int i = from; i < to; i++) {
        values[i] = amax[i] / most;
      }
    } else {
      scaling.rule().scales(amax, from, to, format, values);
    }
    if (scaleCodec != null) {
      scaleCodec.quantize(values, from, to - from, 1f);
    }
    replaceZeros(from, to);
    if (outer != null) {
      for (int i = from; i < to; i++) {
        factors[i] = values[i] * outer[outerIndex == null ? 0 : outerIndex[i]];
      }
    }
    invert(from, to);
  }

  private void replaceZeros(int from, int to) {
    float smallest = (float) scaling.format().limits().minPositive();
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
      factors[k] = range == 0 ? 1f : Math.max((float) (range / (high - low)), Float.MIN_NORMAL);
      points[k] = Math.clamp(low - (long) Math.rint((double) (least[k] / factors[k])), low, high);
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
