package dev.narrow.bench;

import dev.narrow.formats.Codec;
import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.ByteVector;
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
 * Encoding, decoding and quantizing in place on one thread, for each format, beside copies that
 * move the same number of bytes.
 *
 * <p>Charged: elements, as the counter {@code elements} in elements per nanosecond. An element's
 * traffic is 4 bytes of float and 1, 2 or 4 of code. The copy that belongs to a format, {@link
 * #copy}, reads and writes half of that each: the same number of bytes for the same number of
 * elements, in a loop of the Vector API as the kernels are. {@link #arraycopy} does so by {@link
 * System#arraycopy}, which writes past the cache where the array is large. {@link #quantize} starts
 * from a copy of the source each time, and pays for it.
 *
 * <p>What would fool it:
 *
 * <ul>
 *   <li>Values that are codes already: rounding them may take a shorter way.
 *   <li>Too few exponents: a normal distribution, times 4, meets normal, subnormal and saturated
 *       codes of the 8-bit formats in no order that a branch predictor could learn.
 *   <li>One size: 2^16 floats, 256 KiB, stay in the second-level cache and measure the arithmetic;
 *       2^24, 64 MiB, measure memory.
 *   <li>Fresh pages: the arrays are written once before anything is timed.
 * </ul>
 *
 * <p>{@link EncodeReport} runs all this and the peers in Python, and prints the ratios: {@code mvn
 * -pl bench -am verify -Pjmh -DskipTests -Djmh.main=dev.narrow.bench.EncodeReport}.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 20, time = 100, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "-Xmx2g"})
public class EncodeBenchmark {

  /** Counts elements; JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Count {
    /** Encoded, decoded, quantized, or as many as the copied bytes stand for. */
    public long elements;
  }

  /** Floats, codes of them, and memory for as many. */
  @State(Scope.Thread)
  public static class Arrays {
    /** A name that {@link Formats} knows. */
    @Param({"fp16", "bf16", "e4m3fn", "e5m2", "lns8"})
    public String format = "";

    /** Elements. */
    @Param({"65536", "16777216"})
    public int n;

    Codec codec = Codec.of(Formats.FP32, Formats.FP32.defaultProjection());
    int bytesPerCode;
    float[] source = {};
    float[] target = {};
    byte[] bytes = {};
    short[] shorts = {};
    int[] ints = {};
    byte[] copySource = {};
    byte[] copyTarget = {};

    /** Draws the floats and encodes them. */
    @Setup
    public void prepare() {
      NumericFormat parsed = Formats.parse(format);
      codec = Codec.of(parsed, parsed.defaultProjection());
      bytesPerCode = parsed.width() <= 8 ? 1 : parsed.width() <= 16 ? 2 : 4;
      source = new float[n];
      target = new float[n];
      Random random = new Random(1);
      for (int i = 0; i < n; i++) {
        source[i] = (float) (4 * random.nextGaussian());
        target[i] = source[i];
      }
      bytes = new byte[bytesPerCode == 1 ? n : 0];
      shorts = new short[bytesPerCode == 2 ? n : 0];
      ints = new int[bytesPerCode == 4 ? n : 0];
      encode();
      copySource = new byte[n / 2 * (Float.BYTES + bytesPerCode)];
      random.nextBytes(copySource);
      copyTarget = copySource.clone();
    }

    Object encode() {
      switch (bytesPerCode) {
        case 1 -> codec.encode(source, 0, bytes, 0, n);
        case 2 -> codec.encode(source, 0, shorts, 0, n);
        default -> codec.encode(source, 0, ints, 0, n);
      }
      return bytesPerCode == 1 ? bytes : bytesPerCode == 2 ? shorts : ints;
    }
  }

  /** Floats to codes. */
  @Benchmark
  public Object encode(Arrays arrays, Count count) {
    count.elements += arrays.n;
    return arrays.encode();
  }

  /** Codes to floats. */
  @Benchmark
  public float[] decode(Arrays arrays, Count count) {
    count.elements += arrays.n;
    switch (arrays.bytesPerCode) {
      case 1 -> arrays.codec.decode(arrays.bytes, 0, arrays.target, 0, arrays.n);
      case 2 -> arrays.codec.decode(arrays.shorts, 0, arrays.target, 0, arrays.n);
      default -> arrays.codec.decode(arrays.ints, 0, arrays.target, 0, arrays.n);
    }
    return arrays.target;
  }

  /** Floats to the nearest values of the format, as floats. */
  @Benchmark
  public float[] quantize(Arrays arrays, Count count) {
    count.elements += arrays.n;
    System.arraycopy(arrays.source, 0, arrays.target, 0, arrays.n);
    arrays.codec.quantize(arrays.target, 0, arrays.n, 1f);
    return arrays.target;
  }

  /** The limit: as many bytes, copied by a loop of vectors. */
  @Benchmark
  public byte[] copy(Arrays arrays, Count count) {
    count.elements += arrays.n;
    byte[] from = arrays.copySource;
    byte[] to = arrays.copyTarget;
    for (int i = 0; i < from.length; i += ByteVector.SPECIES_PREFERRED.length()) {
      ByteVector.fromArray(ByteVector.SPECIES_PREFERRED, from, i).intoArray(to, i);
    }
    return to;
  }

  /** As many bytes, copied by the JDK. */
  @Benchmark
  public byte[] arraycopy(Arrays arrays, Count count) {
    count.elements += arrays.n;
    System.arraycopy(arrays.copySource, 0, arrays.copyTarget, 0, arrays.copySource.length);
    return arrays.copyTarget;
  }
}
