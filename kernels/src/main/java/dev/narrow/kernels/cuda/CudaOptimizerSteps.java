package dev.narrow.kernels.cuda;

import static dev.narrow.kernels.Arguments.named;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.narrow.kernels.AdamWStep;
import dev.narrow.kernels.Arguments;
import dev.narrow.kernels.Arguments.Named;
import dev.narrow.kernels.OptimizerSteps;
import dev.narrow.quant.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;

/**
 * {@link OptimizerSteps} on a device, in one pass over fp32 and over codes that the kernels know;
 * other tensors are decoded before, and encoded after.
 */
interface CudaOptimizerSteps extends OptimizerSteps {
  /** Elements of a tensor that a block unscales at a time. */
  int UNSCALE_CHUNK = 4096;

  /** Bytes that describe a tensor: address, number of elements, and its first chunk. */
  int UNSCALE_TENSOR = 3 * Long.BYTES;

  /** What computes. */
  Gpu gpu();

  @Override
  default int unscale(float factor, Tensor gradient) {
    if (!gpu().holds(named("gradient", gradient))) {
      return gpu().cpu().unscale(factor, gradient);
    }
    int[] first = new int[1];
    try (DeviceValues g = DeviceValues.update(gpu(), gradient, "gradient")) {
      unscaleAll(factor, List.of(g), first);
      g.store();
    }
    return first[0];
  }

  @Override
  default void unscale(float factor, List<Tensor> gradients, int[] first) {
    Arguments.expectOneEach(gradients, first);
    Named[] operands = new Named[first.length];
    for (int i = 0; i < first.length; i++) {
      operands[i] = named("gradients[" + i + "]", gradients.get(i));
    }
    if (!gpu().holds(operands)) {
      gpu().cpu().unscale(factor, gradients, first);
      return;
    }
    List<DeviceValues> values = new ArrayList<>();
    try {
      for (Named operand : operands) {
        values.add(DeviceValues.update(gpu(), gradients.get(values.size()), operand.name()));
      }
      unscaleAll(factor, values, first);
      values.forEach(DeviceValues::store);
    } finally {
      values.forEach(DeviceValues::close);
    }
  }

  /** In one launch: a table of the tensors goes to the device, and the indices come back. */
  private void unscaleAll(float factor, List<DeviceValues> tensors, int[] first) {
    int table = tensors.size() * UNSCALE_TENSOR;
    int bytes = table + tensors.size() * Integer.BYTES;
    MemorySegment host = MemorySegment.ofArray(new byte[bytes]);
    long chunks = 0;
    for (int i = 0; i < tensors.size(); i++) {
      DeviceValues tensor = tensors.get(i);
      long at = (long) i * UNSCALE_TENSOR;
      host.set(JAVA_LONG_UNALIGNED, at, tensor.pointer());
      host.set(JAVA_LONG_UNALIGNED, at + Long.BYTES, tensor.size());
      host.set(JAVA_LONG_UNALIGNED, at + 2 * Long.BYTES, chunks);
      host.set(JAVA_INT_UNALIGNED, table + (long) i * Integer.BYTES, Integer.MAX_VALUE);
      chunks += Math.ceilDiv(tensor.size(), UNSCALE_CHUNK);
    }
    Arrays.fill(first, -1);
    if (chunks == 0) {
      return;
    }
    CudaDevice device = gpu().device();
    try (DeviceScratch scratch = device.scratch(bytes)) {
      device.copyToDevice(host, scratch.pointer());
      Kernel unscale = gpu().kernel("optimizers", "unscale_f32");
      long indices = scratch.pointer() + table;
      KernelArguments arguments =
          unscale
              .arguments()
              .add(factor)
              .add(scratch.pointer())
              .add(tensors.size())
              .add(chunks)
              .add(indices);
      unscale.launchOver(chunks, 1, arguments);
      device.copyToHost(indices, MemorySegment.ofArray(first));
    }
    for (int i = 0; i < first.length; i++) {
      first[i] = first[i] == Integer.MAX_VALUE ? -1 : first[i];
    }
  }

  /**
   * Runs a step: the kernel takes its numbers, then the tensors, the gradient first, then how many
   * elements there are.
   */
  private void step(
      String kernel, UnaryOperator<KernelArguments> numbers, Tensor gradient, Named... written) {
    boolean isPlain = gradient.isFp32();
    boolean isKnown = CodedOperand.canRead(gpu().device(), gradient);
    for (Named operand : written) {
      Tensor tensor = tensor(operand);
      Arguments.expectTarget(tensor, operand.name());
      isPlain &= tensor.isFp32();
      isKnown &= CodedOperand.canWrite(gpu().device(), tensor);
    }
    if (isKnown && !isPlain) {
      Kernel coded = gpu().kernel("optimizers", kernel + "_coded");
      KernelArguments arguments =
          numbers
              .apply(coded.arguments())
              .add(CodedOperand.of(gpu().device(), gradient, "gradient"));
      for (Named operand : written) {
        arguments.add(CodedOperand.of(gpu().device(), tensor(operand), operand.name()));
      }
      launch(coded, arguments, gradient);
      return;
    }
    List<DeviceValues> values = new ArrayList<>();
    try (DeviceValues g = DeviceValues.read(gpu(), gradient, "gradient")) {
      for (Named operand : written) {
        values.add(DeviceValues.update(gpu(), tensor(operand), operand.name()));
      }
      Kernel plain = gpu().kernel("optimizers", kernel + "_f32");
      KernelArguments arguments = numbers.apply(plain.arguments()).add(g.pointer());
      values.forEach(value -> arguments.add(value.pointer()));
      launch(plain, arguments, gradient);
      values.forEach(DeviceValues::store);
    } finally {
      values.forEach(DeviceValues::close);
    }
  }

  private static Tensor tensor(Named operand) {
    return Objects.requireNonNull(operand.tensor(), operand.name());
  }

  private static void launch(Kernel kernel, KernelArguments arguments, Tensor gradient) {
    int n = gradient.shape().size();
    kernel.launchOver(n, Gpu.ELEMENTS, arguments.add((long) n));
  }

  @Override
  default void sgd(
      float learningRate,
      float momentum,
      float weightDecay,
      boolean nesterov,
      Tensor gradient,
      Tensor velocity,
      Tensor parameter) {
    Named v = named("velocity", velocity);
    Named w = named("parameter", parameter);
    if (!gpu().holds(named("gradient", gradient), v, w)) {
      gpu().cpu().sgd(learningRate, momentum, weightDecay, nesterov, gradient, velocity, parameter);
      return;
    }
    Arguments.expectStep(gradient, v, w);
    step(
        "sgd",
        numbers -> numbers.add(learningRate).add(momentum).add(weightDecay).add(nesterov ? 1 : 0),
        gradient,
        v,
        w);
  }

  @Override
  default void adamW(
      float learningRate,
      float beta1,
      float beta2,
      float epsilon,
      float weightDecay,
      long step,
      Tensor gradient,
      Tensor first,
      Tensor second,
      Tensor parameter) {
    Named m = named("first", first);
    Named v = named("second", second);
    Named w = named("parameter", parameter);
    if (!gpu().holds(named("gradient", gradient), m, v, w)) {
      gpu()
          .cpu()
          .adamW(
              learningRate,
              beta1,
              beta2,
              epsilon,
              weightDecay,
              step,
              gradient,
              first,
              second,
              parameter);
      return;
    }
    Arguments.expectStep(gradient, m, v, w);
    AdamWStep s = AdamWStep.of(learningRate, beta1, beta2, epsilon, weightDecay, step);
    step(
        "adamw",
        numbers ->
            numbers
                .add(s.beta1())
                .add(s.beta2())
                .add(s.epsilon())
                .add(s.stepSize())
                .add(s.root())
                .add(s.keep()),
        gradient,
        m,
        v,
        w);
  }

  /** What the three forms of Madam begin with. */
  private static UnaryOperator<KernelArguments> normalized(float gradientBound, long step) {
    double correction = OptimizerSteps.correction(MADAM_BETA, step);
    return numbers -> numbers.add(correction).add(gradientBound);
  }

  @Override
  default void madam(
      float learningRate,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor parameter) {
    Named r = named("root", root);
    Named w = named("parameter", parameter);
    if (gpu().holds(named("gradient", gradient), r, w)) {
      multiply("madam", learningRate, gradientBound, bound, step, gradient, r, w);
    } else {
      gpu().cpu().madam(learningRate, gradientBound, bound, step, gradient, root, parameter);
    }
  }

  @Override
  default void lnsMadam(
      float learningRate,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor parameter) {
    Named r = named("root", root);
    Named w = named("parameter", parameter);
    if (gpu().holds(named("gradient", gradient), r, w)) {
      multiply("lns_madam", learningRate, gradientBound, bound, step, gradient, r, w);
    } else {
      gpu().cpu().lnsMadam(learningRate, gradientBound, bound, step, gradient, root, parameter);
    }
  }

  private void multiply(
      String kernel,
      float learningRate,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Named root,
      Named parameter) {
    Arguments.expectStep(gradient, root, parameter);
    UnaryOperator<KernelArguments> normalized = normalized(gradientBound, step);
    step(
        kernel,
        numbers -> normalized.apply(numbers).add(learningRate).add(bound),
        gradient,
        root,
        parameter);
  }

  @Override
  default void integerMadam(
      float factor,
      float precision,
      int levels,
      float gradientBound,
      float bound,
      long step,
      Tensor gradient,
      Tensor root,
      Tensor exponent,
      Tensor parameter) {
    Named r = named("root", root);
    Named k = named("exponent", exponent);
    Named w = named("parameter", parameter);
    if (!gpu().holds(named("gradient", gradient), r, k, w)) {
      gpu()
          .cpu()
          .integerMadam(
              factor,
              precision,
              levels,
              gradientBound,
              bound,
              step,
              gradient,
              root,
              exponent,
              parameter);
      return;
    }
    Arguments.expectLevels(levels);
    Arguments.expectStep(gradient, r, k, w);
    UnaryOperator<KernelArguments> normalized = normalized(gradientBound, step);
    float most = levels - 1;
    step(
        "integer_madam",
        numbers -> normalized.apply(numbers).add(factor).add(precision).add(most).add(bound),
        gradient,
        r,
        k,
        w);
  }
}
