package dev.narrow.cli;

import dev.narrow.formats.Formats;
import dev.narrow.formats.Limits;
import dev.narrow.formats.NumericFormat;
import dev.narrow.repro.report.Table;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Formats for machines: the same facts that the pages have. */
final class FormatJson {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private FormatJson() {}

  /** All known formats. */
  static String list() {
    return JSON.writeValueAsString(Formats.all().stream().map(FormatJson::facts).toList()) + "\n";
  }

  /** One format, with all its values where {@code --csv} would list them. */
  static String page(NumericFormat format) {
    Map<String, @Nullable Object> facts = facts(format);
    if (format.width() <= ValueTable.CSV_WIDTH) {
      facts.put("values", rows(ValueTable.forMachines(format)));
    }
    return JSON.writeValueAsString(facts) + "\n";
  }

  /** A table, an object for each row. */
  static String table(Table table) {
    return JSON.writeValueAsString(rows(table)) + "\n";
  }

  private static Map<String, @Nullable Object> facts(NumericFormat format) {
    Limits limits = format.limits();
    Map<String, @Nullable Object> facts = new LinkedHashMap<>();
    facts.put("name", format.name());
    facts.put("bits", format.width());
    facts.put("parameters", FormatPage.layout(format));
    facts.put("remark", Formats.remark(format).orElse(null));
    facts.put("aliases", Formats.aliases(format));
    facts.put("definition", Definitions.of(format));
    facts.put("maxFinite", finite(limits.maxFinite()));
    facts.put("minNormal", finite(limits.minNormal()));
    facts.put("minPositive", finite(limits.minPositive()));
    facts.put("epsilon", finite(limits.epsilon()));
    facts.put("octaves", limits.octaves());
    facts.put("decibels", limits.decibels());
    facts.put("worstRelativeError", finite(FormatList.worstRelativeError(format)));
    facts.put("rounding", format.defaultProjection().rounding().toString());
    facts.put("saturation", format.defaultProjection().saturation().toString());
    return facts;
  }

  /** JSON has neither NaN nor infinity. */
  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  private static List<Map<String, String>> rows(Table table) {
    List<Map<String, String>> rows = new ArrayList<>();
    for (List<Table.Cell> row : table.rows()) {
      Map<String, String> cells = new LinkedHashMap<>();
      for (int i = 0; i < row.size(); i++) {
        cells.put(table.columns().get(i).header(), row.get(i).text());
      }
      rows.add(cells);
    }
    return rows;
  }
}
