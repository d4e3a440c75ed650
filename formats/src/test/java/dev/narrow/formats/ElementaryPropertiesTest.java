package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/** The laws of the elementary functions, and of cutting off. */
class ElementaryPropertiesTest {
  private static final Set<String> POSITIVE = Set.of("log", "log2", "sqrt", "reciprocalSqrt");
  private static final Set<String> DECREASING = Set.of("reciprocal", "reciprocalSqrt");

  @Provide
  Arbitrary<String> functions() {
    return Arbitraries.of(ElementaryTest.FUNCTIONS.keySet().stream().sorted().toList());
  }

  /** Of either sign and all sizes that matter, some with few bits. */
  @Provide
  Arbitrary<Dyadic> numbers() {
    return Combinators.combine(
            Arbitraries.longs().filter(s -> s != 0),
            Arbitraries.integers().between(0, 62),
            Arbitraries.integers().between(-100, 18))
        .filter((s, cut, exponent) -> s >> cut != 0)
        .as((s, cut, exponent) -> of(s >> cut, exponent));
  }

  @Provide
  Arbitrary<Dyadic> positives() {
    return numbers().map(x -> new Dyadic(false, x.significand(), x.exponent()));
  }

  @Provide
  Arbitrary<Real> powers() {
    return Combinators.combine(
            Arbitraries.of(false, true),
            Arbitraries.longs().between(-400_000, 400_000),
            Arbitraries.integers().between(0, 15))
        .as(Power::of);
  }

  @Provide
  Arbitrary<Real> arguments() {
    return Arbitraries.oneOf(numbers().map(x -> x), powers());
  }

  private static Dyadic of(long significand, int floorLog2) {
    Dyadic d = Dyadic.of(significand, 0);
    return d.scaled(floorLog2 - d.floorLog2());
  }

  private static boolean defined(String name, Real x) {
    return !(x.negative() && POSITIVE.contains(name))
        && !(x.equals(Dyadic.ONE) && name.startsWith("log"));
  }

  private static Real apply(String name, Real x) {
    return Objects.requireNonNull(ElementaryTest.FUNCTIONS.get(name)).apply(x);
  }

  /** The sign of x - y as far as so many bits tell. */
  private static int compare(Real x, Real y, int bits) {
    if (x.negative() != y.negative()) {
      return x.negative() ? -1 : 1;
    }
    Real.Truncation s = x.truncate(bits);
    Real.Truncation t = y.truncate(bits);
    int byExponent = Integer.compare(s.exponent(), t.exponent());
    int magnitude = byExponent != 0 ? byExponent : s.significand().compareTo(t.significand());
    return x.negative() ? -magnitude : magnitude;
  }

  /**
   * The neighbours of x among the numbers of so many bits: the smaller, or the larger, magnitude.
   */
  private static Dyadic end(Real x, int bits, boolean outer) {
    Real.Truncation t = x.truncate(bits);
    BigInteger s = outer ? t.significand().add(BigInteger.ONE) : t.significand();
    return new Dyadic(x.negative(), s, t.exponent() - bits + 1);
  }

  /** The magnitude in units of 2^-fraction, cut off. */
  private static BigInteger fixed(Real x, int fraction) {
    int bits = x.floorLog2() + 1 + fraction;
    // the first bit of a number is 1, whatever follows
    return bits > 1 ? x.truncate(bits).significand() : bits == 1 ? BigInteger.ONE : BigInteger.ZERO;
  }

  @Property
  void fewBitsAreTheFirstOfMany(
      @ForAll("functions") String name,
      @ForAll("numbers") Dyadic x,
      @ForAll @IntRange(min = 2, max = 200) int few,
      @ForAll @IntRange(min = 0, max = 300) int more) {
    Assume.that(defined(name, x));
    Real y = apply(name, x);
    Real.Truncation some = y.truncate(few);
    Real.Truncation many = y.truncate(few + more);
    assertEquals(few, some.significand().bitLength());
    assertEquals(few + more, many.significand().bitLength());
    assertEquals(some.significand(), many.significand().shiftRight(more));
    assertEquals(some.exponent(), many.exponent());
    assertEquals(some.exponent(), y.floorLog2());
    assertTrue(many.exact() || !some.exact());
  }

  @Property
  void fewBitsOfPowersAreTheFirstOfMany(
      @ForAll("powers") Real x,
      @ForAll @IntRange(min = 2, max = 200) int few,
      @ForAll @IntRange(min = 0, max = 300) int more) {
    Real.Truncation some = x.truncate(few);
    Real.Truncation many = x.truncate(few + more);
    assertEquals(some.significand(), many.significand().shiftRight(more));
    assertEquals(some.exponent(), many.exponent());
    assertEquals(some.exponent(), x.floorLog2());
  }

  @Property
  void functionsAreMonotone(
      @ForAll("functions") String name, @ForAll("numbers") Dyadic x, @ForAll("numbers") Dyadic y) {
    Assume.that(defined(name, x) && defined(name, y));
    boolean decreasing = DECREASING.contains(name) && x.negative() == y.negative();
    int order = compare(x, y, 64);
    int image = compare(apply(name, x), apply(name, y), 64);
    assertTrue(image == 0 || image == (decreasing ? -order : order));
  }

  /** At any precision, not only where a result is decided. */
  @Property
  void enclosuresHoldTheNumberAndAreNarrow(
      @ForAll("functions") String name,
      @ForAll("arguments") Real x,
      @ForAll @IntRange(min = 64, max = 300) int bits) {
    Assume.that(defined(name, x));
    if (apply(name, x) instanceof Refined refined && Math.abs(refined.floorLog2()) < 1 << 19) {
      Interval interval = refined.magnitude().enclose(bits);
      Dyadic low = new Dyadic(refined.negative(), interval.low(), interval.exponent());
      Dyadic high = new Dyadic(refined.negative(), interval.high(), interval.exponent());
      int outward = refined.negative() ? -1 : 1;
      // a sigmoid near 1 is enclosed in units of up to 2^-1050: far more bits, to tell them apart
      assertTrue(compare(low, refined, 1500) * outward <= 0);
      assertEquals(1, compare(high, refined, 1500) * outward);
      BigInteger width = interval.high().subtract(interval.low());
      assertTrue(width.shiftLeft(bits - 4).compareTo(interval.low()) <= 0, width.toString());
    }
  }

  @Property
  void cutOffsOfTheSeriesAreWithinTheirBounds(
      @ForAll("numbers") Dyadic x, @ForAll @IntRange(min = 64, max = 600) int precision) {
    int finer = precision + 100;
    assertWithin(FixedPoint.ln2(precision), 1, FixedPoint.ln2(finer));
    BigInteger r = x.significand().shiftLeft(precision - 62).mod(FixedPoint.ln2(precision));
    assertWithin(FixedPoint.exp(r, precision), 2, FixedPoint.exp(r.shiftLeft(100), finer));
    BigInteger divisor = x.significand().multiply(BigInteger.valueOf(3)).add(BigInteger.TWO);
    Interval atanh = FixedPoint.atanh(x.significand(), divisor, precision);
    assertWithin(
        atanh.low(),
        atanh.high().subtract(atanh.low()).intValueExact(),
        FixedPoint.atanh(x.significand(), divisor, finer).low());
  }

  private static void assertWithin(BigInteger low, int width, BigInteger finer) {
    assertTrue(finer.compareTo(low.shiftLeft(100)) >= 0);
    assertTrue(finer.compareTo(low.add(BigInteger.valueOf(width)).shiftLeft(100)) <= 0);
  }

  /** A power's image lies between those of its neighbours, which are dyadic. */
  @Property
  void powersMapAmongTheirNeighbours(@ForAll("functions") String name, @ForAll("powers") Real x) {
    Assume.that(x instanceof Power && defined(name, x));
    Dyadic inner = end(x, 120, false);
    Dyadic outer = end(x, 120, true);
    Assume.that(defined(name, inner) && defined(name, outer));
    int toInner = compare(apply(name, inner), apply(name, x), 100);
    int toOuter = compare(apply(name, x), apply(name, outer), 100);
    int rising = (x.negative() ? -1 : 1) * (DECREASING.contains(name) ? -1 : 1);
    assertTrue(toInner * rising <= 0 && toOuter * rising <= 0);
  }

  /** 2^(n / 2^d) to its 2^d-th power is 2^n. */
  @Property
  void powersAreRootsOfPowersOfTwo(
      @ForAll @IntRange(min = -1000, max = 1000) int n, @ForAll @IntRange(min = 0, max = 7) int d) {
    Real x = Power.of(false, n, d);
    Real.Truncation t = x.truncate(64);
    int exponent = (t.exponent() - 63) << d;
    BigInteger low = t.significand().pow(1 << d);
    BigInteger high = t.significand().add(BigInteger.ONE).pow(1 << d);
    assertTrue(low.compareTo(BigInteger.ONE.shiftLeft(n - exponent)) <= 0);
    assertTrue(high.compareTo(BigInteger.ONE.shiftLeft(n - exponent)) > 0);
    assertEquals(t.exact(), low.equals(BigInteger.ONE.shiftLeft(n - exponent)));
  }

  @Property
  void exponentialUndoesTheLogarithm(@ForAll("positives") Dyadic x) {
    Assume.that(!x.equals(Dyadic.ONE));
    assertInverse(x, Elementary.log(x), Elementary::exp);
    assertInverse(x, Elementary.log2(x), Elementary::exp2);
  }

  private static void assertInverse(Dyadic x, Real y, UnaryOperator<Real> inverse) {
    int toInner = compare(inverse.apply(end(y, 160, false)), x, 64);
    int toOuter = compare(x, inverse.apply(end(y, 160, true)), 64);
    int rising = y.negative() ? -1 : 1;
    assertTrue(toInner * rising <= 0 && toOuter * rising <= 0, x + " " + y.truncate(64));
  }

  @Property
  void tangentIsOdd(@ForAll("numbers") Dyadic x) {
    Real tanh = Elementary.tanh(x);
    Real opposite = Elementary.tanh(x.negated());
    assertEquals(x.negative(), tanh.negative());
    assertEquals(!x.negative(), opposite.negative());
    assertEquals(tanh.truncate(64), opposite.truncate(64));
  }

  /** Cut off, two numbers that sum to 1 sum to one unit less. */
  @Property
  void sigmoidOfTheOppositeIsTheComplement(@ForAll("numbers") Dyadic x) {
    BigInteger sum =
        fixed(Elementary.sigmoid(x), 200).add(fixed(Elementary.sigmoid(x.negated()), 200));
    assertEquals(BigInteger.ONE.shiftLeft(200).subtract(BigInteger.ONE), sum);
  }

  /** tanh x = 2 sigmoid(2 x) - 1: the first is cut off to a unit, the second to two. */
  @Property
  void tangentIsAScaledSigmoid(@ForAll("positives") Dyadic x) {
    BigInteger tanh = fixed(Elementary.tanh(x), 200);
    BigInteger twice = fixed(Elementary.sigmoid(x.scaled(1)), 200).shiftLeft(1);
    BigInteger excess = tanh.subtract(twice.subtract(BigInteger.ONE.shiftLeft(200)));
    assertTrue(excess.signum() >= 0 && excess.compareTo(BigInteger.TWO) < 0, excess.toString());
  }

  @Property
  void rootsAndReciprocalsUndoThemselves(@ForAll("positives") Dyadic x) {
    BigInteger one = BigInteger.ONE.shiftLeft(500);
    BigInteger root = fixed(Elementary.sqrt(x), 500);
    BigInteger reciprocalRoot = fixed(Elementary.reciprocalSqrt(x), 500);
    BigInteger reciprocal = fixed(Elementary.reciprocal(x), 500);
    BigInteger error = BigInteger.ONE.shiftLeft(130); // 2^120 units of what is cut off
    assertTrue(
        root.multiply(reciprocalRoot).shiftRight(500).subtract(one).abs().compareTo(error) < 0);
    assertTrue(
        reciprocalRoot.pow(2).shiftRight(500).subtract(reciprocal).abs().compareTo(error) < 0);
  }
}
