package dev.narrow.repro.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Curves over epochs: one line for each arm, the mean over its runs, in a band from the smallest to
 * the largest run. Where a run is not finite the mean does not exist: the line ends in a cross, the
 * runs that go on are drawn thin, and the legend says how many diverged. Curves that leave all
 * others far behind leave the axis too, and the legend says so.
 */
public final class LineChart {
  private final String name;
  private final String title;
  private final String axisTitle;
  private final boolean logarithmic;
  private final List<Line> lines = new ArrayList<>();

  /**
   * An arm's runs.
   *
   * @param label the arm's name
   * @param runs a row for each run, all of one length: value after epoch 1, 2, ...
   */
  record Line(String label, List<double[]> runs) {

    int epochs() {
      return runs.getFirst().length;
    }

    /** The mean over the runs after an epoch counted from 0, or NaN where a run is lost. */
    double mean(int epoch) {
      return Statistics.mean(
          runs.stream()
              .mapToDouble(run -> Axis.drawable(run[epoch]) ? run[epoch] : Double.NaN)
              .toArray());
    }

    /** How many runs are lost at some epoch. */
    int diverged() {
      int count = 0;
      for (double[] run : runs) {
        count += firstLost(run) < run.length ? 1 : 0;
      }
      return count;
    }

    /** The first epoch, counted from 0, at which a run is lost; the number of epochs if none. */
    int firstLost() {
      int first = epochs();
      for (double[] run : runs) {
        first = Math.min(first, firstLost(run));
      }
      return first;
    }

    private static int firstLost(double[] run) {
      int epoch = 0;
      while (epoch < run.length && Axis.drawable(run[epoch])) {
        epoch++;
      }
      return epoch;
    }
  }

  private LineChart(String name, String title, String axisTitle, boolean logarithmic) {
    this.name = Figure.checkName(name);
    this.title = title;
    this.axisTitle = axisTitle;
    this.logarithmic = logarithmic;
  }

  /**
   * A chart with a linear axis of values.
   *
   * @param name the figure's name, see {@link Figure}
   * @param title a few words
   * @param axisTitle what the values are, with their unit
   * @return a chart without lines yet
   * @throws IllegalArgumentException if the name is not one
   */
  public static LineChart linear(String name, String title, String axisTitle) {
    return new LineChart(name, title, axisTitle, false);
  }

  /**
   * A chart with a logarithmic axis of values, on which values of 0 or less have no place.
   *
   * @param name the figure's name, see {@link Figure}
   * @param title a few words
   * @param axisTitle what the values are, with their unit
   * @return a chart without lines yet
   * @throws IllegalArgumentException if the name is not one
   */
  public static LineChart logarithmic(String name, String title, String axisTitle) {
    return new LineChart(name, title, axisTitle, true);
  }

  /**
   * Adds an arm. The same order of arms in all plots gives an arm the same colour in all.
   *
   * @param label the arm's name
   * @param runs a row for each seed with the values after epochs 1, 2, ...; NaN or infinity from
   *     where the run diverged
   * @return this chart
   * @throws IllegalArgumentException if there is no run or no epoch, or a row's length differs from
   *     those before, in this line or another
   */
  public LineChart line(String label, double[][] runs) {
    if (runs.length == 0 || runs[0].length == 0) {
      throw new IllegalArgumentException(
          "runs is empty, expected 1 or more runs of 1 or more epochs");
    }
    int epochs = lines.isEmpty() ? runs[0].length : lines.getFirst().epochs();
    List<double[]> copies = new ArrayList<>();
    for (int i = 0; i < runs.length; i++) {
      if (runs[i].length != epochs) {
        throw new IllegalArgumentException(
            "runs[" + i + "] has " + runs[i].length + " epochs, expected " + epochs);
      }
      copies.add(runs[i].clone());
    }
    lines.add(new Line(label, copies));
    return this;
  }

  /**
   * Draws it.
   *
   * @return the finished plot
   * @throws IllegalStateException if it has no line
   */
  public Figure figure() {
    if (lines.isEmpty()) {
      throw new IllegalStateException("chart \"" + name + "\" has no line");
    }
    return new LineDrawing(lines, axisTitle, logarithmic).figure(name, title);
  }
}
