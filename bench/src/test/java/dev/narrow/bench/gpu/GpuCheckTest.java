package dev.narrow.bench.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.narrow.kernels.cuda.CudaDevice;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** The check of a GPU, where the GPU is the processor. */
class GpuCheckTest {
  @TempDir Path scratch;

  private record Run(int status, String output) {}

  /** A process of its own, as the check is. */
  private Run check(Map<String, String> environment, String... args) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-Ddev.narrow.cuda.library=" + Emulator.library(),
                "-Ddev.narrow.cublas.library=" + Emulator.cublas(scratch),
                "-cp",
                String.join(
                    File.pathSeparator,
                    Stream.of("java.class.path", "jdk.module.path")
                        .flatMap(name ->
                            Arrays.stream(
                                System.getProperty(name, "").split(File.pathSeparator, -1)))
                        .filter(element -> !element.isEmpty())
                        .distinct()
                        .toList()),
                GpuCheck.class.getName(),
                scratch.resolve("out").toString()));
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    builder.environment().put("PATH", scratch + File.pathSeparator + System.getenv("PATH"));
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Run(process.waitFor(), output);
  }

  private String result(String name) throws IOException {
    return Files.readString(scratch.resolve("out").resolve(name));
  }

  /** The strings and numbers of all fields of this name. */
  private static List<String> values(String json, String field) {
    List<String> values = new ArrayList<>();
    try (JsonParser parser = new JsonFactory().createParser(ObjectReadContext.empty(), json)) {
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token == JsonToken.PROPERTY_NAME && parser.currentName().equals(field)) {
          parser.nextToken();
          values.add(parser.getString());
        }
      }
    }
    return values;
  }

  @Test
  void resultsAreComparedAndMeasured() throws Exception {
    Run run = check(Map.of(), "--quick", "--only", "encode lns8,sumOfSquares,launch");
    assertEquals(0, run.status, run.output);
    String json = result("results.json");
    assertEquals(List.of("comparison", "bandwidth", "launch"), values(json, "part"));
    List<String> names = List.of("encode lns8", "encode lns8, stochastic", "sumOfSquares");
    List<String> all = new ArrayList<>(names);
    all.addAll(names);
    all.addAll(List.of("launch", "launch, context current"));
    assertEquals(all, values(json, "name"));
    assertEquals(List.of("", "", ""), values(json, "difference"));
    assertEquals(List.of("1 MB", "1 MB", "1 MB"), values(json, "size").subList(0, 3));
    for (String figure : values(json, "ours")) {
      assertTrue(Double.parseDouble(figure) > 0, json);
    }
    assertTrue(result("results.md").contains("3 of 3 results are right."), result("results.md"));
    assertEquals(8 - 3, result("results.html").split("<rect", -1).length - 1);
    try (Stream<Path> files = Files.list(scratch.resolve("out"))) {
      assertEquals(3, files.count()); // nothing partial
    }

    Run again = check(Map.of(), "--quick", "--only", "sumOfSquares");
    assertEquals(2, again.status);
    assertTrue(again.output.contains("results.json exists, expected a directory without"));
    assertEquals(json, result("results.json"));
  }

  @Test
  void whatFailsIsReportedAndTheRestIsDone() throws Exception {
    Map<String, String> small = Map.of("NARROW_EMULATOR_MEMORY", Integer.toString(1 << 21));
    Run run = check(small, "--quick", "--only", "sumOfSquares,launch");
    assertEquals(1, run.status, run.output);
    assertEquals(
        List.of("comparison", "bandwidth", "launch"), values(result("results.json"), "part"));
    assertTrue(result("results.md").contains("DIFFERS: dev.narrow"), result("results.md"));
  }

  @Test
  void productsAreMeasuredBesideTheVendors() throws Exception {
    Run run = check(Map.of(), "--quick", "--only", "product,fp16 x lns8,lns8 matrix x vector");
    assertEquals(0, run.status, run.output);
    String json = result("results.json");
    assertEquals(List.of("product", "skinny"), values(json, "part"));
    assertTrue(values(json, "note").getFirst().startsWith("version 12.8.5, "), json);
    assertEquals(1, values(json, "note").size(), json);
    assertEquals(13, values(json, "theirs").size());
    for (String theirs : values(json, "theirs")) {
      assertTrue(Double.parseDouble(theirs) > 0, json);
    }
    assertEquals(
        List.of("cuBLAS fp16", "our fp16", "read"),
        values(json, "peer").stream().distinct().toList());
  }

  /** A program of this name that complains instead of watching. */
  @Test
  void whatTheSanitizerSaysIsReported() throws Exception {
    Path program = scratch.resolve("compute-sanitizer");
    Files.writeString(
        program,
        """
        #!/bin/sh
        case "$*" in
          *racecheck*GpuCheck*"--only comparison") exit 0 ;;
          *memcheck*) echo "========= Invalid __global__ write of size 4 bytes"; exit 9 ;;
        esac
        exit 3
        """);
    assertTrue(program.toFile().setExecutable(true));
    Run run = check(Map.of(), "--quick", "--correctness", "--only", "sanitizer");
    assertEquals(1, run.status, run.output);
    assertEquals(
        List.of("exit code 9: ========= Invalid __global__ write of size 4 bytes", ""),
        values(result("results.json"), "difference"));
  }

  @Test
  void trainingIsCompared() throws Exception {
    Run run = check(Map.of(), "--quick", "--only", "training mlp in lns8");
    assertEquals(0, run.status, run.output);
    assertEquals(
        List.of("training mlp in lns8, exact", "training mlp in lns8, fast"),
        values(result("results.json"), "name"));
    assertEquals(List.of("", ""), values(result("results.json"), "difference"));
  }

  /** A kernel that is wrong in one bit of the last element, as far as the check can tell. */
  @Test
  void whatDiffersIsNamed() throws Exception {
    Emulator.install();
    OperationCase planted =
        new OperationCase(
            "planted",
            8,
            false,
            data -> List.of(data.matrix(1), data.target()),
            (backend, t) -> {
              backend.scale(2, t.get(0), t.get(1));
              if (t.get(0).shape().size() == 5 * 33 && !backend.describe().startsWith("cuda")) {
                byte[] last = t.get(1).storage().segment().toArray(ValueLayout.JAVA_BYTE);
                int at = last.length - Float.BYTES;
                t.get(1).storage().segment().set(ValueLayout.JAVA_BYTE, at, (byte) ~last[at]);
              }
              return List.of();
            });
    GpuCheckOptions options =
        GpuCheckOptions.parse(List.of(scratch.resolve("out").toString(), "--quick"));
    PrintStream none = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    try (CudaDevice device = CudaDevice.open()) {
      Bench bench = new Bench(device, true);
      List<Task> tasks = List.of(OperationChecks.comparison(bench, planted));
      assertEquals(1, GpuCheck.check(bench, options, Map.of(Part.COMPARISON, tasks), none));
    }
    String difference = "[5, 33] USUAL: tensor 1 differs at byte " + (5 * 33 - 1) * Float.BYTES;
    assertEquals(List.of(difference), values(result("results.json"), "difference"));
    for (String name : List.of("results.md", "results.html")) {
      assertTrue(result(name).contains("DIFFERS: " + difference), result(name));
      assertTrue(result(name).contains("0 of 1 results are right."), result(name));
    }
  }

  private static String error(String... args) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream none = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
    int status =
        GpuCheck.run(List.of(args), none, new PrintStream(err, true, StandardCharsets.UTF_8));
    assertEquals(2, status);
    String text = err.toString(StandardCharsets.UTF_8);
    assertEquals(1, text.lines().count(), text);
    return text;
  }

  @Test
  void argumentsAreChecked() throws Exception {
    assertTrue(error().contains("expected a directory for the results"));
    assertTrue(error("--quick").contains("expected a directory for the results"));
    String out = scratch.resolve("other").toString();
    assertTrue(error(out, "--quik").contains("unknown option --quik; nearest: --quick"));
    assertTrue(error(out, "--only").contains("expected names after it"));
    Path file = Files.writeString(scratch.resolve("file"), "");
    assertTrue(error(file.toString()).contains("is a file, expected a directory"));
    Emulator.install();
    assertTrue(
        error(out, "--only", "encode lsn8")
            .contains("--only encode lsn8 names nothing; nearest: encode lns8"));
    assertTrue(
        error(out, "--correctness", "--only", "launch").contains("nothing that is not measured"));
    assertFalse(Files.exists(scratch.resolve("other")));
  }
}
