package dev.narrow.amp;

import dev.narrow.formats.RandomBits;
import dev.narrow.kernels.Backend;
import dev.narrow.kernels.Indices;
import dev.narrow.kernels.Matmul;
import dev.narrow.kernels.Matrices;
import dev.narrow.quant.Shape;
import dev.narrow.quant.Tensor;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Operations of networks that obey the {@link Autocast} region they run in, forward and backward;
 * outside of one they are fp32. {@link ImageOps} and {@link SequenceOps} have more.
 *
 * <p>A result is new memory; gradients of parameters are written where the caller says. Backward
 * operations take what the forward one took, and cast it as that did. The names of layers are those
 * that rules of the policy look for; a layer has a name of its own, since random bits come from it.
 *
 * <p>Quantization is passed straight through in the backward pass. All formats of operands are
 * those of {@link Backend}, which also says what is thrown where shapes do not fit.
 */
public final class Ops {
  private Ops() {}

  /**
   * A fully connected layer: y = x weight + bias. Operation {@code linear}.
   *
   * @param layer name of the layer
   * @param x [..., inputs]
   * @param weight [inputs, outputs]
   * @param bias [outputs], never cast; null for none
   * @return [..., outputs]
   */
  public static Tensor linear(String layer, Tensor x, Tensor weight, @Nullable Tensor bias) {
    Region region = Autocast.current();
    OpClass kind = region.enter("linear");
    Tensor in = region.operand("linear", kind, layer, Role.ACTIVATION, x);
    Tensor w = region.operand("linear", kind, layer, Role.WEIGHT, weight);
    Matmul how = Matmul.plain();
    Tensor y = region.allocate(x, withColumns(x.shape(), weight, 1));
    region
        .matrices(kind)
        .matmul(
            bias == null ? how : how.bias(bias),
            Matrices.of(region.rows(in)),
            Matrices.of(w),
            Matrices.of(region.rows(y)));
    return region.result(kind, y, x);
  }

  /**
   * The gradients of {@link #linear}.
   *
   * @param layer name of the layer
   * @param x as it was
   * @param weight as it was
   * @param dy gradient of y
   * @param dweight where the gradient of weight goes, of its shape
   * @param dbias where the gradient of bias goes; null for none
   * @return the gradient of x
   */
  public static Tensor linearBackward(
      String layer, Tensor x, Tensor weight, Tensor dy, Tensor dweight, @Nullable Tensor dbias) {
    Region region = Autocast.current();
    OpClass kind = region.enter("linear");
    Tensor e = linearGradients(region, kind, layer, x, dy, dweight, dbias);
    Tensor w = region.operand("linear", kind, layer, Role.WEIGHT, weight);
    Tensor dx = region.allocate(dy, x.shape().dims());
    region
        .matrices(kind)
        .matmul(
            Matmul.plain(),
            Matrices.of(region.rows(e)),
            Matrices.of(w).transposed(),
            Matrices.of(region.rows(dx)));
    return dx;
  }

  /** The same for a first layer, whose input has no use for a gradient. */
  public static void linearBackwardFirst(
      String layer, Tensor x, Tensor dy, Tensor dweight, @Nullable Tensor dbias) {
    Region region = Autocast.current();
    OpClass kind = region.enter("linear");
    linearGradients(region, kind, layer, x, dy, dweight, dbias);
  }

  private static Tensor linearGradients(
      Region region,
      OpClass kind,
      String layer,
      Tensor x,
      Tensor dy,
      Tensor dweight,
      @Nullable Tensor dbias) {
    Tensor in = region.operand("linear", kind, layer, Role.ACTIVATION, x);
    Tensor e = region.operand("linear", kind, layer, Role.ACTIVATION_GRADIENT, dy);
    region
        .matrices(kind)
        .matmul(
            Matmul.plain(),
            Matrices.of(region.rows(in)).transposed(),
            Matrices.of(region.rows(e)),
            Matrices.of(dweight));
    region.gradient("linear", kind, layer, dweight);
    if (dbias != null) {
      region.backend().sumRows(region.rows(e), dbias);
    }
    return e;
  }

  private static int[] withColumns(Shape shape, Tensor weight, int axis) {
    if (weight.shape().rank() != 2) {
      throw new IllegalArgumentException(
          "weight has shape " + weight.shape() + ", expected [inputs, outputs]");
    }
    int inputs = weight.shape().dim(1 - axis);
    if (shape.rank() < 1 || shape.dim(shape.rank() - 1) != inputs) {
      throw new IllegalArgumentException(
          "x has shape " + shape + ", expected [..., " + inputs + "]");
    }
    int[] dims = shape.dims().clone();
    dims[dims.length - 1] = weight.shape().dim(axis);
    return dims;
  }

  /**
   * The product of two activations, on the two innermost axes: y = a b. Operation {@code matmul}.
   *
   * @param layer name of the layer; the operands are cast as those of {@code layer.a} and {@code
   *     layer.b}
   * @param a [..., m, k]
   * @param b [..., k, n], with the same outer axes
   * @return [..., m, n]
   */
  public static Tensor matmul(String layer, Tensor a, Tensor b) {
    Region region = Autocast.current();
    OpClass kind = region.enter("matmul");
    Tensor left = region.operand("matmul", kind, layer + ".a", Role.ACTIVATION, a);
    Tensor right = region.operand("matmul", kind, layer + ".b", Role.ACTIVATION, b);
    int[] dims = a.shape().dims().clone();
    dims[dims.length - 1] = b.shape().dim(b.shape().axis(-1));
    Tensor y = region.allocate(a, dims);
    region
        .matrices(kind)
        .matmul(Matmul.plain(), Matrices.of(left), Matrices.of(right), Matrices.of(y));
    return region.result(kind, y, a, b);
  }

  /**
   * The gradients of {@link #matmul}.
   *
   * @param da gradient of a
   * @param db gradient of b
   */
  public record MatmulGradients(Tensor da, Tensor db) {}

  /** The gradients of {@link #matmul}: da = dy bᵀ, db = aᵀ dy. */
  public static MatmulGradients matmulBackward(String layer, Tensor a, Tensor b, Tensor dy) {
    Region region = Autocast.current();
    OpClass kind = region.enter("matmul");
    Tensor left = region.operand("matmul", kind, layer + ".a", Role.ACTIVATION, a);
    Tensor right = region.operand("matmul", kind, layer + ".b", Role.ACTIVATION, b);
    Tensor e = region.operand("matmul", kind, layer, Role.ACTIVATION_GRADIENT, dy);
    Tensor da = region.allocate(dy, a.shape().dims());
    Tensor db = region.allocate(dy, b.shape().dims());
    Backend backend = region.matrices(kind);
    backend.matmul(
        Matmul.plain(), Matrices.of(e), Matrices.of(right).transposed(), Matrices.of(da));
    backend.matmul(Matmul.plain(), Matrices.of(left).transposed(), Matrices.of(e), Matrices.of(db));
    return new MatmulGradients(da, db);
  }

  /** y = max(x, 0). Operation {@code relu}. */
  public static Tensor relu(Tensor x) {
    return map("relu", x, (backend, y) -> backend.relu(x, y));
  }

  /** The gradient of {@link #relu} from its result. */
  public static Tensor reluBackward(Tensor y, Tensor dy) {
    return map("relu", dy, (backend, dx) -> backend.reluBackward(y, dy, dx));
  }

  /** The Gaussian error linear unit. Operation {@code gelu}. */
  public static Tensor gelu(Tensor x) {
    return map("gelu", x, (backend, y) -> backend.gelu(x, y));
  }

  /** The gradient of {@link #gelu}. */
  public static Tensor geluBackward(Tensor x, Tensor dy) {
    return map("gelu", dy, (backend, dx) -> backend.geluBackward(x, dy, dx));
  }

  /** 1 / (1 + exp(-x)). Operation {@code sigmoid}. */
  public static Tensor sigmoid(Tensor x) {
    return map("sigmoid", x, (backend, y) -> backend.sigmoid(x, y));
  }

  /** The gradient of {@link #sigmoid} from its result: dy y (1 - y), each product rounded. */
  public static Tensor sigmoidBackward(Tensor y, Tensor dy) {
    Tensor rest = ones(y);
    return map(
        "sigmoid",
        dy,
        (backend, dx) -> {
          backend.addScaled(-1, y, rest);
          backend.multiply(dy, y, dx);
          backend.multiply(dx, rest, dx);
        });
  }

  /** Hyperbolic tangent. Operation {@code tanh}. */
  public static Tensor tanh(Tensor x) {
    return map("tanh", x, (backend, y) -> backend.tanh(x, y));
  }

  /** The gradient of {@link #tanh} from its result: dy (1 - y²), each product rounded. */
  public static Tensor tanhBackward(Tensor y, Tensor dy) {
    Tensor square = Autocast.current().allocate(y, y.shape().dims());
    Tensor slope = ones(y);
    return map(
        "tanh",
        dy,
        (backend, dx) -> {
          backend.multiply(y, y, square);
          backend.addScaled(-1, square, slope);
          backend.multiply(dy, slope, dx);
        });
  }

  /** Ones, but NaN where there is NaN. */
  private static Tensor ones(Tensor like) {
    Region region = Autocast.current();
    Tensor ones = region.allocate(like, like.shape().dims());
    region.backend().clamp(1, 1, like, ones);
    return ones;
  }

  /** x + y: the sum of a residual connection. Operation {@code add}. */
  public static Tensor add(Tensor x, Tensor y) {
    Region region = Autocast.current();
    OpClass kind = region.enter("add");
    Tensor z = region.allocate(x, x.shape().dims());
    region.backend().add(x, y, z);
    return region.result(kind, z, x, y);
  }

  /** x y, element by element. Operation {@code mul}. */
  public static Tensor multiply(Tensor x, Tensor y) {
    Region region = Autocast.current();
    OpClass kind = region.enter("mul");
    Tensor z = region.allocate(x, x.shape().dims());
    region.backend().multiply(x, y, z);
    return region.result(kind, z, x, y);
  }

  /** factor x. Operation {@code scale}; its gradient is itself. */
  public static Tensor scale(float factor, Tensor x) {
    return map("scale", x, (backend, y) -> backend.scale(factor, x, y));
  }

  /**
   * Dropout: see {@link Backend#dropout}. Operation {@code dropout}. The bits are the layer's in
   * this region, so that the gradient is the same call with dy for x.
   *
   * @param layer name of the layer
   * @param probability of zero, 0 or more, below 1
   * @param x any shape
   * @throws IllegalStateException outside of a region, where every step would have the same bits
   */
  public static Tensor dropout(String layer, float probability, Tensor x) {
    if (probability > 0 && !Autocast.isActive()) {
      throw new IllegalStateException(
          "dropout of " + layer + " is outside of autocast: open a region, for bits of each step");
    }
    RandomBits bits = Autocast.current().random(layer, 'D');
    return map("dropout", x, (backend, y) -> backend.dropout(probability, bits, x, y));
  }

  /** The softmax of each row. Operation {@code softmax}. */
  public static Tensor softmax(Tensor x) {
    return map("softmax", x, (backend, y) -> backend.softmax(x, y));
  }

  /** The gradient of {@link #softmax} from its result. */
  public static Tensor softmaxBackward(Tensor y, Tensor dy) {
    return map("softmax", dy, (backend, dx) -> backend.softmaxBackward(y, dy, dx));
  }

  /**
   * A loss and its gradient.
   *
   * @param value mean over the samples, not scaled
   * @param gradient with respect to what the loss was given, times the seed
   */
  public record Loss(float value, Tensor gradient) {}

  /**
   * The mean over all rows of the cross entropy of their softmax. Operation {@code cross_entropy}.
   *
   * @param logits [..., classes]
   * @param labels the class of each row
   * @param seed what the gradient is multiplied by: the loss scale, or 1
   */
  public static Loss softmaxCrossEntropy(Tensor logits, int[] labels, float seed) {
    Region region = Autocast.current();
    OpClass kind = region.enter("cross_entropy");
    Tensor gradient = region.allocate(logits, logits.shape().dims());
    float loss =
        region
            .backend()
            .softmaxCrossEntropy(region.rows(logits), labels, seed, region.rows(gradient));
    return new Loss(loss, region.result(kind, gradient, logits));
  }

  /**
   * The same on tensors, so that nobody waits for a device: the loss stays there.
   *
   * @param logits [..., classes]
   * @param labels {@link Indices}: the class of each row
   * @param seed what the gradient is multiplied by: the loss scale, or 1
   * @param loss a scalar, fp32: receives the mean
   * @return the gradient of the logits
   */
  public static Tensor softmaxCrossEntropy(Tensor logits, Tensor labels, float seed, Tensor loss) {
    Region region = Autocast.current();
    OpClass kind = region.enter("cross_entropy");
    Tensor gradient = region.allocate(logits, logits.shape().dims());
    Tensor rows = region.rows(gradient);
    region.backend().softmaxCrossEntropy(region.rows(logits), labels, seed, rows, loss);
    return region.result(kind, gradient, logits);
  }

  /**
   * The mean over all elements of the squared error. Operation {@code mse_loss}. The gradient is
   * (prediction - target) (2 seed / n), the loss a sum in sixteen lanes, divided by n.
   *
   * @param prediction any shape
   * @param target of the same shape
   * @param seed what the gradient is multiplied by: the loss scale, or 1
   */
  public static Loss squaredError(Tensor prediction, Tensor target, float seed) {
    Region region = Autocast.current();
    OpClass kind = region.enter("mse_loss");
    Backend backend = region.backend();
    Tensor difference = region.allocate(prediction, prediction.shape().dims());
    backend.subtract(prediction, target, difference);
    int n = prediction.shape().size();
    float loss = backend.sumOfSquares(difference) / n;
    backend.scale(2 * seed / n, difference, difference);
    return new Loss(loss, region.result(kind, difference, prediction, target));
  }

  /** An operation on one tensor, or a gradient from one: what it writes has its shape. */
  static Tensor map(String op, Tensor x, BiConsumer<Backend, Tensor> compute) {
    Region region = Autocast.current();
    OpClass kind = region.enter(op);
    Tensor y = region.allocate(x, x.shape().dims());
    compute.accept(region.backend(), y);
    return region.result(kind, y, x);
  }
}
