package dev.narrow.quant;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
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
  private final int count;
  private final Numbers values;
  private final Numbers factors; // the values where there is one level
  private final @Nullable Scales outer;
  private final int @Nullable [] zeroPoints;

  /** Numbers that are there, or that are asked for when somebody first reads them. */
  private static final class Numbers {
    private @Nullable Supplier<float[]> source; // until they are there
    private volatile float @Nullable [] known;

    Numbers(float[] known) {
      this.known = known;
    }

    Numbers(Supplier<float[]> source) {
      this.source = source;
    }

    boolean areThere() {
      return known != null;
    }

    float[] get() {
      float[] numbers = known;
      return numbers == null ? ask() : numbers;
    }

    private synchronized float[] ask() {
      float[] numbers = known;
      if (numbers == null) {
        numbers = Objects.requireNonNull(source).get();
        known = numbers;
        source = null;
      }
      return numbers;
    }
  }

  private Scales(
      Granularity granularity,
      NumericFormat format,
      int count,
      Numbers values,
      Numbers factors,
      @Nullable Scales outer,
      int @Nullable [] zeroPoints) {
    this.granularity = granularity;
    this.format = format;
    this.count = count;
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
    return trusted(granularity, format, checked(format, values));
  }

  /**
   * Factors that somebody else has yet to find, or has in memory that the processor does not reach:
   * only what reads one asks for them, and may wait for a device then. So do {@link #equals},
   * {@link #hashCode}, {@link #slice}, and all that works with the values of a tensor on the host.
   * What the source throws, the reader gets, as long as nobody has read them: IllegalStateException
   * where the device is closed by then, or the memory was freed.
   *
   * @param format whose numbers the source gives; they are not checked
   * @param count how many there are
   * @param source asked by the first who reads one, until it has answered once
   */
  public static Scales deferred(
      Granularity granularity, NumericFormat format, int count, Supplier<float[]> source) {
    Numbers values =
        new Numbers(() -> {
          float[] found = source.get();
          if (found.length != count) {
            throw new IllegalArgumentException(
                "source has " + found.length + " scales, expected " + count);
          }
          return found.clone();
        });
    return new Scales(granularity, format, count, values, values, null, null);
  }

  /** As {@link #of(Granularity, NumericFormat, float...)}, without checks or copies. */
  static Scales trusted(Granularity granularity, NumericFormat format, float[] values) {
    Numbers known = new Numbers(values);
    return new Scales(granularity, format, values.length, known, known, null, null);
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
    int[] index =
        outer.granularity instanceof Granularity.PerTensor
            ? null
            : outerIndex(granularity, outer.granularity, shape);
    Numbers products =
        values.areThere() && outer.values.areThere()
            ? new Numbers(products(values.get(), outer.values.get(), index))
            : new Numbers(() -> products(values.get(), outer.values.get(), index));
    return new Scales(granularity, format, count, values, products, outer, zeroPoints);
  }

  /** A single outer scale has no index. */
  private static float[] products(float[] values, float[] outer, int @Nullable [] index) {
    float[] products = new float[values.length];
    for (int i = 0; i < products.length; i++) {
      products[i] = values[i] * outer[index == null ? 0 : index[i]];
    }
    return products;
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
    if (points.length != count) {
      throw new IllegalArgumentException(
          "points has " + points.length + " values, expected " + count);
    }
    return new Scales(granularity, format, count, values, factors, outer, points.clone());
  }

  /**
   * Checks that there are as many scales as a tensor of this shape has.
   *
   * @throws IllegalArgumentException if not
   */
  void requireFit(Shape shape) {
    int expected = granularity.scales(shape);
    if (count != expected) {
      throw new IllegalArgumentException(
          "scales has " + count + " values, expected " + expected + " for shape " + shape);
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
    return count;
  }

  /** One factor: with two levels, the product of both scales. */
  public float get(int index) {
    return factors.get()[index];
  }

  /** One scale, relative to the outer one if there are two levels. */
  public float scale(int index) {
    return values.get()[index];
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
    return factors.get();
  }

  /** Whether nobody has read them yet, so that to do so may mean to wait. */
  boolean areUnread() {
    return !values.areThere() || (outer != null && outer.areUnread());
  }

  /** Whether values are the decoded codes themselves. */
  public boolean isOne() {
    for (float factor : factors.get()) {
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
    int first = from / rows * grid.stride(0);
    int last = Math.ceilDiv(to, rows) * grid.stride(0);
    return new Scales(
        granularity,
        format,
        last - first,
        new Numbers(Arrays.copyOfRange(values.get(), first, last)),
        new Numbers(Arrays.copyOfRange(factors.get(), first, last)),
        outer == null ? null : outer.slice(shape, from, to),
        zeroPoints == null ? null : Arrays.copyOfRange(zeroPoints, first, last));
  }

  /** The scales of a matrix of this shape after its rows and columns are exchanged. */
  Scales transpose(Shape shape) {
    Granularity turned = granularity.transpose(shape);
    Shape grid = granularity.grid(shape);
    int columns = grid.rank() == 2 ? grid.dim(1) : 1;
    int rows = grid.rank() == 2 ? grid.dim(0) : count;
    float[] turnedValues = new float[count];
    float[] turnedFactors = new float[count];
    int[] turnedPoints = zeroPoints == null ? null : new int[count];
    for (int i = 0; i < count; i++) {
      int to = i % columns * rows + i / columns;
      turnedValues[to] = scale(i);
      turnedFactors[to] = get(i);
      if (turnedPoints != null) {
        turnedPoints[to] = zeroPoint(i);
      }
    }
    Scales turnedOuter = outer == null ? null : outer.transpose(shape);
    return new Scales(
        turned,
        format,
        count,
        new Numbers(turnedValues),
        new Numbers(turnedFactors),
        turnedOuter,
        turnedPoints);
  }

  /** The factors of these elements of a tensor, in one level, each in a block of its own. */
  Scales gather(Shape shape, int[] elements) {
    float[] gathered = new float[elements.length];
    int[] points = new int[elements.length];
    for (int i = 0; i < elements.length; i++) {
      int scale = granularity.scale(shape, elements[i]);
      gathered[i] = get(scale);
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
        && Arrays.equals(values.get(), that.values.get())
        && Arrays.equals(zeroPoints, that.zeroPoints)
        && outer().equals(that.outer());
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values.get()) * 31 + granularity.hashCode();
  }

  /**
   * The factor if there is one and it need not be asked for, else for example {@code 4 scales per
   * axis 0}.
   */
  @Override
  public String toString() {
    return count == 1 && factors.areThere()
        ? Float.toString(get(0))
        : count + (count == 1 ? " scale " : " scales ") + granularity;
  }
}
