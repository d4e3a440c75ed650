package dev.narrow.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** One .npy file in, another one out. */
final class ArrayFiles {
  @Parameters(index = "0", paramLabel = "IN.npy", description = "The array to read.")
  Path in = Path.of("");

  @Parameters(
      index = "1",
      paramLabel = "OUT.npy",
      description = "The array to write. It is there whole or not at all.")
  Path out = Path.of("");

  @Option(names = "--force", description = "Replace OUT.npy if it exists.")
  boolean force;

  ArrayFiles() {}

  /** Refuses an output that would destroy something. */
  void check() throws IOException {
    if (!Files.exists(out, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (Files.exists(in) && Files.exists(out) && Files.isSameFile(in, out)) {
      throw new UsageException(out + " is the input, expected another file for the output");
    }
    if (Files.isDirectory(out)) {
      throw new UsageException(out + " is a directory, expected a file");
    }
    if (!force) {
      throw new UsageException(out + " exists; --force replaces it");
    }
  }
}
