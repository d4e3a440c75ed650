package dev.narrow.quant;

import java.util.function.DoubleConsumer;

/** Adds up work of several threads and tells a listener which part of the whole is done. */
final class Progress {
  private final DoubleConsumer listener;
  private final double total;
  private double done;

  Progress(DoubleConsumer listener, double total) {
    this.listener = listener;
    this.total = total;
  }

  synchronized void add(double work) {
    done += work;
    listener.accept(done < total ? done / total : 1);
  }
}
