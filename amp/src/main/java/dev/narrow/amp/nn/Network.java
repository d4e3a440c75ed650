package dev.narrow.amp.nn;

import dev.narrow.amp.Autocast;
import dev.narrow.amp.Gradients;
import dev.narrow.amp.Ops;
import dev.narrow.amp.Parameter;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Indices;
import dev.narrow.quant.Tensor;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A classifier: layers under a policy, with softmax and cross entropy at their end.
 *
 * <pre>
 *   forward    X(l)   = f(Q_A(X(l-1)) · Q_W(W(l)) + b(l))
 *   backward   E(l)   = Q_E(dL/dZ(l))
 *              G(l)   = Q_G(Q_A(X(l-1))ᵀ · E(l))
 *              dX     = E(l) · Q_W(W(l))ᵀ
 * </pre>
 *
 * <p>(LNS-Madam, arXiv 2106.13914, writes the same flow.) Each pass is a region of its autocast.
 *
 * <p>It is trained where its backend works: parameters, gradients and buffers are brought there
 * when the network is made, and home when it is closed. On a device, each pass leaves no memory
 * behind; the batch is copied there if it lies on the host.
 *
 * <pre>{@code
 * try (CudaDevice device = CudaDevice.open();
 *     Network network = new Network(Autocast.with(policy).on(device.backend()), body);
 *     Optimizer optimizer =
 *         Optimizer.of(device.backend(), rule, rate, network.parameters(), policy, seed)) {
 *   GradScaler scaler = GradScaler.of(policy.lossScaling(), device.backend());
 *   Gradients gradients = network.gradients();
 *   float loss = network.backpropagate(x, labels, scaler.lossScale());
 *   scaler.step(loss, gradients, optimizer::step);
 * }
 * }</pre>
 *
 * <p>Not safe for use by several threads at once.
 */
public final class Network implements AutoCloseable {
  private final Autocast autocast;
  private final Layer body;
  private final List<Parameter> parameters;
  private long lastPass = -1;

  /**
   * A network.
   *
   * @param autocast policy, backend and seed
   * @param body from the input to the logits
   * @throws IllegalArgumentException if two parameters have one name
   */
  public Network(Autocast autocast, Layer body) {
    this.autocast = autocast;
    this.body = body;
    this.parameters = List.copyOf(body.parameters());
    Set<String> names = new HashSet<>();
    for (Parameter parameter : parameters) {
      if (!names.add(parameter.name())) {
        throw new IllegalArgumentException("two parameters are called " + parameter.name());
      }
    }
    move(autocast.backend());
  }

  private void move(Backend backend) {
    parameters.forEach(parameter -> parameter.move(backend));
    buffers().forEach(buffer -> buffer.move(backend));
  }

  /**
   * Brings what it has learned from a device to the heap, and gives back memory there. Optimizers
   * are closed by whoever made them.
   *
   * @throws IllegalStateException if the device is closed
   */
  @Override
  public void close() {
    move(Backend.cpu());
  }

  /** The parameters with their gradients: {@code fc1.weight}, {@code fc1.bias}... */
  public List<Parameter> parameters() {
    return parameters;
  }

  /** The gradients, for a {@code GradScaler}. */
  public Gradients gradients() {
    return Gradients.of(
        parameters.stream().map(p -> Gradients.view(p.name(), p.gradient())).toList());
  }

  /** What the layers keep besides parameters. */
  public List<Layer.Buffer> buffers() {
    return body.buffers();
  }

  /** The number of the last {@link #backpropagate} among the regions; -1 before the first. */
  long lastPass() {
    return lastPass;
  }

  /** Policy, backend and seed, and the counters. */
  public Autocast autocast() {
    return autocast;
  }

  /**
   * Runs the network as in inference.
   *
   * @param x samples
   * @return the logits, [..., classes], on the host
   * @throws IllegalArgumentException if x has a shape that does not fit
   */
  public Tensor forward(Tensor x) {
    return autocast.call(() -> {
      Tensor logits = body.forward(Autocast.place(x), false);
      return logits.storage().isHost() ? logits : logits.toFp32();
    });
  }

  /**
   * Runs the network and calculates the gradients of all parameters, in place.
   *
   * @param x samples
   * @param labels the class of each row of the logits
   * @param lossScale what the gradients are multiplied by, in every layer
   * @return the mean cross entropy of the softmax of the logits, not scaled
   * @throws IllegalArgumentException if shapes do not fit
   */
  public float backpropagate(Tensor x, int[] labels, float lossScale) {
    lastPass = autocast.steps();
    return autocast.call(() -> {
      Tensor logits = body.forward(Autocast.place(x), true);
      Ops.Loss loss = Ops.softmaxCrossEntropy(logits, labels, lossScale);
      body.backwardFirst(loss.gradient());
      return loss.value();
    });
  }

  /**
   * The same on tensors that lie where the network's backend works, so that nobody waits for a
   * device, and nothing is copied but by layers that say so. Such a pass can be captured, and done
   * again on what is in x and labels then:
   *
   * <pre>{@code
   * Runnable pass = () -> network.backpropagate(x, labels, scale, loss);
   * pass.run(); // loads what is loaded once
   * try (CudaGraph graph = device.capture(pass)) {
   *   for (Batch batch : batches) {
   *     device.copy(batch.x(), x);
   *     device.copy(batch.labels(), labels);
   *     graph.launch();
   *     scaler.step(loss.toFloats()[0], gradients, optimizer::step);
   *   }
   * }
   * }</pre>
   *
   * <p>A captured pass has the one loss scale: capture anew when the scaler has another. It is an
   * IllegalStateException to capture what draws random bits (stochastic rounding, dropout), which
   * would be the same each time. Scales of activations and gradients are found anew in each launch;
   * those of a parameter that is kept in codes are the ones of the capture. Counters, and the
   * number of the step, see the capture only.
   *
   * @param x samples
   * @param labels {@link Indices}: the class of each row of the logits
   * @param lossScale what the gradients are multiplied by, in every layer
   * @param loss a scalar, fp32: receives the mean cross entropy, not scaled
   * @throws IllegalArgumentException if shapes do not fit
   */
  public void backpropagate(Tensor x, Tensor labels, float lossScale, Tensor loss) {
    lastPass = autocast.steps();
    autocast.run(() -> {
      Autocast.constant(x);
      Tensor logits = body.forward(x, true);
      body.backwardFirst(Ops.softmaxCrossEntropy(logits, labels, lossScale, loss));
    });
  }
}
