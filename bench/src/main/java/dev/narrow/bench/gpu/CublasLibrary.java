package dev.narrow.bench.gpu;

import dev.narrow.kernels.cuda.CudaDevice;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The vendor's library of products, wherever it is: what {@code dev.narrow.cublas.library} names
 * and nothing else if that is set, else where the loader finds it, else in the wheels that PyTorch
 * brings along. A library is what works with the driver, not what is the newest.
 *
 * @param symbols null if there is none
 * @param description its version and where it is, or why there is none
 */
record CublasLibrary(@Nullable SymbolLookup symbols, String description) {
  private static final String PROPERTY = "dev.narrow.cublas.library";
  private static final List<String> NAMES =
      List.of("libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so");
  private static final int PYTHON_SECONDS = 20;

  static CublasLibrary find(CudaDevice device) {
    Set<String> candidates = new LinkedHashSet<>();
    String given = System.getProperty(PROPERTY);
    if (given != null) {
      candidates.add(given);
    } else {
      candidates.addAll(NAMES);
    }
    List<String> reasons = new ArrayList<>();
    CublasLibrary found = firstOf(device, candidates, reasons);
    if (found == null && given == null) {
      found = firstOf(device, wheels(), reasons);
    }
    return found == null
        ? new CublasLibrary(null, "there is none: " + String.join("; ", reasons))
        : found;
  }

  private static @Nullable CublasLibrary firstOf(
      CudaDevice device, Set<String> candidates, List<String> reasons) {
    for (String candidate : candidates) {
      try (CurrentContext _ = new CurrentContext(device)) {
        SymbolLookup symbols = load(candidate);
        try (Cublas cublas = new Cublas(symbols, device.stream().handle())) {
          return new CublasLibrary(symbols, "version " + cublas.version() + ", " + candidate);
        }
      } catch (RuntimeException e) {
        reasons.add(candidate + ": " + e.getMessage());
      }
    }
    return null;
  }

  /** As long as the process lives: what it has made may be in use by the driver. */
  @SuppressWarnings("restricted")
  private static SymbolLookup load(String name) {
    return name.contains("/")
        ? SymbolLookup.libraryLookup(Path.of(name), Arena.global())
        : SymbolLookup.libraryLookup(name, Arena.global());
  }

  /** In nvidia/cublas/lib, or nvidia/cu13/lib, of any folder that Python looks for packages in. */
  private static Set<String> wheels() {
    Set<String> found = new LinkedHashSet<>();
    for (String folder : pythonPath()) {
      for (Path vendor : list(Path.of(folder, "nvidia"), "*")) {
        list(vendor.resolve("lib"), "libcublas.so*").forEach(file -> found.add(file.toString()));
      }
    }
    return found;
  }

  /** Nothing if it is not a folder, or cannot be read. */
  private static List<Path> list(Path folder, String glob) {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, glob)) {
      stream.forEach(files::add);
    } catch (IOException e) {
      return List.of();
    }
    return files;
  }

  private static List<String> pythonPath() {
    try {
      Process python =
          new ProcessBuilder("python3", "-c", "import sys; print('\\n'.join(sys.path))")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String path = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return python.waitFor(PYTHON_SECONDS, TimeUnit.SECONDS) ? path.lines().toList() : List.of();
    } catch (IOException e) {
      return List.of();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return List.of();
    }
  }
}
