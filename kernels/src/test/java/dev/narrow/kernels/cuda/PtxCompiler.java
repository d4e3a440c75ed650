package dev.narrow.kernels.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompileResult;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;

/**
 * The PTX compiler of CUDA 12.0, which JCuda brings: what it takes, drivers from CUDA 12.0 on take.
 */
final class PtxCompiler {
  static {
    load();
  }

  private PtxCompiler() {}

  /** JCuda would unpack it into java.io.tmpdir under a fixed name: see {@link JCuda}. */
  private static void load() {
    String file =
        LibUtils.createLibraryFileName(
            LibUtils.createPlatformLibraryName("JNvPTXCompiler-" + JCudaVersion.get()));
    ClassLoader loader = Objects.requireNonNull(JNvPTXCompiler.class.getClassLoader());
    String before = System.getProperty("java.io.tmpdir");
    try {
      Path directory = Files.createTempDirectory("narrow-ptx");
      try (InputStream in = Objects.requireNonNull(loader.getResourceAsStream("lib/" + file))) {
        Files.copy(in, directory.resolve(file));
        System.setProperty("java.io.tmpdir", directory.toString());
        JNvPTXCompiler.setExceptionsEnabled(false);
      } finally {
        System.setProperty("java.io.tmpdir", before);
        Files.deleteIfExists(directory.resolve(file));
        Files.delete(directory);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Compiles, as fast as it can.
   *
   * @param sm such as sm_90
   * @return what the compiler says against it; empty if it takes it
   */
  static String compile(String ptx, String sm) {
    var compiler = new nvPTXCompilerHandle();
    byte[] text = (ptx + "\0").getBytes(StandardCharsets.US_ASCII);
    int created = JNvPTXCompiler.nvPTXCompilerCreate(compiler, text.length, text);
    if (created != nvPTXCompileResult.NVPTXCOMPILE_SUCCESS) {
      return "not created: " + created;
    }
    try {
      String[] options = {"--gpu-name=" + sm, "--opt-level=0"};
      int result = JNvPTXCompiler.nvPTXCompilerCompile(compiler, options.length, options);
      return result == nvPTXCompileResult.NVPTXCOMPILE_SUCCESS ? "" : result + ": " + log(compiler);
    } finally {
      JNvPTXCompiler.nvPTXCompilerDestroy(compiler);
    }
  }

  private static String log(nvPTXCompilerHandle compiler) {
    long[] size = new long[1];
    JNvPTXCompiler.nvPTXCompilerGetErrorLogSize(compiler, size);
    byte[] log = new byte[Math.toIntExact(size[0]) + 1];
    JNvPTXCompiler.nvPTXCompilerGetErrorLog(compiler, log);
    return new String(log, StandardCharsets.US_ASCII).replace("\0", "").strip();
  }
}
