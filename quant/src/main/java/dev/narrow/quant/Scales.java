package dev.narrow.quant;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The factors that turn decoded codes into the values of a tensor: value = factor × decode(code),
 * rounded to float32; with zero points factor × (decode(code) - zero point).
 *
 * <p>A factor is the scale itself, or with two levels fl32(outer × scale).
 */
public final class Scales {
  private static final Scales ONE = of(1f);

  private final Granularity granularity;
  private final NumericFormat format;
  private final float[] values;
  private final float[] factors; // the values where there is one level
  private final @Nullable Scales outer;
  private final int @Nullable [] zeroPoints;

  private Scales(
      Granularity granularity,
      NumericFormat format,
      float[] values,
      float[] factors,
      @Nullable Scales outer,
      int @Nullable [] zeroPoints) {
    this.granularity = granularity;
    this.format = format;
    this.values = values;
    this.factors = factors;
    this.outer = outer;
    this.zeroPoints = zeroPoints;
  }

  /** No scaling: the factor 1 for the whole tensor. */
  public static Scales one() {
    return ONE;
  }

  /** One factor for the whole tensor. */
  public static Scales of(float value) {
    return of(new Granularity.PerTensor(), value);
  }

  /**
   * Factors in float32, in the order of their grid.
   *
   * @throws IllegalArgumentException if one is negative or infinite
   */
  public static Scales of(Granularity granularity, float... values) {
    return of(granularity, Formats.FP32, values);
  }

  /**
   * Factors that are numbers of a format, in the order of their grid. A factor of zero makes all
   * its elements zero, one of NaN makes them NaN.
   *
   * @throws IllegalArgumentException if one is negative or infinite, or not a number of the format
   */
  public static Scales of(Granularity granularity, NumericFormat format, float... values) {
    float[] copy = checked(format, values);
    return new Scales(granularity, format, copy, copy, null, null);
  }

  /** As {@link #of(Granularity, NumericFormat, float...)}, without checks or copies. */
  static Scales trusted(Granularity granularity, NumericFormat format, float[] values) {
    return new Scales(granularity, format, values, values, null, null);
  }

  private static float[] checked(NumericFormat format, float[] values) {
    boolean any = format.equals(Formats.FP32);
    for (int i = 0; i < values.length; i++) {
      float value = values[i];
      if (value < 0 || value == Float.POSITIVE_INFINITY) {
        throw new IllegalArgumentException(
            "scales[" + i + "] = " + value + ", expected a finite number of 0 or more");
      }
      if (!any && format.decode(format.encode(value, format.defaultProjection())) != value) {
        if (!Float.isNaN(value)) {
          throw new IllegalArgumentException(
              "scales[" + i + "] = " + value + ", expected a number of " + format.name());
        }
      }
    }
    return values.clone();
  }

  /**
   * The same scales, relative to outer ones.
   *
   * @param outer scales of one level
   * @param shape of the tensor, which says which scales lie under which outer one
   * @throws IllegalArgumentException if there are two levels already, or the scales do not fit the
   *     shape
   */
  public Scales under(Scales outer, Shape shape) {
    if (this.outer != null || outer.outer != null) {
      throw new IllegalArgumentException("scales have two levels already, expected one");
    }
    requireFit(shape);
    outer.requireFit(shape);
    float[] products = new float[values.length];
    int[] index = outerIndex(granularity, outer.granularity, shape);
    for (int i = 0; i < products.length; i++) {
      products[i] = values[i] * outer.values[index[i]];
    }
    return new Scales(granularity, format, values, products, outer, zeroPoints);
  }

  private static IllegalArgumentException crosses(Granularity inner, Granularity outer) {
    return new IllegalArgumentException(
        "scales "
            + inner
            + " under outer scales "
            + outer
            + ", expected each of them under a single one");
  }

  /**
   * The index of the outer scale of each scale.
   *
   * @throws IllegalArgumentException if a scale lies under several
   */
  static int[] outerIndex(Granularity inner, Granularity outer, Shape shape) {
    int[] index = new int[inner.scales(shape)];
    if (index.length > 0 && outer.scales(shape) == 0) {
      throw crosses(inner, outer);
    }
    if (outer instanceof Granularity.PerTensor) {
      return index;
    }
    Arrays.fill(index, -1);
    inner.forEach(
        shape,
        (from, length, first, block) -> {
          for (int i = 0; i < length; i++) {
            int scale = first + i / block;
            int above = outer.scale(shape, from + i);
            if (index[scale] >= 0 && index[scale] != above) {
              throw crosses(inner, outer);
            }
            index[scale] = above;
          }
        });
    return index;
  }

  /**
   * The same with zero points.
   *
   * @param points the code that stands for zero, one for each scale
   * @throws IllegalArgumentException if there are not as many as scales
   */
  public Scales withZeroPoints(int... points) {
    if (points.length != values.length) {
      throw new IllegalArgumentException(
          "points has " + points.length + " values, expected " + values.length);
    }
    return new Scales(granularity, format, values, factors, outer, points.clone());
  }

  /**
   * Checks that there are as many scales as a tensor of this shape has.
   *
   * @throws IllegalArgumentException if not
   */
  void requireFit(Shape shape) {
    int expected = granularity.scales(shape);
    if (values.length != expected) {
      throw new IllegalArgumentException(
          "scales has " + values.length + " values, expected " + expected + " for shape " + shape);
    }
  }

  /** Which elements share a factor. */
  public Granularity granularity() {
    return granularity;
  }

  /** The format of the scales. */
  public NumericFormat format() {
    return format;
  }

  /** How many factors there are. */
  public int count() {
    return values.length;
  }

  /** One factor: with two levels, the product of both scales. */
  public float get(int index) {
    return factors[index];
  }

  /** One scale, relative to the outer one if there are two levels. */
  public float scale(int index) {
    return values[index];
  }

  /** The scales that these are relative to. */
  public Optional<Scales> outer() {
    return Optional.ofNullable(outer);
  }

  /** Whether there are zero points. */
  public boolean hasZeroPoints() {
    return zeroPoints != null;
  }

  /** The code that stands for zero; 0 where there are no zero points. */
  public int zeroPoint(int index) {
    return zeroPoints == null ? 0 : zeroPoints[index];
  }

  /** The factors themselves; not to be written. */
  float[] factors() {
    return factors;
  }

  /** Whether values are the decoded codes themselves. */
  public boolean isOne() {
    for (float factor : factors) {
      if (factor != 1f) {
        return false;
      }
    }
    return zeroPoints == null;
  }

  /**
   * The scales of the indices from, up to but without to, of the outermost axis of a tensor.
   *
   * @param shape of the whole tensor
   * @throws IllegalArgumentException if the part does not begin and end where a scale's rows do
   */
  public Scales slice(Shape shape, int from, int to) {
    int rows = granularity.rows(shape);
    if (rows == 0) {
      return this;
    }
    if (from % rows != 0 || (to % rows != 0 && to != shape.dim(0))) {
      throw new IllegalArgumentException(
          "from = "
              + from
              + ", to = "
              + to
              + ", expected multiples of the "
              + rows
              + " rows that share a scale");
    }
    Shape grid = granularity.grid(shape);
    int run = grid.stride(0);
    return new Scales(
        granularity,
        format,
        Arrays.copyOfRange(values, from / rows * run, Math.ceilDiv(to, rows) * run),
        Arrays.copyOfRange(factors, from / rows * run, Math.ceilDiv(to, rows) * run),
        outer == null ? null : outer.slice(shape, from, to),
        zeroPoints == null
            ? null
            : Arrays.copyOfRange(zeroPoints, from / rows * run, Math.ceilDiv(to, rows) * run));
  }

  /** The scales of a matrix of this shape after its rows and columns are exchanged. */
  Scales transpose(Shape shape) {
    Granularity turned = granularity.transpose(shape);
    Shape grid = granularity.grid(shape);
    int columns = grid.rank() == 2 ? grid.dim(1) : 1;
    int rows = grid.rank() == 2 ? grid.dim(0) : values.length;
    float[] turnedValues = new float[values.length];
    float[] turnedFactors = new float[values.length];
    int[] turnedPoints = zeroPoints == null ? null : new int[values.length];
    for (int i = 0; i < values.length; i++) {
      int to = i % columns * rows + i / columns;
      turnedValues[to] = values[i];
      turnedFactors[to] = factors[i];
      if (turnedPoints != null) {
        turnedPoints[to] = zeroPoint(i);
      }
    }
    Scales turnedOuter = outer == null ? null : outer.transpose(shape);
    return new Scales(turned, format, turnedValues, turnedFactors, turnedOuter, turnedPoints);
  }

  /** The factors of these elements of a tensor, in one level, each in a block of its own. */
  Scales gather(Shape shape, int[] elements) {
    float[] gathered = new float[elements.length];
    int[] points = new int[elements.length];
    for (int i = 0; i < elements.length; i++) {
      int scale = granularity.scale(shape, elements[i]);
      gathered[i] = factors[scale];
      points[i] = zeroPoint(scale);
    }
    Scales each = trusted(new Granularity.PerBlock(0, 1), Formats.FP32, gathered);
    return hasZeroPoints() ? each.withZeroPoints(points) : each;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Scales that
        && granularity.equals(that.granularity)
        && format.equals(that.format)
        && Arrays.equals(values, that.values)
        && Arrays.equals(zeroPoints, that.zeroPoints)
        && outer().equals(that.outer());
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values) * 31 + granularity.hashCode();
  }

  @Override
  public String toString() {
    return values.length == 1
        ? Float.toString(factors[0])
        : factors.length + " scales " + granularity;
  }
}
