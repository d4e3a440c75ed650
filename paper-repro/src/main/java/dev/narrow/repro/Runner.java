package dev.narrow.repro;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Runs cells on all cores, each on one; the outcome does not depend on how many there are. */
final class Runner {
  private Runner() {}

  /** A cell that has just finished. */
  private record Done(Cell cell, CellStore.Finished finished) {}

  /**
   * Runs the cells that the store does not have, and stores each as it finishes.
   *
   * @return all of them, in the order of the list
   */
  static Map<Cell, CellStore.Finished> run(List<Cell> cells, CellStore store, RunListener progress)
      throws IOException, InterruptedException {
    Map<Cell, CellStore.Finished> finished = new LinkedHashMap<>();
    List<Cell> open = new ArrayList<>();
    for (Cell cell : cells) {
      var stored = store.find(cell);
      if (stored.isPresent()) {
        finished.put(cell, stored.get());
        tell(progress, cell, stored.get(), true);
      } else {
        open.add(cell);
      }
    }
    int threads = Math.clamp(open.size(), 1, Runtime.getRuntime().availableProcessors());
    ExecutorService executor = Executors.newFixedThreadPool(threads);
    try {
      var completed = new ExecutorCompletionService<Done>(executor);
      open.forEach(cell -> completed.submit(() -> runOne(cell)));
      for (int i = 0; i < open.size(); i++) {
        Done done = completed.take().get();
        store.save(done.cell(), done.finished());
        finished.put(done.cell(), done.finished());
        tell(progress, done.cell(), done.finished(), false);
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } finally {
      executor.shutdownNow();
    }
    Map<Cell, CellStore.Finished> ordered = new LinkedHashMap<>();
    cells.forEach(cell -> ordered.put(cell, Objects.requireNonNull(finished.get(cell))));
    return ordered;
  }

  private static void tell(
      RunListener listener, Cell cell, CellStore.Finished finished, boolean stored) {
    listener.finished(
        cell.toString(), finished.result().finalAccuracy(), finished.seconds(), stored);
  }

  private static Done runOne(Cell cell) {
    long start = System.nanoTime();
    CellResult result = Trainer.train(cell);
    double seconds = (System.nanoTime() - start) * 1e-9;
    return new Done(cell, new CellStore.Finished(cell.toString(), result, seconds));
  }
}
