package dev.narrow.repro;

import dev.narrow.amp.Role;
import dev.narrow.quant.Quantizer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * All that makes an arm what it is, in words, for results files and for the names of cells.
 *
 * @param name its row in the table
 * @param optimizer the rule with its constants
 * @param learningRate the first learning rate
 * @param lossScaling the rule of the loss scale
 * @param formats by the letter of the role: format, scale, rounding and saturation
 */
record ArmDescription(
    String name,
    String optimizer,
    float learningRate,
    String lossScaling,
    Map<String, String> formats) {

  static ArmDescription of(Arm arm) {
    Map<String, String> formats = new LinkedHashMap<>();
    for (Role role : Role.values()) {
      String format = arm.policy().quantizer(role).map(Quantizer::toString).orElse("fp32");
      formats.put(role.letter(), format);
    }
    return new ArmDescription(
        arm.name(),
        arm.rule().toString(),
        arm.learningRate(),
        arm.policy().lossScaling().toString(),
        formats);
  }
}
