package dev.narrow.amp.nn;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.Parameter;
import dev.narrow.amp.Role;
import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Activation;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Scales;
import dev.narrow.quant.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A multilayer perceptron with ReLU between its layers and softmax with cross entropy at its end,
 * whose every tensor role has the format that a policy gives it (LNS-Madam, arXiv 2106.13914,
 * writes the same flow):
 *
 * <pre>
 *   forward    X(l)   = relu(Q_A(X(l-1)) · Q_W(W(l)) + b(l))
 *   backward   E(l)   = Q_E(dL/dZ(l))
 *              G(l)   = Q_G(Q_A(X(l-1))ᵀ · E(l))
 *              dX     = E(l) · Q_W(W(l))ᵀ
 * </pre>
 *
 * <p>Logits, softmax, loss, biases and their gradients are not quantized in either pass (an
 * optimizer may keep biases in its update format). Quantization is passed straight through in the
 * backward pass.
 *
 * <p>Not safe for use by several threads at once.
 */
public final class Mlp {

  /** Sees what quantization does to the tensors of a step. */
  @FunctionalInterface
  public interface Observer {
    /**
     * Called after a tensor was quantized.
     *
     * @param role of the tensor
     * @param before its values before
     * @param after its values after, the same tensor that the network goes on with
     * @param quantizer what was applied
     * @param scales the scales it used
     */
    void quantized(Role role, Tensor before, Tensor after, Quantizer quantizer, Scales scales);
  }

  private static final double BIAS_DEVIATION =
      0.05; // not zero: a multiplicative update needs a start
  private static final long WEIGHT_STREAM = 1L << 62;
  private static final long BIAS_STREAM = WEIGHT_STREAM + (1L << 32);

  private final Backend backend;
  private final AmpPolicy policy;
  private final long seed;
  private final List<Layer> layers = new ArrayList<>();
  private final Map<Integer, Batch> batches = new HashMap<>();
  private @Nullable Batch current;
  private @Nullable Observer observer;
  private long step;

  /** A layer's parameters, the gradients, and the weight as the passes see it. */
  private record Layer(
      Tensor weight, Tensor bias, Tensor weightGradient, Tensor biasGradient, Tensor quantized) {
    int inputs() {
      return weight.shape().dim(0);
    }

    int outputs() {
      return weight.shape().dim(1);
    }
  }

  /**
   * Memory of one batch: of each layer the input as the passes see it, the output before the next
   * layer quantizes it, and the gradient with respect to the output.
   */
  private record Batch(List<Tensor> inputs, List<Tensor> outputs, List<Tensor> gradients) {}

  private Mlp(Backend backend, AmpPolicy policy, long seed) {
    this.backend = backend;
    this.policy = policy;
    this.seed = seed;
  }

  /**
   * A network with weights from N(0, 2 / inputs) (He et al., arXiv 1502.01852) and biases from N(0,
   * 0.05²).
   *
   * @param backend what computes
   * @param policy the format of each role
   * @param seed of the initial values, and of the random bits of stochastic rounding
   * @param units of the input, of each hidden layer, and of the output: two numbers or more
   * @throws IllegalArgumentException if there are fewer than two, or one is not positive
   */
  public static Mlp of(Backend backend, AmpPolicy policy, long seed, int... units) {
    if (units.length < 2) {
      throw new IllegalArgumentException(
          "units has " + units.length + " numbers, expected 2 or more: input, hidden..., output");
    }
    Mlp mlp = new Mlp(backend, policy, seed);
    for (int l = 0; l + 1 < units.length; l++) {
      if (units[l] < 1 || units[l + 1] < 1) {
        int bad = units[l] < 1 ? l : l + 1;
        throw new IllegalArgumentException(
            "units[" + bad + "] = " + units[bad] + ", expected 1 or more");
      }
      mlp.addLayer(l, units[l], units[l + 1]);
    }
    return mlp;
  }

  private void addLayer(int index, int inputs, int outputs) {
    float[] weight = new float[inputs * outputs];
    float[] bias = new float[outputs];
    Normal.fill(weight, Math.sqrt(2.0 / inputs), new RandomBits(seed, WEIGHT_STREAM + index));
    Normal.fill(bias, BIAS_DEVIATION, new RandomBits(seed, BIAS_STREAM + index));
    layers.add(
        new Layer(
            Tensor.of(weight, inputs, outputs),
            Tensor.of(bias, outputs),
            Tensor.zeros(inputs, outputs),
            Tensor.zeros(outputs),
            Tensor.zeros(inputs, outputs)));
  }

  /**
   * The parameters with their gradients: {@code fc1.weight}, {@code fc1.bias}, {@code
   * fc2.weight}...
   */
  public List<Parameter> parameters() {
    List<Parameter> parameters = new ArrayList<>();
    for (int l = 0; l < layers.size(); l++) {
      Layer layer = layers.get(l);
      String name = "fc" + (l + 1);
      parameters.add(new Parameter(name + ".weight", layer.weight, layer.weightGradient));
      parameters.add(new Parameter(name + ".bias", layer.bias, layer.biasGradient));
    }
    return parameters;
  }

  /** The gradients, for a {@code GradScaler}. */
  public Gradients gradients() {
    return Gradients.of(
        parameters().stream().map(p -> new Gradients.View(p.name(), p.gradient())).toList());
  }

  /** Has this observer see the following steps; none if null. */
  public void observe(@Nullable Observer other) {
    observer = other;
  }

  /**
   * Runs the network.
   *
   * @param x a sample in each row, fp32, [samples, inputs]
   * @return the logits, [samples, classes]; overwritten by the next call for as many samples
   * @throws IllegalArgumentException if x has another shape
   */
  public Tensor forward(Tensor x) {
    if (x.shape().rank() != 2 || x.shape().dim(1) != layers.getFirst().inputs()) {
      throw new IllegalArgumentException(
          "x has shape " + x.shape() + ", expected [samples, " + layers.getFirst().inputs() + "]");
    }
    Batch batch = batches.computeIfAbsent(x.shape().dim(0), this::newBatch);
    current = batch;
    Tensor previous = x;
    for (int l = 0; l < layers.size(); l++) {
      Layer layer = layers.get(l);
      Tensor in = quantized(Role.ACTIVATION, previous, batch.inputs.get(l), l);
      Tensor weight = quantized(Role.WEIGHT, layer.weight, layer.quantized, l);
      Tensor out = batch.outputs.get(l);
      Activation activation = l + 1 < layers.size() ? Activation.RELU : Activation.NONE;
      backend.matmul(
          Matmul.plain().bias(layer.bias).activation(activation),
          Matrices.of(in),
          Matrices.of(weight),
          Matrices.of(out));
      previous = out;
    }
    return previous;
  }

  /**
   * Runs the network and calculates the gradients of all parameters, in place.
   *
   * @param x a sample in each row, fp32, [samples, inputs]
   * @param labels the class of each sample
   * @param lossScale what the gradients are multiplied by, in every layer
   * @return the mean cross entropy of the softmax of the logits, not scaled
   */
  public float backpropagate(Tensor x, int[] labels, float lossScale) {
    Tensor logits = forward(x);
    Batch batch = Objects.requireNonNull(current);
    float loss = backend.softmaxCrossEntropy(logits, labels, lossScale, batch.gradients.getLast());
    for (int l = layers.size() - 1; l >= 0; l--) {
      Layer layer = layers.get(l);
      Tensor in = seen(Role.ACTIVATION, l == 0 ? x : batch.outputs.get(l - 1), batch.inputs.get(l));
      Tensor e = batch.gradients.get(l);
      quantize(Role.ACTIVATION_GRADIENT, e, l);
      backend.matmul(
          Matmul.plain(),
          Matrices.of(in).transposed(),
          Matrices.of(e),
          Matrices.of(layer.weightGradient));
      quantize(Role.WEIGHT_GRADIENT, layer.weightGradient, l);
      backend.sumRows(e, layer.biasGradient);
      if (l > 0) {
        Tensor dx = batch.gradients.get(l - 1);
        backend.matmul(
            Matmul.plain(),
            Matrices.of(e),
            Matrices.of(seen(Role.WEIGHT, layer.weight, layer.quantized)).transposed(),
            Matrices.of(dx));
        backend.reluBackward(batch.outputs.get(l - 1), dx, dx);
      }
    }
    step++;
    return loss;
  }

  /** What the passes see of a tensor: the quantized one if the role has a format, else itself. */
  private Tensor seen(Role role, Tensor values, Tensor quantized) {
    return policy.quantizer(role).isPresent() ? quantized : values;
  }

  /** Fills the quantized tensor if the role has a format, and returns what the passes see. */
  private Tensor quantized(Role role, Tensor values, Tensor quantized, int layer) {
    policy
        .quantizer(role)
        .ifPresent(quantizer -> {
          RandomBits random = new RandomBits(seed, role.stream(step, layer));
          Scales scales = quantizer.fakeQuantize(values, quantized, random);
          if (observer != null) {
            observer.quantized(role, values, quantized, quantizer, scales);
          }
        });
    return seen(role, values, quantized);
  }

  /** Puts the values of the role's format in place of a tensor's. */
  private void quantize(Role role, Tensor tensor, int layer) {
    Quantizer quantizer = policy.quantizer(role).orElse(null);
    if (quantizer == null) {
      return;
    }
    RandomBits random = new RandomBits(seed, role.stream(step, layer));
    if (observer == null) {
      quantizer.fakeQuantize(tensor, random);
    } else {
      Tensor before = tensor.toFp32();
      Scales scales = quantizer.fakeQuantize(tensor, random);
      observer.quantized(role, before, tensor, quantizer, scales);
    }
  }

  private Batch newBatch(int samples) {
    List<Tensor> inputs = new ArrayList<>();
    List<Tensor> outputs = new ArrayList<>();
    List<Tensor> gradients = new ArrayList<>();
    for (Layer layer : layers) {
      inputs.add(Tensor.zeros(samples, layer.inputs()));
      outputs.add(Tensor.zeros(samples, layer.outputs()));
      gradients.add(Tensor.zeros(samples, layer.outputs()));
    }
    return new Batch(inputs, outputs, gradients);
  }
}
