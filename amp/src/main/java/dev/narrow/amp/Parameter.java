package dev.narrow.amp;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.quant.Quantizer;
import dev.narrow.quant.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * What an optimizer changes, and the gradient that it goes by.
 *
 * <p>A parameter is an fp32 tensor, or codes that are updated in place, or codes beside an fp32
 * master copy. The name of its layer is its own up to the last dot.
 */
public final class Parameter {
  private final String name;
  private final @Nullable Quantizer quantizer; // of the codes beside the master
  private @Nullable Backend mover; // whose memory it is, if it has been moved
  private Tensor gradient;
  private Tensor value;
  private Tensor kept; // the master where there is one, else the value

  private Parameter(String name, Tensor kept, Tensor gradient, @Nullable Quantizer quantizer) {
    if (!kept.shape().equals(gradient.shape())) {
      throw new IllegalArgumentException(
          name + ": gradient has shape " + gradient.shape() + ", expected " + kept.shape());
    }
    if (!gradient.isFp32()) {
      throw new IllegalArgumentException(
          name + ": gradient = " + gradient + ", expected fp32, as a scaler unscales it in place");
    }
    this.name = name;
    this.gradient = gradient;
    this.quantizer = quantizer;
    this.kept = kept;
    this.value = kept;
  }

  /**
   * A parameter without a master copy.
   *
   * @param name what to call it in messages and files
   * @param value fp32; or codes, which take their format's bytes in memory: a policy's format for
   *     {@link Role#UPDATE} is then this one
   * @param gradient the gradient of the loss with respect to it, unscaled, fp32 of the same shape
   * @throws IllegalArgumentException if the shapes differ
   */
  public Parameter(String name, Tensor value, Tensor gradient) {
    this(name, value, gradient, null);
  }

  /**
   * A parameter that the passes see in few bits, with a master copy that the optimizer changes
   * (Micikevicius et al., arXiv 1710.03740, section 3.1).
   *
   * @param name what to call it in messages and files
   * @param master fp32
   * @param quantizer what makes {@link #value} of the master, after every step anew
   * @param gradient the gradient of the loss with respect to it, unscaled, fp32 of the same shape
   * @throws IllegalArgumentException if the shapes differ or the master is not fp32 on the host
   */
  public static Parameter withMaster(
      String name, Tensor master, Quantizer quantizer, Tensor gradient) {
    if (!master.isFp32() || !master.storage().isHost()) {
      throw new IllegalArgumentException(
          name
              + ": master = "
              + master
              + ", expected fp32 without scales on the host, to be moved to a device as a whole");
    }
    Parameter parameter = new Parameter(name, master, gradient, quantizer);
    RandomBits random = new RandomBits(0, 0); // an optimizer draws its own
    parameter.value = quantizer.quantize(master, quantizer.scales(master), random);
    return parameter;
  }

  /**
   * Brings all of it to where a backend works: into the memory of a device, or from there to the
   * heap. What lies there already stays as it is; what an earlier move has left behind is given
   * back. To be called before an optimizer is made of it, and before gradients are listed.
   *
   * @throws IllegalArgumentException if it lies on another device
   */
  public void move(Backend backend) {
    Tensor keptBefore = kept;
    kept = move(kept, backend);
    value = quantizer == null ? kept : move(value, backend);
    gradient = move(gradient, backend);
    if (!kept.storage().sameAs(keptBefore.storage())) {
      mover = backend;
    }
  }

  private Tensor move(Tensor tensor, Backend backend) {
    Tensor moved = backend.place(tensor);
    if (mover != null && !moved.storage().sameAs(tensor.storage())) {
      mover.free(tensor);
    }
    return moved;
  }

  /** What to call it in messages and files. */
  public String name() {
    return name;
  }

  /**
   * The tensor that the passes see. The memory of codes stays the same, but their scales are those
   * of the last step: ask again after each.
   */
  public Tensor value() {
    return value;
  }

  /** The gradient of the loss with respect to it. */
  public Tensor gradient() {
    return gradient;
  }

  /** The name of its layer: its own up to the last dot, or all of it. */
  String layer() {
    int dot = name.lastIndexOf('.');
    return dot < 0 ? name : name.substring(0, dot);
  }

  /** What makes the codes beside the master, if there is one. */
  @Nullable Quantizer copyQuantizer() {
    return quantizer;
  }

  /** What the optimizer keeps: the master where there is one, else the value. */
  Tensor kept() {
    return kept;
  }

  /** Puts new codes, or the same with other scales, in place of what is kept. */
  void keep(Tensor changed) {
    kept = changed;
    if (quantizer == null) {
      value = changed;
    }
  }

  /** Makes the value of the master, if there is one. */
  void copyMaster(Backend backend, RandomBits random) {
    if (quantizer == null) {
      return;
    }
    value = Kept.under(backend, backend.scales(quantizer, kept), value);
    backend.quantize(quantizer, kept, value, random);
  }
}
