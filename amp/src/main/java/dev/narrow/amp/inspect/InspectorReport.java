package dev.narrow.amp.inspect;

import dev.narrow.amp.AutocastReport;
import dev.narrow.amp.Role;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * What an {@link Inspector} has seen.
 *
 * @param steps how many steps were sampled
 * @param tensors those of the network, in the order in which they were first seen
 * @param casts what was cast in all steps, sampled or not, by layer and role; empty if the
 *     inspector does not know the autocast ({@link Inspector#observe})
 * @param nanos time that the inspector has taken, in nanoseconds
 */
public record InspectorReport(
    long steps, List<TensorSummary> tensors, List<AutocastReport.Casts> casts, long nanos) {

  /** Copies the lists. */
  public InspectorReport {
    tensors = List.copyOf(tensors);
    casts = List.copyOf(casts);
  }

  /**
   * The tensors that fare worst: by the share of their values that became zero, infinite or the
   * format's largest, and then by SQNR.
   *
   * @param n how many at most
   */
  public List<TensorSummary> worst(int n) {
    return tensors.stream().sorted(TensorSummary.WORST_FIRST).limit(n).toList();
  }

  /** The tensors of a layer. */
  public List<TensorSummary> layer(String name) {
    return tensors.stream().filter(t -> t.layer().equals(name)).toList();
  }

  /** The tensors of a role. */
  public List<TensorSummary> role(Role role) {
    return tensors.stream().filter(t -> t.role() == role).toList();
  }

  /** The tensor of a layer in a role; the first, if it has several. */
  public Optional<TensorSummary> tensor(String layer, Role role) {
    return layer(layer).stream().filter(t -> t.role() == role).findFirst();
  }

  /**
   * What is wrong, and what helps, the worst first: tensors with half of their values flushed to
   * zero, or a tenth at SQNR below 30 dB; a hundredth saturated; any infinite or NaN; SQNR below 10
   * dB; gradients that are all zero. For example {@code fc2 activation-gradient: 83 % flushed to
   * zero in fp16: raise the loss scale, or bf16}.
   */
  public List<String> findings() {
    return worst(tensors.size()).stream().flatMap(t -> Findings.of(t).stream()).toList();
  }

  /** A table in plain text, the worst first, and the findings. */
  @Override
  public String toString() {
    Set<String> formats = new LinkedHashSet<>();
    tensors.forEach(t -> formats.addAll(t.whatIf().keySet()));
    List<String> header =
        new ArrayList<>(
            List.of(
                "tensor",
                "format",
                "amax",
                "flushed",
                "subnormal",
                "saturated",
                "NaN, inf",
                "SQNR dB"));
    header.addAll(formats);
    List<List<String>> rows = new ArrayList<>(List.of(header));
    for (TensorSummary tensor : worst(tensors.size())) {
      rows.add(row(tensor, formats));
    }
    StringBuilder text = new StringBuilder();
    text.append("%d steps sampled, %d tensors%n".formatted(steps, tensors.size()));
    int[] widths = new int[header.size()];
    rows.forEach(row -> {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    });
    for (List<String> row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        String pad = " ".repeat(widths[i] - row.get(i).length());
        line.append("  ").append(i < 2 ? row.get(i) + pad : pad + row.get(i));
      }
      text.append(line.toString().stripTrailing()).append(System.lineSeparator());
    }
    findings().forEach(sentence -> text.append(sentence).append(System.lineSeparator()));
    return text.toString();
  }

  private static List<String> row(TensorSummary tensor, Set<String> formats) {
    List<String> row = new ArrayList<>();
    row.add(tensor.name());
    row.add(tensor.fit().map(Fit::format).orElse("fp32"));
    row.add(String.format(Locale.ROOT, "%.3g", tensor.before().amax()));
    row.add(tensor.fit().map(f -> Findings.percent(f.flushedShare())).orElse("-"));
    row.add(tensor.fit().map(f -> Findings.percent(f.subnormalShare())).orElse("-"));
    row.add(tensor.fit().map(f -> Findings.percent(f.saturatedShare())).orElse("-"));
    long broken = tensor.before().nan() + tensor.before().infinite();
    row.add(Long.toString(broken + tensor.fit().map(Fit::lost).orElse(0L)));
    row.add(tensor.fit().map(f -> decibels(f.sqnrDb())).orElse("-"));
    for (String format : formats) {
      Fit fit = tensor.whatIf().get(format);
      row.add(fit == null ? "-" : decibels(fit.sqnrDb()));
    }
    return row;
  }

  /** SQNR in dB, or in a word that nothing changed, values were lost, or there were none. */
  static String decibels(double sqnr) {
    if (Double.isNaN(sqnr)) {
      return "-";
    }
    if (Double.isInfinite(sqnr)) {
      return sqnr > 0 ? "exact" : "lost";
    }
    return String.format(Locale.ROOT, "%.1f", sqnr);
  }
}
