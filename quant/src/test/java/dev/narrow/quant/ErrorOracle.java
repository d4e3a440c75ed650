package dev.narrow.quant;

import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Projection;
import dev.narrow.formats.Rounding;
import dev.narrow.formats.Saturation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import java.util.Map;
import java.util.TreeMap;

/** The figures of an error report as their definitions say, one element after the other. */
final class ErrorOracle {
  BigDecimal signal = BigDecimal.ZERO;
  BigDecimal noise = BigDecimal.ZERO;
  BigDecimal energy = BigDecimal.ZERO;
  BigDecimal product = BigDecimal.ZERO;
  long saturated;
  long flushed;
  long subnormal;
  long relatives;
  long ulps;
  double maxRelative;
  double sumRelative;
  double maxUlps;
  double sumUlps;
  final Map<String, Long> before = new TreeMap<>();
  final Map<String, Long> after = new TreeMap<>();

  ErrorOracle(Tensor reference, Tensor quantized) {
    Shape shape = quantized.shape();
    Scales scales = quantized.scales();
    for (int i = 0; i < shape.size(); i++) {
      int scale = scales.granularity().scale(shape, i);
      add(
          reference.toFloats()[i],
          code(quantized, i),
          quantized.format(),
          scales.get(scale),
          scales.zeroPoint(scale));
    }
  }

  private static int code(Tensor tensor, int i) {
    MemorySegment codes = tensor.storage().segment();
    return switch (Tensor.bytesPerCode(tensor.format())) {
      case 1 -> codes.get(ValueLayout.JAVA_BYTE, i);
      case 2 -> codes.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i);
      default -> codes.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, i);
    };
  }

  private void add(float x, int code, NumericFormat format, float factor, int zeroPoint) {
    float y = factor * (format.decode(code) - zeroPoint);
    count(before, x);
    count(after, y);
    boolean finite = Float.isFinite(x) && Float.isFinite(y);
    if (finite) {
      BigDecimal bigX = new BigDecimal(x);
      BigDecimal bigY = new BigDecimal(y);
      signal = signal.add(bigX.pow(2));
      energy = energy.add(bigY.pow(2));
      product = product.add(bigX.multiply(bigY));
      noise = noise.add(bigX.subtract(bigY).pow(2));
    }
    float quotient = x / factor + zeroPoint;
    boolean scaled = factor > 0;
    boolean isSaturated = scaled && Float.isFinite(x) && beyond(format, quotient);
    saturated += isSaturated ? 1 : 0;
    flushed += Float.isFinite(x) && x != 0 && y == 0 ? 1 : 0;
    double magnitude = Math.abs(format.decodeDouble(code));
    subnormal += finite && magnitude > 0 && magnitude < format.limits().minNormal() ? 1 : 0;
    if (finite && scaled && !isSaturated) {
      double distance = Math.abs((double) quotient - format.decode(code));
      double inUlps = Math.min(distance / format.ulp(code), Float.MAX_VALUE);
      ulps++;
      sumUlps += inUlps;
      maxUlps = Math.max(maxUlps, inUlps);
      if (x != 0 && y != 0) {
        double error = Math.abs((double) x - y);
        double relative = Math.min(error / Math.abs((double) x), Float.MAX_VALUE);
        relatives++;
        sumRelative += relative;
        maxRelative = Math.max(maxRelative, relative);
      }
    }
  }

  private static boolean beyond(NumericFormat format, float quotient) {
    Projection saturating = new Projection(Rounding.NEAREST_EVEN, Saturation.OCP_SAT);
    int high = format.encode(Double.MAX_VALUE, saturating);
    int low = format.encode(-Double.MAX_VALUE, saturating);
    double lowest = format.decodeDouble(low);
    return quotient >= format.decodeDouble(high) + format.ulp(high) / 2
        || (lowest < 0
            ? quotient <= lowest - format.ulp(low) / 2
            : quotient <= -format.limits().minPositive() / 2);
  }

  private static void count(Map<String, Long> histogram, float x) {
    String bin =
        x == 0
            ? "zero"
            : Float.isNaN(x)
                ? "NaN"
                : Float.isInfinite(x)
                    ? "infinite"
                    : Math.abs(x) < Float.MIN_NORMAL
                        ? "below"
                        : Integer.toString(Math.getExponent(x));
    histogram.merge(bin, 1L, Long::sum);
  }
}
