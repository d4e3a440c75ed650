package dev.narrow.repro;

/**
 * How a network is trained, whatever the arm.
 *
 * @param hidden units of the hidden layer
 * @param epochs passes over the training set
 * @param batch samples of a step
 * @param seeds how many, counted from 0: a seed gives the initial weights and the order of samples
 */
record TrainingConfig(int hidden, int epochs, int batch, int seeds) {

  TrainingConfig withSeeds(int other) {
    return new TrainingConfig(hidden, epochs, batch, other);
  }

  /** The learning rate in an epoch: a quarter from 70 % of the epochs on, a sixteenth from 90 %. */
  float learningRate(float first, int epoch) {
    if (10 * epoch >= 9 * epochs) {
      return first / 16;
    }
    return 10 * epoch >= 7 * epochs ? first / 4 : first;
  }
}
