package dev.narrow.kernels.cuda;

import dev.narrow.formats.FloatFormat;
import dev.narrow.formats.Formats;
import dev.narrow.formats.LogFormat;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.RandomBits;
import dev.narrow.formats.TableFormat;
import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Division;
import dev.narrow.quant.ErrorMoments;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.ScaleRule;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The operations of {@link CudaCasts} on tensors of one device: launches of casts.cu. */
final class CastLauncher {
  private static final String MODULE = "casts";
  private static final int THREADS = 256;
  private static final int MAX_BLOCKS = 1 << 30;

  /** Elements that a block of threads has under way at a time: 8 a thread. */
  private static final int TILE = 8 * THREADS;

  /** The same where much is done with each: 4 a thread. */
  private static final int TILE_FEW = 4 * THREADS;

  /** The same where next to nothing is: 16 a thread. */
  private static final int TILE_AMAX = 16 * THREADS;

  // As quant's error report has them, and casts.cu.
  private static final int CHUNK = 4096;
  private static final int LANES = 16;
  private static final int SUMS = 4;

  private final CudaDevice device;

  CastLauncher(CudaDevice device) {
    this.device = device;
  }

  static boolean isOnDevice(Tensor tensor) {
    return tensor.storage() instanceof DeviceStorage;
  }

  static Backend host() {
    return Backend.cpu();
  }

  // Operations

  Tensor quantize(Quantizer quantizer, Tensor x, @Nullable RandomBits random) {
    expectFp32(x, "x");
    long from = device.pointer(x, "x");
    Shape shape = x.shape();
    CastEncoder encoder = encoder(quantizer, random).orElse(null);
    if (encoder == null) {
      Tensor codes = host().quantize(quantizer, device.download(x), random);
      return quantizer.over(device.upload(codes).storage(), shape, codes.scales());
    }
    Tensor memory = device.allocate(quantizer.format(), shape, Scales.one());
    try {
      long to = device.pointer(memory, "codes");
      CastBlocks blocks = blocks(quantizer, encoder, shape);
      Scales scales;
      if (blocks != null) {
        scales = blocks(blocks, encoder, "encode_blocks", from, to, shape, null);
      } else {
        scales = scales(quantizer, x, from);
        encode(encoder, quantizer.format(), from, to, shape, scales);
      }
      return quantizer.over(memory.storage(), shape, scales);
    } catch (RuntimeException | Error e) {
      device.free(memory);
      throw e;
    }
  }

  void quantize(Quantizer quantizer, Tensor x, Tensor codes, @Nullable RandomBits random) {
    expectFp32(x, "x");
    long from = device.pointer(x, "x");
    long to = device.pointer(codes, "codes");
    expectCodes(quantizer, x, codes);
    Arguments.expectApart(x, "x", codes, "codes");
    CastEncoder encoder = encoder(quantizer, random).orElse(null);
    if (encoder == null) {
      Tensor copy = device.download(codes);
      host().quantize(quantizer, device.download(x), copy, random);
      device.copy(copy, codes);
      return;
    }
    encode(encoder, quantizer.format(), from, to, x.shape(), codes.scales());
  }

  Scales fakeQuantize(Quantizer quantizer, Tensor x, Tensor y, @Nullable RandomBits random) {
    expectFp32(x, "x");
    expectFp32(y, "y");
    long from = device.pointer(x, "x");
    long to = device.pointer(y, "y");
    Arguments.expectShape(y, "y", x.shape());
    Arguments.expectSameOrApart(x, "x", y, "y");
    Shape shape = x.shape();
    CastEncoder encoder = encoder(quantizer, random).orElse(null);
    if (encoder == null) {
      Tensor copy = Tensor.zeros(shape.dims());
      Scales scales = host().fakeQuantize(quantizer, device.download(x), copy, random);
      device.copy(copy, y);
      return scales;
    }
    CastBlocks blocks = blocks(quantizer, encoder, shape);
    if (blocks != null) {
      return blocks(blocks, encoder, "fake_blocks", from, to, shape, kept(quantizer));
    }
    Scales scales = scales(quantizer, x, from);
    fake(encoder, quantizer, from, to, shape, scales);
    return scales;
  }

  void fakeQuantize(Quantizer quantizer, Scales scales, Tensor x, @Nullable RandomBits random) {
    expectFp32(x, "x");
    long at = device.pointer(x, "x");
    Shape shape = x.withScales(scales).shape(); // which they must fit
    CastEncoder encoder = encoder(quantizer, random).orElse(null);
    if (encoder == null) {
      Tensor copy = device.download(x);
      host().fakeQuantize(quantizer, scales, copy, random);
      device.copy(copy, x);
      return;
    }
    fake(encoder, quantizer, at, at, shape, scales);
  }

  Scales scales(Quantizer quantizer, Tensor x) {
    expectFp32(x, "x");
    return scales(quantizer, x, device.pointer(x, "x"));
  }

  private void fake(
      CastEncoder encoder, Quantizer quantizer, long from, long to, Shape shape, Scales scales) {
    try (Factors factors = new Factors(scales, shape)) {
      Kernel kernel = device.kernel(MODULE, encoder.kernel("fake", quantizer.format()));
      launch(
          kernel,
          shape.size(),
          TILE_FEW,
          kernel
              .arguments()
              .add(from)
              .add(to)
              .add((long) shape.size())
              .add(factors.grid)
              .add(kept(quantizer))
              .add(encoder.parameters()));
    }
  }

  void decode(Tensor codes, Tensor y) {
    expectFp32(y, "y");
    device.pointer(codes, "codes");
    long to = device.pointer(y, "y");
    Arguments.expectShape(y, "y", codes.shape());
    Arguments.expectApart(codes, "codes", y, "y");
    if (hasDecoder(codes)) {
      decode(codes, to);
    } else {
      Tensor copy = Tensor.zeros(y.shape().dims());
      host().decode(device.download(codes), copy);
      device.copy(copy, y);
    }
  }

  float[] amax(Tensor x, Granularity granularity) {
    long from = device.pointer(x, "x");
    int count = granularity.scales(x.shape());
    if (!x.isFp32() && !hasDecoder(x)) {
      return host().amax(device.download(x), granularity);
    }
    try (DeviceScratch values = device.scratch(x.isFp32() ? 0 : 4L * x.shape().size());
        DeviceScratch found = device.scratch(4L * count)) {
      if (!x.isFp32()) {
        decode(x, values.pointer());
      }
      amax(x.isFp32() ? from : values.pointer(), x.shape(), granularity, count, found);
      float[] amax = new float[count];
      device.copyToHost(found.pointer(), MemorySegment.ofArray(amax));
      return amax;
    }
  }

  ErrorMoments moments(Tensor x, Tensor y) {
    long before = device.pointer(x, "x");
    long after = device.pointer(y, "y");
    Arguments.expectShape(y, "y", x.shape());
    if (!(x.isFp32() || hasDecoder(x)) || !(y.isFp32() || hasDecoder(y))) {
      return host().moments(device.download(x), device.download(y));
    }
    int n = x.shape().size();
    int chunks = Math.ceilDiv(n, CHUNK);
    double[] sums = new double[SUMS * chunks];
    long[] counts = new long[2];
    try (DeviceScratch valuesBefore = device.scratch(x.isFp32() ? 0 : 4L * n);
        DeviceScratch valuesAfter = device.scratch(y.isFp32() ? 0 : 4L * n);
        DeviceScratch found = device.scratch(8L * sums.length);
        DeviceScratch counted = device.scratch(8L * counts.length)) {
      if (!x.isFp32()) {
        decode(x, valuesBefore.pointer());
      }
      if (!y.isFp32()) {
        decode(y, valuesAfter.pointer());
      }
      device.clear(counted.pointer(), 8L * counts.length);
      Kernel kernel = device.kernel(MODULE, "error_moments");
      launch(
          kernel,
          (long) chunks * LANES,
          THREADS,
          kernel
              .arguments()
              .add(x.isFp32() ? before : valuesBefore.pointer())
              .add(y.isFp32() ? after : valuesAfter.pointer())
              .add((long) n)
              .add(found.pointer())
              .add(counted.pointer()));
      device.copyToHost(found.pointer(), MemorySegment.ofArray(sums));
      device.copyToHost(counted.pointer(), MemorySegment.ofArray(counts));
    }
    return ErrorMoments.ofChunks(n, n - counts[0], counts[1], sums);
  }

  // What kernels do

  private Optional<CastEncoder> encoder(Quantizer quantizer, @Nullable RandomBits random) {
    return quantizer.division() == Division.QUOTIENT
            && quantizer.scaleRule() != ScaleRule.MIN_TO_MAX
        ? CastEncoder.of(quantizer.format(), quantizer.projection(), random, device.castTables())
        : Optional.empty();
  }

  private static @Nullable CastBlocks blocks(
      Quantizer quantizer, CastEncoder encoder, Shape shape) {
    return encoder.doesBlocks(quantizer.format()) && shape.size() > 0
        ? CastBlocks.of(quantizer, shape).orElse(null)
        : null;
  }

  private static boolean hasDecoder(Tensor codes) {
    return codes.rotation().isEmpty()
        && !codes.scales().hasZeroPoints()
        && (codes.format().width() <= 16 || codes.format().equals(Formats.FP32));
  }

  // Launches

  /** Launches a kernel that goes over so many elements, a tile for each block of threads. */
  private static void launch(Kernel kernel, long n, int tile, KernelArguments arguments) {
    if (n > 0) {
      int blocks = (int) Math.min(MAX_BLOCKS, Math.ceilDiv(n, (long) tile));
      kernel.launch(blocks, THREADS, 0, arguments);
    }
  }

  /** The factors of a tensor on the device, for the length of a launch. */
  private final class Factors implements AutoCloseable {
    private final @Nullable DeviceScratch memory;
    private final MemorySegment grid;

    Factors(Scales scales, Shape shape) {
      CastGrid layout = CastGrid.of(scales.granularity(), shape);
      int count = scales.count();
      if (count <= 1) {
        memory = null;
        grid = layout.struct(0, count == 0 ? 1 : scales.get(0));
        return;
      }
      float[] factors = new float[count];
      for (int i = 0; i < count; i++) {
        factors[i] = scales.get(i);
      }
      memory = device.scratch(4L * count);
      device.copyToDevice(MemorySegment.ofArray(factors), memory.pointer());
      grid = layout.struct(memory.pointer(), 1);
    }

    @Override
    public void close() {
      if (memory != null) {
        memory.close();
      }
    }
  }

  private void encode(
      CastEncoder encoder, NumericFormat format, long from, long to, Shape shape, Scales scales) {
    try (Factors factors = new Factors(scales, shape)) {
      Kernel kernel = device.kernel(MODULE, encoder.kernel("encode", format));
      launch(
          kernel,
          shape.size(),
          encoder.isStochastic() ? TILE_FEW : TILE,
          kernel
              .arguments()
              .add(from)
              .add(to)
              .add((long) shape.size())
              .add(factors.grid)
              .add(encoder.parameters()));
    }
  }

  private void decode(Tensor codes, long to) {
    NumericFormat format = codes.format();
    boolean fp32 = format.equals(Formats.FP32);
    String named = fp32 ? "fp32" : CastEncoder.name(format);
    boolean isTable = named.isEmpty();
    String name = isTable ? format.width() <= 8 ? "table_8" : "table_16" : named;
    int n = codes.shape().size();
    try (Factors factors = new Factors(codes.scales(), codes.shape())) {
      Kernel kernel = device.kernel(MODULE, "decode_" + name);
      long table = isTable ? device.castTables().values(format) : 0;
      KernelArguments arguments =
          kernel
              .arguments()
              .add(device.pointer(codes, "codes"))
              .add(to)
              .add((long) n)
              .add(factors.grid);
      if (isTable) {
        arguments.add(table).add((1 << format.width()) - 1);
      }
      launch(kernel, n, TILE, arguments);
    }
  }

  /** The largest magnitudes of float32 numbers, as bits, into memory of the device. */
  private void amax(
      long from, Shape shape, Granularity granularity, int count, DeviceScratch found) {
    device.clear(found.pointer(), 4L * count);
    long n = shape.size();
    if (n == 0) {
      return;
    }
    if (granularity instanceof Granularity.PerTensor) {
      Kernel kernel = device.kernel(MODULE, "amax_tensor");
      // few blocks, that go on: each has to write its result to the same place
      kernel.launch(
          kernel.gridFor(n, TILE_AMAX),
          THREADS,
          0,
          kernel.arguments().add(from).add(n).add(found.pointer()));
      return;
    }
    Kernel kernel = device.kernel(MODULE, "amax_grid");
    MemorySegment grid = CastGrid.of(granularity, shape).struct(0, 1);
    launch(kernel, n, TILE, kernel.arguments().add(from).add(n).add(found.pointer()).add(grid));
  }

  /** The scales of a tensor, which waits for the device unless there are none to find. */
  private Scales scales(Quantizer quantizer, Tensor x, long from) {
    Shape shape = x.shape();
    if (!quantizer.scalesFollowFromAmax()) {
      return quantizer.scales(device.download(x));
    }
    int count = quantizer.granularity().scales(shape);
    float[] amax = new float[count];
    if (quantizer.scaleRule() != ScaleRule.ONE) {
      try (DeviceScratch found = device.scratch(4L * count)) {
        amax(from, shape, quantizer.granularity(), count, found);
        device.copyToHost(found.pointer(), MemorySegment.ofArray(amax));
      }
    }
    return quantizer.scales(shape, amax);
  }

  /** Codes, or with kept values, of blocks in one pass; and their scales. */
  private Scales blocks(
      CastBlocks blocks,
      CastEncoder encoder,
      String what,
      long from,
      long to,
      Shape shape,
      @Nullable MemorySegment kept) {
    Quantizer quantizer = blocks.quantizer();
    float[] amax = new float[quantizer.granularity().scales(shape)];
    try (DeviceScratch found = device.scratch(4L * amax.length);
        DeviceScratch outer = device.scratch(4)) {
      if (blocks.hasOuter()) {
        amax(from, shape, new Granularity.PerTensor(), 1, outer);
      }
      Kernel kernel = device.kernel(MODULE, encoder.kernel(what, quantizer.format()));
      KernelArguments arguments =
          kernel
              .arguments()
              .add(from)
              .add(to)
              .add((long) shape.size())
              .add(found.pointer())
              .add(blocks.struct(blocks.hasOuter() ? outer.pointer() : 0));
      if (kept != null) {
        arguments.add(kept);
      }
      launch(
          kernel,
          shape.size(),
          encoder.isStochastic() || kept != null ? TILE_FEW : TILE,
          arguments.add(encoder.parameters()));
      device.copyToHost(found.pointer(), MemorySegment.ofArray(amax));
    }
    return quantizer.scales(shape, amax);
  }

  /** What the format lacks, zero or NaN, and fake quantization keeps. */
  private static MemorySegment kept(Quantizer quantizer) {
    NumericFormat format = quantizer.format();
    boolean hasZero =
        switch (format) {
          case FloatFormat f -> f.zero();
          case LogFormat f -> f.zero() == LogFormat.Zero.RESERVED;
          case TableFormat f -> f.decode(f.encode(0.0, quantizer.projection(), 0)) == 0;
          default -> true;
        };
    boolean hasNan = format.isNan(format.encode(Double.NaN, quantizer.projection(), 0));
    return new KernelStruct().add(!hasZero).add(!hasNan).segment();
  }

  // Arguments

  private static void expectFp32(Tensor tensor, String name) {
    if (!tensor.isFp32()) {
      throw new IllegalArgumentException(
          name + " = " + tensor + " with scales " + tensor.scales() + ", expected fp32 unscaled");
    }
  }

  /** What {@link Quantizer#quantize(Tensor, Tensor, RandomBits)} expects of the codes. */
  private static void expectCodes(Quantizer quantizer, Tensor x, Tensor codes) {
    if (!codes.shape().equals(x.shape()) || !codes.format().equals(quantizer.format())) {
      throw new IllegalArgumentException(
          "codes = " + codes + ", expected " + quantizer.format().name() + x.shape());
    }
    if (codes.scales().hasZeroPoints() != (quantizer.scaleRule() == ScaleRule.MIN_TO_MAX)) {
      throw new IllegalArgumentException(
          "codes has scales "
              + (codes.scales().hasZeroPoints() ? "with" : "without")
              + " zero points, expected the other with the rule "
              + quantizer.scaleRule());
    }
    if (codes.rotation().isPresent()) {
      throw new IllegalArgumentException(
          "codes is rotated by " + codes.rotation().get() + ", expected it plain");
    }
  }
}
