package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Blocks;
import ai.djl.nn.LambdaBlock;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv1d;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.nn.pooling.Pool;
import ai.djl.nn.recurrent.GRU;
import ai.djl.nn.recurrent.LSTM;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import ai.djl.training.GradientCollector;
import ai.djl.util.Pair;
import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.Role;
import dev.narrow.amp.StepResult.Applied;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Blocks that DJL comes with learn under policies, and their parameters all get gradients. */
@Tag("djl")
class DjlBlocksTest {
  private static final Map<String, AmpPolicy> POLICIES =
      new TreeMap<>(
          Map.of(
              "torch-cpu", AmpPolicy.torchCpu(),
              "bf16", AmpPolicy.bf16(),
              "lns8", AmpPolicy.lns8().without(Role.UPDATE)));

  private static Block linear(long units) {
    return Linear.builder().setUnits(units).build();
  }

  private static Block block(String name) {
    SequentialBlock block = new SequentialBlock();
    return switch (name) {
      case "convolution" ->
          block
              .add(Conv2d.builder().setFilters(4).setKernelShape(new Shape(3, 3)).build())
              .add(BatchNorm.builder().build())
              .add(Activation.geluBlock())
              .add(Pool.maxPool2dBlock(new Shape(2, 2)))
              .add(Blocks.batchFlattenBlock())
              .add(linear(8));
      case "convolution-1d" ->
          block
              .add(Conv1d.builder().setFilters(4).setKernelShape(new Shape(3)).build())
              .add(Pool.globalAvgPool1dBlock())
              .add(linear(8));
      case "residual" ->
          block
              .add(linear(8))
              .add(
                  new ParallelBlock(
                      lists ->
                          new NDList(
                              lists.get(0).singletonOrThrow().add(lists.get(1).singletonOrThrow())),
                      List.of(
                          new LambdaBlock(list -> list),
                          new SequentialBlock()
                              .add(LayerNorm.builder().axis(1).build())
                              .add(linear(8))
                              .add(Activation.reluBlock())
                              .add(Dropout.builder().optRate(0.1f).build())
                              .add(linear(8)))));
      case "lstm" ->
          block.add(LSTM.builder().setStateSize(8).setNumLayers(1).optReturnState(false).build());
      case "gru" ->
          block.add(GRU.builder().setStateSize(8).setNumLayers(1).optReturnState(false).build());
      case "transformer" ->
          block.add(new TransformerEncoderBlock(8, 2, 16, 0.1f, Activation::relu));
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static Shape shape(String name) {
    return switch (name) {
      case "convolution" -> new Shape(4, 3, 8, 8);
      case "convolution-1d" -> new Shape(4, 3, 8);
      case "residual" -> new Shape(4, 8);
      default -> new Shape(4, 6, 8);
    };
  }

  static Stream<Arguments> all() {
    return POLICIES.keySet().stream()
        .flatMap(policy ->
            Stream.of("convolution", "convolution-1d", "residual", "lstm", "gru", "transformer")
                .map(block -> Arguments.of(policy, block)));
  }

  @ParameterizedTest
  @MethodSource("all")
  void blocksLearn(String policy, String name) {
    Block block = block(name);
    try (Model model = Toy.model(1, block);
        AmpTrainer trainer =
            AmpDjl.trainer(model, Toy.config(), Objects.requireNonNull(POLICIES.get(policy)))) {
      trainer.initialize(shape(name));
      List<Float> losses = new ArrayList<>();
      for (int step = 0; step < 12; step++) {
        try (NDManager manager = model.getNDManager().newSubManager();
            GradientCollector collector = trainer.newGradientCollector()) {
          NDArray x = manager.arange((float) shape(name).size()).sin().reshape(shape(name));
          NDArray y = trainer.forward(new NDList(x)).singletonOrThrow();
          assertEquals(DataType.FLOAT32, y.getDataType());
          NDArray away = y.sub(manager.full(y.getShape(), 0.7f));
          NDArray loss = away.mul(away).mean();
          collector.backward(loss);
          losses.add(loss.getFloat());
        }
        if (step == 0) {
          requireGradients(block);
        }
        assertInstanceOf(Applied.class, trainer.stepAmp());
      }
      assertTrue(losses.getLast() < losses.getFirst(), losses::toString);
    }
  }

  private static void requireGradients(Block block) {
    for (Pair<String, Parameter> one : block.getParameters()) {
      if (one.getValue().requiresGradient() && one.getValue().getType() == Parameter.Type.WEIGHT) {
        try (NDArray gradient = one.getValue().getArray().getGradient()) {
          assertTrue(gradient.abs().sum().getFloat() > 0, one::getKey);
        }
      }
    }
  }
}
