package dev.narrow.cli;

import dev.narrow.quant.files.TensorFileException;
import dev.narrow.repro.data.DataException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The command {@code narrow}. Exit code 0 is success, 1 a failed check, 2 bad usage or bad input
 * with one plain line on stderr.
 */
@Command(
    name = "narrow",
    description = "Low-precision numerics for the JVM.",
    version = "narrow 0.1.0-SNAPSHOT",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      ReproCommand.class,
      FormatsCommand.class,
      EncodeCommand.class,
      DecodeCommand.class,
      InspectCommand.class,
      CompareCommand.class,
      QuantizeCommand.class,
      DoctorCommand.class,
      CommandLine.HelpCommand.class
    })
public final class Main implements Runnable {
  static final int BAD_INPUT = 2;

  @CommandLine.Spec CommandLine.Model.CommandSpec spec = CommandLine.Model.CommandSpec.create();

  Main() {}

  /**
   * Runs the command and exits.
   *
   * @param args as {@code narrow --help} says
   */
  public static void main(String[] args) {
    // picocli's writers use the platform's charset: the tables have characters beyond ASCII.
    PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(run(out, err, args));
  }

  /** Runs the command and returns the exit code. */
  static int run(PrintWriter out, PrintWriter err, String... args) {
    CommandLine line = new CommandLine(new Main());
    try {
      return run(line, out, err, args);
    } catch (OutOfMemoryError e) {
      return complain(
          line,
          "out of memory: the heap has "
              + (Runtime.getRuntime().maxMemory() >> 20)
              + " MB, which must hold the largest tensor in float32, and what it becomes");
    }
  }

  private static int run(CommandLine narrow, PrintWriter out, PrintWriter err, String... args) {
    return narrow
        .setOut(out)
        .setErr(err)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setParameterExceptionHandler((e, _) -> badUsage(e))
        .setExecutionExceptionHandler((e, line, _) -> failed(e, line))
        .execute(args);
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  private static int badUsage(ParameterException e) {
    String message = String.valueOf(e.getMessage());
    if (e instanceof UnmatchedArgumentException unmatched) {
      List<String> near = unmatched.getSuggestions();
      if (!near.isEmpty()) {
        message += "; did you mean " + String.join(", ", near) + "?";
      }
    }
    return complain(e.getCommandLine(), message);
  }

  private static int failed(Exception e, CommandLine line) throws Exception {
    if (e instanceof DataException
        || e instanceof TensorFileException
        || e instanceof UsageException
        || e instanceof IOException) {
      return complain(line, String.valueOf(e.getMessage()));
    }
    throw e;
  }

  private static int complain(CommandLine line, String message) {
    // names in a stranger's file do not steer a terminal
    String shown = Terminal.printable(message.lines().findFirst().orElse("failed"));
    line.getErr().println("narrow: " + shown);
    return BAD_INPUT;
  }
}
