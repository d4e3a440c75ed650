package dev.narrow.repro;

import dev.narrow.quant.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Finished cells as files, so that an interrupted run goes on where it stopped. */
final class CellStore {

  /**
   * A cell and how long it took.
   *
   * @param name which cell, for a reader
   * @param result what it came to
   * @param seconds how long it took, on whatever machine that was
   */
  record Finished(String name, CellResult result, double seconds) {}

  private static final JsonMapper JSON = JsonMapper.shared();
  private final Path directory;
  private final String codeVersion;

  CellStore(Path directory, String codeVersion) {
    this.directory = directory;
    this.codeVersion = codeVersion;
  }

  /** The cell if it is there; a file that cannot be read counts as absent, and is replaced. */
  Optional<Finished> find(Cell cell) throws IOException {
    Path file = file(cell);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      return Optional.ofNullable(JSON.readValue(Files.readAllBytes(file), Finished.class))
          .filter(finished -> isOf(finished, cell));
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }

  /** Files are strangers: whatever is not what this cell can have come to is run again. */
  private static boolean isOf(Finished finished, Cell cell) {
    return cell.toString().equals(finished.name())
        && finished.result() != null
        && finished.result().isPlausible(cell.config().epochs())
        && finished.seconds() >= 0;
  }

  void save(Cell cell, Finished finished) throws IOException {
    AtomicFiles.write(file(cell), JSON.writeValueAsString(finished));
  }

  private Path file(Cell cell) {
    return directory.resolve(cell.key(codeVersion) + ".json");
  }
}
