package dev.narrow.amp.inspect;

import dev.narrow.amp.Autocast;
import dev.narrow.amp.CastObserver;
import dev.narrow.amp.Role;
import dev.narrow.formats.RandomBits;
import dev.narrow.quant.Granularity;
import dev.narrow.quant.QuantizationError;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Looks at the tensors of a run while it trains: forward and backward, every n steps, what the
 * policy's formats do to each, and what others would do to the same ones.
 *
 * <pre>{@code
 * var options = InspectorOptions.every(100).whatIf("bf16", "e4m3fn", "lns8");
 * try (Inspector inspector = Inspector.open(Path.of("run.ndjson"), options)) {
 *   Autocast amp = inspector.observe(Autocast.with(AmpPolicy.fp16()));
 *   train(amp);
 *   System.out.print(inspector.report());
 * }
 * InspectorPage.write(Path.of("run.ndjson"), Path.of("run.html"));
 * }</pre>
 *
 * <p>It sees the operands and weight gradients of operations of {@link dev.narrow.amp.OpClass#LOWER
 * OpClass.LOWER}. Gradients are seen as the backward pass has them, multiplied by the loss scale.
 * It changes nothing in the run, and never ends one: if a file cannot be written, it looks no more,
 * and {@link #close} throws.
 *
 * <p>The file has an object in JSON on each line (NDJSON), in UTF-8. Each has {@code version}, 1,
 * and {@code kind}:
 *
 * <ul>
 *   <li>{@code run}, the first line: {@code every} and {@code whatIf} of the options.
 *   <li>{@code tensor}: {@code step}, {@code layer}, {@code role} ({@code weight}, {@code
 *       activation}, {@code activation-gradient}, {@code weight-gradient}), {@code op}, {@code
 *       shape}; {@link Magnitudes} before the cast, {@code elements}, {@code zeros}, {@code nan},
 *       {@code infinite}, {@code amax}, {@code smallest} and {@code octaves}, an object of counts
 *       by octave; {@code fit}, a {@link Fit} with its components and {@code sqnrDb}, or null in
 *       fp32; {@code whatIf}, an object of such by format. What is infinite or NaN is null.
 *   <li>{@code casts}: for a layer and role what {@link dev.narrow.amp.AutocastReport.Casts} has.
 *   <li>{@code end}, the last line of a complete file: {@code steps} that were sampled, {@code
 *       nanos} that the inspector took.
 * </ul>
 *
 * <p>Safe for use by several threads.
 */
public final class Inspector implements CastObserver, AutoCloseable {
  private record Place(String layer, Role role, String op) {}

  /** What a place was last seen with: backward operations read the same tensors again. */
  private record Seen(long step, WeakReference<Tensor> tensor) {}

  private final InspectorOptions options;
  private final Map<String, Quantizer> whatIf;
  private final @Nullable RunWriter file;
  private final @Nullable TensorBoard tensorBoard;

  private final Map<Place, TensorSummary> summaries = new LinkedHashMap<>();
  private final Map<Place, Seen> seen = new HashMap<>();
  private @Nullable Autocast observed;
  private @Nullable IOException failure;
  private volatile boolean stopped;
  private boolean closed;
  private long step = -1;
  private long steps;
  private long nanos;

  /** One that writes where it is told, if anywhere. */
  Inspector(InspectorOptions options, @Nullable RunWriter file, @Nullable TensorBoard tensorBoard) {
    this.options = options;
    this.whatIf = options.quantizers();
    this.file = file;
    this.tensorBoard = tensorBoard;
  }

  /**
   * An inspector that writes to a new file, and for TensorBoard if the options say so. Directories
   * are created.
   *
   * @throws IOException if the file exists, or cannot be written
   */
  public static Inspector open(Path ndjson, InspectorOptions options) throws IOException {
    RunWriter file = RunWriter.create(ndjson, options);
    try {
      TensorBoard board =
          options.tensorBoard().isEmpty() ? null : new TensorBoard(options.tensorBoard().get());
      return new Inspector(options, file, board);
    } catch (IOException e) {
      file.close();
      throw e;
    }
  }

  /** An inspector every 100 steps, without other formats, that writes to a new file. */
  public static Inspector open(Path ndjson) throws IOException {
    return open(ndjson, InspectorOptions.every(100));
  }

  /** An inspector that writes no file: {@link #report} has what it sees. */
  public static Inspector inMemory(long every, String... whatIf) {
    return new Inspector(InspectorOptions.every(every).whatIf(whatIf), null, null);
  }

  /**
   * The same autocast with this inspector, which reports its casts too; to be called last, since
   * {@link Autocast#on} and the like give another autocast. {@link Autocast#observed} does without
   * the casts.
   */
  public Autocast observe(Autocast autocast) {
    Autocast with = autocast.observed(this);
    synchronized (this) {
      observed = with;
    }
    return with;
  }

  @Override
  public boolean wants(long step) {
    return step % options.every() == 0 && !stopped;
  }

  @Override
  public void cast(Cast cast) {
    long start = System.nanoTime();
    Place place = new Place(cast.layer(), cast.role(), cast.op());
    if (isSeen(place, cast)) {
      return;
    }
    Observation one = observation(cast);
    synchronized (this) {
      if (closed || stopped) {
        return;
      }
      summaries.merge(place, TensorSummary.of(one), TensorSummary::merge);
      try {
        beginStep(one.step());
        write(one);
      } catch (IOException e) {
        failure = e;
        stopped = true;
      }
      nanos += System.nanoTime() - start;
    }
  }

  @SuppressWarnings("ReferenceEquality") // the same tensor, not an equal one
  private synchronized boolean isSeen(Place place, Cast cast) {
    Seen last = seen.get(place);
    boolean again = last != null && last.step == cast.step() && last.tensor.get() == cast.before();
    if (!again) {
      seen.put(place, new Seen(cast.step(), new WeakReference<>(cast.before())));
    }
    return again;
  }

  /** What is written is that of whole steps, whatever happens to the process. */
  private void beginStep(long next) throws IOException {
    if (next == step) {
      return;
    }
    step = next;
    steps++;
    if (file != null) {
      file.flush();
    }
    if (tensorBoard != null) {
      tensorBoard.flush();
    }
  }

  private void write(Observation one) throws IOException {
    if (file != null) {
      file.write(one);
    }
    if (tensorBoard != null) {
      tensorBoard.write(one);
    }
  }

  private Observation observation(Cast cast) {
    Tensor before = cast.before().isFp32() ? cast.before() : cast.before().toFp32();
    Tensor sample = sample(before, options.elements());
    Optional<Fit> fit =
        cast.quantizer()
            .map(quantizer -> {
              Scales scales = cast.scales().orElseThrow();
              QuantizationError error = error(before, sample, cast.after(), quantizer, scales);
              return Fit.of(quantizer.format().name(), quantizer, scales, error);
            });
    Map<String, Fit> others = new LinkedHashMap<>();
    whatIf.forEach((name, quantizer) -> {
      if (fits(quantizer, sample)) {
        Tensor codes = quantizer.quantize(sample, new RandomBits(0, cast.step()));
        QuantizationError error = QuantizationError.measure(sample, codes);
        others.put(name, Fit.of(name, quantizer, codes.scales(), error));
      }
    });
    return new Observation(
        cast.step(),
        cast.layer(),
        cast.role(),
        cast.op(),
        Arrays.stream(before.shape().dims()).boxed().toList(),
        Magnitudes.of(before),
        fit,
        others);
  }

  /** Of the sample, where one scale is all; else of the whole. */
  private QuantizationError error(
      Tensor before, Tensor sample, Tensor after, Quantizer quantizer, Scales scales) {
    if (!after.isFp32()) {
      return QuantizationError.measure(before, after);
    }
    return scales.granularity() instanceof Granularity.PerTensor
        ? QuantizationError.measure(sample, sample(after, options.elements()), quantizer, scales)
        : QuantizationError.measure(before, after, quantizer, scales);
  }

  /** Whether a tensor has the axes that a quantizer's scales are along. */
  private static boolean fits(Quantizer quantizer, Tensor tensor) {
    try {
      return quantizer.granularity().scales(tensor.shape()) >= 0;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  /** The indices of the outermost axis, evenly spaced, that have so many elements at most. */
  static Tensor sample(Tensor values, int most) {
    int size = values.shape().size();
    if (size <= most || values.shape().rank() == 0) {
      return values;
    }
    int rows = values.shape().dim(0);
    int row = values.shape().stride(0);
    int kept = Math.max(1, most / row);
    if (kept >= rows) {
      return values;
    }
    int[] dims = values.shape().dims().clone();
    dims[0] = kept;
    Tensor sample = Tensor.zeros(dims);
    for (int i = 0; i < kept; i++) {
      long from = (long) i * rows / kept;
      values
          .storage()
          .read(4 * from * row, sample.storage().segment().asSlice(4L * i * row, 4L * row));
    }
    return sample;
  }

  /** What it has seen so far. */
  public synchronized InspectorReport report() {
    return new InspectorReport(
        steps,
        List.copyOf(summaries.values()),
        observed == null ? List.of() : observed.report().casts(),
        nanos);
  }

  private void closeFiles() throws IOException {
    try {
      if (file != null) {
        file.close();
      }
    } finally {
      if (tensorBoard != null) {
        tensorBoard.close();
      }
    }
  }

  /**
   * Completes the files. A second call does nothing.
   *
   * @throws IOException if one could not be written, now or before
   */
  @Override
  public synchronized void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    stopped = true;
    try {
      if (failure != null) {
        throw new IOException("the inspector stopped in step " + step + ": " + failure, failure);
      }
      if (file != null) {
        for (var casts : report().casts()) {
          file.write(casts);
        }
        file.end(steps, nanos);
      }
    } finally {
      closeFiles();
    }
  }
}
