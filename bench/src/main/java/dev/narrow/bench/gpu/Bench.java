package dev.narrow.bench.gpu;

import dev.narrow.kernels.Backend;
import dev.narrow.kernels.cuda.CudaDevice;
import dev.narrow.kernels.cuda.CudaEvent;
import dev.narrow.quant.Tensor;
import java.util.List;

/**
 * A device, the processor beside it, and a clock.
 *
 * @param device what is checked
 * @param cpu what it is compared with
 * @param quick whether sizes are small
 */
record Bench(CudaDevice device, Backend cpu, boolean quick) {
  private static final int ROUNDS = 11;
  private static final int WARM_UP = 2;

  /** Runs of each work between two events. */
  private static final int REPETITIONS = 5;

  Bench(CudaDevice device, boolean quick) {
    this(device, Backend.cpu(), quick);
  }

  /** The device's operations. */
  Backend gpu() {
    return device.backend();
  }

  List<Tensor> upload(List<Tensor> tensors) {
    return tensors.stream().map(device::upload).toList();
  }

  void free(List<Tensor> tensors) {
    tensors.forEach(device::free);
  }

  /**
   * Runs works in turns, so that a clock that falls while the chip warms up falls for all of them.
   *
   * @return the seconds of one run, for each work and round
   */
  double[][] seconds(List<Runnable> works) {
    double[][] seconds = new double[works.size()][quick ? 3 : ROUNDS];
    for (int round = -WARM_UP; round < seconds[0].length; round++) {
      for (int w = 0; w < works.size(); w++) {
        double time = seconds(works.get(w));
        if (round >= 0) {
          seconds[w][round] = time;
        }
      }
    }
    return seconds;
  }

  private double seconds(Runnable work) {
    int repetitions = quick ? 1 : REPETITIONS;
    try (CudaEvent start = device.event();
        CudaEvent end = device.event()) {
      start.record();
      for (int i = 0; i < repetitions; i++) {
        work.run();
      }
      end.record();
      end.synchronize();
      return end.millisecondsSince(start) * 1e-3 / repetitions;
    }
  }

  /**
   * How much work was done in a second, round by round, as a share of how much of other work was.
   *
   * @param work of one run
   * @param seconds for it
   * @param otherWork of one run of the other
   * @param otherSeconds for it, in the same rounds
   */
  static Quartiles share(double work, double[] seconds, double otherWork, double[] otherSeconds) {
    double[] shares = new double[seconds.length];
    for (int i = 0; i < shares.length; i++) {
      shares[i] = work / seconds[i] / (otherWork / otherSeconds[i]);
    }
    return Quartiles.of(shares);
  }

  /** In units of 10<sup>9</sup>, the median. */
  static double billionsPerSecond(double work, double[] seconds) {
    return work / Quartiles.of(seconds).median() * 1e-9;
  }
}
