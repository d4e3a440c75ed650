package dev.narrow.cli;

import static dev.narrow.cli.Narrow.assertRefused;
import static dev.narrow.cli.Narrow.output;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.kernels.Backend;
import dev.narrow.kernels.NativeLibrary;
import dev.narrow.kernels.cuda.Cuda;
import dev.narrow.kernels.cuda.CudaProbe;
import dev.narrow.repro.report.CsvTable;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code narrow doctor}: of this process, and of processes that lack something. */
class DoctorCommandTest {

  @Test
  void tellsWhatComputesHere() {
    String page = output("doctor");
    for (String part :
        List.of("Java", "formats", "quant", "kernels", "oneDNN", "CUDA", "processor", "memory")) {
      assertEquals(
          1, page.lines().filter(line -> line.startsWith(part + " ")).count(), part + "\n" + page);
    }
    assertTrue(page.contains(Runtime.version().toString()), page);
    assertTrue(page.contains(Backend.cpu().describe()), page);
    assertTrue(page.contains(NativeLibrary.oneDnn().detail()), page);
    assertTrue(page.contains(Cuda.probe().describe()), page);
    assertFalse(page.contains("scalar"), "the tests run with the Vector API: " + page);
    assertFalse(page.contains("\u001b"), "colour is for terminals");
  }

  @Test
  void tellsMachinesTheSame() {
    JsonNode facts = JsonMapper.shared().readTree(output("doctor", "--json"));
    assertEquals(Runtime.version().toString(), facts.get("java").asString());
    assertTrue(facts.get("javaSupported").asBoolean());
    assertEquals(Runtime.getRuntime().maxMemory(), facts.get("heapBytes").asLong());
    assertTrue(facts.get("memoryBytes").asLong() >= 1L << 20);
    assertEquals(
        Backend.cpu().describe(), facts.get("modules").get("kernels").get("code").asString());
    assertTrue(facts.get("modules").get("formats").get("reason").isNull());
    assertEquals(
        NativeLibrary.oneDnn().available(),
        facts.get("libraries").get("oneDNN").get("available").asBoolean());
    assertEquals(
        Cuda.probe() instanceof CudaProbe.Available,
        facts.get("libraries").get("CUDA").get("available").asBoolean());
    assertEquals(
        Cuda.probe().describe(), facts.get("libraries").get("CUDA").get("detail").asString());
  }

  /** Where something is missing, the line says what to do. */
  @Test
  void tellsWhatIsMissing() {
    Diagnosis diagnosis =
        new Diagnosis(
            Runtime.Version.parse("25.0.2+10"),
            "Somebody",
            "Some processor",
            4,
            3L << 29,
            1L << 29,
            List.of(
                new Diagnosis.Module("formats", "scalar", Optional.of("pass that")),
                new Diagnosis.Module("quant", "none", Optional.of("forced in vain"))),
            List.of(new NativeLibrary("oneDNN", false, "no jar")));
    assertEquals(
        """
        part,used,"what, or why not"
        Java,yes,"25.0.2+10, Somebody: can corrupt pinned arrays (JDK-8377811), install 25.0.3 or later"
        formats,yes,scalar: pass that
        quant,no,none: forced in vain
        oneDNN,no,no jar
        processor,yes,"Some processor, threads: 4"
        memory,yes,"1.50 GiB, of which Java's heap may take 0.50 GiB"
        """,
        CsvTable.render(DoctorCommand.table(diagnosis)).replace("\r\n", "\n"));
    assertTrue(DoctorCommand.json(diagnosis).contains("\"reason\" : \"pass that\""));
  }

  @ParameterizedTest
  @CsvSource({"25, false", "25.0.2+10, false", "25.0.3+9-LTS, true", "25.0.4, true", "26, true"})
  void javaIsSupportedFromTheUpdateOnThatKeepsArraysWhole(String version, boolean supported) {
    Diagnosis diagnosis =
        new Diagnosis(Runtime.Version.parse(version), "", "", 1, 1, 1, List.of(), List.of());
    assertEquals(supported, diagnosis.javaIsSupported());
  }

  @Test
  void takesNoArguments() {
    assertRefused("Unmatched argument", "doctor", "please");
  }
}
