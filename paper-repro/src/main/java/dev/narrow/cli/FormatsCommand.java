package dev.narrow.cli;

import dev.narrow.formats.Formats;
import dev.narrow.formats.NumericFormat;
import dev.narrow.formats.Operation;
import dev.narrow.repro.report.CsvTable;
import dev.narrow.repro.report.Table;
import dev.narrow.repro.report.TerminalTable;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code narrow formats}: the number formats, or the values of one. */
@Command(
    name = "formats",
    description = "List the number formats, or the parameters and values of one.",
    mixinStandardHelpOptions = true)
final class FormatsCommand implements Callable<Integer> {
  @Spec CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "NAME", arity = "0..1", description = "A format, e.g. e4m3fn or lns8.")
  @Nullable String name;

  @Option(
      names = "--op",
      paramLabel = "OP",
      description = {
        "Print the table of an operation: add, subtract, multiply, divide, sqrt, exp...",
        "Up to 2^16 rows: two operands of 8 bits, or one of 16."
      })
  @Nullable String operation;

  @Option(
      names = "--p3109",
      description = "Print which operations and projections of IEEE P3109 are there.")
  boolean p3109;

  @ArgGroup Machine machine = new Machine();

  /** Output for machines, at most one of them. */
  static final class Machine {
    @Option(
        names = "--csv",
        description = "Print comma-separated values: the list, or every code of NAME.")
    boolean csv;

    @Option(
        names = "--json",
        description = "Print JSON: the same facts, and of NAME (up to 16 bits) all codes.")
    boolean json;

    Machine() {}
  }

  FormatsCommand() {}

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (name == null && operation != null) {
      throw new UsageException("--op " + operation + " without NAME, expected a format");
    }
    if (p3109 && (name != null || operation != null)) {
      throw new UsageException("--p3109 with NAME or --op, expected it alone");
    }
    if (p3109) {
      out.print(machine.csv || machine.json ? "" : P3109Statement.summary() + "\n");
      out.print(table(P3109Statement.table()));
    } else {
      out.print(name == null ? list() : page(name, Arguments.parse(name, Formats::parse)));
    }
    out.flush();
    return 0;
  }

  private String list() {
    return machine.json
        ? FormatJson.list()
        : machine.csv
            ? CsvTable.render(FormatList.forMachines())
            : TerminalTable.render(FormatList.table(), Terminal.hasColour());
  }

  private String page(String given, NumericFormat format) {
    if (operation != null) {
      return table(OperationTable.of(format, Arguments.parse(operation, Operation::parse)));
    }
    if (machine.json) {
      return FormatJson.page(format);
    }
    if (machine.csv) {
      if (format.width() > ValueTable.CSV_WIDTH) {
        throw new UsageException(
            given + " has 2^" + format.width() + " values, more than --csv lists (2^16)");
      }
      return CsvTable.render(ValueTable.forMachines(format));
    }
    return FormatPage.render(format, Terminal.hasColour());
  }

  private String table(Table table) {
    return machine.json
        ? FormatJson.table(table)
        : machine.csv ? CsvTable.render(table) : TerminalTable.render(table, Terminal.hasColour());
  }
}
