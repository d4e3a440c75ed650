package dev.narrow.repro.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;

class PlotsTest {
  private static final double NAN = Double.NaN;

  @Property(tries = 200)
  void anyLabelsAndAnyValuesMakeAWellFormedIntervalPlot(
      @ForAll("labels") List<String> labels, @ForAll("values") double[] values) {
    IntervalPlot plain = IntervalPlot.of("plot", labels.getFirst(), labels.getLast());
    IntervalPlot zone = IntervalPlot.ofDifferences("plot", labels.getFirst(), "points", 0.5);
    for (String label : labels) {
      plain.row(label, values, Statistics.meanInterval(0.95, values));
      zone.row(label, new double[] {values[0]}, Statistics.meanInterval(0.95, values[0]));
    }
    assertAccessible(plain.figure(), labels.getFirst());
    assertAccessible(zone.figure(), labels.getFirst());
  }

  @Property(tries = 200)
  void anyLabelsAndAnyValuesMakeAWellFormedLineChart(
      @ForAll("labels") List<String> labels,
      @ForAll("values") double[] values,
      @ForAll @IntRange(min = 1, max = 4) int epochs) {
    LineChart linear = LineChart.linear("chart", labels.getFirst(), labels.getLast());
    LineChart logarithmic = LineChart.logarithmic("chart", labels.getFirst(), labels.getLast());
    for (int i = 0; i < labels.size(); i++) {
      double[] first = new double[epochs];
      double[] second = new double[epochs];
      for (int epoch = 0; epoch < epochs; epoch++) {
        first[epoch] = values[(i + epoch) % values.length];
        second[epoch] = values[(i + 2 * epoch + 1) % values.length];
      }
      linear.line(labels.get(i), new double[][] {first, second});
      logarithmic.line(labels.get(i), new double[][] {first});
    }
    assertAccessible(linear.figure(), labels.getFirst());
    assertAccessible(logarithmic.figure(), labels.getFirst());
  }

  @Property(tries = 200)
  void anyLabelsMakeWellFormedBars(
      @ForAll("labels") List<String> labels, @ForAll("shares") double[] shares) {
    ShareBars bars = new ShareBars("bars", labels.getFirst(), "flushed", labels.getLast());
    for (String label : labels) {
      bars.bar(label, labels.getFirst(), shares[0], shares[1]);
    }
    assertAccessible(bars.figure(), labels.getFirst());
  }

  private static void assertAccessible(Figure figure, String title) {
    Document document = XmlCheck.parse(figure.svg());
    assertEquals("img", document.getDocumentElement().getAttribute("role"));
    String shown = document.getElementsByTagName("title").item(0).getTextContent();
    assertEquals(title.codePointCount(0, title.length()), shown.codePointCount(0, shown.length()));
    assertFalse(document.getElementsByTagName("desc").item(0).getTextContent().isBlank());
  }

  @Provide
  Arbitrary<List<String>> labels() {
    Arbitrary<String> texts =
        Arbitraries.oneOf(
            Arbitraries.strings().ofMaxLength(40),
            Arbitraries.of("fp32", "<script>alert(\"1\")</script>", "a & b > 'c'", "🚀 数字", "]]>"));
    return texts.list().ofMinSize(1).ofMaxSize(9);
  }

  @Provide
  Arbitrary<double[]> values() {
    Arbitrary<Double> some =
        Arbitraries.oneOf(
            Arbitraries.doubles().between(-100, 100),
            Arbitraries.of(
                NAN,
                Double.POSITIVE_INFINITY,
                Double.NEGATIVE_INFINITY,
                0.0,
                Double.MAX_VALUE,
                -1e300,
                Double.MIN_VALUE,
                3e8));
    return some.array(double[].class).ofMinSize(1).ofMaxSize(6);
  }

  @Provide
  Arbitrary<double[]> shares() {
    Arbitrary<Double> some =
        Arbitraries.oneOf(
            Arbitraries.doubles().between(0, 0.5), Arbitraries.of(NAN, 0.0, 1e-300, 1e-6));
    return some.array(double[].class).ofSize(2);
  }

  @Test
  void anIntervalPlotDrawsDotsWhiskerAndFigures() {
    double[] values = {97, 98, 99};
    Figure figure =
        IntervalPlot.of("accuracy", "Accuracy", "accuracy, %")
            .row("fp32", values, new Interval(98, 97, 99, 0.95))
            .figure();
    String svg = figure.svg();
    assertTrue(svg.contains(">98.00 [97.00, 99.00]</text>"), svg);
    assertTrue(svg.contains(">mean [95 % interval]</text>"), svg);
    assertEquals(3, count(svg, "<circle"));
    assertTrue(svg.contains("<title>fp32, run 2: 98.00</title>"), svg);
    assertTrue(figure.description().startsWith("accuracy, %. fp32: 98.00 [97.00, 99.00]; "));
  }

  @Test
  void aRowFarFromAllOthersIsMarkedAtTheEdge() {
    IntervalPlot plot = IntervalPlot.of("accuracy", "Accuracy", "accuracy, %");
    double[] good = {97.6, 97.8, 97.9};
    for (String arm : List.of("fp32", "bf16", "fp8")) {
      plot.row(arm, good, Statistics.meanInterval(0.95, good));
    }
    double[] flat = {9.8, 9.8, 9.8};
    String svg = plot.row("fp16", flat, Statistics.meanInterval(0.95, flat)).figure().svg();
    assertEquals(9, count(svg, "<circle"));
    assertTrue(svg.contains(">9.800 [9.800, 9.800]</text>"), svg);
    assertFalse(svg.contains(">0</text>"), svg);
  }

  @Test
  void divergedSeedsAreCountedNotDrawn() {
    double[] values = {97, NAN, 98};
    String svg =
        IntervalPlot.of("accuracy", "Accuracy", "accuracy, %")
            .row("fp16", values, Statistics.meanInterval(0.95, values))
            .figure()
            .svg();
    assertEquals(2, count(svg, "<circle"));
    assertTrue(svg.contains(">1 of 3 diverged</text>"), svg);
  }

  @Test
  void theLegendSaysWhatBecameOfALine() {
    double inf = Double.POSITIVE_INFINITY;
    Figure figure =
        LineChart.linear("loss", "Loss", "loss")
            .line("fp32", new double[][] {{2, 1, 0.5}, {2, 1.1, 0.6}})
            .line("bf16", new double[][] {{2, 1, 0.5}, {2, 1.2, 0.7}})
            .line("half", new double[][] {{2, 1.2, 0.8}, {2, NAN, NAN}})
            .line("fp16", new double[][] {{2, inf, NAN}, {2, 3, NAN}})
            .line("fp8", new double[][] {{2, 4, 3e8}, {2, 5, 6e7}})
            .figure();
    String svg = figure.svg();
    assertTrue(svg.contains(">fp32</text>"), svg);
    assertTrue(svg.contains(">half – 1 of 2 diverged</text>"), svg);
    assertTrue(svg.contains(">fp16 – diverged from epoch 2</text>"), svg);
    assertTrue(svg.contains(">fp8 – off the scale, up to 3×10⁸</text>"), svg);
    assertTrue(figure.description().contains("fp32 ends at 0.55; "), figure.description());
  }

  @Test
  void lineEndsKeepTheirDistance() {
    double[] wanted = {100, 101, 50, 99, 290};
    double[] placed = LineDrawing.spread(wanted, 15, 10, 280);
    assertEquals(List.of(100.0, 115.0, 50.0, 85.0, 280.0), Arrays.stream(placed).boxed().toList());
  }

  @Property
  void lineEndsNeverOverlapNorLeaveThePlot(@ForAll("heights") double[] wanted) {
    double[] placed = LineDrawing.spread(wanted, 15, 0, 300);
    double[] sorted = placed.clone();
    Arrays.sort(sorted);
    assertTrue(sorted[0] >= 0 && sorted[sorted.length - 1] <= 300 + 1e-9);
    for (int i = 1; i < sorted.length; i++) {
      assertTrue(sorted[i] - sorted[i - 1] >= 15 - 1e-9);
    }
    for (int i = 0; i < wanted.length; i++) {
      for (int j = 0; j < wanted.length; j++) {
        assertTrue(wanted[i] >= wanted[j] || placed[i] < placed[j], "order is kept");
      }
    }
  }

  @Provide
  Arbitrary<double[]> heights() {
    return Arbitraries.doubles().between(0, 300).array(double[].class).ofMinSize(1).ofMaxSize(20);
  }

  @Test
  void sharesAreWrittenOut() {
    Figure figure =
        new ShareBars("lost", "Lost", "flushed", "saturated")
            .bar("fp16", "weight", 0.4212, 0)
            .bar("fp16", "activation", 1e-6, NAN)
            .figure();
    assertEquals(
        "Share of values. fp16, weight: 42.12 % flushed, 0 % saturated; "
            + "fp16, activation: < 0.01 % flushed, – saturated.",
        figure.description());
    assertEquals(1, count(figure.svg(), ">fp16</text>"));
  }

  @Test
  void wrongArgumentsAreNamed() {
    assertEquals(
        "name = \"Loss plot\", expected lower-case letters and digits, joined by hyphens",
        message(() -> LineChart.linear("Loss plot", "", "")));
    assertEquals(
        "margin = 0.0, expected more than 0 and at most 1e300",
        message(() -> IntervalPlot.ofDifferences("a", "", "", 0)));
    assertEquals(
        "runs[1] has 1 epochs, expected 2",
        message(() -> LineChart.linear("a", "", "").line("b", new double[][] {{1, 2}, {1}})));
    assertEquals(
        "shares = [0.7, 0.7], expected 0 to 1, together at most 1",
        message(() -> new ShareBars("a", "", "x", "y").bar("", "", 0.7, 0.7)));
    assertThrows(IllegalStateException.class, () -> LineChart.linear("a", "", "").figure());
  }

  private static String message(Runnable code) {
    return String.valueOf(assertThrows(IllegalArgumentException.class, code::run).getMessage());
  }

  private static int count(String text, String part) {
    return text.split(Pattern.quote(part), -1).length - 1;
  }
}
