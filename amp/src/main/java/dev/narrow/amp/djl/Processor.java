package dev.narrow.amp.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** What arithmetic the processor has in 16 bits. */
final class Processor {
  private static final Path CPUINFO = Path.of("/proc/cpuinfo");
  private static final int N = 256;

  private Processor() {}

  /** Whether it has instructions for products of bf16. */
  static boolean hasBf16() {
    return has(Set.of("avx512_bf16", "amx_bf16", "bf16"));
  }

  /** Whether it has instructions for products of fp16. */
  static boolean hasFp16() {
    return has(Set.of("avx512_fp16", "amx_fp16", "asimdhp"));
  }

  private static boolean has(Set<String> features) {
    try {
      return Files.readAllLines(CPUINFO).stream()
          .filter(line -> line.startsWith("flags") || line.startsWith("Features"))
          .limit(1)
          .flatMap(line -> List.of(line.split("\\s+")).stream())
          .anyMatch(features::contains);
    } catch (IOException e) {
      return false; // another system does not tell
    }
  }

  /** How many times longer a product of matrices takes in fp16 than in fp32, here and now. */
  static double fp16Slowdown(NDManager parent) {
    try (NDManager manager = parent.newSubManager()) {
      NDArray fp32 = manager.ones(new Shape(N, N));
      NDArray fp16 = fp32.toType(DataType.FLOAT16, true);
      nanos(fp32); // the first call loads code
      return (double) nanos(fp16) / nanos(fp32);
    }
  }

  private static long nanos(NDArray x) {
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      long start = System.nanoTime();
      x.matMul(x).close();
      best = Math.min(best, System.nanoTime() - start);
    }
    return best;
  }
}
