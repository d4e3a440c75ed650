package dev.narrow.bench;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Saturation;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scaling;
import dev.narrow.quant.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
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
 * The full error report on one thread, beside a loop that only reads what it reads.
 *
 * <p>Charged: elements, as the counter {@code elements} in elements per nanosecond. An element's
 * traffic is 4 bytes of float and 1 of code. {@link #read} is the floor: the sum of the floats and
 * of the codes, in vectors.
 *
 * <p>What would fool it: values without subnormal, flushed and saturated codes among them, which
 * the report must not find harder than others; a tensor in the cache only (2^16 floats are, 2^24
 * are not); and one kind of scales only, as the compiler would make the most of it, so that all
 * three are measured once before the clock starts.
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 20, time = 100, timeUnit = TimeUnit.MILLISECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {"--add-modules", "jdk.incubator.vector", "-Xmx2g"})
public class QuantizationErrorBenchmark {
  private static final int COLUMNS = 4096;

  /** Counts elements; JMH divides by the time. */
  @State(Scope.Thread)
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  public static class Count {
    /** Compared, or read. */
    public long elements;
  }

  /** A tensor before and after quantization. */
  @State(Scope.Thread)
  public static class Tensors {
    /** E4M3FN with one scale, with an E8M0 scale per 32, and NVFP4 with two levels. */
    @Param({"e4m3fn", "mxfp8", "nvfp4"})
    public String recipe = "";

    /** Elements. */
    @Param({"65536", "16777216"})
    public int n;

    float[] values = {};
    byte[] codes = {};
    Tensor reference = Tensor.zeros(0);
    Tensor quantized = Tensor.zeros(0);

    /** Draws the floats and quantizes them. */
    @Setup
    public void prepare() {
      values = new float[n];
      Random random = new Random(1);
      for (int i = 0; i < n; i++) {
        values[i] = (float) random.nextGaussian();
      }
      reference = Tensor.of(values, n / COLUMNS, COLUMNS);
      for (String each : new String[] {"e4m3fn", "mxfp8", "nvfp4", recipe}) {
        quantized = quantizer(each).quantize(reference);
        for (int i = 0; i < Math.max(1, (1 << 24) / n); i++) {
          if (QuantizationError.measure(reference, quantized).count() != n) {
            throw new AssertionError(each);
          }
        }
      }
      codes = quantized.storage().segment().toArray(ValueLayout.JAVA_BYTE);
    }

    private static Quantizer quantizer(String recipe) {
      Quantizer e4m3 = Quantizer.of(Formats.E4M3FN).with(Saturation.OCP_SAT);
      return switch (recipe) {
        case "e4m3fn" -> e4m3.with(ScaleRule.AMAX_TO_MAX_FINITE);
        case "mxfp8" ->
            e4m3.with(new Granularity.PerBlock(-1, 32))
                .with(Scaling.e8m0(ScaleRule.POWER_OF_TWO_FLOOR));
        case "nvfp4" ->
            Quantizer.of(Formats.E2M1)
                .with(Saturation.OCP_SAT)
                .with(new Granularity.PerBlock(-1, 16))
                .with(
                    Scaling.of(ScaleRule.AMAX_TO_MAX_FINITE)
                        .with(Formats.E4M3FN, e4m3.projection())
                        .withOuter(new Granularity.PerTensor()));
        default -> throw new IllegalArgumentException("recipe = " + recipe);
      };
    }
  }

  /** The report. */
  @Benchmark
  public QuantizationError measure(Tensors tensors, Count count) {
    count.elements += tensors.n;
    return QuantizationError.measure(tensors.reference, tensors.quantized);
  }

  /** The limit: all floats and codes, added up. */
  @Benchmark
  public float read(Tensors tensors, Count count) {
    count.elements += tensors.n;
    float[] values = tensors.values;
    byte[] codes = tensors.codes;
    FloatVector sum = FloatVector.zero(FloatVector.SPECIES_PREFERRED);
    for (int i = 0; i < values.length; i += FloatVector.SPECIES_PREFERRED.length()) {
      sum = sum.add(FloatVector.fromArray(FloatVector.SPECIES_PREFERRED, values, i));
    }
    ByteVector bytes = ByteVector.zero(ByteVector.SPECIES_PREFERRED);
    for (int i = 0; i < codes.length; i += ByteVector.SPECIES_PREFERRED.length()) {
      bytes = bytes.add(ByteVector.fromArray(ByteVector.SPECIES_PREFERRED, codes, i));
    }
    return sum.reduceLanes(VectorOperators.ADD) + bytes.reduceLanes(VectorOperators.ADD);
  }
}
