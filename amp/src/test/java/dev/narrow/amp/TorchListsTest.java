package dev.narrow.amp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.quant.Quantizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The torch presets against PyTorch itself: see torch-autocast.py beside the lists. */
class TorchListsTest {
  /** Of each operation what torch.autocast was seen to do to it. */
  private static Map<String, String> observed(String device) throws IOException {
    Map<String, String> kinds = new TreeMap<>();
    try (InputStream in =
        Objects.requireNonNull(TorchListsTest.class.getResourceAsStream("torch-autocast.txt"))) {
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        String[] fields = line.split(" ", -1);
        if (fields[0].equals(device)) {
          kinds.put(fields[1].toLowerCase(Locale.ROOT), fields[2]);
        }
      }
    }
    return kinds;
  }

  private static Map<String, String> kinds(AmpPolicy policy) {
    Map<String, String> kinds = new TreeMap<>();
    policy.ops().forEach(rule -> kinds.put(rule.op(), rule.kind().name().toLowerCase(Locale.ROOT)));
    return kinds;
  }

  @Test
  void listsAreThoseOfTorchOperationForOperation() throws IOException {
    assertEquals(119, observed("cuda").size());
    assertEquals(127, observed("cpu").size());
    assertEquals(observed("cuda"), kinds(AmpPolicy.torchCuda()));
    assertEquals(observed("cpu"), kinds(AmpPolicy.torchCpu()));
  }

  @Test
  void formatsAreThoseOfAutocast() {
    Quantizer bf16 = Quantizer.of(Formats.BF16);
    AmpPolicy cpu = AmpPolicy.torchCpu();
    assertEquals(Optional.of(bf16), cpu.output());
    assertEquals(Optional.of(bf16), cpu.quantizer(Role.WEIGHT_GRADIENT));
    assertEquals(Optional.empty(), cpu.quantizer(Role.UPDATE));
    assertEquals(LossScaling.checkOnly(), cpu.lossScaling());
    AmpPolicy cuda = AmpPolicy.torchCuda();
    assertEquals(Optional.of(Quantizer.of(Formats.FP16)), cuda.output());
    assertEquals(LossScaling.torch(65536, 2, 0.5, 2000), cuda.lossScaling());
    assertEquals(cuda, AmpPolicy.torchCuda(Formats.FP16));
    assertEquals(cpu, AmpPolicy.torchCpu(Formats.BF16));
    assertEquals(cpu.withOps(cuda.ops()).named("torch-cuda"), AmpPolicy.torchCuda(Formats.BF16));
    assertThrows(IllegalArgumentException.class, () -> AmpPolicy.torchCpu(Formats.E5M2));
  }

  /** Types that torch 2.13 was seen to return under autocast to bf16 on the CPU. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          fp32           | bf16 | mm linear scaled_dot_product_attention conv1d
          bf16 fp32      | bf16 | mm
          fp16 fp32      | bf16 | mm
          bf16           | bf16 | softmax log_softmax exp log pow sum mean norm layer_norm group_norm
          bf16           | bf16 | batch_norm rms_norm gelu relu sigmoid cumsum softplus rsqrt
          fp32           | fp32 | mv addmv addr dot binary_cross_entropy lstm_cell embedding
          bf16           | fp32 | cross_entropy_loss mse_loss prod linalg_svdvals
          bf16 fp32      | fp32 | binary_cross_entropy_with_logits cat stack add addcmul
          """)
  void resultsAreThoseOfTorchOnTheCpu(String operands, String expected, String ops) {
    List<NumericFormat> formats =
        List.of(operands.split(" ", -1)).stream().map(Formats::parse).toList();
    for (String op : ops.split(" ", -1)) {
      assertEquals(Formats.parse(expected), AmpPolicy.torchCpu().result(op, formats), op);
    }
  }

  /** RuntimeError "Unexpected floating ScalarType in at::autocast::prioritize". */
  @Test
  void whereTorchFailsTheResultIsFp32() {
    List<NumericFormat> mixed = List.of(Formats.BF16, Formats.FP16);
    assertEquals(Formats.FP32, AmpPolicy.torchCpu().result("cat", mixed));
    assertEquals(
        Formats.FP32, AmpPolicy.torchCpu().result("cat", List.of(Formats.FP16, Formats.FP32)));
  }

  /** The lists depend on the device: what one returns in 16 bits the other does in fp32. */
  @Test
  void theDevicesDiffer() {
    for (String op : List.of("softmax", "layer_norm", "exp", "sum", "pow", "norm")) {
      List<NumericFormat> bf16 = List.of(Formats.BF16);
      assertEquals(Formats.BF16, AmpPolicy.torchCpu().result(op, bf16), op);
      assertEquals(Formats.FP32, AmpPolicy.torchCuda(Formats.BF16).result(op, bf16), op);
    }
    assertThrows(
        AmpException.class,
        () -> AmpPolicy.torchCuda().result("binary_cross_entropy", List.of(Formats.FP32)));
  }
}
