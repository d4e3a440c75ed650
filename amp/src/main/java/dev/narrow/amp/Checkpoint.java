package dev.narrow.amp;

import dev.narrow.formats.Formats;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Storage;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.SafetensorsFile;
import dev.narrow.quant.files.SafetensorsType;
import dev.narrow.quant.files.SafetensorsWriter;
import dev.narrow.quant.files.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * All that a training run depends on, saved to one file and loaded from it, whole or not at all, so
 * that a resumed run has the bits of one that was never interrupted: optimizers with their
 * parameters, moments, seeds and steps, autocasts, counters of the loop, and tensors that no
 * optimizer changes, such as the running means of a normalization. Random bits are addressed by
 * seed, stream and element ({@link dev.narrow.formats.RandomBits}), so a generator is saved with
 * its seed and its step.
 *
 * <pre>{@code
 * Checkpoint checkpoint = new Checkpoint().add("optimizer", optimizer).add("autocast", autocast);
 * checkpoint.save(file, true);
 * checkpoint.load(file); // in another process, with the same things made anew
 * }</pre>
 *
 * <p>The file is of safetensors. Section NAME has its tensors under NAME/..., an optimizer {@code
 * parameter/} and {@code moment.0/} with the parameter's name; codes are in their format's own
 * dtype or as unsigned integers, with their scales, fp32, under NAME/scale/.... The metadata has
 * {@code narrow-checkpoint}, the version, and the plain values under NAME/..., the formats among
 * them.
 */
public final class Checkpoint {
  private static final String KEY = "narrow-checkpoint";
  private static final String VERSION = "1";
  private static final String SECTIONS = "sections";
  private static final String SCALE = "scale/";

  private final Map<String, Section> sections = new TreeMap<>();

  /** One of nothing yet. */
  public Checkpoint() {}

  /**
   * Adds an optimizer with its parameters.
   *
   * @param name a word for it
   * @return this
   * @throws IllegalArgumentException if the name is there already, empty, or has a slash or comma
   */
  public Checkpoint add(String name, Optimizer optimizer) {
    return put(name, new OptimizerSection(optimizer));
  }

  /**
   * Adds the seed and the step of an autocast, from which the random bits of its regions come. A
   * state of another seed is refused.
   *
   * @param name a word for it
   * @return this
   * @throws IllegalArgumentException if the name is there already, empty, or has a slash or comma
   */
  public Checkpoint add(String name, Autocast autocast) {
    return put(name, Section.of(new Generator(autocast)));
  }

  /**
   * Adds a scaler, between two of its steps. A state of other layers is refused.
   *
   * @param name a word for it
   * @return this
   * @throws IllegalArgumentException if the name is there already, empty, or has a slash or comma
   */
  public Checkpoint add(String name, GradScaler scaler) {
    return put(name, Section.of(new ScalerSection(scaler)));
  }

  private record Generator(Autocast autocast) implements Resumable {
    @Override
    public Map<String, String> state() {
      return Map.of(
          "seed", Long.toString(autocast.seed()), "steps", Long.toString(autocast.steps()));
    }

    @Override
    public Runnable restore(Map<String, String> state) {
      Texts.require(state, "seed", Long.toString(autocast.seed()));
      long steps = Texts.parse(state, "steps", Long::parseLong, n -> n >= 0, "0 or more");
      return () -> autocast.steps(steps);
    }
  }

  /**
   * Adds plain values.
   *
   * @param name a word for them
   * @return this
   * @throws IllegalArgumentException if the name is there already, empty, or has a slash or comma
   */
  public Checkpoint add(String name, Resumable part) {
    return put(name, Section.of(part));
  }

  /**
   * Adds a tensor that no optimizer changes; loading writes into its memory.
   *
   * @param name a word for it
   * @param tensor fp32
   * @return this
   * @throws IllegalArgumentException if the name is there already, empty, or has a slash or comma,
   *     or the tensor is not fp32
   */
  public Checkpoint add(String name, Tensor tensor) {
    if (!tensor.isFp32()) {
      throw new IllegalArgumentException(name + " = " + tensor + ", expected fp32 without scales");
    }
    return put(name, Section.of(tensor));
  }

  private Checkpoint put(String name, Section section) {
    if (name.isEmpty() || name.contains("/") || name.contains(",") || name.equals(SECTIONS)) {
      throw new IllegalArgumentException(
          "name = \"" + name + "\", expected a word without slash or comma, other than sections");
    }
    if (sections.putIfAbsent(name, section) != null) {
      throw new IllegalArgumentException("name = \"" + name + "\" is there already");
    }
    return this;
  }

  /**
   * Writes a file.
   *
   * @param file the file; directories above it are created
   * @param replace whether a file that exists is replaced; otherwise it is left as it is
   * @throws IOException if the file exists and is not to be replaced, or cannot be written; the old
   *     file is as it was
   */
  public void save(Path file, boolean replace) throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    texts.put(KEY, VERSION);
    texts.put(SECTIONS, names());
    sections.forEach((name, section) ->
        section.texts().forEach((key, text) -> texts.put(name + "/" + key, text)));
    Map<String, Tensor> tensors = written();
    SafetensorsWriter.write(
        file,
        replace,
        texts,
        tensors.entrySet().stream().map(entry -> info(entry.getKey(), entry.getValue())).toList(),
        (info, sink) ->
            sink.write(DeviceTensors.onHost(Objects.requireNonNull(tensors.get(info.name())))));
  }

  /**
   * Reads a file and puts everything in its place. What is loaded is in memory twice meanwhile.
   *
   * @param file as {@link #save} wrote it for the same sections
   * @throws AmpException if the file is no checkpoint, of another version, or of other sections,
   *     rules, parameters or formats; the message names what differs, and nothing has changed
   * @throws dev.narrow.quant.files.TensorFileException if the file cannot be read or is damaged;
   *     nothing has changed
   */
  public void load(Path file) {
    List<Runnable> puts = new ArrayList<>();
    try (SafetensorsFile in = SafetensorsFile.open(file)) {
      String version = in.metadata().get(KEY);
      if (version == null) {
        throw new IllegalArgumentException("is no checkpoint: its metadata has no " + KEY);
      }
      Texts.require(in.metadata(), KEY, VERSION);
      Texts.require(in.metadata(), SECTIONS, names());
      List<Runnable> after = new ArrayList<>();
      sections.forEach((name, section) -> after.add(restore(name, section, in.metadata())));
      requireTensors(in);
      sections.forEach((name, section) ->
          section
              .tensors()
              .forEach((key, tensor) -> puts.add(read(in, name, section, key, tensor))));
      puts.addAll(after);
    } catch (IllegalArgumentException e) {
      throw new AmpException(file + ": " + e.getMessage());
    }
    puts.forEach(Runnable::run);
  }

  private String names() {
    return String.join(", ", sections.keySet());
  }

  private static Runnable restore(String name, Section section, Map<String, String> metadata) {
    Map<String, String> texts = new LinkedHashMap<>();
    metadata.forEach((key, text) -> {
      if (key.startsWith(name + "/")) {
        texts.put(key.substring(name.length() + 1), text);
      }
    });
    try {
      return section.restore(texts);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(name + ": " + e.getMessage(), e);
    }
  }

  /** All tensors of the file: codes, and their scales as fp32. */
  private Map<String, Tensor> written() {
    Map<String, Tensor> written = new LinkedHashMap<>();
    sections.forEach((name, section) ->
        section
            .tensors()
            .forEach((key, tensor) -> {
              written.put(name + "/" + key, tensor);
              if (!tensor.format().equals(Formats.FP32)) {
                written.put(name + "/" + SCALE + key, scales(tensor.scales()));
              }
            }));
    return written;
  }

  private static Tensor scales(Scales scales) {
    float[] values = new float[scales.count()];
    for (int i = 0; i < values.length; i++) {
      values[i] = scales.get(i);
    }
    return Tensor.of(values, values.length);
  }

  private static TensorInfo info(String name, Tensor tensor) {
    int bits = Tensor.bytesPerCode(tensor.format()) * Byte.SIZE;
    SafetensorsType unsigned =
        switch (bits) {
          case Byte.SIZE -> SafetensorsType.U8;
          case Short.SIZE -> SafetensorsType.U16;
          default -> SafetensorsType.U32;
        };
    return SafetensorsType.of(tensor.format())
        .filter(type -> type.bits() == bits)
        .orElse(unsigned)
        .info(
            name, Arrays.stream(tensor.shape().dims()).mapToObj(extent -> (long) extent).toList());
  }

  /** Compares what tensors there are, and of what dtype and shape. */
  private void requireTensors(SafetensorsFile in) {
    Map<String, TensorInfo> there = new LinkedHashMap<>();
    in.tensors().forEach(info -> there.put(info.name(), info));
    written()
        .forEach((name, tensor) -> {
          TensorInfo expected = info(name, tensor);
          TensorInfo found = there.remove(name);
          if (!expected.equals(found)) {
            throw new IllegalArgumentException(
                (found == null
                        ? "has no tensor '" + Texts.shown(name) + "'"
                        : "tensor '" + Texts.shown(name) + "' is " + shown(found))
                    + ", expected "
                    + shown(expected));
          }
        });
    if (!there.isEmpty()) {
      throw new IllegalArgumentException(
          "has the tensor '"
              + Texts.shown(there.keySet().iterator().next())
              + "', which belongs to nothing here");
    }
  }

  private static String shown(TensorInfo info) {
    return info.dtype() + info.shape();
  }

  /** Reads a tensor into memory of its own; what is returned cannot fail to put it in place. */
  private static Runnable read(
      SafetensorsFile in, String section, Section owner, String key, Tensor tensor) {
    if (!isWritable(tensor.storage())) {
      throw new IllegalArgumentException(
          section + "/" + key + " = " + tensor + ", expected memory to write to");
    }
    Tensor codes =
        Tensor.of(
            Storage.of(bytes(in.bytes(section + "/" + key), Tensor.bytesPerCode(tensor.format()))),
            tensor.shape(),
            tensor.format(),
            scales(in, section + "/" + SCALE + key, tensor));
    return () -> {
      tensor.storage().write(0, codes.storage().segment());
      owner.put(key, tensor.withScales(codes.scales()));
    };
  }

  private static boolean isWritable(Storage storage) {
    if (!storage.isHost()) {
      return true;
    }
    MemorySegment memory = storage.segment();
    return !memory.isReadOnly()
        && memory.scope().isAlive()
        && memory.isAccessibleBy(Thread.currentThread());
  }

  private static Scales scales(SafetensorsFile in, String name, Tensor tensor) {
    if (tensor.format().equals(Formats.FP32)) {
      return Scales.one();
    }
    float[] values = new float[tensor.scales().count()];
    in.read(name, 0, values);
    return Scales.of(tensor.scales().granularity(), tensor.scales().format(), values);
  }

  /** Codes of the file in native byte order, in memory of their own. */
  private static MemorySegment bytes(MemorySegment littleEndian, int bytesPerCode) {
    MemorySegment bytes = Arena.ofAuto().allocate(littleEndian.byteSize());
    ValueLayout unit =
        switch (bytesPerCode) {
          case 1 -> ValueLayout.JAVA_BYTE;
          case 2 -> ValueLayout.JAVA_SHORT_UNALIGNED;
          default -> ValueLayout.JAVA_INT_UNALIGNED;
        };
    MemorySegment.copy(
        littleEndian,
        unit.withOrder(ByteOrder.LITTLE_ENDIAN),
        0,
        bytes,
        unit,
        0,
        bytes.byteSize() / bytesPerCode);
    return bytes;
  }
}
