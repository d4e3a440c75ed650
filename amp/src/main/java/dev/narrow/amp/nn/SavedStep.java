package dev.narrow.amp.nn;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Autocast;
import dev.narrow.amp.CastObserver;
import dev.narrow.amp.Parameter;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Tensor;
import dev.narrow.quant.files.SafetensorsFile;
import dev.narrow.quant.files.SafetensorsType;
import dev.narrow.quant.files.SafetensorsWriter;
import dev.narrow.quant.files.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A pass of training with all that it depends on, to be run again with the same bits: policy, seed,
 * number of the step, loss scale, batch, and the values of all parameters and buffers.
 *
 * <pre>{@code
 * case Skipped s -> SavedStep.of(network, x, labels, s.overflow().lossScale()).save(file, false);
 * ...
 * SavedStep.load(file).replay(Networks.mlp(1, 784, 128, 10), Backend.cpu(), inspector);
 * }</pre>
 *
 * <p>A file of it is one of safetensors, whose metadata has {@code narrow-step}, the version.
 */
public final class SavedStep {
  private static final String KEY = "narrow-step";
  private static final String VERSION = "1";
  private static final String VALUE = "value/";

  private final AmpPolicy policy;
  private final long seed;
  private final long step;
  private final float lossScale;
  private final Tensor x;
  private final Tensor labels;
  private final Map<String, Tensor> values;

  private SavedStep(
      AmpPolicy policy,
      long seed,
      long step,
      float lossScale,
      Tensor x,
      Tensor labels,
      Map<String, Tensor> values) {
    this.policy = policy;
    this.seed = seed;
    this.step = step;
    this.lossScale = lossScale;
    this.x = x;
    this.labels = labels;
    this.values = values;
  }

  /**
   * The last pass of a network, before its optimizer has stepped, or when the step was skipped.
   *
   * @param network whose values are copied
   * @param x the batch of the pass
   * @param labels likewise
   * @param lossScale likewise
   * @throws IllegalStateException if the network has not run
   * @throws IllegalArgumentException if parameters are kept as codes
   */
  public static SavedStep of(Network network, Tensor x, int[] labels, float lossScale) {
    Autocast autocast = network.autocast();
    long step = network.lastPass();
    if (step < 0) {
      throw new IllegalStateException("network has not run, expected a pass to save");
    }
    float[] classes = new float[labels.length];
    for (int i = 0; i < labels.length; i++) {
      classes[i] = labels[i];
    }
    Map<String, Tensor> values = new LinkedHashMap<>();
    targets(network).forEach((name, tensor) -> values.put(name, tensor.toFp32()));
    return new SavedStep(
        autocast.policy(),
        autocast.seed(),
        step,
        lossScale,
        x.toFp32(),
        Tensor.of(classes, classes.length),
        values);
  }

  private static Map<String, Tensor> targets(Network network) {
    Map<String, Tensor> targets = new LinkedHashMap<>();
    for (Parameter parameter : network.parameters()) {
      targets.put(parameter.name(), parameter.value());
    }
    for (Layer.Buffer buffer : network.buffers()) {
      targets.put(buffer.name(), buffer.value());
    }
    targets.forEach((name, tensor) -> {
      if (!tensor.isFp32()) {
        throw new IllegalArgumentException(name + " = " + tensor + ", expected fp32 values");
      }
    });
    return targets;
  }

  /**
   * Runs the pass again.
   *
   * @param body the network as it was made then: its values are replaced
   * @param backend what computes; any number of threads gives the same bits
   * @param observer sees the casts; may be null
   * @return the network, its gradients those of the pass
   * @throws IllegalArgumentException if the network has other parameters; it is unchanged then
   */
  public Replayed replay(Layer body, Backend backend, @Nullable CastObserver observer) {
    Autocast autocast = Autocast.with(policy).on(backend).seed(seed).observed(observer);
    autocast.steps(step);
    Network network = new Network(autocast, body);
    Map<String, Tensor> targets = targets(network);
    if (!targets.keySet().equals(values.keySet())) {
      throw new IllegalArgumentException(
          "body has the values " + targets.keySet() + ", expected " + values.keySet());
    }
    targets.forEach((name, tensor) -> {
      Tensor value = Objects.requireNonNull(values.get(name));
      if (!tensor.shape().equals(value.shape())) {
        throw new IllegalArgumentException(
            name + " has shape " + tensor.shape() + ", expected " + value.shape());
      }
    });
    targets.forEach((name, tensor) ->
        tensor.storage().write(0, Objects.requireNonNull(values.get(name)).storage().segment()));
    float[] classes = labels.toFloats();
    int[] numbers = new int[classes.length];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (int) classes[i];
    }
    return new Replayed(network.backpropagate(x, numbers, lossScale), network);
  }

  /**
   * A pass that was run again.
   *
   * @param loss the mean loss, not scaled
   * @param network with the gradients of the pass, times the loss scale
   */
  public record Replayed(float loss, Network network) {}

  /** The policy of the pass. */
  public AmpPolicy policy() {
    return policy;
  }

  /** The number of the pass, from 0. */
  public long step() {
    return step;
  }

  /** What the gradients were multiplied by. */
  public float lossScale() {
    return lossScale;
  }

  /**
   * Writes a file.
   *
   * @param file the file; directories above it are created
   * @param replace whether a file that exists is replaced
   * @throws IOException if the file exists and is not to be replaced, or cannot be written
   */
  public void save(Path file, boolean replace) throws IOException {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(KEY, VERSION);
    metadata.put("policy", policy.toText());
    metadata.put("seed", Long.toString(seed));
    metadata.put("step", Long.toString(step));
    metadata.put("loss-scale", Float.toHexString(lossScale));
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("x", x);
    tensors.put("labels", labels);
    values.forEach((name, tensor) -> tensors.put(VALUE + name, tensor));
    List<TensorInfo> infos = new ArrayList<>();
    tensors.forEach((name, tensor) ->
        infos.add(
            SafetensorsType.F32.info(
                name,
                Arrays.stream(tensor.shape().dims()).mapToObj(extent -> (long) extent).toList())));
    SafetensorsWriter.write(
        file,
        replace,
        metadata,
        infos,
        (info, sink) -> sink.write(Objects.requireNonNull(tensors.get(info.name()))));
  }

  /**
   * Reads a file.
   *
   * @throws IllegalArgumentException if it is not one that {@link #save} has written
   * @throws dev.narrow.quant.files.TensorFileException if it cannot be read or is damaged
   */
  public static SavedStep load(Path file) {
    try (SafetensorsFile in = SafetensorsFile.open(file)) {
      Map<String, String> metadata = in.metadata();
      if (!VERSION.equals(metadata.get(KEY))) {
        throw new IllegalArgumentException(
            file + ": " + KEY + " = " + metadata.get(KEY) + ", expected " + VERSION);
      }
      Map<String, Tensor> values = new LinkedHashMap<>();
      for (TensorInfo info : in.tensors()) {
        if (info.name().startsWith(VALUE)) {
          values.put(info.name().substring(VALUE.length()), in.tensor(info.name()).toFp32());
        }
      }
      return new SavedStep(
          AmpPolicy.parse(text(file, metadata, "policy")),
          Long.parseLong(text(file, metadata, "seed")),
          Long.parseLong(text(file, metadata, "step")),
          Float.parseFloat(text(file, metadata, "loss-scale")),
          in.tensor("x").toFp32(),
          in.tensor("labels").toFp32(),
          values);
    }
  }

  private static String text(Path file, Map<String, String> metadata, String key) {
    String text = metadata.get(key);
    if (text == null) {
      throw new IllegalArgumentException(file + ": its metadata has no " + key);
    }
    return text;
  }
}
