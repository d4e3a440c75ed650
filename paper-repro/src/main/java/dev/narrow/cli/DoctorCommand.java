package dev.narrow.cli;

import dev.narrow.kernels.NativeLibrary;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.TerminalTable;
import dev.narrow.repro.report.Tone;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code narrow doctor}: what is used of this machine, what is not, and why. */
@Command(
    name = "doctor",
    description = "Tell what is used of this machine, what is not, and why.",
    mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Option(names = "--json", description = "Print JSON: the same facts.")
  boolean json;

  DoctorCommand() {}

  @Override
  public Integer call() {
    Diagnosis diagnosis = Diagnosis.ofThisProcess();
    PrintWriter out = spec.commandLine().getOut();
    out.print(
        json ? json(diagnosis) : TerminalTable.render(table(diagnosis), Terminal.hasColour()));
    out.flush();
    return 0;
  }

  static Table table(Diagnosis diagnosis) {
    Table table =
        row(
            Table.of(Table.left("part"), Table.left("used"), Table.left("what, or why not")),
            "Java",
            "yes",
            diagnosis.javaIsSupported() ? Tone.GOOD : Tone.BAD,
            diagnosis.java()
                + ", "
                + diagnosis.vendor()
                + (diagnosis.javaIsSupported()
                    ? ""
                    : ": can corrupt pinned arrays (JDK-8377811), install 25.0.3 or later"));
    for (Diagnosis.Module module : diagnosis.modules()) {
      table =
          row(
              table,
              module.name(),
              module.code().equals("none") ? "no" : "yes",
              module.reason().isEmpty() ? Tone.GOOD : Tone.WARN,
              module.reason().map(reason -> module.code() + ": " + reason).orElse(module.code()));
    }
    for (NativeLibrary library : diagnosis.libraries()) {
      table =
          row(
              table,
              library.name(),
              library.available() ? "if asked" : "no",
              library.available() ? Tone.GOOD : Tone.NEUTRAL,
              library.detail());
    }
    String machine = diagnosis.processor() + ", threads: " + diagnosis.threads();
    String memory = gib(diagnosis.memory()) + ", of which Java's heap may take ";
    table = row(table, "processor", "yes", Tone.NEUTRAL, machine);
    return row(table, "memory", "yes", Tone.NEUTRAL, memory + gib(diagnosis.heap()));
  }

  private static Table row(Table table, String part, String used, Tone tone, String text) {
    return table.row(Table.cell(part), Table.cell(used, tone), Table.cell(text));
  }

  private static String gib(long bytes) {
    return String.format(Locale.ROOT, "%.2f GiB", bytes * 0x1p-30);
  }

  static String json(Diagnosis diagnosis) {
    Map<String, @Nullable Object> facts = new LinkedHashMap<>();
    facts.put("java", diagnosis.java().toString());
    facts.put("javaVendor", diagnosis.vendor());
    facts.put("javaSupported", diagnosis.javaIsSupported());
    facts.put("processor", diagnosis.processor());
    facts.put("threads", diagnosis.threads());
    facts.put("memoryBytes", diagnosis.memory());
    facts.put("heapBytes", diagnosis.heap());
    Map<String, Object> modules = new LinkedHashMap<>();
    for (Diagnosis.Module module : diagnosis.modules()) {
      Map<String, @Nullable Object> found = new LinkedHashMap<>();
      found.put("code", module.code());
      found.put("reason", module.reason().orElse(null));
      modules.put(module.name(), found);
    }
    facts.put("modules", modules);
    Map<String, Object> libraries = new LinkedHashMap<>();
    for (NativeLibrary library : diagnosis.libraries()) {
      Map<String, Object> found = new LinkedHashMap<>();
      found.put("available", library.available());
      found.put("detail", library.detail());
      libraries.put(library.name(), found);
    }
    facts.put("libraries", libraries);
    return TensorTexts.JSON.writeValueAsString(facts) + "\n";
  }
}
