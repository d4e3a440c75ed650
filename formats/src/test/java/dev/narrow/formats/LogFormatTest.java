package dev.narrow.formats;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The laws of LNS8 and its relatives. */
class LogFormatTest {
  private static final LogFormat LNS8 = Formats.LNS8;
  private static final Projection NEAREST = LNS8.defaultProjection();
  private static final Projection CLAMP =
      NEAREST.with(NEAREST.saturation().withUnderflow(Saturation.Underflow.CLAMP));

  /** As significands of 24 bits, ceil(2^((2j + 1) / 16) * 2^23). */
  @Test
  void thresholdsOfGammaEight() {
    LogGrid grid = LogGrid.of(8);
    long[] logarithmic = new long[8];
    for (int j = 0; j < 8; j++) {
      logarithmic[j] = ceiling24(grid.halfSteps[2 * j + 1]);
    }
    assertArrayEquals(
        new long[] {8760004, 9552852, 10417459, 11360319, 12388516, 13509773, 14732511, 16065918},
        logarithmic);
    assertArrayEquals(
        new long[] {8768225, 9561818, 10427236, 11370981, 12400143, 13522452, 14746338, 16080996},
        Arrays.stream(grid.midpoints).map(LogFormatTest::ceiling24).toArray());
  }

  private static long ceiling24(long threshold) {
    return -(-threshold >> 29);
  }

  @Test
  void oneIsTheMiddleCodeAndTheTopBitIsTheSign() {
    assertEquals(0x40, LNS8.encode(1.0, NEAREST));
    assertEquals(1f, LNS8.decode(0x40));
    for (int m = 1; m < 128; m++) {
      assertEquals(-LNS8.decode(m), LNS8.decode(m ^ 0x80));
    }
  }

  @Test
  void zeroAndNanHaveTheCodesOfMagnitudeZero() {
    assertEquals(0, LNS8.encode(0.0, NEAREST));
    assertEquals(0, LNS8.encode(-0.0, NEAREST));
    assertEquals(0x80, LNS8.encode(Double.NaN, NEAREST));
    assertEquals(0x80, LNS8.encode(Double.NEGATIVE_INFINITY, NEAREST));
    assertEquals(0f, LNS8.decode(0));
    assertTrue(Float.isNaN(LNS8.decode(0x80)));
    assertTrue(LNS8.isNan(0x80) && !LNS8.isNan(0) && !LNS8.isNan(0x81));
  }

  @Test
  void magnitudesSortAsIntegers() {
    for (int m = 0; m < 127; m++) {
      assertTrue(LNS8.decode(m) < LNS8.decode(m + 1));
    }
  }

  @Test
  void multiplicationAddsCodes() {
    for (int a = 1; a < 128; a++) {
      for (int b = 1; b < 128; b++) {
        int sum = a + b - 64;
        if (sum >= 1 && sum <= 127) {
          assertEquals(sum, LNS8.encode(LNS8.decodeDouble(a) * LNS8.decodeDouble(b), NEAREST));
        }
      }
    }
  }

  /** Half a step below 2^-7.875 is 2^-7.9375, the border of underflow. */
  @Test
  void underflowBeginsHalfAStepBelowTheSmallest() {
    double border = Math.pow(2, -7.9375);
    double above = border * (1 + 1e-15);
    double below = border * (1 - 1e-15);
    for (Rounding rounding : new Rounding[] {Rounding.NEAREST_EVEN, Rounding.stochastic(8)}) {
      assertEquals(0x01, LNS8.encode(above, NEAREST.with(rounding), -1));
      assertEquals(0x81, LNS8.encode(-above, NEAREST.with(rounding), 0));
      assertEquals(0x00, LNS8.encode(below, NEAREST.with(rounding), -1));
      assertEquals(0x00, LNS8.encode(-below, NEAREST.with(rounding), -1));
      assertEquals(0x01, LNS8.encode(below, CLAMP.with(rounding), 0));
      assertEquals(0x81, LNS8.encode(-below, CLAMP.with(rounding), 0));
    }
    assertEquals(0, LNS8.encode(0.0, CLAMP));
  }

  @Test
  void withoutFlushingDirectedRoundingKeepsItsDirectionAndOddIsTheSmallest() {
    double tiny = 1e-9;
    assertEquals(0x01, LNS8.encode(tiny, NEAREST.with(Rounding.TOWARD_POSITIVE)));
    assertEquals(0x00, LNS8.encode(tiny, NEAREST.with(Rounding.TOWARD_NEGATIVE)));
    assertEquals(0x00, LNS8.encode(-tiny, NEAREST.with(Rounding.TOWARD_POSITIVE)));
    assertEquals(0x81, LNS8.encode(-tiny, NEAREST.with(Rounding.TOWARD_NEGATIVE)));
    assertEquals(0x81, LNS8.encode(-tiny, NEAREST.with(Rounding.TO_ODD)));
    assertEquals(0x00, LNS8.encode(-tiny, NEAREST.with(Rounding.TOWARD_ZERO)));
    assertEquals(0x81, LNS8.encode(-tiny, CLAMP.with(Rounding.TOWARD_ZERO)));
  }

  @Test
  void overflowBeginsHalfAStepAboveTheLargest() {
    double border = Math.pow(2, 7.9375);
    Projection special = NEAREST.with(Saturation.IEEE);
    assertEquals(0x7F, LNS8.encode(border * (1 - 1e-15), special));
    assertEquals(0x80, LNS8.encode(border * (1 + 1e-15), special));
    assertEquals(0x7F, LNS8.encode(border * (1 + 1e-15), NEAREST));
    assertEquals(0xFF, LNS8.encode(-1e30, NEAREST));
  }

  @Test
  void madamSharesTheGridAndHasOneMoreMagnitude() {
    LogFormat madam = Formats.LNS8_MADAM;
    for (int m = 1; m < 128; m++) {
      assertEquals(LNS8.decode(m), madam.decode(m));
    }
    assertEquals(0x1p-8f, madam.decode(0));
    assertEquals(-0x1p-8f, madam.decode(0x80));
    assertEquals(0, madam.encode(0.0, NEAREST));
    assertEquals(0, madam.encode(-0.0, NEAREST));
    assertEquals(0x80, madam.encode(-1e-30, NEAREST));
    assertEquals(0x7F, madam.encode(Double.NaN, NEAREST));
    assertEquals(0x80, madam.encode(Double.NaN, NEAREST.with(Saturation.ML_DTYPES)));
  }

  /** No magnitude but 1 and its powers of two is rational, so that log-domain ties do not exist. */
  @Test
  void theLinearMiddleIsFartherOutThanTheLogarithmicOne() {
    double low = LNS8.decodeDouble(0x40);
    double high = LNS8.decodeDouble(0x41);
    double between = (Math.sqrt(low * high) + (low + high) / 2) / 2;
    assertEquals(0x41, LNS8.encode(between, NEAREST));
    assertEquals(0x40, LNS8.encode(between, NEAREST.with(Rounding.NEAREST_EVEN.linear())));
  }

  @Test
  void everyGammaThatFitsWorks() {
    for (int width = 2; width <= 16; width++) {
      for (int gamma = 1; gamma <= 32768; gamma *= 2) {
        LogFormat format = LogFormat.of(width, gamma, LogFormat.Zero.RESERVED);
        int largest = (1 << (width - 1)) - 1;
        for (int m = 1; m <= largest; m += 1 + largest / 50) {
          double value = format.decodeDouble(m);
          int exponent = (m - format.bias()) / gamma;
          if (Math.abs(exponent) <= 120) {
            assertEquals(m, format.encode(format.decode(m), NEAREST), format.name());
          }
          if (Math.abs(exponent) <= 1020) {
            assertEquals(m, format.encode(value, NEAREST), format.name());
          } else if (Math.abs(exponent) > 1080) {
            assertEquals(exponent < 0 ? 0 : Double.POSITIVE_INFINITY, value, format.name());
          }
        }
      }
    }
  }

  @Test
  void impossibleParametersAreRefused() {
    assertRefused(1, 8, 64);
    assertRefused(17, 8, 64);
    assertRefused(8, 0, 64);
    assertRefused(8, 6, 64);
    assertRefused(8, 65536, 64);
    assertRefused(8, 1, 1 << 18);
  }

  private static void assertRefused(int width, int gamma, int bias) {
    assertThrows(
        IllegalArgumentException.class,
        () -> new LogFormat("x", width, gamma, bias, LogFormat.Zero.RESERVED));
  }
}
