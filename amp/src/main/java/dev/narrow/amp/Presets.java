package dev.narrow.amp;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/** The policies that come with Narrow: each is a policy file beside this class. */
final class Presets {
  /** The lists of operations that a policy file may start from. */
  static final List<String> LISTS = List.of("narrow", "torch-cuda", "torch-cpu", "none");

  /** The first, since the others start from its lists. */
  static final AmpPolicy FP32 = load("fp32");

  static final AmpPolicy BF16 = load("bf16");
  static final AmpPolicy FP16 = load("fp16");
  static final AmpPolicy FP8_HYBRID = load("fp8-hybrid");
  static final AmpPolicy LNS8 = load("lns8");
  static final AmpPolicy TORCH_CUDA = load("torch-cuda");
  static final AmpPolicy TORCH_CPU = load("torch-cpu");

  private Presets() {}

  /** The rules of one of {@link #LISTS}. */
  static List<OpRule> ops(String list) {
    return switch (list) {
      case "narrow" -> FP32.ops();
      case "torch-cuda" -> TORCH_CUDA.ops();
      case "torch-cpu" -> TORCH_CPU.ops();
      default -> List.of();
    };
  }

  private static AmpPolicy load(String name) {
    String file = name + ".amp";
    try (InputStream in = Objects.requireNonNull(Presets.class.getResourceAsStream(file), file)) {
      return AmpPolicy.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8)).named(name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
