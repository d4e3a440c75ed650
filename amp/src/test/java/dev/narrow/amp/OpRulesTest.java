package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Quantizer;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Chars;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

/** Which rule an operation has, and the format of what it returns. */
class OpRulesTest {
  private static final AmpPolicy POLICY =
      AmpPolicy.bf16().withOutput(Optional.of(Quantizer.of(Formats.BF16)));

  private static NumericFormat result(String op, NumericFormat... operands) {
    return POLICY.result(op, List.of(operands));
  }

  private static Optional<OpClass> kind(AmpPolicy policy, String op) {
    return policy.rule(op).map(OpRule::kind);
  }

  @Test
  void whatIsLowerReturnsTheOutputFormat() {
    assertEquals(Formats.BF16, result("linear", Formats.FP32, Formats.FP32));
    assertEquals(Formats.FP32, AmpPolicy.bf16().result("linear", List.of(Formats.BF16)));
  }

  @Test
  void denyInfectsWhatFollows() {
    NumericFormat denied = result("softmax", Formats.BF16);
    assertEquals(Formats.FP32, denied);
    assertEquals(Formats.FP32, result("mul", Formats.BF16, denied));
    assertEquals(Formats.FP32, result("relu", result("reshape", denied)));
  }

  @Test
  void followFollowsAndNeutralIsTransparent() {
    for (NumericFormat format : Formats.all()) {
      assertEquals(format, result("relu", format));
      assertEquals(format, result("add", format, format));
      assertEquals(format, result("reshape", format));
    }
  }

  @Test
  void promoteGivesTheWidest() {
    assertEquals(Formats.BF16, result("addcmul", Formats.BF16, Formats.BF16, Formats.BF16));
    assertEquals(Formats.FP32, result("addcmul", Formats.BF16, Formats.FP32, Formats.BF16));
  }

  /** PyTorch refuses to concatenate them under autocast. */
  @Test
  void fp16AndBf16HaveFp32InCommon() {
    for (String op : List.of("add", "dot", "frobnicate")) {
      assertEquals(Formats.FP32, result(op, Formats.FP16, Formats.BF16), op);
    }
  }

  /** So that it can be counted. */
  @Test
  void whatNobodyListedFollowsAndHasNoRule() {
    assertEquals(Optional.empty(), POLICY.rule("frobnicate"));
    assertEquals(Formats.BF16, result("frobnicate", Formats.BF16));
    assertEquals(Formats.FP32, result("frobnicate", Formats.BF16, Formats.FP32));
    assertEquals(Formats.FP32, result("randn"));
  }

  @Test
  void whatIsBannedIsRefusedWithAdvice() {
    var error =
        assertThrows(AmpException.class, () -> result("binary_cross_entropy", Formats.BF16));
    assertEquals(
        "binary_cross_entropy is banned by the policy bf16:"
            + " use binary_cross_entropy_with_logits",
        error.getMessage());
  }

  @Test
  void namesAreCaseInsensitive() {
    assertEquals(Optional.of(OpClass.LOWER), kind(POLICY, "MatMul"));
    assertEquals(
        Optional.of(OpClass.F32), kind(POLICY.with(new OpRule("GELU", OpClass.F32)), "gelu"));
  }

  @Test
  void aLaterRuleBeatsAnEarlierOne() {
    AmpPolicy policy = POLICY.with(new OpRule("matmul", OpClass.F32));
    assertEquals(Optional.of(OpClass.F32), kind(policy, "matmul"));
    AmpPolicy patterns =
        POLICY.with(new OpRule("my_*", OpClass.F32)).with(new OpRule("*_op", OpClass.LOWER));
    assertEquals(Optional.of(OpClass.LOWER), kind(patterns, "my_op"));
  }

  @Test
  void aNameBeatsAPatternWhateverTheOrder() {
    AmpPolicy policy =
        POLICY.with(new OpRule("my_op", OpClass.F32)).with(new OpRule("my_*", OpClass.LOWER));
    assertEquals(Optional.of(OpClass.F32), kind(policy, "my_op"));
    assertEquals(Optional.of(OpClass.LOWER), kind(policy, "my_other"));
  }

  @Test
  void anOverloadSpeaksForItsOperationIfNothingElseDoes() {
    AmpPolicy policy =
        POLICY.withOps(
            List.of(
                new OpRule("softmax.int", OpClass.F32),
                new OpRule("soft*", OpClass.LOWER),
                new OpRule("sum", OpClass.FOLLOW),
                new OpRule("sum.dim", OpClass.F32)));
    assertEquals(Optional.of(OpClass.F32), kind(policy, "softmax"));
    assertEquals(Optional.of(OpClass.F32), kind(policy, "softmax.int"));
    assertEquals(Optional.of(OpClass.LOWER), kind(policy, "softmax.other"));
    assertEquals(Optional.of(OpClass.FOLLOW), kind(policy, "sum"));
    assertEquals(Optional.of(OpClass.F32), kind(policy, "sum.dim"));
    assertEquals(Optional.empty(), kind(policy, "sum.other"));
  }

  /** Against java.util.regex, in which * is .* . */
  @Property
  void patternsAreThoseOfTheShell(
      @ForAll @Chars({'a', 'b', '*'}) @StringLength(min = 1, max = 8) String pattern,
      @ForAll @Chars({'a', 'b'}) @StringLength(max = 8) String name) {
    boolean isPattern = pattern.contains("*");
    assertEquals(
        isPattern && Pattern.matches(pattern.replace("*", ".*"), name),
        new OpRule(pattern, OpClass.LOWER).isPatternOf(name));
  }

  /** A pattern that takes a backtracking matcher longer than anyone waits. */
  @Test
  void manyStarsTakeNoTime() {
    OpRule rule = new OpRule("*a".repeat(40) + "*b", OpClass.LOWER);
    assertTrue(!rule.isPatternOf("a".repeat(400)));
    assertTrue(rule.isPatternOf("a".repeat(400) + "b"));
  }

  @Test
  void rulesAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> new OpRule("", OpClass.F32));
    assertThrows(IllegalArgumentException.class, () -> new OpRule("a b", OpClass.F32));
    assertThrows(IllegalArgumentException.class, () -> new OpRule("a", OpClass.F32, "use b"));
    assertThrows(IllegalArgumentException.class, () -> new OpRule("a", OpClass.BANNED, "b\nc"));
  }
}
