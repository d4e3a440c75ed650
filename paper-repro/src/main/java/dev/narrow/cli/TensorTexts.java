package dev.narrow.cli;

import dev.narrow.quant.files.TensorInfo;
import dev.narrow.repro.report.Numbers;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** How the reports on files of tensors write things. */
final class TensorTexts {
  /** Names in a stranger's file are escaped, as they may steer a terminal. */
  static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
          .build();

  private TensorTexts() {}

  /** For example {@code 64×10}. */
  static String shape(TensorInfo info) {
    return info.shape().toString().replace(", ", "×").replaceAll("[\\[\\]]", "");
  }

  /** A part of a whole in percent; not zero where it is not. */
  static String share(long part, long whole) {
    double percent = 100.0 * part / whole;
    return part == 0 ? "0 %" : percent < 0.01 ? "< 0.01 %" : Numbers.fixed(percent, 2) + " %";
  }
}
