package dev.narrow.amp.djl;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.internal.NDArrayEx;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.LambdaBlock;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.formats.Formats;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Calls every operation that DJL has for arrays, and everything that its managers make, in a block
 * of a model in training, on what a layer in 16 bits has returned, with every type where one is
 * asked for. Each may throw what it likes. Prints a line before each, so that the last one is to
 * blame should the process end.
 */
final class AbortWalk {
  /** They end the life of an array, or are those of optimizers and not of blocks. */
  private static final Set<String> LEFT_OUT =
      Set.of("close", "attach", "tempAttach", "detach", "intern", "closeAll", "tempAttachAll");

  private static Function<NDArray, NDArray> operation = x -> x;

  private AbortWalk() {}

  private record Case(String name, Function<NDArray, NDArray> operation) {}

  public static void main(String[] arguments) {
    AmpPolicy policy =
        switch (arguments[0]) {
          case "bf16" -> AmpPolicy.torchCpu();
          case "bf16-out-f32" -> AmpPolicy.bf16();
          case "fp16" -> AmpPolicy.torchCpu(Formats.FP16);
          default -> AmpPolicy.lns8();
        };
    DjlBackend backend =
        arguments.length > 1 ? DjlBackend.valueOf(arguments[1]) : DjlBackend.LIBTORCH;
    int tried = 0;
    int refused = 0;
    try (Model model = Model.newInstance("walk")) {
      model.setBlock(
          new SequentialBlock()
              .add(Linear.builder().setUnits(16).build())
              .add(new LambdaBlock(list -> new NDList(operation.apply(list.singletonOrThrow())))));
      DefaultTrainingConfig config =
          new DefaultTrainingConfig(Loss.l2Loss()).optDevices(new Device[] {Device.cpu()});
      DjlOptions options = DjlOptions.defaults().backend(backend).allowSlow();
      try (AmpTrainer trainer = AmpDjl.trainer(model, config, policy, options)) {
        trainer.initialize(new Shape(4, 8));
        for (Case one : cases()) {
          for (Shape shape : List.of(new Shape(4, 16), new Shape(1, 4, 4, 4))) {
            System.out.println(one.name + " " + shape);
            operation = x -> one.operation.apply(x.reshape(shape));
            tried++;
            try (NDManager batch = model.getNDManager().newSubManager();
                GradientCollector collector = trainer.newGradientCollector()) {
              NDArray y =
                  trainer.forward(new NDList(batch.ones(new Shape(4, 8)))).singletonOrThrow();
              if (y.getDataType() == DataType.UNKNOWN) {
                System.out.println("ESCAPED " + one.name);
              }
              if (y.hasGradient()) {
                collector.backward(y.sum());
                trainer.step();
              }
            } catch (Exception | AssertionError e) {
              refused++;
            }
          }
        }
      }
    }
    System.out.println("tried " + tried + ", refused " + refused);
  }

  private static List<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (Class<?> type : List.of(NDArray.class, NDArrayEx.class, NDManager.class)) {
      List<Method> methods = new ArrayList<>(List.of(type.getMethods()));
      methods.sort(Comparator.comparing(Method::toString));
      for (Method method : methods) {
        String name = method.getName();
        if (Modifier.isStatic(method.getModifiers())
            || LEFT_OUT.contains(name)
            || name.endsWith("Update")) {
          continue;
        }
        if (List.of(method.getParameterTypes()).contains(DataType.class)) {
          for (DataType asked : DataType.values()) {
            cases.add(one(type, method, asked));
          }
        } else {
          cases.add(one(type, method, DataType.FLOAT32));
        }
      }
    }
    return cases;
  }

  private static Case one(Class<?> type, Method method, DataType asked) {
    List<String> parameters =
        Arrays.stream(method.getParameterTypes())
            .map(p -> p == DataType.class ? asked.name() : p.getSimpleName())
            .toList();
    return new Case(
        type.getSimpleName() + "." + method.getName() + parameters,
        x -> {
          Object on =
              type == NDArray.class
                  ? x
                  : type == NDArrayEx.class ? x.getNDArrayInternal() : x.getManager();
          Object[] given =
              Arrays.stream(method.getParameterTypes()).map(p -> argument(p, x, asked)).toArray();
          try {
            return array(method.invoke(on, given), x);
          } catch (InvocationTargetException e) {
            throw new IllegalStateException(e.getCause());
          } catch (IllegalAccessException e) {
            throw new AssertionError(e);
          }
        });
  }

  /** What a block goes on with: the result and more, so that its types meet others. */
  private static NDArray array(@Nullable Object result, NDArray x) {
    NDArray first =
        switch (result) {
          case NDArray one -> one;
          case NDList list when !list.isEmpty() -> list.getFirst();
          case null, default -> x;
        };
    var _ = first.toString();
    return first.getDataType().isFloating() && first.getDataType() != DataType.COMPLEX64
        ? first.sum().add(x.softmax(-1).mul(x).sum())
        : x.sum();
  }

  private static @Nullable Object argument(Class<?> type, NDArray x, DataType asked) {
    return switch (type.getSimpleName()) {
      case "NDArray" -> x;
      case "NDList" -> new NDList(x, x);
      case "NDManager" -> x.getManager();
      case "DataType" -> asked;
      case "Number", "float" -> 0.5f;
      case "double" -> 0.5;
      case "int", "Integer" -> 1;
      case "long" -> 1L;
      case "boolean" -> true;
      case "int[]" -> new int[] {0};
      case "long[]" -> new long[] {1};
      case "float[]" -> new float[] {0.5f};
      case "Shape" -> new Shape(2, 2);
      case "NDIndex" -> new NDIndex("0");
      case "SparseFormat" -> SparseFormat.DENSE;
      case "Device" -> Device.cpu();
      case "String" -> "0";
      case "Object[]" -> new Object[0];
      case "Charset" -> StandardCharsets.UTF_8;
      default -> null;
    };
  }
}
