package dev.narrow.amp.inspect;

import dev.narrow.quant.Recipes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What is wrong with a tensor, in words, and what helps. */
final class Findings {
  /** Shares that something is said of, the smaller one where SQNR tells that they matter. */
  private static final double MOST_FLUSHED = 0.5;

  private static final double FLUSHED = 0.1;
  private static final double FLUSHED_SQNR = 30;

  private static final double SATURATED = 0.01;

  /** Errors of a third of the values' root mean square. */
  private static final double LEAST_SQNR = 10;

  /** What a format must keep to be recommended. */
  private static final double GOOD_FLUSHED = 0.01;

  private static final double GOOD_SQNR = 20;

  private Findings() {}

  /** Sentences about a tensor; none if nothing is wrong. */
  static List<String> of(TensorSummary tensor) {
    List<String> all = new ArrayList<>();
    Magnitudes before = tensor.before();
    if (before.nan() + before.infinite() > 0) {
      all.add(
          "%s: %d NaN and %d infinite before the cast: an operation before it overflows"
              .formatted(tensor.name(), before.nan(), before.infinite()));
    }
    if (tensor.isDeadGradient()) {
      all.add(
          tensor.name()
              + ": all zero in every sample: what it is calculated from was flushed, or no unit is"
              + " active");
    }
    tensor.fit().ifPresent(fit -> addTo(all, tensor, fit));
    return all;
  }

  private static void addTo(List<String> all, TensorSummary tensor, Fit fit) {
    boolean gradient = tensor.isGradient();
    String start = tensor.name() + ": ";
    String end = " in " + fit.format() + ": ";
    boolean said = false;
    if (isFlushed(fit)) {
      String first =
          fit.scaled()
              ? "scales for smaller blocks"
              : gradient ? "raise the loss scale" : "scale it by its amax";
      all.add(
          start + percent(fit.flushedShare()) + " flushed to zero" + end + first + other(tensor));
      said = true;
    }
    double beyond = Math.max(fit.saturatedShare(), fit.lostShare());
    if (beyond >= SATURATED || fit.lost() > 0) {
      String what = fit.lost() > 0 ? " overflow" : " saturated";
      String first =
          fit.scaled()
              ? "a scale by its amax"
              : gradient ? "lower the loss scale" : "scale it by its amax";
      all.add(start + percent(beyond) + what + end + first + other(tensor));
      said = true;
    }
    if (!said && fit.sqnrDb() < LEAST_SQNR) {
      all.add(
          "%sSQNR %.1f dB%sa format of more significant bits%s"
              .formatted(start, fit.sqnrDb(), end, other(tensor)));
    }
  }

  /** Whether it is worth a sentence. */
  static boolean isFlushed(Fit fit) {
    return fit.flushedShare() >= MOST_FLUSHED
        || (fit.flushedShare() >= FLUSHED && fit.sqnrDb() < FLUSHED_SQNR);
  }

  /** The narrowest of the formats tried that holds it; bf16, which has fp32's range, untried. */
  private static String other(TensorSummary tensor) {
    if (tensor.whatIf().isEmpty()) {
      return tensor.fit().orElseThrow().scaled() ? "" : ", or bf16";
    }
    return tensor.whatIf().entrySet().stream()
        .filter(
            e -> e.getValue().flushedShare() < GOOD_FLUSHED && e.getValue().sqnrDb() >= GOOD_SQNR)
        .min(
            Comparator.comparingInt((Map.Entry<String, Fit> e) -> width(e.getKey()))
                .thenComparingDouble(e -> -e.getValue().sqnrDb()))
        .map(e -> ", or " + e.getKey())
        .orElse("");
  }

  private static int width(String recipe) {
    return Recipes.parse(recipe).format().width();
  }

  /** A share, never rounded to 0 or to 100 % if it is not that. */
  static String percent(double share) {
    if (share > 0 && share < 0.0005) {
      return "below 0.1 %";
    }
    if (share > 0.999 && share < 1) {
      return "above 99.9 %";
    }
    int digits = share == 0 || share == 1 || (share >= 0.0995 && share < 0.99) ? 0 : 1;
    return String.format(Locale.ROOT, "%." + digits + "f %%", 100 * share);
  }
}
