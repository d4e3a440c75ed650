package dev.narrow.amp.tune;

import dev.narrow.amp.AmpPolicy;
import dev.narrow.amp.CastObserver;
import dev.narrow.quant.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a {@link Tuner} tunes a policy for. Both methods give the same for the same arguments. */
public interface TuningTask {

  /**
   * The gradients of all parameters for a batch, at a state of the network that is the same in
   * every call: one that has been trained for a while is worth more than the initial one.
   *
   * @param policy formats
   * @param observer is to see the casts, as by {@link dev.narrow.amp.Autocast#observed}; may be
   *     null
   * @param batch number of the batch, from 0
   * @return fp32, not scaled; not changed by later calls
   */
  List<Tensor> gradients(AmpPolicy policy, @Nullable CastObserver observer, int batch);

  /**
   * Trains a network from its initial state for a short while.
   *
   * @param policy formats
   * @param seed of the initial values and of the order of samples
   * @return the loss at the end, on data that was not trained on
   */
  double train(AmpPolicy policy, long seed);
}
