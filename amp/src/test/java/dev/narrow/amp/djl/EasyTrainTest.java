package dev.narrow.amp.djl;

import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Model;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.EasyTrain;
import ai.djl.training.Trainer;
import ai.djl.training.TrainingConfig;
import ai.djl.training.dataset.Dataset;
import dev.narrow.amp.AmpPolicy;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The README's example. */
@Tag("djl")
class EasyTrainTest {

  @Test
  void twoLinesChange() throws Exception {
    try (Model model = Model.newInstance("mlp")) {
      TrainingConfig config = Toy.config();
      Shape shape = Toy.shape();
      Dataset train = Toy.data(model.getNDManager());
      Dataset test = Toy.data(model.getNDManager());
      int epochs = 2;
      model.setBlock(Toy.mlp());
      // README: djl
      try (Trainer trainer = AmpDjl.trainer(model, config, AmpPolicy.bf16())) {
        trainer.initialize(shape);
        EasyTrain.fit(trainer, epochs, train, test); // unchanged
      }
      // end
      try (AmpTrainer trainer = AmpDjl.trainer(model, config, AmpPolicy.bf16())) {
        trainer.initialize(shape);
        assertTrue(Toy.accuracy(trainer) > 0.8f, () -> "accuracy " + Toy.accuracy(trainer));
      }
    }
  }
}
