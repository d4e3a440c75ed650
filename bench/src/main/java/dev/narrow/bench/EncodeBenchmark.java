package dev.narrow.bench;

import dev.narrow.formats.Codec;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Encoding, decoding and quantizing in place, for each format, beside a copy of as many floats.
 *
 * <p>Charged: what is read and written once, as the counter {@code bytes} in bytes per nanosecond,
 * that is in GB/s: 4 bytes a float, 1 or 2 a code, and for {@link #quantize} a copy of the source
 * (8 bytes an element) and the values read and written in place (8 more). No table is charged.
 *
 * <p>What would fool it:
 *
 * <ul>
 *   <li>Values that are codes already: rounding them may take a shorter way. So quantize starts
 *       from a copy of the source each time, and pays for it.
 *   <li>Too few exponents: a normal distribution, times 4, meets normal, subnormal and saturated
 *       codes of the 8-bit formats in no order that a branch predictor could learn.
 *   <li>Memory: 2^16 floats are 256 KiB, which stay in the second-level cache. This measures the
 *       arithmetic; larger arrays would measure memory, for all formats the same.
 * </ul>
 *
 * <p>Run: {@code mvn -pl bench -am verify -Pjmh -DskipTests "-Djmh.args=Encode"}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector"})
public class EncodeBenchmark {
  static final int N = 1 << 16;

  /** Counts bytes; JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Traffic {
    /** Read and written. */
    public long bytes;
  }

  /** Floats, and memory for as many. */
  @State(Scope.Thread)
  public static class Values {
    final float[] source = new float[N];
    final float[] target = new float[N];

    /** Draws the floats. */
    @Setup
    public void draw() {
      Random random = new Random(1);
      for (int i = 0; i < N; i++) {
        source[i] = (float) (4 * random.nextGaussian());
      }
    }
  }

  /** A format's codec, and codes. */
  @State(Scope.Thread)
  public static class Coded {
    /** A name that {@link Formats} knows. */
    @Param({"fp16", "bf16", "e4m3fn", "e5m2", "lns8"})
    public String format = "";

    final byte[] bytes = new byte[N];
    final short[] shorts = new short[N];
    Codec codec = Codec.of(Formats.FP32, Formats.FP32.defaultProjection());
    int bytesPerCode;

    /** Makes the codec, and codes to decode. */
    @Setup
    public void encode(Values values) {
      NumericFormat parsed = Formats.parse(format);
      codec = Codec.of(parsed, parsed.defaultProjection());
      bytesPerCode = parsed.width() <= 8 ? 1 : 2;
      encode(values.source);
    }

    Object encode(float[] source) {
      if (bytesPerCode == 1) {
        codec.encode(source, 0, bytes, 0, N);
        return bytes;
      }
      codec.encode(source, 0, shorts, 0, N);
      return shorts;
    }

    void decode(float[] target) {
      if (bytesPerCode == 1) {
        codec.decode(bytes, 0, target, 0, N);
      } else {
        codec.decode(shorts, 0, target, 0, N);
      }
    }
  }

  /** Floats to codes. */
  @Benchmark
  public Object encode(Values values, Coded coded, Traffic traffic) {
    traffic.bytes += (long) N * (Float.BYTES + coded.bytesPerCode);
    return coded.encode(values.source);
  }

  /** Codes to floats. */
  @Benchmark
  public float[] decode(Values values, Coded coded, Traffic traffic) {
    coded.decode(values.target);
    traffic.bytes += (long) N * (Float.BYTES + coded.bytesPerCode);
    return values.target;
  }

  /** Floats to the nearest values of the format, as floats. */
  @Benchmark
  public float[] quantize(Values values, Coded coded, Traffic traffic) {
    System.arraycopy(values.source, 0, values.target, 0, N);
    coded.codec.quantize(values.target, 0, N, 1f);
    traffic.bytes += (long) N * 4 * Float.BYTES;
    return values.target;
  }

  /** The limit: floats to floats. */
  @Benchmark
  public float[] copy(Values values, Traffic traffic) {
    for (int i = 0; i < N; i++) {
      values.target[i] = values.source[i];
    }
    traffic.bytes += (long) N * 2 * Float.BYTES;
    return values.target;
  }
}
