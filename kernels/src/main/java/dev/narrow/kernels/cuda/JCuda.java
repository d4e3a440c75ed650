package dev.narrow.kernels.cuda;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import jcuda.driver.JCudaDriver;

/**
 * Loads JCuda with its native library.
 *
 * <p>JCuda by itself unpacks the library into java.io.tmpdir under a fixed name, or takes the file
 * of that name which is there: of another process that is still writing it, or a stranger's. And it
 * does not find its library when it is a module. So the library is unpacked here, into a directory
 * of its own, which java.io.tmpdir names while JCuda looks for it.
 */
final class JCuda {
  private static final Logger LOG = System.getLogger(JCuda.class.getName());
  private static final String TEMPORARY = "java.io.tmpdir";

  private JCuda() {}

  /**
   * Loads it; the driver's library must be there.
   *
   * @throws FileNotFoundException if the native library is not on the class path
   * @throws IOException if it cannot be unpacked
   * @throws LinkageError if JCuda is not there, or cannot be loaded
   */
  static void load() throws IOException {
    String file =
        LibUtils.createLibraryFileName(
            LibUtils.createPlatformLibraryName("JCudaDriver-" + JCudaVersion.get()));
    ClassLoader loader =
        Objects.requireNonNullElseGet(
            JCudaDriver.class.getClassLoader(), ClassLoader::getSystemClassLoader);
    Path directory = Files.createTempDirectory("narrow-jcuda"); // readable by its owner alone
    try {
      try (InputStream in = loader.getResourceAsStream("lib/" + file)) {
        if (in == null) {
          throw new FileNotFoundException("there is no lib/" + file + " on the class path");
        }
        Files.copy(in, directory.resolve(file));
      }
      touch(directory);
    } finally {
      delete(directory.resolve(file)); // loaded, it needs no name
      delete(directory);
    }
  }

  /**
   * Somebody else may have put a file there meanwhile: then it stays, and JCuda works all the same.
   */
  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "is left behind: " + file, e);
    }
  }

  private static void touch(Path directory) {
    String before = System.getProperty(TEMPORARY);
    System.setProperty(TEMPORARY, directory.toString());
    try {
      JCudaDriver.setExceptionsEnabled(false); // its static initializer loads the library
      Handles.check();
    } finally {
      if (before == null) {
        System.clearProperty(TEMPORARY);
      } else {
        System.setProperty(TEMPORARY, before);
      }
    }
  }
}
